"""METIS, through pymetis, its parts brought back under the limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import partitioner
from spikemesh.mapping.partition.repair import repair

__all__ = ["metis", "whole_weights"]

MOST_IN_ALL = 1 << 29
"""Sums beyond some 2**31 wrap around in METIS and Mt-KaHyPar, which then go astray without a word."""


@partitioner(
    "metis", paper="Karypis and Kumar, A fast and high quality multilevel scheme for partitioning irregular graphs, 1998"
)
def metis(problem: PartitionProblem, *, recursive: bool = True) -> NDArray[np.int64]:
    """METIS on the SNN graph, then over-full clusters emptied at least cost. Needs the package pymetis.

    recursive : bisection; k-way (False) fails for parts of some ten neurons, and its parts are then far over the limit.
    """
    import pymetis

    if problem.n_clusters == 1:
        return repair(problem, np.zeros(problem.n, np.int64))
    ptr, neighbour, weight = problem.undirected
    options = pymetis.Options(seed=problem.seed)
    found = pymetis.part_graph(
        problem.n_clusters,
        pymetis.CSRAdjacency(ptr.astype(np.int32), neighbour.astype(np.int32)),
        eweights=whole_weights(weight).astype(np.int32),
        recursive=recursive,
        options=options,
    )
    return repair(problem, np.asarray(found[1], np.int64))


def whole_weights(weight: NDArray[np.float64], times: NDArray[np.integer] | int = 1) -> NDArray[np.int64]:
    """Weights as integers >= 1, signs lost, for partitioners that know no others and add them up in 32 bits.

    They are scaled so that the sum of ``times`` * weight is about 2**29, and none is above a million.
    """
    size = np.abs(weight)
    total, largest = float((size * times).sum()), float(size.max(initial=0.0))
    scaled = size * min(MOST_IN_ALL / total, 1e6 / largest) if total > 0 else size
    return np.maximum(np.rint(scaled), 1).astype(np.int64)
