"""PSOPART: binary particle swarm over assignments of neurons to clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import partitioner
from spikemesh.mapping.partition.repair import split_over_rows

__all__ = ["psopart"]

MOST_CELLS = 20_000_000


@partitioner("psopart", paper="Das et al., Mapping of Local and Global Synapses on Spiking Neuromorphic Hardware, DATE 2018")
def psopart(problem: PartitionProblem, *, particles: int = 20, iterations: int = 50) -> NDArray[np.int64]:
    """Binary particle swarm with one bit for each neuron and cluster; fitness is the spikes on cut synapses (PSOPART).

    A velocity becomes a chance by the logistic function. Neurons take, in random order, the cluster of largest chance plus
    uniform noise that still has room, so that every particle keeps the capacity. Memory and time grow with particles *
    neurons * clusters; above 20 million of these the request is refused: at capacity 16 that is some 4000 neurons.

    particles, iterations : of the swarm. The paper has about 1000 and 100, for networks of a few hundred neurons.
    """
    if particles < 1 or iterations < 0:
        raise MappingError(f"particles must be at least 1 and iterations at least 0: {particles}, {iterations}")
    n, k = problem.n, problem.n_clusters
    if particles * n * k > MOST_CELLS:
        raise MappingError(
            f"psopart keeps {particles} particles * {n} neurons * {k} clusters = {particles * n * k} velocities, "
            f"above {MOST_CELLS}: take fewer particles, or a method that scales"
        )
    rng = problem.rng()
    inertia, pull = 0.72, 1.49  # the usual constants of a swarm that converges (Clerc and Kennedy, 2002)
    velocity = rng.uniform(-1, 1, (particles, n, k)).astype(np.float32)
    position = np.stack([_decode(problem, v, rng) for v in velocity])
    cost = np.array([_cut_spikes(problem, p) for p in position])
    own, own_cost = position.copy(), cost.copy()
    rows = np.arange(n)
    for _ in range(iterations):
        leader = own[int(own_cost.argmin())].copy()
        for p in range(particles):
            v = velocity[p]
            v *= inertia
            # bits differ only where two assignments differ: the neuron's old cluster loses, the other's gains
            for goal in (own[p], leader):
                step = (pull * rng.random(n) * (goal != position[p])).astype(np.float32)
                v[rows, goal] += step
                v[rows, position[p]] -= step
            np.clip(v, -6, 6, out=v)
            position[p] = _decode(problem, v, rng)
            now = _cut_spikes(problem, position[p])
            if now < own_cost[p]:
                own[p], own_cost[p] = position[p], now
    return split_over_rows(problem, own[int(own_cost.argmin())])


def _decode(problem: PartitionProblem, velocity: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int64]:
    from spikemesh.mapping.partition.greedy import take_best

    chance = 1 / (1 + np.exp(-velocity))
    chance += rng.random(velocity.shape, np.float32)
    return take_best(chance, rng.permutation(problem.n), problem.capacity)


def _cut_spikes(problem: PartitionProblem, part: NDArray[np.int64]) -> float:
    inside = int(problem.indptr[problem.n])
    pre, post = problem.pre[:inside], problem.post[:inside]
    return float(problem.rates[pre[part[pre] != part[post]]].sum())
