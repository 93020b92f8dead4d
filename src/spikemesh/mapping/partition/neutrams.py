"""NEUTRAMS: graph partitioning by Kernighan-Lin that counts synapses, not spikes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.random_cut import cut_in_order
from spikemesh.mapping.partition.registry import partitioner

__all__ = ["neutrams"]


@partitioner(
    "neutrams",
    paper="Ji et al., NEUTRAMS: Neural Network Transformation and Co-design under Neuromorphic Hardware Constraints, "
    "MICRO 2016",
)
def neutrams(problem: PartitionProblem, *, passes: int = 10, sweeps: int = 4) -> NDArray[np.int64]:
    """Kernighan-Lin on the number of cut synapses, over every two clusters of a random cut (NEUTRAMS).

    The paper's transformation of the network under precision and fan-in limits is the legalise stage here.

    passes : of Kernighan-Lin at most, on one pair of clusters.
    sweeps : over all pairs at most.
    """
    from spikemesh.mapping.partition.kl import improve_pairs

    part = cut_in_order(problem, problem.rng().permutation(problem.n), equal=True)
    count = problem.undirected_of(np.ones(problem.n_synapses))
    improve_pairs(problem, part, count, np.arange(problem.n), passes, sweeps)
    return part
