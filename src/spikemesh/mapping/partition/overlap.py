"""Hyperedge overlap: clusters grown from neurons that share their axons."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import partitioner

__all__ = ["overlap"]


@partitioner(
    "overlap",
    paper="Ronzani and Silvano, hypergraph mapping of spiking neural networks, arXiv 2601.16118: overlap partitioning",
)
def overlap(problem: PartitionProblem) -> NDArray[np.int64]:
    """Greedy growth along shared axons: fewest new rows for each neuron taken (Ronzani and Silvano).

    An axon is a source with its targets. The targets of one axon join the open cluster one after another, each time the one
    that needs fewest new rows (ties: most rows in all, then index), and a new cluster opens where a limit would break. Then
    comes the axon of largest rate * (targets in the open cluster / targets left); where none touches the cluster, the one
    with most targets. Neurons without inputs come last, in index order.
    """
    n_targets = np.diff(problem.targets[0])
    by_size = np.argsort(-n_targets, kind="stable")
    return _grow(problem.n, *problem.targets, *problem.feeders, problem.rates, by_size, problem.fill, problem.axon_limit)


@njit(cache=True)
def _grow(n, out_ptr, out, feed_ptr, feed, rates, by_size, capacity, axons):  # type: ignore[no-untyped-def]
    """(n,) int64 clusters. ``shared[v]``: rows of the open cluster that neuron v uses; ``seen[u]``: targets of u in it."""
    sources = len(rates)
    part = np.full(n, -1, np.int64)
    left = out_ptr[1:] - out_ptr[:-1]
    seen = np.zeros(sources, np.int64)
    shared = np.zeros(n, np.int64)
    rows = np.empty(sources, np.int64)  # sources that feed the open cluster
    n_rows, size, cluster = 0, 0, 0
    axon, at, last = -1, 0, 0
    for _ in range(n):
        if axon < 0 or left[axon] == 0:
            axon, best = -1, -1.0
            for k in range(n_rows):
                u = rows[k]
                if left[u] > 0:
                    score = rates[u] * seen[u] / left[u]
                    if score > best or (score == best and u < axon):
                        axon, best = u, score
            while axon < 0 and at < sources:
                if left[by_size[at]] > 0:
                    axon = by_size[at]
                else:
                    at += 1
        v, new = -1, np.int64(0)
        if axon >= 0:
            for e in range(out_ptr[axon], out_ptr[axon + 1]):
                w = out[e]
                if part[w] < 0:
                    need = feed_ptr[w + 1] - feed_ptr[w]
                    fresh = need - shared[w]
                    if v < 0 or fresh < new or (fresh == new and need > feed_ptr[v + 1] - feed_ptr[v]):
                        v, new = w, fresh
        else:
            while part[last] >= 0:
                last += 1
            v, new = last, np.int64(0)
        if size > 0 and (size >= capacity or n_rows + new > axons):
            for k in range(n_rows):
                seen[rows[k]] = 0
                for e in range(out_ptr[rows[k]], out_ptr[rows[k] + 1]):
                    shared[out[e]] = 0
            cluster, size, n_rows = cluster + 1, 0, 0
        part[v] = cluster
        size += 1
        for e in range(feed_ptr[v], feed_ptr[v + 1]):
            u = feed[e]
            left[u] -= 1
            if seen[u] == 0:
                rows[n_rows] = u
                n_rows += 1
                for f in range(out_ptr[u], out_ptr[u + 1]):
                    shared[out[f]] += 1
            seen[u] += 1
    return part
