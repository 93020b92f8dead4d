"""Few packets in networks too large to list: every layer is walked in blocks, and the walk is cut into clusters.

What a layer costs depends on its own clusters: a source sends one packet to every cluster that holds one of its targets, and
the targets of all channels of a pixel are a window of the next layer. Clusters that are blocks of positions times groups of channels
meet few windows, and which blocks are best follows from window, channels and capacity. So each layer is tried in
several walks (channel groups, strips of some height, to and fro along each strip), each walk is cut into clusters and priced on the
target sets of the network (:mod:`spikemesh.network.targets`), and the cheapest is kept. A layer and the pooling behind
it may also be walked together, so that what is pooled never leaves its cluster.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.streamed import count_targets
from spikemesh.network import SpikingNetwork

if TYPE_CHECKING:
    from spikemesh.mapping.partition.ours.nets import Nets

__all__ = ["fused_walk", "shaped", "walk"]

Order = NDArray[np.int64]
HEIGHTS = (1, 2, 3, 4, 6, 8, 12, 16)
CLEARLY = 1.0 - 1e-9
"""A walk replaces an earlier one only if it costs clearly less: equal ones must not be told apart by rounding."""
WORTH = 0.05
"""Channels of a position part where that saves this share of what their layer receives and sends. Neurons of one cluster that
stand at different positions have their partners in different places, and every packet of theirs travels farther."""
BUDGET, SLICES, HARDLY = 1.0e10, 10, 2e-4
"""Operations of refinement under effort "quality", a minute or two; it ends with a slice that saves a smaller share than HARDLY."""


class Walk(NamedTuple):
    """The neurons of one layer, or of two, in the order in which they are cut into clusters; and their packets/s."""

    cost: float
    order: Order


def shaped(problem: PartitionProblem, effort: str = "fast") -> NDArray[np.int64]:
    """(problem.n,) clusters of ``problem.fill`` neurons with few packets, without a list of synapses.

    Whole clusters are cut from the walk of each layer; what is left of all layers fills clusters of its own, so that there are
    ceil(n / fill) in all; more where rows are limited, and a cluster ends where the next neuron would need too many. ``effort``
    "quality" then exchanges neurons, region by region.
    """
    network = problem.network
    on_chip = np.zeros(network.n_neurons, bool)
    on_chip[problem.neuron_ids[: problem.n]] = True
    rates = np.zeros(network.n_neurons)
    rates[problem.neuron_ids[: problem.n]] = problem.rates[: problem.n]  # what the others send does not cross the mesh
    capacity = problem.fill
    whole, rest = [], []
    for found in best_walks(Pricing(network, rates, capacity), on_chip):
        cut = len(found.order) // capacity * capacity
        whole.append(found.order[:cut])
        rest.append(found.order[cut:])
    order = np.concatenate(whole + rest)
    number = np.empty(network.n_neurons, np.int64)
    number[problem.neuron_ids[: problem.n]] = np.arange(problem.n)
    part = np.empty(problem.n, np.int64)
    if problem.axons is not None:
        part[number[order]] = _fill(order, *_incoming(network), capacity, problem.axons)
        return part
    part[number[order]] = np.arange(problem.n) // capacity
    return part if effort == "fast" else _refined(problem, part)


class Pricing:
    """Prices walks of a network: packets/s that the neurons of a walk receive, once it is cut into clusters."""

    def __init__(self, network: SpikingNetwork, rates: NDArray[np.float64], capacity: int) -> None:
        self.network, self.rates, self.capacity = network, rates, capacity
        self.sets = network.target_sets
        self.members = self.sets.members()
        self.part = np.full(network.n_neurons, -1, np.int32)
        self.set_of_run = np.repeat(np.arange(self.sets.n_sets), np.diff(self.sets.ptr))
        self.least_sent = rates * -(-count_targets(network) // capacity)

    def sent(self, start: int, stop: int) -> float:
        """About the packets/s that a block sends, whatever its walk: its targets in as few clusters as hold them."""
        return float(self.least_sent[start:stop].sum())

    def of(self, blocks: list[tuple[int, int]], orders: Iterator[Order]) -> Walk | None:
        """The cheapest of several walks through the same ``blocks`` of neurons (first, stop); None where there are none."""
        first, length = self.sets.first, self.sets.length
        meets = np.zeros(len(first), bool)
        for start, stop in blocks:
            meets |= (first < stop) & (first + length > start)
        scope = np.unique(self.set_of_run[meets])
        best: Walk | None = None
        for order in orders:
            self.part[order] = np.arange(len(order)) // self.capacity
            clusters = -(-len(order) // self.capacity)
            cost = _price(scope, self.sets.ptr, first, length, *self.members, self.rates, self.part, clusters)
            if best is None or cost < CLEARLY * best.cost:
                best = Walk(float(cost), order)
        for start, stop in blocks:
            self.part[start:stop] = -1
        return best


def best_walks(pricing: Pricing, on_chip: NDArray[np.bool_]) -> list[Walk]:
    """The cheapest choice of walks that together pass every neuron on the chip once, layer by layer."""
    network, capacity = pricing.network, pricing.capacity
    starts, shapes = network.layer_starts, [layer.shape for layer in network.layers]
    least: list[float] = [0.0]
    taken: list[list[Walk]] = [[]]
    for k, shape in enumerate(shapes):
        block = (int(starts[k]), int(starts[k + 1]))
        inside = on_chip[block[0] : block[1]]
        if inside.all():
            own = _own_walk(pricing, shape, block)
        else:
            own = pricing.of([block], iter([block[0] + np.flatnonzero(inside)]))
        assert own is not None  # every layer has a walk
        least.append(least[k] + own.cost)
        taken.append([*taken[k], own])
        if k == 0 or not inside.all() or not on_chip[starts[k - 1] : starts[k]].all() or not _pools(shapes[k - 1], shape):
            continue
        before = (int(starts[k - 1]), block[0])
        both = pricing.of([before, block], (o + before[0] for o in fused_walks(shapes[k - 1], shape, capacity)))
        if both is not None and least[k - 1] + both.cost < CLEARLY * least[k + 1]:
            least[k + 1] = least[k - 1] + both.cost
            taken[k + 1] = [*taken[k - 1], both]
    return taken[-1]


def _own_walk(pricing: Pricing, shape: tuple[int, ...], block: tuple[int, int]) -> Walk | None:
    """The walk of a layer by itself: all channels of a position together, unless apart they are worth it."""
    start, capacity = block[0], pricing.capacity
    whole = pricing.of([block], (order + start for order in walks(shape, capacity)))
    if len(shape) != 3 or whole is None:
        return whole
    parted = pricing.of([block], (order + start for order in walks(shape, capacity, parted=True)))
    touched = whole.cost + pricing.sent(*block)
    return parted if parted is not None and whole.cost - parted.cost > WORTH * touched else whole


def _pools(shape: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether a layer of shape ``after`` could pool one of ``shape``: as many channels, fewer positions."""
    return len(shape) == len(after) == 3 and shape[2] == after[2] and shape[0] >= 2 * after[0] and shape[1] >= 2 * after[1]


def walks(shape: tuple[int, ...], capacity: int, *, parted: bool = False) -> Iterator[Order]:
    """Walks of one layer that are worth a try: all channels of a position together, or ``parted`` in groups.

    A cluster holds at most four positions of a group: spread wider, its neurons would each talk to other clusters.
    """
    if len(shape) != 3:
        yield np.arange(math.prod(shape))
        return
    height, _, channels = shape
    groups = [d for d in range(1, channels) if channels % d == 0 and 4 * d >= capacity] if parted else [channels]
    for group in reversed(groups):
        for strip in HEIGHTS:
            if strip <= height and (strip == 1 or strip * strip * group <= 4 * capacity):
                yield walk(shape, group, strip)


def walk(shape: tuple[int, ...], group: int, strip: int) -> Order:
    """Every neuron of a (height, width, channels) layer: ``group`` channels at a time, in strips about ``strip`` rows high.

    Strips are walked to and fro, column by column; so any run of the walk is a compact block.
    """
    height, width, channels = shape
    ids = np.arange(height * width * channels).reshape(shape)
    edges = _edges(height, strip)
    pieces = []
    for first in range(0, channels, group):
        for k in range(len(edges) - 1):
            block = ids[edges[k] : edges[k + 1], :: -1 if k % 2 else 1, first : first + group]
            pieces.append(block.transpose(1, 0, 2).ravel())
    return np.concatenate(pieces)


def fused_walks(shape: tuple[int, ...], pooled: tuple[int, ...], capacity: int) -> Iterator[Order]:
    """Walks of a layer together with the pooling behind it that are worth a try."""
    channels = shape[2]
    cell = shape[0] * shape[1] // (pooled[0] * pooled[1]) + 1
    for groups in range(1, channels + 1):
        group = -(-channels // groups)
        if -(-channels // group) != groups or group * cell > 2 * capacity:
            continue  # another number of groups has the same size, or a cluster holds no half of a cell
        for strip in (1, 2, 3, 4, 6):
            if strip <= pooled[0] and (strip == 1 or strip * strip * group * cell <= 2 * capacity):
                yield fused_walk(shape, pooled, group, strip)
        if group * cell * 36 <= capacity:
            break  # groups are so small that blocks of six by six cells fit: no smaller one saves more


def fused_walk(shape: tuple[int, ...], pooled: tuple[int, ...], group: int, strip: int) -> Order:
    """As :func:`walk`, through the cells of a pooling: each is its neurons and those of the layer before that they pool.

    Neurons of ``shape`` count from 0, those of ``pooled`` follow. ``strip`` counts rows of cells.
    """
    cells = []
    for a in (0, 1):
        stride = shape[a] // pooled[a]
        cells.append(np.minimum(np.arange(shape[a]) // stride, pooled[a] - 1))
    before = _cell_keys(cells[0], cells[1], shape[2], pooled, group, strip)
    after = _cell_keys(np.arange(pooled[0]), np.arange(pooled[1]), shape[2], pooled, group, strip)
    return np.argsort(np.concatenate([before, after]), kind="stable")


def _cell_keys(
    row: NDArray[np.int64], column: NDArray[np.int64], channels: int, pooled: tuple[int, ...], group: int, strip: int
) -> NDArray[np.int64]:
    """Place of the cell and channel group of every neuron of a layer in the walk; ``row``, ``column``: cell of its positions."""
    edges = _edges(pooled[0], strip)
    of_strip = np.searchsorted(edges, row, side="right") - 1
    back = of_strip % 2 == 1
    x = np.where(back[:, None], pooled[1] - 1 - column[None, :], column[None, :])
    place = (of_strip[:, None] * pooled[1] + x) * pooled[0] + row[:, None]
    turn = np.arange(channels) // group * ((int(of_strip.max()) + 1) * pooled[0] * pooled[1])
    return (place[:, :, None] + turn).ravel()


def _edges(height: int, strip: int) -> NDArray[np.int64]:
    """First row of each strip, and ``height``: strips as equal as they can be."""
    return np.rint(np.linspace(0, height, max(1, round(height / strip)) + 1)).astype(np.int64)


@njit(cache=True)
def _price(scope, ptr, first, length, member_ptr, member, rates, part, n_clusters):  # type: ignore[no-untyped-def]
    """Packets/s from the members of the sets in ``scope`` to the clusters of ``part`` (n,), -1 for neurons that do not count."""
    seen = np.full(n_clusters, -1, np.int64)
    total = 0.0
    for s in scope:
        reached = 0
        for r in range(ptr[s], ptr[s + 1]):
            for j in range(first[r], first[r] + length[r]):
                c = part[j]
                if c >= 0 and seen[c] != s:
                    seen[c] = s
                    reached += 1
        for m in range(member_ptr[s], member_ptr[s + 1]):
            c = part[member[m]]
            total += rates[member[m]] * (reached - 1 if c >= 0 and seen[c] == s else reached)
    return total


def _incoming(network: SpikingNetwork) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """(ptr (n + 1,), set: the target sets that hold each neuron, once each; (n_sets,) neurons in each set)."""
    sets = network.target_sets
    ptr, held = _transposed(sets.ptr, sets.first, sets.length, network.n_neurons)
    own = sets.set_of_neuron
    return ptr, held, np.bincount(own[own >= 0], minlength=sets.n_sets)


@njit(cache=True)
def _transposed(ptr, first, length, n):  # type: ignore[no-untyped-def]
    by_neuron = np.zeros(n + 1, np.int64)
    last = np.full(n, -1, np.int64)
    for s in range(len(ptr) - 1):
        for r in range(ptr[s], ptr[s + 1]):
            for j in range(first[r], first[r] + length[r]):
                if last[j] != s:
                    last[j] = s
                    by_neuron[j + 1] += 1
    for j in range(n):
        by_neuron[j + 1] += by_neuron[j]
    held = np.empty(by_neuron[n], np.int32)
    at = by_neuron[:-1].copy()
    last[:] = -1
    for s in range(len(ptr) - 1):
        for r in range(ptr[s], ptr[s + 1]):
            for j in range(first[r], first[r] + length[r]):
                if last[j] != s:
                    last[j] = s
                    held[at[j]] = s
                    at[j] += 1
    return by_neuron, held


@njit(cache=True)
def _fill(order, in_ptr, in_set, members, capacity, axons):  # type: ignore[no-untyped-def]
    """(n,) cluster of each neuron of ``order``; the next begins where neurons or rows would exceed their limit."""
    part = np.empty(len(order), np.int64)
    held = np.full(len(members), -1, np.int64)
    cluster, size, rows = 0, 0, 0
    for k in range(len(order)):
        i = order[k]
        new = 0
        for e in range(in_ptr[i], in_ptr[i + 1]):
            if held[in_set[e]] != cluster:
                new += members[in_set[e]]
        if size > 0 and (size == capacity or rows + new > axons):
            cluster, size, rows, new = cluster + 1, 0, 0, 0
            for e in range(in_ptr[i], in_ptr[i + 1]):
                new += members[in_set[e]]
        for e in range(in_ptr[i], in_ptr[i + 1]):
            held[in_set[e]] = cluster
        part[k] = cluster
        size += 1
        rows += new
    return part


def _refined(problem: PartitionProblem, part: NDArray[np.int64]) -> NDArray[np.int64]:
    """The clusters after exchanges of neurons and of units of neurons; slices of work until one hardly pays."""
    from spikemesh.mapping.partition.ours.nets import packets_of
    from spikemesh.mapping.partition.ours.refine import refine
    from spikemesh.mapping.partition.ours.state import State

    nets = folded(problem)
    n_clusters = int(part.max()) + 1
    packets = packets_of(nets, part, n_clusters)
    state = State.of(part.astype(np.int32), n_clusters, problem.fill)
    for k in range(SLICES):
        saved = -refine(nets, state, BUDGET / SLICES, problem.seed + k)
        if saved < HARDLY * packets:
            break
    return state.assignment.astype(np.int64)


def folded(problem: PartitionProblem) -> Nets:
    """The target sets as the hypergraph that refinement works on, neurons numbered as in the problem."""
    from spikemesh.mapping.partition.ours.nets import Nets

    sets, n = problem.network.target_sets, problem.n
    number = np.full(problem.network.n_neurons, -1, np.int32)
    number[problem.neuron_ids[:n]] = np.arange(n, dtype=np.int32)
    in_ptr, held, members = _incoming(problem.network)
    mine = problem.neuron_ids[:n]
    count = np.diff(in_ptr)[mine]
    new_ptr = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    in_set = held[np.repeat(in_ptr[mine] - new_ptr[:-1], count) + np.arange(new_ptr[-1])]
    pin_ptr, pin = _by_item(new_ptr, in_set, sets.n_sets)
    own = sets.set_of_neuron[mine]
    sends = own >= 0
    out_ptr = np.concatenate([[0], np.cumsum(sends)]).astype(np.int64)
    sender_ptr, sender = _by_item(out_ptr, own[sends], sets.n_sets)
    rates = problem.rates[:n][sends]
    rate = np.bincount(own[sends], weights=rates, minlength=sets.n_sets).astype(np.float64)
    return Nets(
        new_ptr, in_set, out_ptr, own[sends], rates, pin_ptr, pin, sender_ptr, sender, rate, members.astype(np.int32)
    )  # fmt: skip


def _by_item(ptr: NDArray[np.int64], item: NDArray[np.int32], n: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """(ptr (n + 1,), row) of (row, item) pairs, by item; rows ascend."""
    row = np.repeat(np.arange(len(ptr) - 1, dtype=np.int32), np.diff(ptr))
    by_item = np.concatenate([[0], np.cumsum(np.bincount(item, minlength=n))])
    return by_item.astype(np.int64), row[np.argsort(item, kind="stable")]
