"""Layers of a graph: those of the network, or breadth-first depth where it has none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.problem import PartitionProblem

__all__ = ["depth_of_neuron"]


def depth_of_neuron(problem: PartitionProblem) -> NDArray[np.int64]:
    """(n,) layer of each neuron to assign, from 0 and without gaps.

    The network's own layers where it has several; else synapses on the shortest way from an input neuron. Neurons that no
    input reaches form the last layer.
    """
    layered = len(problem.network.layers) > 1
    layer = problem.layer_of_neuron if layered else _breadth_first(problem)[: problem.n]
    _, layer = np.unique(layer, return_inverse=True)
    return layer.astype(np.int64)


def _breadth_first(problem: PartitionProblem) -> NDArray[np.int64]:
    """(n_sources,) depth from the network's inputs; n_sources where none leads."""
    is_input = problem.network.is_input[problem.neuron_ids]
    depth = np.where(is_input, 0, problem.n_sources).astype(np.int64)
    frontier, level = np.flatnonzero(is_input), 0
    while len(frontier):
        level += 1
        lengths = problem.indptr[frontier + 1] - problem.indptr[frontier]
        ends = np.cumsum(lengths)
        pick = np.repeat(problem.indptr[frontier] - ends + lengths, lengths) + np.arange(int(lengths.sum()))
        reached = np.unique(problem.post[pick])
        frontier = reached[depth[reached] == problem.n_sources]
        depth[frontier] = level
    return depth
