"""METIS, through pymetis, its parts brought back under the limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import partitioner
from spikemesh.mapping.partition.repair import repair

__all__ = ["metis", "whole_weights"]


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
        xadj=ptr.astype(np.int32),
        adjncy=neighbour.astype(np.int32),
        eweights=whole_weights(weight).astype(np.int32),
        recursive=recursive,
        options=options,
    )
    return repair(problem, np.asarray(found[1], np.int64))


def whole_weights(weight: NDArray[np.float64], most: int = 1_000_000) -> NDArray[np.int64]:
    """Weights as integers >= 1 for partitioners that know no others: the largest becomes ``most``, signs are lost."""
    largest = float(np.abs(weight).max(initial=0.0))
    scaled = np.zeros(len(weight)) if largest == 0 else np.abs(weight) * (most / largest)
    return np.maximum(np.rint(scaled), 1).astype(np.int64)
