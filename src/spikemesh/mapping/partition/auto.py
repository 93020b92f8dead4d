"""spikemesh's own partitioner, the default."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.ours import ours
from spikemesh.mapping.partition.overlap import overlap
from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import partitioner
from spikemesh.mapping.partition.repair import repair
from spikemesh.mapping.partition.shaped import shaped

__all__ = ["auto"]


@partitioner("auto", paper="spikemesh's own; docs/mapping.md")
def auto(problem: PartitionProblem, *, objective: str = "packets", effort: str = "fast") -> NDArray[np.int64]:
    """Fewest packets, or most weight inside clusters: spikemesh's own.

    Beyond 50 million synapses packets are made few from the shapes of the layers, without a list of synapses.

    objective : "packets" or "inter-weight".
    effort : "fast" or "quality".
    """
    if problem.network.is_streamed and objective == "packets":
        return shaped(problem, effort)
    n_targets = np.diff(problem.indptr)[: problem.n]
    if objective == "packets" and not (problem.rates[: problem.n] * n_targets).any():
        return np.asarray(overlap(problem), np.int64)  # nobody sends a packet: share rows instead
    part = ours(
        problem.indptr,
        problem.post,
        problem.omega,
        problem.rates,
        capacity=problem.capacity,
        n_clusters=problem.n_clusters,
        axons=problem.axons,
        n=problem.n,
        objective=objective,
        effort=effort,
        seed=problem.seed,
    )
    return repair(problem, part)
