"""SNN-GPA, the greedy partitioner of the GPA paper (Algorithm 1).

What the paper leaves open, and what is done here:

- How a hidden layer is shared between its two layer pairs: each of its neurons joins either with probability 1/2. The number
  that joins the first is then rounded so that the pair fills whole clusters, which gives the cluster counts of Table II; with
  the same K' for every pair (line 4) the first pair of MLP_mnist would hold 24 neurons a cluster.
- A network of n layers has n - 1 pairs; line 5 lists n subgraphs.
- KLmethod is the method of its reference 13: passes until none gains.
- Layers that are not in a row (recurrent, residual): a synapse whose ends lie in different pairs never enters a gain; it counts
  in InterW. Synapses inside a layer do enter.
- Rows are unlimited in the paper. Where they are not, clusters over the limit are split at least cost afterwards.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.layers import depth_of_neuron
from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import partitioner
from spikemesh.mapping.partition.repair import split_over_rows

__all__ = ["snn_gpa"]


@partitioner(
    "snn-gpa",
    paper="Islam et al., Exploring High-Level Neural Networks Architectures for Efficient Spiking Neural Networks "
    "Implementation, Algorithm 1",
)
def snn_gpa(problem: PartitionProblem, *, passes: int = 10) -> NDArray[np.int64]:
    """Random clusters within pairs of consecutive layers, then Kernighan-Lin on every two clusters of a pair (SNN-GPA).

    passes : of Kernighan-Lin at most, on one pair of clusters.
    """
    from spikemesh.mapping.partition.kl import improve_pairs

    rng = problem.rng()
    cap = problem.fill
    part, opened = np.zeros(problem.n, np.int64), 0
    if problem.n_clusters == 1:
        return split_over_rows(problem, part)
    for members in layer_pairs(depth_of_neuron(problem), cap, rng):
        k = -(-len(members) // cap)
        part[rng.permutation(members)] = opened + np.arange(len(members)) * k // len(members)
        opened += k
        improve_pairs(problem, part, problem.undirected, members, passes, sweeps=1)
    return split_over_rows(problem, part)


def layer_pairs(layer: NDArray[np.int64], cap: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Neurons of each pair of consecutive layers, ascending; every neuron is in one pair.

    A hidden layer is shared at random; all pairs but the last hold a multiple of ``cap`` neurons where its size allows it.
    """
    n_layers = int(layer.max()) + 1
    if n_layers < 3:
        return [np.arange(len(layer))]
    pairs, waiting = [], np.flatnonzero(layer == 0)
    for hidden in range(1, n_layers - 1):
        neurons = rng.permutation(np.flatnonzero(layer == hidden))
        joins = rng.binomial(len(neurons), 0.5)
        first = -len(waiting) % cap  # the least that fills whole clusters
        if first <= len(neurons):
            steps = (len(neurons) - first) // cap
            joins = first + cap * min(max(round((joins - first) / cap), 0), steps)
        pairs.append(np.sort(np.concatenate([waiting, neurons[:joins]])))
        waiting = neurons[joins:]
    pairs.append(np.sort(np.concatenate([waiting, np.flatnonzero(layer == n_layers - 1)])))
    return [pair for pair in pairs if len(pair)]
