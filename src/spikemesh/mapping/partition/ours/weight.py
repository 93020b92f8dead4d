"""Much weight inside clusters: exchanges annealed from clusters of neighbours, in windows of clusters where the table would be large.

Temperatures are in units of the weight of a synapse that a good cluster keeps (:func:`unit_of`), which one schedule then suits, be
a network dense or sparse, its rates alike or not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.ours.anneal_weight import anneal, fill_table
from spikemesh.mapping.partition.ours.graph import Graph, subgraph
from spikemesh.mapping.partition.ours.state import State

__all__ = ["most_weight", "unit_of"]

TABLE = 1 << 26
"""Entries of the largest (cluster, neuron) table."""
WINDOW = 1 << 21
"""Entries of the table of a window of clusters: what a processor keeps close by."""
WORK = {"fast": 8.0e8, "quality": 1.6e10}
"""What proposals may cost in all: about a second, and under a minute."""
STEPS = {"fast": 1500, "quality": 16_000}
"""Proposals a neuron beyond which more runs, each from its own start, bring more."""
RUNS = {"fast": 2, "quality": 40}
AMPLE = 8000
"""Proposals a neuron from which on no hotter start pays."""
LEAST = 100
"""Proposals a neuron at the least, in networks of any size."""
SAMPLE = 2000


def unit_of(graph: Graph, capacity: int) -> float:
    """Weight of a synapse that a good cluster keeps: a neuron's heaviest capacity / 2, their mean over neurons (2000 at most)."""
    connected = np.flatnonzero(np.diff(graph.ptr))
    if not len(connected):
        return 0.0
    kept = (capacity + 1) // 2
    rows = connected[:: -(-len(connected) // SAMPLE)]
    return float(np.mean([np.sort(np.abs(graph.weight[graph.ptr[v] : graph.ptr[v + 1]]))[-kept:].mean() for v in rows]))


def schedule(graph: Graph, capacity: int, steps: float) -> tuple[float, float]:
    """Hottest and coldest temperature for ``steps`` proposals a neuron.

    The more there are the hotter it pays to start. Larger clusters start hotter too: an exchange there moves more weight.
    """
    unit = unit_of(graph, capacity)
    growth = max(1.0, capacity / 16)
    hot = 0.6 * min(1.0, steps / AMPLE) ** 0.25
    return hot * growth * unit, 0.06 * growth**0.5 * unit


def anneal_state(graph: Graph, state: State, steps: int, hot: float, cold: float, seed: int) -> float:
    """Anneals a partition in place with one table; returns the weight gained inside clusters."""
    n_clusters, capacity = state.shape
    if n_clusters < 2 or len(graph.adj) == 0 or hot <= 0:
        return 0.0
    ptr = np.append(graph.ptr, np.full(n_clusters * capacity - state.n, graph.ptr[-1]))
    table = np.zeros((n_clusters, n_clusters * capacity), np.float32)
    fill_table(ptr, graph.adj, graph.weight, state.part, table)
    gained, _ = anneal(ptr, graph.adj, graph.weight, state.members, state.part, table, steps, hot, cold, seed)
    return float(gained)


def nearest(graph: Graph, state: State, centre: int, width: int, done: NDArray[np.bool_], rng: np.random.Generator) -> NDArray:
    """The cluster ``centre`` and up to ``width`` - 1 with most weight to it, blurred; those ``done`` count half."""
    members = state.members[centre]
    members = members[members < state.n]
    edges = np.concatenate([np.arange(graph.ptr[v], graph.ptr[v + 1]) for v in members] or [np.zeros(0, np.int64)])
    shared = np.bincount(state.part[graph.adj[edges]], np.abs(graph.weight[edges]), state.shape[0])
    shared *= rng.uniform(0.5, 1.5, len(shared)) * np.where(done, 0.5, 1.0)
    shared[centre] = np.inf
    found = np.argsort(-shared, kind="stable")[:width]
    return found[shared[found] > 0]


def anneal_windows(graph: Graph, state: State, steps: float, hot: float, cold: float, seed: int) -> None:
    """Anneals windows of clusters in place, ``steps`` proposals a neuron, in rounds that end as the temperature falls.

    In each round every cluster is part of at least one window: of its own, or of an earlier one.
    """
    rng = np.random.default_rng([seed, 2])
    n_clusters, capacity = state.shape
    width = max(2, int((WINDOW / capacity) ** 0.5))
    rounds = 8
    number = np.full(graph.n, -1, np.int32)
    heats = hot * (cold / hot) ** (np.arange(rounds + 1) / rounds)
    for k in range(rounds):
        done = np.zeros(n_clusters, np.bool_)
        for centre in rng.permutation(n_clusters):
            if done[centre]:
                continue
            chosen = nearest(graph, state, int(centre), width, done, rng)
            fresh = int((~done[chosen]).sum())
            done[chosen] = True
            if len(chosen) < 2:
                continue
            slots = state.members[chosen].ravel()
            real = slots < state.n
            neurons = np.sort(slots[real])
            local = np.zeros(n_clusters, np.int32)
            local[chosen] = np.arange(len(chosen))
            inner = State.of(local[state.part[neurons]], len(chosen), capacity)
            inside = subgraph(graph, neurons, number)
            proposals = int(steps / rounds * fresh * capacity)  # so that overlaps do not add up
            anneal_state(inside, inner, proposals, heats[k], heats[k + 1], int(rng.integers(1 << 40)))
            ids = np.concatenate([neurons, slots[~real]])
            state.members[chosen] = ids[inner.members]
            state.part[ids] = chosen[inner.part]


def inside_weight(graph: Graph, part: NDArray[np.integer]) -> float:
    """Weight inside the clusters of ``part`` (n,)."""
    same = np.repeat(part, np.diff(graph.ptr)) == part[graph.adj]
    return float(graph.weight[same].sum(dtype=np.float64)) / 2


def most_weight(
    graph: Graph, start: NDArray[np.integer], capacity: int, n_clusters: int, effort: str, seed: int
) -> NDArray[np.int32]:
    """(n,) int32 clusters of at most ``capacity`` neurons with much weight inside.

    ``start`` (n,) : the clusters that the first run anneals; further runs, of small networks, start from random ones.
    """
    n = graph.n
    steps = WORK[effort] / ((150 + len(graph.adj) / max(n, 1)) * n)
    enough = min(STEPS[effort], 400 * n)
    runs = int(np.clip(steps / enough, 1, RUNS[effort]))
    steps = float(np.clip(steps, LEAST, enough))
    hot, cold = schedule(graph, capacity, steps)
    best, most = np.asarray(start, np.int32), -np.inf
    for run in range(runs):
        heat = hot * (1.0, 3.0, 9.0, 0.3)[run % 4]  # one synapse may outweigh all others
        part = best if run == 0 else np.random.default_rng([seed, run]).permutation(n) % n_clusters
        state = State.of(part, n_clusters, capacity)
        if n_clusters * n_clusters * capacity <= TABLE:
            anneal_state(graph, state, int(max(steps * n, 20_000)), heat, cold, seed + run)
        else:
            anneal_windows(graph, state, steps, heat, cold, seed + run)
        found = inside_weight(graph, state.assignment)
        if found > most:
            best, most = state.assignment.copy(), found
    return best
