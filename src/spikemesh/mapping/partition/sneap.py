"""SNEAP's partitioner: multilevel, on the graph weighted by spikes.

Coarsen by heavy-edge matching, share the coarse neurons out among the clusters, then undo one level at a time and refine. A
refinement moves a neuron to the cluster with which it exchanges most spikes, or, where that one is full, exchanges it for the
member whose exchange gains most. SNEAP's simulated annealing places clusters; it is a placer, not part of this.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.mapping.partition.lists import enter, leave
from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import partitioner
from spikemesh.mapping.partition.repair import split_over_rows

__all__ = ["sneap"]

Graph = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]


@partitioner("sneap", paper="Li et al., SNEAP, GLSVLSI 2020, arXiv 2004.01639")
def sneap(problem: PartitionProblem, *, rounds: int = 4) -> NDArray[np.int64]:
    """Multilevel partitioning by spikes: heavy-edge matching, greedy initial cut, refinement on every level (SNEAP).

    rounds : of refinement at most, on each level.
    """
    rng = problem.rng()
    graph = problem.undirected_of(problem.rates[problem.pre])
    size = np.ones(problem.n, np.int64)
    levels: list[tuple[Graph, NDArray[np.int64], NDArray[np.int64]]] = []
    while True:
        mate = _match(*graph, size, max(problem.capacity // 2, 1), rng.permutation(len(size)))
        _, coarse = np.unique(np.minimum(mate, np.arange(len(size))), return_inverse=True)
        if coarse.max(initial=-1) + 1 > 0.95 * len(size):
            break
        levels.append((graph, size, coarse))
        graph, size = _contract(graph, coarse), np.bincount(coarse, weights=size).astype(np.int64)
    part = np.full(len(size), -1, np.int64)
    room = np.full(problem.n_clusters, problem.capacity, np.int64)
    part, room = _settle(*graph, size, part, room, np.lexsort((np.arange(len(size)), -size)))
    _refine(*graph, size, part, room, rng.permutation(len(size)), rounds)
    for graph, size, coarse in reversed(levels):
        part = part[coarse]
        part, room = _settle(*graph, size, part, room, np.flatnonzero(part < 0))
        _refine(*graph, size, part, room, rng.permutation(len(size)), rounds)
    return split_over_rows(problem, part)


def _contract(graph: Graph, coarse: NDArray[np.int64]) -> Graph:
    import scipy.sparse

    n, k = len(coarse), int(coarse.max()) + 1
    fine = scipy.sparse.csr_array((graph[2], graph[1], graph[0]), (n, n))
    merge = scipy.sparse.csr_array((np.ones(n), coarse, np.arange(n + 1)), (n, k))
    small = (merge.T.tocsr() @ fine @ merge).tocsr()
    small.setdiag(0.0)
    small.eliminate_zeros()
    small.sort_indices()
    return small.indptr.astype(np.int64), small.indices.astype(np.int32), small.data


@njit(cache=True)
def _match(ptr, neighbour, weight, size, most, order):  # type: ignore[no-untyped-def]
    """(n,) partner of each vertex, itself where it has none: the unmatched neighbour of largest weight that fits ``most``."""
    mate = np.full(len(size), -1, np.int64)
    for u in order:
        if mate[u] >= 0:
            continue
        best, heaviest = u, 0.0
        for e in range(ptr[u], ptr[u + 1]):
            v = neighbour[e]
            if mate[v] < 0 and v != u and size[u] + size[v] <= most and weight[e] > heaviest:
                best, heaviest = np.int64(v), weight[e]
        mate[u] = best
        mate[best] = u
    return mate


@njit(cache=True)
def _settle(ptr, neighbour, weight, size, part, room, order):  # type: ignore[no-untyped-def]
    """Puts each vertex of ``order`` into the cluster of largest weight to it that has room, else the emptiest that has.

    A vertex that fits nowhere stays out (-1): its halves will fit on a finer level.
    """
    pull = np.zeros(len(room))
    for u in order:
        for e in range(ptr[u], ptr[u + 1]):
            if part[neighbour[e]] >= 0:
                pull[part[neighbour[e]]] += weight[e]
        best = -1
        for c in range(len(room)):
            if room[c] >= size[u] and (best < 0 or pull[c] > pull[best] or (pull[c] == pull[best] and room[c] > room[best])):
                best = c
        for e in range(ptr[u], ptr[u + 1]):
            if part[neighbour[e]] >= 0:
                pull[part[neighbour[e]]] = 0.0
        if best >= 0:
            part[u] = best
            room[best] -= size[u]
    return part, room


@njit(cache=True)
def _refine(ptr, neighbour, weight, size, part, room, order, rounds):  # type: ignore[no-untyped-def]
    """Moves and exchanges of positive gain, in place, until a round makes none."""
    n, k = len(size), len(room)
    pull = np.zeros(k)
    first, after = np.full(k, -1, np.int64), np.full(n, -1, np.int64)  # members of each cluster, as linked lists
    before = np.full(n, -1, np.int64)
    for u in range(n):
        if part[u] >= 0:
            enter(u, part[u], first, after, before)
    for _ in range(rounds):
        improved = False
        for u in order:
            own = part[u]
            if own < 0:
                continue
            for e in range(ptr[u], ptr[u + 1]):
                if part[neighbour[e]] >= 0:
                    pull[part[neighbour[e]]] += weight[e]
            goal = own
            for e in range(ptr[u], ptr[u + 1]):
                c = part[neighbour[e]]
                if c >= 0 and (pull[c] > pull[goal] or (pull[c] == pull[goal] and goal != own and c < goal)):
                    goal = c
            gain = pull[goal] - pull[own]
            if gain > 1e-12 * abs(pull[goal]):
                if room[goal] >= size[u]:
                    leave(u, own, first, after, before)
                    enter(u, goal, first, after, before)
                    part[u] = goal
                    room[own] += size[u]
                    room[goal] -= size[u]
                    improved = True
                else:
                    best = _best_exchange(u, gain, own, goal, ptr, neighbour, weight, size, part, room, first, after)
                    if best >= 0:
                        leave(u, own, first, after, before)
                        leave(best, goal, first, after, before)
                        enter(u, goal, first, after, before)
                        enter(best, own, first, after, before)
                        part[u], part[best] = goal, own
                        room[own] += size[u] - size[best]
                        room[goal] += size[best] - size[u]
                        improved = True
            for e in range(ptr[u], ptr[u + 1]):
                if part[neighbour[e]] >= 0:
                    pull[part[neighbour[e]]] = 0.0
            pull[own] = pull[goal] = 0.0
        if not improved:
            break


@njit(cache=True)
def _best_exchange(u, gain, own, goal, ptr, neighbour, weight, size, part, room, first, after):  # type: ignore[no-untyped-def]
    """The member of ``goal`` whose exchange with u gains most, ties by index; -1 where none gains. ``gain``: of u's move."""
    best, most = -1, 1e-12 * abs(gain)
    v = first[goal]
    while v >= 0:
        if room[own] + size[u] >= size[v] and room[goal] + size[v] >= size[u]:
            total = gain
            for e in range(ptr[v], ptr[v + 1]):
                w = neighbour[e]
                if w == u:
                    total -= 2.0 * weight[e]
                if part[w] == own:
                    total += weight[e]
                elif part[w] == goal:
                    total -= weight[e]
            if total > most or (total == most and best >= 0 and v < best):
                best, most = v, total
        v = after[v]
    return best
