"""Packs split neurons into crossbars: which unit takes which inputs, and which crossbar holds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.decompose.carving import Carved, Columns, carve
from spikemesh.mapping.decompose.combining import deepen, stream
from spikemesh.mapping.decompose.compacting import dissolve, join, rows_of_clusters
from spikemesh.mapping.decompose.grouping import GROUPINGS, Grouping
from spikemesh.mapping.decompose.shapes import ORDERS
from spikemesh.mapping.decompose.units import Units, incoming
from spikemesh.network import SpikingNetwork

__all__ = ["Packing", "columns_of", "compact", "feeders", "pack_blocks", "packing_of"]

SHARING_LIMIT = 4000
"""Clusters up to which joining looks for shared rows."""


@dataclass(frozen=True, eq=False)
class Packing:
    """Units and the crossbar of each.

    cluster : (n_units,) int32, -1 for neurons off the chip.
    """

    units: Units
    cluster: NDArray[np.int32]

    @property
    def n_clusters(self) -> int:
        return int(self.cluster.max(initial=-1)) + 1


def pack_blocks(
    network: SpikingNetwork,
    n_in: int,
    n_out: int,
    *,
    on_chip: NDArray[np.bool_] | None = None,
    order: str = "natural",
    grouping: str = "tiles",
    group: int | None = None,
    least: int | None = None,
    found: Grouping | None = None,
) -> Packing:
    """Carves the network into blocks of shared rows, combiners on top, and joins what is half empty.

    Parameters
    ----------
    network : without parallel synapses.
    n_in, n_out : rows and columns of a crossbar.
    on_chip : (n_neurons,) bool; neurons off the chip take rows and no column. All by default.
    order : "sign" keeps positive and negative inputs of a neuron in units of their own.
    grouping : one of GROUPINGS. group : columns of a group, ``n_out`` by default; with "tiles", where they outnumber the rows.
    least : inputs of a block that a unit takes at least; None chooses it for each layer.
    found : what earlier calls with the same network, crossbar, on_chip and order found out of its layers.

    Raises
    ------
    MappingError
        for a crossbar that has no room for a unit, or an option that does not exist.
    """
    if n_in < 2 or n_out < 1:
        raise MappingError(f"a crossbar of {n_in} x {n_out} has no room for a unit of two inputs")
    if order not in ORDERS or grouping not in GROUPINGS:
        raise MappingError(f"order is one of {ORDERS}, grouping one of {GROUPINGS}: {order!r}, {grouping!r}")
    if order == "sign" and n_out < 2:
        raise MappingError("order = 'sign' needs two columns: one for each sign")
    held = np.ones(network.n_neurons, bool) if on_chip is None else on_chip
    if found is None:
        found = Grouping(network, columns_of(network, held, order), n_in, n_out)
    width = max(min(group or n_out, n_out), 2 if order == "sign" else 1)
    groups, fewest = found.groups(grouping, width, least)
    carved = carve(groups, fewest, found.columns, n_in, n_out)
    return packing_of(network, found.columns, carved, held, n_in, n_out)


def packing_of(
    network: SpikingNetwork, columns: Columns, carved: Carved, on_chip: NDArray[np.bool_], n_in: int, n_out: int
) -> Packing:
    """Units and compacted clusters of blocks that were carved; arguments as in :func:`pack_blocks` and :func:`carve`."""
    units, cluster = _units(network, columns, carved)
    negative = np.zeros(units.n_units, bool)
    if columns.signed:
        negative[units.of_synapse] = network.synapses.weight < 0
    units, cluster = deepen(units, cluster, carved.n_clusters, n_in, negative)
    plain = Packing(units, compact(network, units, cluster, on_chip, n_in, n_out))
    if negative.any():
        return plain
    units, cluster = stream(units, cluster, n_in, n_out)
    if units is plain.units:
        return plain
    filled = Packing(units, compact(network, units, cluster, on_chip, n_in, n_out))
    return filled if filled.n_clusters < plain.n_clusters else plain


def compact(
    network: SpikingNetwork,
    units: Units,
    cluster: NDArray[np.int32],
    on_chip: NDArray[np.bool_],
    n_in: int,
    n_out: int,
    only_idle: bool = False,
) -> NDArray[np.int32]:
    """(n_units,) int32: fewer clusters of the same units, neurons without inputs included, numbered without gaps.

    only_idle : seats neurons without inputs and leaves the clusters as they are.
    """
    feed_ptr, feed = feeders(network, units)
    part = _numbered(cluster)
    if not only_idle:
        part = _fewer(part, feed_ptr, feed, n_in, n_out)
    idle = np.flatnonzero((np.diff(feed_ptr)[: len(on_chip)] == 0) & on_chip)
    return _seat(part, idle, feed_ptr, feed, n_out).astype(np.int32)


def _fewer(
    part: NDArray[np.int64], feed_ptr: NDArray[np.int64], feed: NDArray[np.int32], n_in: int, n_out: int
) -> NDArray[np.int64]:
    """Joins clusters, then empties what can be emptied."""
    n = len(part)
    k = int(part.max(initial=-1)) + 1
    placed = np.flatnonzero(part >= 0)
    order = placed[np.argsort(part[placed], kind="stable")]
    sizes = np.bincount(part[placed], minlength=k)
    ptr = np.concatenate([[0], np.cumsum(sizes)])
    row_ptr, rows = rows_of_clusters(order, ptr, feed_ptr, feed, n)
    fill = np.maximum(np.diff(row_ptr) / n_in, sizes / n_out)
    home = join(row_ptr, rows, sizes, np.argsort(-fill, kind="stable"), n_in, n_out, n, k <= SHARING_LIMIT)
    part[placed] = home[part[placed]]
    return _numbered(dissolve(part, feed_ptr, feed, n_in, n_out))


def feeders(network: SpikingNetwork, units: Units) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """(indptr (n_units + 1,), sources): the distinct neurons and units that feed each unit."""
    n, synapses = units.n_neurons, network.synapses
    links = np.arange(n, units.n_units, dtype=np.int32)
    counts = np.bincount(units.of_synapse, minlength=units.n_units) + np.bincount(units.parent[n:], minlength=units.n_units)
    ptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    feed = np.empty(ptr[-1], np.int32)
    at = ptr[:-1].copy()
    _fill(at, units.of_synapse, synapses.pre, feed)
    _fill(at, units.parent[n:], links, feed)
    return ptr, feed


@njit(cache=True)
def _fill(at, target, source, feed):  # type: ignore[no-untyped-def]
    for e in range(len(target)):
        feed[at[target[e]]] = source[e]
        at[target[e]] += 1


def _numbered(cluster: NDArray[np.integer]) -> NDArray[np.int64]:
    """Clusters without gaps, in their order; -1 stays."""
    used = np.zeros(int(cluster.max(initial=-1)) + 2, bool)
    used[cluster] = True
    used[-1] = False
    number = np.concatenate([np.cumsum(used[:-1]) - 1, [-1]])
    return number[cluster].astype(np.int64)


def _seat(
    part: NDArray[np.int64], idle: NDArray[np.int64], feed_ptr: NDArray[np.int64], feed: NDArray[np.int32], n_out: int
) -> NDArray[np.int64]:
    """Gives every neuron without inputs a column: in a crossbar that it feeds, else in any, else in a new one."""
    k = int(part.max(initial=-1)) + 1
    room = np.full(k, n_out) - np.bincount(part[part >= 0], minlength=k)
    unit = np.repeat(np.arange(len(part)), np.diff(feed_ptr))
    wanted = np.zeros(len(part), bool)
    wanted[idle] = True
    pick = wanted[feed] & (part[unit] >= 0)
    pairs = np.unique(feed[pick].astype(np.int64) * max(k, 1) + part[unit[pick]])
    for pair in pairs.tolist():
        neuron, cluster = divmod(pair, max(k, 1))
        if part[neuron] < 0 and room[cluster] > 0:
            part[neuron] = cluster
            room[cluster] -= 1
    rest = idle[part[idle] < 0]
    free = np.repeat(np.arange(k), room)[: len(rest)]
    more = k + np.arange(len(rest) - len(free)) // n_out
    part[rest] = np.concatenate([free, more])
    return part


def columns_of(network: SpikingNetwork, on_chip: NDArray[np.bool_], order: str) -> Columns:
    """A column a neuron with inputs, or one for each sign it has."""
    found = incoming(network)
    synapse, fan_in = found.order, found.fan_in
    post = np.repeat(np.arange(network.n_neurons), fan_in)
    if not on_chip.all():
        keep = on_chip[post]
        synapse, post = synapse[keep], post[keep]
    side = np.zeros(len(post), np.int64)
    if order == "sign":
        side = (network.synapses.weight[synapse] < 0).astype(np.int64)
        by_side = np.argsort(2 * post + side, kind="stable")
        synapse, post, side = synapse[by_side], post[by_side], side[by_side]
    counts = np.bincount(2 * post + side, minlength=2 * network.n_neurons)
    used = np.flatnonzero(counts)
    ptr = np.concatenate([[0], np.cumsum(counts[used])]).astype(np.int64)
    return Columns(ptr, synapse, network.synapses.pre[synapse], (used // 2).astype(np.int32), network.n_neurons)


def _units(network: SpikingNetwork, columns: Columns, carved: Carved) -> tuple[Units, NDArray[np.int32]]:
    """One unit for each column and block that share inputs, but where the root itself is in that block."""
    n = network.n_neurons
    unit, owners, blocks = number_units(columns.ptr, carved.block, columns.neuron, carved.root_cluster, n)
    of_synapse = np.empty(network.n_synapses, np.int32)
    of_synapse[:] = network.synapses.post  # synapses onto neurons off the chip keep their place
    of_synapse[columns.synapse] = unit
    roots = np.arange(n, dtype=np.int32)
    neuron = columns.neuron[owners]
    units = Units(np.concatenate([roots, neuron]), np.concatenate([np.full(n, -1, np.int32), neuron]), of_synapse, roots)
    return units, np.concatenate([carved.root_cluster, blocks])


@njit(cache=True)
def number_units(column_ptr, block, neuron_of, root_cluster, n):  # type: ignore[no-untyped-def]
    """(unit of each input, column of each unit below a root, its block)."""
    k = len(column_ptr) - 1
    unit = np.empty(len(block), np.int32)
    columns, blocks = np.empty(len(block), np.int32), np.empty(len(block), np.int32)
    made = 0
    for c in range(k):
        first = made
        for e in range(column_ptr[c], column_ptr[c + 1]):
            b = block[e]
            if b < 0 or b == root_cluster[neuron_of[c]]:
                unit[e] = neuron_of[c]
                continue
            found = -1
            for u in range(first, made):
                if blocks[u] == b:
                    found = u
                    break
            if found < 0:
                found = made
                columns[made], blocks[made] = c, b
                made += 1
            unit[e] = n + found
    return unit, columns[:made].copy(), blocks[:made].copy()
