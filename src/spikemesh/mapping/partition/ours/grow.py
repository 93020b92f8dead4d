"""Clusters grown one after another around the groups that they already receive. Numba."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.mapping.partition.ours.nets import Nets

__all__ = ["NO_LIMIT", "clusters", "grow"]

NO_LIMIT = 1 << 50
"""More rows than any cluster can use."""
BUDGET = 2_000_000_000
"""Targets that one growth may visit."""

NARROW = 32
"""Targets of a group that lends overlap also when the budget is spent."""


@njit(cache=True)
def grow(nets, size, label, order, capacity, row_limit, price, least_share, senders_too, budget):  # type: ignore[no-untyped-def]
    """(n,) int32 clusters, numbered from 0 in the order grown.

    A cluster takes, as long as one fits, the vertex with the largest

        rate of its groups that the cluster receives already - price * rate of all its groups
        (+ its rate in groups that the cluster receives + rate of the cluster's members that send to it, if ``senders_too``),

    ties by lower index; the next cluster starts from the vertex that shares most with the last. The first line is
    hyperedge overlap (Ronzani and Silvano, arXiv 2601.16118) with what a vertex would cost elsewhere taken off, so
    that vertices with few groups do not fill every cluster first; ``senders_too`` makes it the packets saved.

    nets : Nets. size (n,) int32 : neurons of each vertex.
    label (n,) int32 : vertices of one cluster have one label. order (n,) int32 : all vertices, label by label; where
        nothing overlaps a cluster takes the first that is left of its label.
    row_limit : distinct neurons that may feed a cluster.
    price : 0 to 1. least_share : where above 0, a vertex joins only if the cluster receives that share of its groups
        (by rate), and clusters stay open-ended; at 0 every cluster is filled.
    budget : entries that may be visited; once they are spent, wide groups lend no overlap.
    """
    in_ptr, in_group = nets.in_ptr, nets.in_group
    out_ptr, out_group, out_rate = nets.out_ptr, nets.out_group, nets.out_rate
    pin_ptr, pin, sender_ptr, sender = nets.pin_ptr, nets.pin, nets.sender_ptr, nets.sender
    rate, rows = nets.rate, nets.rows
    n, n_groups = len(in_ptr) - 1, len(rate)
    wide, work = len(pin) + len(sender), 0
    part = np.full(n, -1, np.int32)
    whole = np.zeros(n)
    for v in range(n):
        for e in range(in_ptr[v], in_ptr[v + 1]):
            whole[v] += rate[in_group[e]]
    score = np.zeros(n)
    seen = np.full(n, -1, np.int32)
    received = np.full(n_groups, -1, np.int32)
    inside = np.zeros(n_groups)
    inside_of = np.full(n_groups, -1, np.int32)
    cand = np.empty(n, np.int32)
    limited = row_limit < rows.sum()
    left, step, first, seed = n, 0, 0, -1
    while left > 0:
        n_cand, load, used = 0, 0, 0
        u = start = seed
        while left > 0:
            if u < 0:
                while part[order[first]] >= 0:
                    first += 1
                u = order[first]
                if load > 0 and (least_share > 0.0 or label[u] != label[start]):
                    break
            if load == 0:
                start = u
            new = _new_rows(u, in_ptr, in_group, received, rows, step) if limited else 0
            if load > 0 and (load + size[u] > capacity or used + new > row_limit):
                break
            part[u] = step
            load += size[u]
            left -= 1
            used += new
            n_in = in_ptr[u + 1] - in_ptr[u]
            for e in range(n_in + out_ptr[u + 1] - out_ptr[u]):
                if e < n_in:  # the cluster receives this group from now on
                    g = in_group[in_ptr[u] + e]
                    if received[g] == step:
                        continue
                    received[g] = step
                    gain = rate[g]
                    if senders_too and inside_of[g] == step:
                        gain -= inside[g]
                else:  # u sends it: targets taken later save its packets
                    g = out_group[out_ptr[u] + e - n_in]
                    gain = out_rate[out_ptr[u] + e - n_in]
                    if inside_of[g] != step:
                        inside_of[g] = step
                        inside[g] = 0.0
                    inside[g] += gain
                    if received[g] == step or not senders_too:
                        continue
                if pin_ptr[g + 1] - pin_ptr[g] <= wide:
                    work += pin_ptr[g + 1] - pin_ptr[g]
                    for f in range(pin_ptr[g], pin_ptr[g + 1]):
                        w = pin[f]
                        if part[w] < 0 and label[w] == label[start]:
                            if seen[w] != step:
                                seen[w] = step
                                score[w] = 0.0
                                cand[n_cand] = w
                                n_cand += 1
                            score[w] += gain
                if e < n_in and senders_too and sender_ptr[g + 1] - sender_ptr[g] <= wide:
                    work += sender_ptr[g + 1] - sender_ptr[g]
                    for f in range(sender_ptr[g], sender_ptr[g + 1]):
                        w = sender[f]
                        if part[w] < 0 and label[w] == label[start]:
                            if seen[w] != step:
                                seen[w] = step
                                score[w] = 0.0
                                cand[n_cand] = w
                                n_cand += 1
                            for k in range(out_ptr[w], out_ptr[w + 1]):
                                if out_group[k] == g:
                                    score[w] += out_rate[k]
            u, best = -1, -np.inf
            k = 0
            while k < n_cand:
                w = cand[k]
                if part[w] >= 0:
                    n_cand -= 1
                    cand[k] = cand[n_cand]
                    continue
                k += 1
                worth = score[w] - price * whole[w]
                if worth < best or (worth == best and w > u):
                    continue
                if load + size[w] > capacity or score[w] < least_share * whole[w]:
                    continue
                if limited and used + _new_rows(w, in_ptr, in_group, received, rows, step) > row_limit:
                    continue
                u, best = w, worth
            if load >= capacity:
                break
        if work > budget:
            wide = NARROW
        seed, best = -1, 0.0
        for k in range(n_cand):
            w = cand[k]
            if part[w] < 0 and whole[w] > 0.0 and (score[w] > best or (score[w] == best and seed >= 0 and w < seed)):
                seed, best = w, score[w]
        step += 1
    return part


@njit(cache=True)
def _new_rows(w, in_ptr, in_group, received, rows, step):  # type: ignore[no-untyped-def]
    """Rows that ``w`` would add to the cluster ``step``."""
    new = 0
    for e in range(in_ptr[w], in_ptr[w + 1]):
        if received[in_group[e]] != step:
            new += rows[in_group[e]]
    return new


def clusters(
    nets: Nets,
    capacity: int,
    *,
    price: float,
    senders_too: bool,
    size: NDArray[np.int32] | None = None,
    label: NDArray[np.int32] | None = None,
    least_share: float = 0.0,
    row_limit: int = NO_LIMIT,
) -> NDArray[np.int32]:
    """:func:`grow` with what it needs filled in: vertices of one neuron, one label, order by index."""
    whole = np.concatenate([[0.0], np.cumsum(nets.rate[nets.in_group])])
    fed = whole[nets.in_ptr[1:]] > whole[nets.in_ptr[:-1]]
    labels = np.zeros(nets.n, np.int32) if label is None else label
    sizes = np.ones(nets.n, np.int32) if size is None else size
    order = np.lexsort((~fed, labels)).astype(np.int32)  # vertices that receive nothing come last
    return grow(nets, sizes, labels, order, capacity, row_limit, price, least_share, senders_too, BUDGET)
