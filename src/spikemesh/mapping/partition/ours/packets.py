"""Few packets: clusters grown from several starting points, the best of them refined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.ours.cores import core_start, fan_in, light_levels, settle
from spikemesh.mapping.partition.ours.grow import NO_LIMIT, clusters
from spikemesh.mapping.partition.ours.nets import Nets, contract, packets_of
from spikemesh.mapping.partition.ours.refine import improve, operations, refine, shaken, temperature
from spikemesh.mapping.partition.ours.state import State

__all__ = ["fewest_packets"]

BUDGET = {"fast": 5.0e7, "units": 1.0e8, "quality": 4.0e9}
"""Operations of refinement: a third of a second, of the units of a larger cluster twice that, and about 20 seconds."""
SMALL = {"fast": 4.0e6, "units": 4.0e6, "quality": 3.0e7}
"""What a network of any size may spend: finding a region costs about as much as 200,000 operations."""
ENOUGH = {"fast": 1_500, "units": 1_500, "quality": 15_000}
"""Proposals a neuron beyond which a small network hardly improves."""
LARGER = {"fast": 2.0, "quality": 2.5}
"""Times as many for large clusters, which have more to gain."""
TWO_LEVELS = 48
"""Neurons a cluster from which on a start is also sought in two levels."""
SLICES, IN_VAIN = 25, 4
"""Parts of the budget that large clusters spend on partitions far apart, and how many of those in a row may be no better."""
LARGE = 50_000
"""Neurons beyond which few starts are tried."""


def best_start(nets: Nets, capacity: int, n_clusters: int, row_limit: int) -> NDArray[np.int32]:
    """The partition with fewest packets of those grown, and of those made of twins.

    More and more neurons count as light until that costs packets: the clusters of the heavy ones are slower to fill.
    """
    large = nets.n > LARGE
    best: NDArray[np.int32] | None = None
    least = np.inf
    for price, senders_too in ((0.9, False),) if large else ((0.9, False), (0.9, True), (0.98, True)):
        part = clusters(nets, capacity, price=price, senders_too=senders_too, row_limit=row_limit)
        cost = packets_of(nets, part, int(part.max()) + 1)
        if cost < least:
            best, least = part, cost
    before = np.inf
    for light in light_levels(fan_in(nets))[: 2 if large else None]:
        found = np.inf
        for price in (0.0,) if large else (0.0, 0.9):
            made = core_start(nets, light, price, capacity, n_clusters, row_limit)
            if made is None:
                continue
            cost = packets_of(nets, made, n_clusters)
            found = min(found, cost)
            if cost < least:
                best, least = made, cost
        if found > before:
            break
        before = found
    assert best is not None
    return best


def budget(nets: Nets, effort: str, capacity: int) -> float:
    """Operations to spend on a network."""
    found = min(BUDGET[effort], SMALL[effort] + ENOUGH[effort] * nets.n * operations(nets))
    return found * LARGER[effort] if capacity >= TWO_LEVELS else found


def two_level(nets: Nets, capacity: int, n_clusters: int, seed: int) -> NDArray[np.int32]:
    """Units of about 16 neurons first, then clusters of units: how a start for large clusters is found."""
    size = min(range(8, 25), key=lambda s: (capacity % s, abs(s - 16)))
    places = capacity // size
    n_units = -(-nets.n // size)
    unit = fewest_packets(nets, size, n_units, "units", seed)
    part = np.full(nets.n, -1, np.int32)
    coarse = contract(nets, unit, n_units)
    grown = clusters(coarse, places, price=0.9, senders_too=True)
    taken = grown[unit] < n_clusters  # where the capacity is no multiple, some units find no place
    part[taken] = grown[unit][taken]
    if grown.max() < n_clusters:
        state = State.of(grown, n_clusters, places)
        heat = temperature(nets)
        improve(coarse, state, 3000 * n_units, 6 * size * heat, 0.1 * size * heat, seed)
        part = state.assignment[unit]
    settle(nets, part, capacity, n_clusters, NO_LIMIT)
    return part


def fewest_packets(
    nets: Nets, capacity: int, n_clusters: int, effort: str, seed: int, row_limit: int | None = None
) -> NDArray[np.int32]:
    """(n,) int32 clusters of at most ``capacity`` vertices with few packets."""
    limit = NO_LIMIT if row_limit is None else row_limit
    part = best_start(nets, capacity, n_clusters, limit)
    n_clusters = max(n_clusters, int(part.max()) + 1)
    if capacity >= TWO_LEVELS and limit == NO_LIMIT:
        other = two_level(nets, capacity, n_clusters, seed)
        if packets_of(nets, other, n_clusters) < packets_of(nets, part, n_clusters):
            part = other
    state = State.of(part, n_clusters, capacity)
    left = budget(nets, effort, capacity)
    if capacity >= TWO_LEVELS and effort == "quality":
        state, left = far_and_wide(nets, state, left, seed, limit)
    refine(nets, state, left, seed, limit)
    return state.assignment.copy()


def far_and_wide(nets: Nets, state: State, left: float, seed: int, row_limit: int) -> tuple[State, float]:
    """(the best of several partitions far apart, operations not spent): each is the best so far, shaken and refined.

    Large clusters are few, and how many of them a layer takes is settled early; no exchange within a region changes it.
    """
    each, stop = left / SLICES, 0.3 * left
    refine(nets, state, 2 * each, seed, row_limit)
    least, left = packets_of(nets, state.assignment, state.shape[0]), left - 2 * each
    turn, in_vain = 0, 0
    while left > stop and in_vain < IN_VAIN:
        turn += 1
        other, spent = shaken(nets, state, seed + turn, row_limit)
        if spent == 0.0:
            break
        refine(nets, other, each, seed + turn, row_limit)
        left -= spent + each
        cost = packets_of(nets, other.assignment, other.shape[0])
        in_vain += 1
        if cost < least:
            state, least, in_vain = other, cost, 0
    return state, left
