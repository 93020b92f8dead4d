"""The hypergraph whose connectivity is the number of packets, folded to its distinct sets of targets.

Neuron i sends one packet to every other cluster that holds one of its targets T(i). In layered networks many neurons share their
targets (all channels of a pixel, all neurons before a dense layer), so neurons with equal T form a *group* g with targets T_g and
rate R_g, the sum of their rates. With S[c, g] the rate of those of them that are in cluster c, the packets of a partition are

    sum over clusters c and groups g with a target in c of (R_g - S[c, g]).

The sum runs over clusters alone, so any subset of the clusters is a problem of its own: the same groups, R_g unchanged.

A *vertex* is what moves: one neuron, or a unit of several that stay together. It has the set of groups that target it (``in``), and
a list of groups that it sends (``out``) with its rate in each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.mapping.partition.ours.rng import scatter

__all__ = ["Nets", "contract", "fold", "packets_of", "restrict"]


class Nets(NamedTuple):
    """n vertices, G groups; every list in CSR form.

    in_ptr (n + 1,) int64, in_group int32 : groups with a target in each vertex, none twice.
    out_ptr (n + 1,) int64, out_group int32, out_rate float64 : groups that each vertex sends, and its rate in them.
    pin_ptr (G + 1,) int64, pin int32 : vertices that hold a target of each group.
    sender_ptr (G + 1,) int64, sender int32 : vertices that send each group.
    rate (G,) float64 : R_g, senders off the chip included.
    rows (G,) int32 : neurons in each group, that is rows of a crossbar that it takes in each cluster with a target.
    """

    in_ptr: NDArray[np.int64]
    in_group: NDArray[np.int32]
    out_ptr: NDArray[np.int64]
    out_group: NDArray[np.int32]
    out_rate: NDArray[np.float64]
    pin_ptr: NDArray[np.int64]
    pin: NDArray[np.int32]
    sender_ptr: NDArray[np.int64]
    sender: NDArray[np.int32]
    rate: NDArray[np.float64]
    rows: NDArray[np.int32]

    @property
    def n(self) -> int:
        return len(self.in_ptr) - 1

    @property
    def n_groups(self) -> int:
        return len(self.rate)


@njit(cache=True)
def _distinct(indptr, post):  # type: ignore[no-untyped-def]
    """Distinct targets of each neuron: their number, a hash of them without the neuron itself, and whether it is one."""
    n = len(indptr) - 1
    size = np.zeros(n, np.int64)
    key = np.zeros(n, np.uint64)
    loop = np.zeros(n, np.bool_)
    seen = np.full(n, -1, np.int32)
    for i in range(n):
        for e in range(indptr[i], indptr[i + 1]):
            j = post[e]
            if seen[j] != i:
                seen[j] = i
                size[i] += 1
                if j == i:
                    loop[i] = True
                else:
                    key[i] += scatter(np.uint64(j))
    return size, key, loop


@njit(cache=True)
def _collect(indptr, post, chosen, closed, ptr):  # type: ignore[no-untyped-def]
    """The distinct targets of each chosen neuron, itself among them where ``closed``; ptr has room for each."""
    pin = np.empty(ptr[-1], np.int32)
    seen = np.full(len(indptr) - 1, -1, np.int32)
    for g in range(len(chosen)):
        i = chosen[g]
        at = ptr[g]
        seen[i] = g
        if closed[g]:
            pin[at] = i
            at += 1
        for e in range(indptr[i], indptr[i + 1]):
            if seen[post[e]] != g:
                seen[post[e]] = g
                pin[at] = post[e]
                at += 1
    return pin


@njit(cache=True)
def _transpose(ptr, item, n):  # type: ignore[no-untyped-def]
    """CSR of the same pairs by item: (n + 1,) int64 and int32 rows, ascending in each list."""
    out_ptr = np.zeros(n + 1, np.int64)
    for e in range(ptr[-1]):
        out_ptr[item[e] + 1] += 1
    for v in range(n):
        out_ptr[v + 1] += out_ptr[v]
    at = out_ptr[:-1].copy()
    row = np.empty(ptr[-1], np.int32)
    for g in range(len(ptr) - 1):
        for e in range(ptr[g], ptr[g + 1]):
            row[at[item[e]]] = g
            at[item[e]] += 1
    return out_ptr, row


def fold(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    rates: NDArray[np.float64],
    n: int,
    *,
    keep_silent: bool = False,
) -> Nets:
    """Groups neurons with equal targets; neurons n, n + 1, ... send but are not placed.

    ``keep_silent`` keeps groups that never fire, which cost no packet but take rows; then self-loops count as targets too. Without it a
    neuron may be counted among its own targets where that makes groups larger: its own cluster costs it nothing.
    """
    n_sources = len(rates)
    size, key, loop = _distinct(indptr, post)
    with np.errstate(over="ignore"):
        with_self = key + _hash_of(np.arange(n_sources))
    closed = loop.copy()
    if not keep_silent:
        size = size - loop
        keys, count = np.unique(np.concatenate([key, with_self[:n]]), return_counts=True)
        closed[:] = False
        closed[:n] = count[np.searchsorted(keys, with_self[:n])] > count[np.searchsorted(keys, key[:n])]
        closed &= size > 0  # a neuron without targets sends nothing
        size += closed
    key = np.where(closed, with_self, key)
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    rate = np.bincount(group, weights=rates, minlength=len(first))
    useful = size[first] > closed[first] if not keep_silent else size[first] > 0
    if not keep_silent:
        useful &= rate > 0
    kept = np.flatnonzero(useful)
    kept = kept[np.argsort(first[kept], kind="stable")]  # by first neuron: neighbours stay neighbours
    number = np.full(len(first), -1, np.int32)
    number[kept] = np.arange(len(kept), dtype=np.int32)
    own, chosen = number[group], first[kept]

    pin_ptr = np.concatenate([[0], np.cumsum(size[chosen])]).astype(np.int64)
    pin = _collect(indptr, post, chosen, closed[chosen], pin_ptr)
    in_ptr, in_group = _transpose(pin_ptr, pin, n)
    rows = np.bincount(own[own >= 0], minlength=len(kept)).astype(np.int32)
    sends = own[:n] >= 0
    out_ptr = np.concatenate([[0], np.cumsum(sends)]).astype(np.int64)
    out_group = own[:n][sends]
    sender_ptr, sender = _transpose(out_ptr, out_group, len(kept))
    return Nets(
        in_ptr, in_group, out_ptr, out_group, rates[:n][sends], pin_ptr, pin, sender_ptr, sender, np.asarray(rate[kept], np.float64), rows
    )  # fmt: skip


@njit(cache=True)
def _hash_of(ids):  # type: ignore[no-untyped-def]
    out = np.empty(len(ids), np.uint64)
    for k in range(len(ids)):
        out[k] = scatter(np.uint64(ids[k]))
    return out


@njit(cache=True)
def _regroup(in_ptr, in_group, out_ptr, out_group, out_rate, n_groups, order, new_ptr):  # type: ignore[no-untyped-def]
    """Lists of the vertices that join order[new_ptr[k]:new_ptr[k + 1]], repeats merged, groups numbered as they are met."""
    number = np.full(n_groups, -1, np.int32)
    seen = np.full(n_groups, -1, np.int64)
    n_in, n_out, n = 0, 0, len(new_ptr) - 1
    for v in order:
        n_in += in_ptr[v + 1] - in_ptr[v]
        n_out += out_ptr[v + 1] - out_ptr[v]
    ip, ig, used = np.zeros(n + 1, np.int64), np.empty(n_in, np.int32), np.empty(n_groups, np.int32)
    op, og, rate = np.zeros(n + 1, np.int64), np.empty(n_out, np.int32), np.empty(n_out)
    at, met = 0, 0
    for k in range(n):
        for i in range(new_ptr[k], new_ptr[k + 1]):
            v = order[i]
            for e in range(in_ptr[v], in_ptr[v + 1]):
                g = in_group[e]
                if number[g] < 0:
                    number[g] = met
                    used[met] = g
                    met += 1
                if seen[g] != k:
                    seen[g] = k
                    ig[at] = number[g]
                    at += 1
        ip[k + 1] = at
    seen[:] = -1
    out = 0
    for k in range(n):
        first = out
        for i in range(new_ptr[k], new_ptr[k + 1]):
            v = order[i]
            for e in range(out_ptr[v], out_ptr[v + 1]):
                g = out_group[e]
                if number[g] < 0:
                    continue
                if seen[g] < first:
                    seen[g] = out
                    og[out] = number[g]
                    rate[out] = 0.0
                    out += 1
                rate[seen[g]] += out_rate[e]
        op[k + 1] = out
    return ip, ig[:at].copy(), op, og[:out].copy(), rate[:out].copy(), used[:met].copy()


def join(nets: Nets, order: NDArray[np.integer], starts: NDArray[np.integer]) -> Nets:
    """One vertex k for order[starts[k]:starts[k + 1]]; vertices that are not in ``order`` are left out.

    A group without a target among them costs nothing there and is left out too.
    """
    in_ptr, in_group, out_ptr, out_group, out_rate, used = _regroup(
        nets.in_ptr, nets.in_group, nets.out_ptr, nets.out_group, nets.out_rate, nets.n_groups,
        order.astype(np.int64), starts.astype(np.int64),
    )  # fmt: skip
    pin_ptr, pin = _transpose(in_ptr, in_group, len(used))
    sender_ptr, sender = _transpose(out_ptr, out_group, len(used))
    return Nets(
        in_ptr, in_group, out_ptr, out_group, out_rate, pin_ptr, pin, sender_ptr, sender, nets.rate[used], nets.rows[used]
    )  # fmt: skip


def contract(nets: Nets, unit: NDArray[np.integer], n_units: int) -> Nets:
    """Vertices with equal ``unit`` (n,) become one; the packets of a partition of the units are those of their neurons."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(unit, minlength=n_units))])
    return join(nets, np.argsort(unit, kind="stable"), starts)


def restrict(nets: Nets, vertices: NDArray[np.integer]) -> Nets:
    """The problem of the clusters that hold exactly ``vertices``, renumbered in the order given."""
    return join(nets, vertices, np.arange(len(vertices) + 1))


def packets_of(nets: Nets, part: NDArray[np.integer], n_clusters: int) -> float:
    """Packets/s of a partition of the vertices, from the definition above."""
    n_groups = max(nets.n_groups, 1)
    of_in = np.repeat(part.astype(np.int64), np.diff(nets.in_ptr))
    reached = np.unique(of_in * n_groups + nets.in_group)
    of_out = np.repeat(part.astype(np.int64), np.diff(nets.out_ptr))
    home = np.isin(of_out * n_groups + nets.out_group, reached)
    return float(nets.rate[reached % n_groups].sum() - nets.out_rate[home].sum())
