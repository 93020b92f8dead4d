"""Mt-KaHyPar on the hypergraph whose hyperedges are axons: a neuron with its targets, weighted by its rate."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.partition.metis import whole_weights
from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import partitioner
from spikemesh.mapping.partition.repair import repair

__all__ = ["mt_kahypar"]


@partitioner("mt-kahypar", paper="Gottesbueren et al., Scalable high-quality hypergraph partitioning, ACM TALG 2024")
def mt_kahypar(problem: PartitionProblem, *, objective: str = "packets", preset: str = "deterministic") -> NDArray[np.int64]:
    """Mt-KaHyPar, one thread: connectivity of axons, or cut of the SNN graph. Needs the package mtkahypar.

    objective : "packets" (connectivity, km1) or "inter-weight" (cut of the graph).
    preset : "deterministic" repeats; "default", "quality" and "highest_quality" may differ from run to run, and "large_k"
        breaks the capacity, which is then repaired.
    """
    import mtkahypar

    presets = {name.lower(): value for name, value in mtkahypar.PresetType.__members__.items()}
    if preset not in presets:
        raise MappingError(f"preset must be one of {', '.join(presets)}, not {preset!r}")
    if problem.n_clusters == 1:
        return repair(problem, np.zeros(problem.n, np.int64))
    kahypar = _initialised()
    mtkahypar.set_seed(problem.seed)
    context = kahypar.context_from_preset(presets[preset])
    context.logging = False
    goal = mtkahypar.Objective.KM1 if objective == "packets" else mtkahypar.Objective.CUT
    spare = problem.capacity / -(-problem.n // problem.n_clusters) - 1.0  # parts may be full, and not over-full
    context.set_partitioning_parameters(problem.n_clusters, spare + 1e-6, goal)
    if objective == "packets":
        pins, weights = _axons(problem)
        size = np.array([len(p) for p in pins])
        hypergraph = kahypar.create_hypergraph(
            context, problem.n, len(pins), pins, [1] * problem.n, whole_weights(weights, size).tolist()
        )
    else:
        ptr, neighbour, weight = problem.undirected
        source = np.repeat(np.arange(problem.n), np.diff(ptr))
        once = source < neighbour
        edges = list(zip(source[once].tolist(), neighbour[once].tolist(), strict=True))
        hypergraph = kahypar.create_graph(
            context, problem.n, len(edges), edges, [1] * problem.n, whole_weights(weight[once]).tolist()
        )
    found = hypergraph.partition(context)
    return repair(problem, np.asarray(found.get_partition(), np.int64))


def _axons(problem: PartitionProblem) -> tuple[list[list[int]], NDArray[np.float64]]:
    """Hyperedges of two neurons or more, and their rates. A source off the chip is no pin of its axon."""
    ptr, post = problem.targets
    pins, rates = [], []
    for u in range(problem.n_sources):
        targets = post[ptr[u] : ptr[u + 1]]
        targets = np.concatenate([[u], targets[targets != u]]) if u < problem.n else targets
        if len(targets) > 1:
            pins.append(targets.tolist())
            rates.append(problem.rates[u])
    return pins, np.array(rates)


@cache
def _initialised() -> Any:
    """The library, which may be started once in a process; more threads would not repeat."""
    import mtkahypar

    return mtkahypar.initialize(1)
