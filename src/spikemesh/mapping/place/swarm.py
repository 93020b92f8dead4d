"""Particle swarm over placements, as SpiNeMap's SpiNePlacer."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.place.draws import next_state, start_state, unit
from spikemesh.mapping.place.problem import PlaceProblem
from spikemesh.mapping.place.registry import placer

__all__ = ["decode", "pso"]


@placer("pso", paper="Balaji et al., Mapping spiking neural networks to neuromorphic hardware (SpiNeMap), IEEE TVLSI 28, 2020")
def pso(
    problem: PlaceProblem,
    *,
    particles: int = 30,
    iterations: int = 200,
    inertia: float = 0.72,
    cognitive: float = 1.49,
    social: float = 1.49,
) -> NDArray[np.int64]:
    """One dimension a cluster, its value the index of a usable tile; fitness is the hop cost.

    A position is rounded; where clusters meet on a tile, the lowest keeps it and the others take the free tile of the
    nearest index, the lower one of two. Velocities start uniform and stay within half the range. Swarm size, iterations and
    coefficients are those that published re-implementations use; the paper leaves them open.
    """
    if particles < 1 or iterations < 1:
        raise MappingError(f"placer 'pso' needs particles >= 1 and iterations >= 1, not {particles!r} and {iterations!r}")
    a, b, packets = _pairs(problem)
    seed = int(problem.rng().integers(1 << 62))
    best = _swarm(
        a, b, packets, problem.tile_x, problem.tile_y, problem.k, particles, iterations, inertia, cognitive, social, seed
    )
    return problem.tiles[best]


def _pairs(problem: PlaceProblem) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(a, b, packets/s) of each pair a < b that exchanges packets."""
    indptr, neighbour, weight = problem.exchange
    a = np.repeat(np.arange(problem.k), np.diff(indptr))
    once = a < neighbour
    return a[once], neighbour[once], weight[once]


@njit(cache=True)
def decode(position, n, taken, at):  # type: ignore[no-untyped-def]
    """Rounds ``position`` (k,) to usable-tile indices into ``at`` (k,), repaired so that no two meet.

    taken (n,) bool: scratch.
    """
    taken[:] = False
    for c in range(len(position)):
        t = min(max(int(np.floor(position[c] + 0.5)), 0), n - 1)
        up, down = t, t
        while up < n and taken[up]:
            up += 1
        while down >= 0 and taken[down]:
            down -= 1
        t = down if down >= 0 and (up >= n or t - down <= up - t) else up
        taken[t] = True
        at[c] = t


@njit(cache=True)
def _swarm(  # type: ignore[no-untyped-def]
    a, b, packets, tile_x, tile_y, k, particles, iterations, inertia, cognitive, social, seed
):
    """(k,) index into the usable tiles of each cluster, the best position that any particle met."""
    n = len(tile_x)
    s = start_state(seed)
    position, velocity = np.empty((particles, k)), np.empty((particles, k))
    own, own_cost = np.empty((particles, k)), np.full(particles, np.inf)
    leader, best_cost, best = np.empty(k), np.inf, np.empty(k, np.int64)
    at, taken = np.empty(k, np.int64), np.empty(n, np.bool_)
    fastest = 0.5 * n
    for p in range(particles):
        for c in range(k):
            s = next_state(s)
            position[p, c] = unit(s) * (n - 1)
            s = next_state(s)
            velocity[p, c] = (2.0 * unit(s) - 1.0) * fastest
    for _ in range(iterations):
        for p in range(particles):
            decode(position[p], n, taken, at)
            cost = 0.0
            for e in range(len(a)):
                i, j = at[a[e]], at[b[e]]
                cost += packets[e] * (abs(tile_x[i] - tile_x[j]) + abs(tile_y[i] - tile_y[j]))
            if cost < own_cost[p]:
                own_cost[p] = cost
                own[p] = position[p]
                if cost < best_cost:
                    best_cost = cost
                    leader[:] = position[p]
                    best[:] = at
        for p in range(particles):
            for c in range(k):
                s = next_state(s)
                mine = cognitive * unit(s) * (own[p, c] - position[p, c])
                s = next_state(s)
                theirs = social * unit(s) * (leader[c] - position[p, c])
                v = min(max(inertia * velocity[p, c] + mine + theirs, -fastest), fastest)
                velocity[p, c] = v
                position[p, c] = min(max(position[p, c] + v, 0.0), n - 1.0)
    return best
