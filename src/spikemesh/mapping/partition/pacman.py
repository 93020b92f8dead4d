"""Slices the neurons in index order, as SpiNNaker's PACMAN slices its populations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.random_cut import cut_in_order, fill_in_order
from spikemesh.mapping.partition.registry import partitioner

__all__ = ["pacman"]


@partitioner("pacman", paper="Galluppi et al., A hierarchical configuration system for SpiNNaker, Computing Frontiers 2012")
def pacman(problem: PartitionProblem, *, by_layer: bool = False) -> NDArray[np.int64]:
    """Runs of ``capacity`` neurons in index order; a new cluster opens where either limit would break.

    by_layer : True lets no cluster hold two layers, as PACMAN keeps populations apart; that can take one cluster a layer
        more. With ``clusters`` above ceil(n / capacity), runs are of equal length instead of full.
    """
    if not by_layer:
        spare = problem.n_clusters > -(-problem.n // problem.capacity)
        return cut_in_order(problem, np.arange(problem.n), equal=spare)
    part, opened = np.empty(problem.n, np.int64), 0
    for members in problem.layers():
        part[members] = opened + fill_in_order(problem, members)
        opened = int(part[members[-1]]) + 1
    return part
