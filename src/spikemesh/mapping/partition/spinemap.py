"""SpiNeMap: as its paper describes it, and as its public code does it.

The paper's SpiNeCluster swaps neurons between pairs of clusters, Kernighan-Lin fashion, while the spikes on synapses between
crossbars become fewer. It starts from any cut that fits the crossbars; a cut in index order puts whole layers side by side,
where no single swap helps, so the start here is random. Where rows are limited, the start is the packing of the public code, of
neurons in index order or of those with most inputs first, whichever needs fewer crossbars (neurons without inputs then fill the
columns that wide neurons leave), and a swap that would break the limit is refused.

The public code has no Kernighan-Lin. Its ``min-clusters`` mode packs each neuron into the crossbar in fullest use that still
fits it. It may also spread one neuron's inputs over several crossbars and pass a partial sum on; that is decomposition, which
is a stage of its own here, so a neuron is packed whole.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.random_cut import cut_in_order
from spikemesh.mapping.partition.registry import partitioner

__all__ = ["fewest_clusters", "spinemap", "spinemap_released"]


@partitioner(
    "spinemap", paper="Balaji et al., Mapping Spiking Neural Networks to Neuromorphic Hardware, IEEE TVLSI 28 (1), 2020"
)
def spinemap(problem: PartitionProblem, *, passes: int = 10, sweeps: int = 4) -> NDArray[np.int64]:
    """Kernighan-Lin on the spikes of cut synapses, over every two clusters of the network (SpiNeMap, the paper).

    passes : of Kernighan-Lin at most, on one pair of clusters.
    sweeps : over all pairs at most; 0 leaves the start as it is, which has as many clusters.
    """
    from spikemesh.mapping.partition.kl import improve_pairs

    if problem.axons is None:
        part = cut_in_order(problem, problem.rng().permutation(problem.n), equal=True)
    else:
        by_rows = np.argsort(-np.diff(problem.feeders[0]), kind="stable")
        part = min((fewest_clusters(problem), fewest_clusters(problem, by_rows)), key=np.max)
    if sweeps:
        spikes = problem.rates[problem.pre]
        improve_pairs(problem, part, problem.undirected_of(spikes), np.arange(problem.n), passes, sweeps)
    return part


@partitioner("spinemap-released", paper="the public code of SpiNeMap, drexel-DISCO/SpiNeMap, mode min-clusters")
def spinemap_released(problem: PartitionProblem) -> NDArray[np.int64]:
    """Each neuron in index order into the fullest cluster that it fits: fewest crossbars, whatever the spikes."""
    return fewest_clusters(problem)


def fewest_clusters(problem: PartitionProblem, order: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """(n,) clusters by the packing of ``spinemap-released``, of neurons in another order where one is given."""
    from spikemesh.mapping.partition.greedy import fullest_first

    order = np.arange(problem.n) if order is None else order
    return fullest_first(order, *problem.feeders, problem.fill, problem.axon_limit, problem.n_sources)
