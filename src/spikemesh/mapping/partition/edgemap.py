"""EdgeMap: neurons streamed once, in index order, each to the cluster that makes most of its spikes local."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import partitioner

__all__ = ["edgemap"]


@partitioner(
    "edgemap",
    paper="Xue et al., EdgeMap: An Optimized Mapping Toolchain for Spiking Neural Network in Edge Computing, Sensors 23, 2023",
)
def edgemap(problem: PartitionProblem, *, spike_gain: float = 100.0) -> NDArray[np.int64]:
    """Streaming: the largest spike_gain * (spikes that become local) - ((s + 1)^2 - s^2), s neurons already there (EdgeMap).

    spike_gain : what a spike/s made local is worth against balance; 100 in the method's published form.
    """
    from spikemesh.mapping.partition.greedy import stream

    spikes = problem.undirected_of(problem.rates[problem.pre])
    order = np.arange(problem.n)
    return stream(
        order,
        *problem.feeders,
        *spikes,
        problem.capacity,
        problem.axon_limit,
        problem.n_sources,
        problem.n_clusters,
        float(spike_gain),
    )
