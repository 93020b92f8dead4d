"""Multilevel placement: the traffic graph is coarsened, laid out coarsely, and mended level by level."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.mapping.place.problem import PlaceProblem
from spikemesh.mapping.place.search import Schedule, improve
from spikemesh.mapping.place.spectral import fill_bands

__all__ = ["Level", "by_levels", "coarsen", "matched", "spread"]

COARSEST = 300
"""Vertices that are few enough to be laid out at once."""
LEAST = 0.9
"""A level that keeps more than this share of the vertices ends the coarsening."""


@dataclass(frozen=True, eq=False)
class Level:
    """A coarser problem. ``parent`` (k,): the vertex there of each vertex here; ``size``: clusters in each vertex there."""

    problem: PlaceProblem
    parent: NDArray[np.int64]
    size: NDArray[np.int64]


def by_levels(
    problem: PlaceProblem,
    schedule: Schedule,
    rng: np.random.Generator,
    lay_out: Callable[[PlaceProblem], NDArray[np.int64]],
) -> tuple[float, NDArray[np.int64]]:
    """(hop cost, tiles): multilevel placement, as Chan, Cong, Kong and Shinnerl (mPL, ICCAD 2000) do it for circuits.

    Pairs of clusters are merged until at most 300 vertices are left; ``lay_out`` places those; then level by level each
    vertex gives its cell to the two it was made of, and ``schedule`` anneals. Work grows with the clusters and their partners.
    """
    levels = []
    size = np.ones(problem.k, np.int64)
    most = max(4, 4 * problem.k // COARSEST)
    here = problem
    while here.k > COARSEST:
        level = coarsen(here, size, rng, most)
        if level is None:
            break
        levels.append((here, level))
        here, size = level.problem, level.size
    placed = np.asarray(lay_out(here), np.int64)
    cost = np.inf
    for finer, level in reversed(levels):
        cost, placed = improve(finer, spread(finer, level, placed), schedule, int(rng.integers(1 << 62)))
    return improve(problem, placed, schedule, int(rng.integers(1 << 62))) if not levels else (cost, placed)


def coarsen(problem: PlaceProblem, size: NDArray[np.int64], rng: np.random.Generator, most: int) -> Level | None:
    """Merges pairs that exchange much, none over ``most`` clusters; on a mesh of the same shape. None where hardly any pair."""
    import scipy.sparse

    k = problem.k
    mate = matched(*problem.exchange, size, rng.permutation(k), most)
    leader = np.minimum(np.arange(k), mate)
    kept, parent = np.unique(leader, return_inverse=True)
    n = len(kept)
    if n > LEAST * k:
        return None
    join = scipy.sparse.csr_array((np.ones(k), parent, np.arange(k + 1)), (k, n))
    traffic = scipy.sparse.csr_array(join.T @ problem.traffic @ join)
    shape = problem.cols / problem.rows
    rows = max(1, round(math.sqrt(n / shape)))
    coarse = PlaceProblem.on_mesh(traffic, -(-n // rows), rows, seed=problem.seed)
    return Level(coarse, parent, np.bincount(parent, weights=size).astype(np.int64))


@njit(cache=True)
def matched(indptr, neighbour, weight, size, order, most):  # type: ignore[no-untyped-def]
    """(k,) the partner of each vertex, itself where it has none.

    In ``order``, each takes the free neighbour with the largest exchange per clusters of both; those left over are paired
    where their heaviest neighbour is the same.
    """
    k = len(indptr) - 1
    mate = np.full(k, -1, np.int64)
    for u in order:
        if mate[u] >= 0:
            continue
        best, most_shared = -1, 0.0
        for e in range(indptr[u], indptr[u + 1]):
            v = neighbour[e]
            if mate[v] < 0 and v != u and size[u] + size[v] <= most:
                shared = weight[e] / (size[u] * size[v])
                if shared > most_shared:
                    best, most_shared = v, shared
        if best >= 0:
            mate[u], mate[best] = best, u
    waiting = np.full(k, -1, np.int64)
    for u in order:
        if mate[u] >= 0 or indptr[u] == indptr[u + 1]:
            continue
        heaviest = neighbour[indptr[u] + np.argmax(weight[indptr[u] : indptr[u + 1]])]
        v = waiting[heaviest]
        if v >= 0 and size[u] + size[v] <= most:
            mate[u], mate[v] = v, u
            waiting[heaviest] = -1
        else:
            waiting[heaviest] = u
    for u in range(k):
        if mate[u] < 0:
            mate[u] = u
    return mate


def spread(problem: PlaceProblem, level: Level, placed: NDArray[np.int64]) -> NDArray[np.int64]:
    """(k,) tiles of the finer problem, from a placement of the coarser one.

    Each vertex stands in its parent's cell, on the side where its partners are; columns and rows are then filled in that order.
    """
    coarse = level.problem
    indptr, neighbour, weight = problem.exchange
    source = np.repeat(np.arange(problem.k), np.diff(indptr))
    pull = np.maximum(np.bincount(source, weight, problem.k), 1e-300)
    at = []
    for cells, coordinate in ((coarse.cols, placed % coarse.cols), (coarse.rows, placed // coarse.cols)):
        here = ((coordinate + 0.5) / cells)[level.parent]
        partners = np.bincount(source, weight * here[neighbour], problem.k) / pull
        at.append(here + np.clip(0.5 * (partners - here), -0.5 / cells, 0.5 / cells))
    return fill_bands(problem, at[0], at[1])
