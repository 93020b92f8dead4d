"""Packs chains of fan-in-of-two units the way SpiNeMap's public code packs crossbars, several units of a neuron in one.

Every neuron offers its pending inputs to the crossbars, fullest first. What fits (inputs that have a row already, and new
ones while there are free rows) becomes one unit there, merged from consecutive fan-in-of-two units; its partial sum is
carried on and needs a row in the next crossbar. Where nothing fits, a crossbar is opened.

A crossbar filled with input rows to the last has no row for anybody's partial sum, and the chains of other neurons pass it
by. So some rows may be held back for carried sums; several shares are tried and the packing of fewest crossbars is kept.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.decompose.packing import Packing, compact
from spikemesh.mapping.decompose.shapes import ORDERS
from spikemesh.mapping.decompose.units import Units, incoming
from spikemesh.network import SpikingNetwork

__all__ = ["SHARES", "pack_fit"]

SHARES = (1.0, 0.75, 0.5)
"""Shares of a crossbar's rows that inputs may take; the rest is for carried sums."""
TRY_ALL = 5_000_000
"""Synapses up to which every share is tried; of more, the middle one."""


def pack_fit(
    network: SpikingNetwork,
    n_in: int,
    n_out: int,
    *,
    on_chip: NDArray[np.bool_] | None = None,
    order: str = "natural",
    shares: tuple[float, ...] = SHARES,
) -> Packing:
    """Chains of units, one crossbar after another (section II of the decomposition paper, as its public code packs).

    Parameters
    ----------
    network : without parallel synapses. n_in, n_out : rows and columns of a crossbar.
    on_chip : (n_neurons,) bool; neurons off the chip take rows and no column. All by default.
    order : "natural": a crossbar takes whichever pending inputs fit, as the public code does. "sign": positive ones first, and
        only from the head of the list, so that the order of equation 1 holds and nothing is lost.
    shares : of the rows that inputs may take, all tried; in a network of more than 5 million synapses only the middle one.
    """
    if order not in ORDERS:
        raise MappingError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    held = np.ones(network.n_neurons, bool) if on_chip is None else on_chip
    found = incoming(network)
    synapse = found.order
    post = np.repeat(np.arange(network.n_neurons), found.fan_in)
    if order == "sign":
        negative = network.synapses.weight[synapse] < 0
        synapse = synapse[np.argsort(2 * post + negative, kind="stable")]
    source = network.synapses.pre[synapse]
    neurons = np.flatnonzero(held & (found.fan_in > 0))
    best: Packing | None = None
    for share in shares if network.n_synapses <= TRY_ALL else shares[len(shares) // 2 :][:1]:
        rows = max(min(int(share * n_in), n_in), 2)
        unit, clusters = _pack(neurons, found.starts, source, network.n_neurons, n_in, n_out, rows, order == "sign")
        units, cluster = _chains(network, neurons, found.starts, synapse, unit, clusters, order)
        packed = Packing(units, compact(network, units, cluster, held, n_in, n_out, only_idle=True))
        if best is None or packed.n_clusters < best.n_clusters:
            best = packed
    if best is None:
        raise MappingError("shares must name at least one share of the rows")
    return best


@njit(cache=True)
def _pack(neurons, starts, source, n_sources, n_in, n_out, input_rows, in_order):  # type: ignore[no-untyped-def]
    """(place of each input in its neuron's chain, from 0; clusters of the chains' units, neuron after neuron)."""
    unit = np.full(len(source), -1, np.int32)
    clusters = np.empty(len(source), np.int32)
    made = 0
    limit = 1024
    rows, taken, size = np.zeros(limit, np.int64), np.zeros(limit, np.int64), np.zeros(limit, np.int64)
    shared = np.zeros(limit, np.int64)
    rank = np.empty(limit, np.int64)  # clusters, fullest first
    opened = 0
    head = np.full(n_sources, -1, np.int64)
    room = 4 * len(source) // max(n_out, 1) + 4096
    link, cluster_at = np.empty(room, np.int64), np.empty(room, np.int64)
    entries = 0
    fits = np.empty(len(source), np.bool_)
    for v in neurons:
        first, last = starts[v], starts[v + 1]
        pending = last - first
        place = 0
        while pending > 0:
            carry = 1 if place > 0 else 0
            shared[:opened] = 0
            begin = first
            while begin < last and unit[begin] >= 0:
                begin += 1
            for e in range(begin, last):
                if unit[e] < 0:
                    at = head[source[e]]
                    while at >= 0:
                        shared[cluster_at[at]] += 1
                        at = link[at]
            chosen, at_rank, amount = -1, -1, np.int64(0)
            for i in range(opened):
                c = rank[i]
                free = n_in - rows[c] - carry
                if size[c] >= n_out or free < 0:
                    continue
                new = max(min(free, input_rows - taken[c]), 0)
                most = min(shared[c] + new, pending)
                if most + carry < 2 and most < pending:
                    continue
                if in_order:  # only from the head of the list
                    most = 0
                    left = new
                    for e in range(begin, last):
                        held = False
                        at = head[source[e]]
                        while at >= 0:
                            if cluster_at[at] == c:
                                held = True
                                break
                            at = link[at]
                        if not held:
                            if left == 0:
                                break
                            left -= 1
                        most += 1
                    if most + carry < 2 and most < pending:
                        continue
                if most > 0:
                    chosen, at_rank, amount = c, i, most
                    break
            if chosen < 0:
                if opened >= limit:
                    limit *= 2
                    rows, taken, size = _longer(rows, limit), _longer(taken, limit), _longer(size, limit)
                    shared, rank = _longer(shared, limit), _longer(rank, limit)
                chosen, at_rank = opened, opened
                rank[opened] = opened
                rows[opened], taken[opened], size[opened], shared[opened] = 0, 0, 0, 0
                opened += 1
                amount = min(pending, min(n_in - carry, input_rows))
            fresh = n_in - rows[chosen] - carry
            fresh = max(min(fresh, input_rows - taken[chosen]), 0)
            for e in range(begin, last):
                fits[e] = False
                if unit[e] < 0:
                    at = head[source[e]]
                    while at >= 0:
                        if cluster_at[at] == chosen:
                            fits[e] = True
                            break
                        at = link[at]
            for e in range(begin, last):
                if unit[e] >= 0 or amount == 0:
                    continue
                if not fits[e]:
                    if fresh == 0:
                        continue
                    fresh -= 1
                    if entries >= len(link):
                        link, cluster_at = _longer(link, 2 * len(link)), _longer(cluster_at, 2 * len(link))
                    cluster_at[entries], link[entries] = chosen, head[source[e]]
                    head[source[e]] = entries
                    entries += 1
                    rows[chosen] += 1
                    taken[chosen] += 1
                unit[e] = place
                amount -= 1
                pending -= 1
            rows[chosen] += carry
            size[chosen] += 1
            clusters[made] = chosen
            made += 1
            place += 1
            fill = rows[chosen] + size[chosen]
            while at_rank > 0 and rows[rank[at_rank - 1]] + size[rank[at_rank - 1]] < fill:
                rank[at_rank] = rank[at_rank - 1]
                at_rank -= 1
            rank[at_rank] = chosen
    return unit, clusters[:made].copy()


@njit(cache=True)
def _longer(values, length):  # type: ignore[no-untyped-def]
    more = np.zeros(length, values.dtype)
    more[: len(values)] = values
    return more


def _chains(
    network: SpikingNetwork,
    neurons: NDArray[np.int64],
    starts: NDArray[np.int64],
    synapse: NDArray[np.integer],
    unit: NDArray[np.int32],
    clusters: NDArray[np.int32],
    order: str,
) -> tuple[Units, NDArray[np.int32]]:
    """The last unit of each chain is its root."""
    n = network.n_neurons
    length = np.zeros(n, np.int64)
    post = np.repeat(np.arange(n), np.diff(starts))
    np.maximum.at(length, post, unit.astype(np.int64) + 1)
    extra = np.maximum(length - 1, 0)
    base = n + np.concatenate([[0], np.cumsum(extra)])[:-1]
    of_synapse = np.empty(len(synapse), np.int32)
    root = (unit < 0) | (unit == extra[post])
    of_synapse[synapse] = np.where(root, post, base[post] + unit)

    neuron = np.repeat(np.arange(n), extra)
    place = np.arange(len(neuron)) - (base[neuron] - n)
    parent = np.where(place + 1 < extra[neuron], base[neuron] + place + 1, neuron)
    of_bias = np.arange(n)
    if order == "sign":
        early = (network.bias > 0) & (extra > 0)
        of_bias[early] = base[early]
    roots = np.arange(n, dtype=np.int32)
    units = Units(
        np.concatenate([roots, neuron.astype(np.int32)]),
        np.concatenate([np.full(n, -1, np.int32), parent.astype(np.int32)]),
        of_synapse,
        of_bias.astype(np.int32),
    )
    cluster = np.full(units.n_units, -1, np.int32)
    first = np.concatenate([[0], np.cumsum(length[neurons])])
    cluster[neurons] = clusters[first[1:] - 1]
    cluster[n:] = clusters[first[:-1][np.searchsorted(neurons, neuron)] + place]
    return units, cluster
