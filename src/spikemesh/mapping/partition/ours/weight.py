"""Much weight inside clusters: exchanges annealed from a random start, in windows of clusters where the table would be large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.ours.anneal_weight import anneal, fill_table
from spikemesh.mapping.partition.ours.state import State

__all__ = ["most_weight", "symmetric"]

Graph = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]


def symmetric(indptr: NDArray[np.int64], post: NDArray[np.int32], omega: NDArray[np.float64], n: int) -> Graph:
    """Undirected graph over neurons 0 .. n - 1: opposite and parallel synapses add up, self-loops are left out.

    (ptr (n + 1,) int64, neighbour int32 ascending in each row, weight float32).
    """
    import scipy.sparse

    end = indptr[n]
    graph = scipy.sparse.csr_array((omega[:end].astype(np.float32), post[:end], indptr[: n + 1]), (n, n))
    graph = (graph + graph.T.tocsr()).tocsr()
    graph.setdiag(0)
    graph.eliminate_zeros()
    graph.sort_indices()
    return graph.indptr.astype(np.int64), graph.indices.astype(np.int32), graph.data


def anneal_state(graph: Graph, state: State, steps: int, hot: float, cold: float, seed: int) -> float:
    """Anneals a partition in place with one table; returns the weight gained inside clusters."""
    ptr, adj, weight = graph
    n_clusters, capacity = state.shape
    if n_clusters < 2 or len(adj) == 0 or hot <= 0:
        return 0.0
    ptr = np.append(ptr, np.full(n_clusters * capacity - state.n, ptr[-1]))
    table = np.zeros((n_clusters, n_clusters * capacity), np.float32)
    fill_table(ptr, adj, weight, state.part, table)
    gained, _ = anneal(ptr, adj, weight, state.members, state.part, table, steps, hot, cold, seed)
    return gained


def most_weight(graph: Graph, capacity: int, n_clusters: int, effort: str, seed: int) -> NDArray[np.int32]:
    """(n,) int32 clusters of at most ``capacity`` neurons with much weight inside."""
    ptr, _, weight = graph
    n = len(ptr) - 1
    order = np.random.default_rng(seed).permutation(n)
    part = np.empty(n, np.int32)
    part[order] = np.arange(n) % n_clusters
    state = State.of(part, n_clusters, capacity)
    unit = 0.1 * float(np.abs(weight).sum()) / 2 / n  # signed weights may add up to less than nothing
    steps = min(300 * n, 4_000_000) if effort == "fast" else 6000 * n
    anneal_state(graph, state, max(steps, 20_000), 0.4 * unit, 0.03 * unit, seed)
    return state.assignment.copy()
