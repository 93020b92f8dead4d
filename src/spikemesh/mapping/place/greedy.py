"""Places the busiest cluster in the middle and each next one where its packets travel least."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.mapping.place.problem import PlaceProblem
from spikemesh.mapping.place.registry import placer

__all__ = ["greedy"]


@placer("greedy", paper="no single source; the constructive start of many mappers")
def greedy(problem: PlaceProblem) -> NDArray[np.int64]:
    """Busiest cluster first; next the one that exchanges most with those placed, on the free tile that costs least.

    Ties go to the busier cluster, then the lower index; to the tile nearest the middle, then the lower index.
    """
    return problem.tiles[_greedy(*problem.exchange, problem.volume, problem.tile_x, problem.tile_y, problem.cols, problem.rows)]


@njit(cache=True)
def _greedy(indptr, neighbour, weight, volume, tile_x, tile_y, cols, rows):  # type: ignore[no-untyped-def]
    """(k,) index into the usable tiles of each cluster."""
    k, n = len(volume), len(tile_x)
    middle_x, middle_y = tile_x.mean(), tile_y.mean()
    chosen = np.full(k, -1, np.int64)
    taken = np.zeros(n, np.bool_)
    pull = np.zeros(k)  # packets/s exchanged with the placed clusters
    at_x, at_y = np.empty(cols), np.empty(rows)
    for _ in range(k):
        u = -1
        for c in range(k):
            if chosen[c] < 0 and (u < 0 or pull[c] > pull[u] or (pull[c] == pull[u] and volume[c] > volume[u])):
                u = c
        at_x[:] = 0.0
        at_y[:] = 0.0
        for e in range(indptr[u], indptr[u + 1]):
            t = chosen[neighbour[e]]
            if t >= 0:
                for j in range(cols):
                    at_x[j] += weight[e] * abs(j - tile_x[t])
                for j in range(rows):
                    at_y[j] += weight[e] * abs(j - tile_y[t])
        best, best_cost, best_off = -1, 0.0, 0.0
        for t in range(n):
            if taken[t]:
                continue
            cost = at_x[tile_x[t]] + at_y[tile_y[t]]
            off = (tile_x[t] - middle_x) ** 2 + (tile_y[t] - middle_y) ** 2
            if best < 0 or cost < best_cost or (cost == best_cost and off < best_off):
                best, best_cost, best_off = t, cost, off
        chosen[u] = best
        taken[best] = True
        for e in range(indptr[u], indptr[u + 1]):
            pull[neighbour[e]] += weight[e]
    return chosen
