"""Brings a partition back under its limits at least cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.problem import PartitionProblem

__all__ = ["repair", "rows_of_clusters", "split_over_rows"]


def rows_of_clusters(problem: PartitionProblem, part: NDArray[np.integer]) -> NDArray[np.int64]:
    """(n_clusters,) distinct sources that feed each cluster of ``part`` (n,)."""
    import scipy.sparse

    k = int(part.max(initial=-1)) + 1
    feed_ptr, feed = problem.feeders
    needs = scipy.sparse.csr_array((np.ones(len(feed)), feed, feed_ptr), (problem.n, problem.n_sources))
    members = scipy.sparse.csr_array((np.ones(problem.n), part, np.arange(problem.n + 1)), (problem.n, k))
    return np.diff((members.T.tocsr() @ needs).tocsr().indptr).astype(np.int64)


def split_over_rows(problem: PartitionProblem, given: NDArray[np.integer]) -> NDArray[np.int64]:
    """The partition with every cluster over the row limit cut into parts that fit; the other clusters stay as they are.

    Parts grow by the heaviest synapses, so that little weight is cut (:func:`spikemesh.mapping.partition.greedy.split`).
    """
    part = given.astype(np.int64)
    if problem.axons is None:
        return part
    from spikemesh.mapping.partition.greedy import split

    over = np.flatnonzero(rows_of_clusters(problem, part) > problem.axons)
    opened = int(part.max()) + 1
    for cluster in over:
        members = np.flatnonzero(part == cluster)
        parts = split(
            members, *problem.feeders, *problem.undirected, problem.capacity, problem.axons, problem.n_sources, problem.n
        )
        part[members[parts > 0]] = opened + parts[parts > 0] - 1
        opened += int(parts.max())
    return part


def repair(problem: PartitionProblem, given: NDArray[np.integer]) -> NDArray[np.int64]:
    """The partition with no cluster over either limit.

    A cluster of too many neurons gives up those with least weight inside it. They go, heaviest first, to the cluster with
    room to which they have most weight, or to a new one; clusters over the row limit are split at last.
    """
    part = given.astype(np.int64)
    size = np.bincount(part)
    if size.max(initial=0) <= problem.capacity:
        return split_over_rows(problem, part)
    ptr, neighbour, weight = problem.undirected
    source = np.repeat(np.arange(problem.n), np.diff(ptr))
    kept = part[source] == part[neighbour]
    inside = np.bincount(source[kept], weights=weight[kept], minlength=problem.n)
    homeless = []
    for cluster in np.flatnonzero(size > problem.capacity):
        members = np.flatnonzero(part == cluster)
        homeless.append(members[np.lexsort((members, inside[members]))[: size[cluster] - problem.capacity]])
        size[cluster] = problem.capacity
    if homeless:
        part = _rehouse(problem, part, np.concatenate(homeless), size)
    return split_over_rows(problem, part)


def _rehouse(
    problem: PartitionProblem, part: NDArray[np.int64], homeless: NDArray[np.int64], size: NDArray[np.int64]
) -> NDArray[np.int64]:
    ptr, neighbour, weight = problem.undirected
    part[homeless] = -1
    room = np.append(problem.capacity - size, np.zeros(len(homeless), np.int64))
    opened = len(size)
    total = np.array([weight[ptr[v] : ptr[v + 1]].sum() for v in homeless])
    for v in homeless[np.lexsort((homeless, -total))]:
        near, w = part[neighbour[ptr[v] : ptr[v + 1]]], weight[ptr[v] : ptr[v + 1]]
        pull = np.bincount(near[near >= 0], weights=w[near >= 0], minlength=opened)
        pull = np.where(room[:opened] > 0, pull, -np.inf)
        best = int(pull.argmax())
        if pull[best] == -np.inf:
            best = opened
            room[best] = problem.capacity
            opened += 1
        part[v] = best
        room[best] -= 1
    return part
