"""Improvement of a partition by packets: annealed exchanges of neurons and of units of neurons, region by region.

Packets add up over clusters (:mod:`nets`), so a *region*, any subset of the clusters, can be improved on its own and the outcome kept or
dropped by its exact change. In a region the clusters are cut into units of neurons that belong together, the units are exchanged
like neurons of a smaller problem (a V-cycle of multilevel partitioning: Walshaw, Annals of OR 131, 2004), then single neurons.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.ours.anneal_packets import anneal, fill_tables
from spikemesh.mapping.partition.ours.grow import NO_LIMIT, clusters
from spikemesh.mapping.partition.ours.nets import Nets, contract, restrict
from spikemesh.mapping.partition.ours.state import State

__all__ = ["improve", "operations", "refine", "shaken", "temperature"]

TABLE = 1 << 24
"""Entries of the largest (cluster, group) table."""
SHAKE = 4.0
"""Temperature of :func:`shaken`, in mean rates for each neuron of a unit; refinement has 0.6."""


def temperature(nets: Nets) -> float:
    """The unit of temperature: the mean rate of a neuron that fires."""
    fires = nets.rate > 0
    return float(nets.rate.sum() / max(int(nets.rows[fires].sum()), 1))


def operations(nets: Nets) -> float:
    """What one proposal costs, about: groups looked at."""
    return 8.0 + 2.0 * len(nets.in_group) / max(nets.n, 1)


def improve(
    nets: Nets,
    state: State,
    steps: int,
    hot: float,
    cold: float,
    seed: int,
    row_limit: int = NO_LIMIT,
    free: int | None = None,
) -> float:
    """Anneals a partition in place with one table; returns the packets/s added (negative: saved)."""
    n_clusters, capacity = state.shape
    if n_clusters < 2 or nets.n_groups == 0 or steps <= 0 or hot <= 0:
        return 0.0
    more = n_clusters * capacity - nets.n
    padded = nets._replace(
        in_ptr=np.append(nets.in_ptr, np.full(more, nets.in_ptr[-1])),
        out_ptr=np.append(nets.out_ptr, np.full(more, nets.out_ptr[-1])),
    )
    held = np.zeros((n_clusters, nets.n_groups), np.uint16 if capacity < 1 << 16 else np.uint32)
    sent = np.zeros((n_clusters, nets.n_groups))
    fill_tables(padded, state.part, held, sent)
    used = np.zeros(n_clusters, np.int64)
    if row_limit < NO_LIMIT:
        used[:] = (held > 0) @ nets.rows.astype(np.int64)
    free = capacity if free is None else free
    added, _ = anneal(padded, state.members, free, state.part, held, sent, used, row_limit, steps, hot, cold, seed)
    return added


def by_units(
    nets: Nets, part: NDArray[np.int32], shape: tuple[int, int], size: int, price: float, heat: float, steps: int,
    seed: int, row_limit: int,
) -> tuple[NDArray[np.int32], float, float]:  # fmt: skip
    """Exchanges units of at most ``size`` vertices; returns (part, packets/s added, operations spent).

    A cluster has capacity // size places for units; what its units leave over stays where it is.
    """
    n_clusters, capacity = shape
    unit = clusters(nets, size, price=price, senders_too=True, label=part)
    n_units = int(unit.max()) + 1
    home = np.zeros(n_units, np.int32)
    home[unit] = part
    places = capacity // size
    rank = np.arange(n_units) - np.searchsorted(home, home) if (np.diff(home) >= 0).all() else _rank(home)
    if rank.max() >= places:  # the units beyond the places stay: one immovable unit a cluster
        anchored = rank[unit] >= places
        anchors, index = np.unique(part[anchored], return_inverse=True)
        _, kept = np.unique(unit[~anchored], return_inverse=True)
        n_units = int(kept.max(initial=-1)) + 1 + len(anchors)
        unit = unit.copy()
        unit[~anchored] = kept
        unit[anchored] = n_units - len(anchors) + index
        home = np.zeros(n_units, np.int32)
        home[unit] = part
        state = State.anchored(home, n_clusters, places, n_units - len(anchors))
    else:
        state = State.of(home, n_clusters, places)
    coarse = contract(nets, unit, n_units)
    added = improve(coarse, state, steps * n_units, heat * size, 0.05 * heat, seed, row_limit, places)
    return state.assignment[unit], added, steps * n_units * operations(coarse)


def shaken(nets: Nets, state: State, seed: int, row_limit: int = NO_LIMIT) -> tuple[State, float]:
    """(another partition, operations spent): units of a sixteenth of a cluster, exchanged over all clusters and hot.

    Nothing is spent, and nothing changed, where the table would be too large.
    """
    n_clusters, capacity = state.shape
    size = max(2, capacity // 16)
    if n_clusters < 2 or n_clusters * nets.n_groups > TABLE:
        return state, 0.0
    part, _, spent = by_units(nets, state.assignment, state.shape, size, 0.9, SHAKE * temperature(nets), 1000, seed, row_limit)
    return State.of(part, n_clusters, capacity), spent


def _rank(label: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many earlier entries are equal, for each entry."""
    order = np.argsort(label, kind="stable")
    ordered = label[order]
    rank = np.empty(len(label), np.int64)
    rank[order] = np.arange(len(label)) - np.searchsorted(ordered, ordered)
    return rank


@dataclass
class Arm:
    """One way to improve a region, and what it has brought so far, older outcomes counting less."""

    unit: int
    unit_heat: float
    heat: float
    gained: float = 0.0
    spent: float = field(default=1.0)

    def record(self, gained: float, spent: float) -> None:
        self.gained = 0.95 * self.gained + gained
        self.spent = 0.95 * self.spent + spent


def arms(capacity: int) -> list[Arm]:
    sizes = [s for s in sorted({capacity // 2, capacity // 4, capacity // 8, capacity // 16}, reverse=True) if s > 1]
    found = [Arm(s, heat, 0.3 if s <= 8 else 1.0) for s in sizes for heat in (0.6,)]
    found.append(Arm(1, 0.0, 0.6))
    if capacity < 8:
        found.append(Arm(1, 0.0, 3.0))
    return found


def region(nets: Nets, state: State, width: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Clusters around a random vertex: those that share most groups with its cluster, blurred, ``width`` at most."""
    centre = int(state.part[rng.integers(state.n)])
    members = state.members[centre]
    members = members[members < state.n]
    groups = np.unique(
        np.concatenate([_entries(nets.in_ptr, nets.in_group, members), _entries(nets.out_ptr, nets.out_group, members)])
    )
    near = np.concatenate([_entries(nets.pin_ptr, nets.pin, groups), _entries(nets.sender_ptr, nets.sender, groups)])
    shared = np.bincount(state.part[near], minlength=state.shape[0]) * rng.uniform(0.5, 1.5, state.shape[0])
    shared[centre] = np.inf
    found = np.argsort(-shared, kind="stable")[:width]
    return found[shared[found] > 0]


def _entries(ptr: NDArray[np.int64], item: NDArray[np.int32], rows: NDArray[np.integer]) -> NDArray[np.int32]:
    """The lists of several rows of a CSR structure, one after the other."""
    count = ptr[rows + 1] - ptr[rows]
    start = np.repeat(ptr[rows] - (np.cumsum(count) - count), count)
    return item[start + np.arange(len(start))]


def refine(nets: Nets, state: State, budget: float, seed: int, row_limit: int = NO_LIMIT) -> float:
    """Improves random regions until ``budget`` operations are spent; returns the packets/s added (never above 0)."""
    n_clusters, capacity = state.shape
    if n_clusters < 2 or nets.n_groups == 0:
        return 0.0
    rng = np.random.default_rng([seed, 1])
    unit_heat = temperature(nets)
    ways = arms(capacity)
    width = min(n_clusters, max(8, int(64 * (16 / capacity) ** 0.5)))
    total, spent = 0.0, 0.0
    while spent < budget:
        chosen = region(nets, state, width, rng) if width < n_clusters else np.arange(n_clusters)
        if rng.random() < 0.25:
            way = ways[int(rng.integers(len(ways)))]
        else:
            way = max(ways, key=lambda a: (a.gained + 1e-3 * unit_heat) / a.spent)
        price = float(rng.choice([0.8, 0.9, 0.98]))
        step_seed = int(rng.integers(1 << 40))
        if len(chosen) < 2:
            spent += 1e5
            continue
        slots = state.members[chosen].ravel()
        real = slots < state.n
        old = np.repeat(np.arange(len(chosen), dtype=np.int32), capacity)[real]
        local = restrict(nets, slots[real])
        if len(chosen) * local.n_groups > TABLE:
            width = max(2, width // 2)
            continue
        part, added, cost = old, 0.0, 0.0
        if way.unit > 1:
            part, added, cost = by_units(
                local, old, (len(chosen), capacity), way.unit, price, way.unit_heat * unit_heat, 150, step_seed, row_limit
            )
        inner = State.of(part, len(chosen), capacity)
        steps = 100 * len(part)
        added += improve(local, inner, steps, way.heat * unit_heat, 0.02 * unit_heat, step_seed + 1, row_limit)
        cost += steps * operations(local) + 2e5
        spent += cost
        way.record(max(-added, 0.0), cost)
        if added < -1e-9 * unit_heat:
            total += added
            ids = np.concatenate([slots[real], slots[~real]])
            state.members[chosen] = ids[inner.members]
            state.part[ids] = chosen[inner.part]
    return total
