"""Few packets: clusters grown from several starting points, the best of them refined."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.ours.cores import core_start, fan_in, light_levels, settle
from spikemesh.mapping.partition.ours.grow import NO_LIMIT, clusters
from spikemesh.mapping.partition.ours.nets import Nets, contract, packets_of
from spikemesh.mapping.partition.ours.refine import improve, operations, refine, temperature
from spikemesh.mapping.partition.ours.state import State

__all__ = ["fewest_packets"]

BUDGET = {"fast": 1.0e8, "quality": 4.0e9}
"""Operations of refinement: under a second, and about 20 seconds."""
SMALL = {"fast": 4.0e6, "quality": 3.0e7}
"""What a network of any size may spend: finding a region costs about as much as 200,000 operations."""
ENOUGH = {"fast": 1_500, "quality": 15_000}
"""Proposals a neuron beyond which a small network hardly improves."""
TWO_LEVELS = 48
"""Neurons a cluster from which on a start is also sought in two levels."""
LARGE = 50_000
"""Neurons beyond which few starts are tried."""


def starts(nets: Nets, capacity: int, n_clusters: int, row_limit: int) -> Iterator[NDArray[np.int32]]:
    """Partitions to refine, quickest first."""
    large = nets.n > LARGE
    for price, senders_too in ((0.9, False),) if large else ((0.9, False), (0.9, True), (0.98, True)):
        yield clusters(nets, capacity, price=price, senders_too=senders_too, row_limit=row_limit)
    levels = light_levels(fan_in(nets))
    for light in levels[: 2 if large else None]:
        for price in (0.0,) if large else (0.0, 0.9):
            part = core_start(nets, light, price, capacity, n_clusters, row_limit)
            if part is not None:
                yield part


def budget(nets: Nets, effort: str, capacity: int) -> float:
    """Operations to spend on a network; large clusters have more to gain from "quality"."""
    found = min(BUDGET[effort], SMALL[effort] + ENOUGH[effort] * nets.n * operations(nets))
    return found * (2.5 if effort == "quality" and capacity >= TWO_LEVELS else 1.0)


def two_level(nets: Nets, capacity: int, n_clusters: int, effort: str, seed: int) -> NDArray[np.int32]:
    """Units of about 16 neurons first, then clusters of units: how a start for large clusters is found."""
    size = min(range(8, 25), key=lambda s: (capacity % s, abs(s - 16)))
    places = capacity // size
    n_units = -(-nets.n // size)
    unit = fewest_packets(nets, size, n_units, "fast", seed)
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
    best: State | None = None
    least = np.inf
    for part in starts(nets, capacity, n_clusters, limit):
        state = State.of(part, max(n_clusters, int(part.max()) + 1), capacity)
        cost = packets_of(nets, part, state.shape[0])
        if cost < least:
            best, least = state, cost
    if capacity >= TWO_LEVELS and limit == NO_LIMIT:
        part = two_level(nets, capacity, n_clusters, effort, seed)
        cost = packets_of(nets, part, n_clusters)
        if cost < least:
            best, least = State.of(part, n_clusters, capacity), cost
    assert best is not None
    refine(nets, best, budget(nets, effort, capacity), seed, limit)
    return best.assignment.copy()
