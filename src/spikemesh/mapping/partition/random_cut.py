"""The baseline that improvements are quoted against: random clusters of equal size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import partitioner
from spikemesh.mapping.partition.repair import rows_of_clusters

__all__ = ["cut_in_order", "fill_in_order", "random_cut"]


@partitioner("random", paper="the baseline of Islam et al., SNN-GPA, section IV")
def random_cut(problem: PartitionProblem) -> NDArray[np.int64]:
    """Random clusters whose sizes differ by at most one.

    Where such a cut breaks the row limit, neurons are taken in random order instead and a new cluster opens as soon as
    either limit would break.
    """
    return cut_in_order(problem, problem.rng().permutation(problem.n), equal=True)


def cut_in_order(problem: PartitionProblem, order: NDArray[np.integer], equal: bool) -> NDArray[np.int64]:
    """(n,) clusters: runs of the neurons in ``order`` (n,), of equal length (by one) or full ones.

    Where a run needs more rows than there are, clusters are filled in the same order under both limits instead.
    """
    part, place = np.empty(problem.n, np.int64), np.arange(problem.n, dtype=np.int64)
    part[order] = place * problem.n_clusters // problem.n if equal else place // problem.capacity
    if problem.axons is None or rows_of_clusters(problem, part).max() <= problem.axons:
        return part
    part[order] = fill_in_order(problem, order)
    return part


def fill_in_order(problem: PartitionProblem, order: NDArray[np.integer]) -> NDArray[np.int64]:
    """Cluster of each neuron in ``order``, numbered from 0: filled one after another under both limits."""
    from spikemesh.mapping.partition.greedy import next_fit

    return next_fit(order.astype(np.int64), *problem.feeders, problem.capacity, problem.axon_limit, problem.n_sources)
