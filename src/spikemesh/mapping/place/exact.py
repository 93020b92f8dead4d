"""The optimum for a handful of clusters, by branch and bound."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.mapping.place.problem import PlaceProblem

__all__ = ["MOST_CLUSTERS", "MOST_TILES", "fits", "optimum"]

MOST_CLUSTERS, MOST_TILES = 9, 36


def fits(problem: PlaceProblem) -> bool:
    """Whether the problem is small enough to be tried: 9 clusters and 36 tiles at most."""
    return problem.k <= MOST_CLUSTERS and problem.n <= MOST_TILES


def optimum(
    problem: PlaceProblem, below: float = np.inf, most_nodes: int = 2_000_000
) -> tuple[bool, float, NDArray[np.int64] | None]:
    """(whether the search ended, lowest hop cost found, its tiles or None where nothing is below ``below``).

    Clusters are placed busiest first; a branch ends where the cost of the placed, the cheapest tile for each of the others,
    and the sorted traffic among those on the shortest distances reach the best cost known. Mirror images and turns of a
    whole mesh are searched once. After ``most_nodes`` branches (10 million a second) the search gives up.
    """
    k, n = problem.k, problem.n
    order = np.argsort(-problem.volume, kind="stable")
    weight = (problem.traffic + problem.traffic.T).toarray()[np.ix_(order, order)]
    across = np.abs(problem.tile_x[:, None] - problem.tile_x)
    distance = (across + np.abs(problem.tile_y[:, None] - problem.tile_y)).astype(np.float64)
    shortest = np.sort(distance[np.triu_indices(n, 1)])
    rest = np.zeros(k + 1)
    for depth in range(k):
        left = weight[depth:, depth:]
        pairs = -np.sort(-left[np.triu_indices(k - depth, 1)])
        rest[depth] = pairs @ shortest[: len(pairs)]
    ended, cost, at = _branch(weight, distance, rest, *_one_of_each_image(problem), below, most_nodes)
    if at[0] < 0:
        return ended, below, None
    placed = np.empty(k, np.int64)
    placed[order] = problem.tiles[at]
    return ended, cost, placed


def _one_of_each_image(problem: PlaceProblem) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Usable tiles to try for the first cluster (n,), and for the second where the first is on each tile (n, n).

    On a whole mesh the others are mirror images or turns of these.
    """
    tiles = np.arange(problem.n)
    images = tiles[None]
    if problem.n == problem.cols * problem.rows:
        grid = tiles.reshape(problem.rows, problem.cols)
        grids = [grid, grid.T] if problem.cols == problem.rows else [grid]
        images = np.array([g[::y, ::x].ravel() for g in grids for y in (1, -1) for x in (1, -1)])
    first = images.min(axis=0) == tiles
    second = np.array([images[images[:, t] == t].min(axis=0) == tiles for t in tiles])
    return first, second


@njit(cache=True)
def _branch(weight, distance, rest, first, second, below, most_nodes):  # type: ignore[no-untyped-def]
    """(ended, cost, (k,) index into the usable tiles of each cluster, -1 where nothing was found)."""
    k, n = len(weight), len(distance)
    price = np.zeros((k + 1, k, n))  # price[d, c, t]: cost of cluster c on tile t against the d placed ones
    at, best = np.full(k, -1, np.int64), np.full(k, -1, np.int64)
    spent = np.zeros(k + 1)
    taken = np.zeros(n, np.bool_)
    best_cost = below
    depth, nodes = 0, 0
    while depth >= 0:
        if at[depth] >= 0:
            taken[at[depth]] = False
        t = at[depth] + 1
        while t < n and (
            taken[t]
            or spent[depth] + price[depth, depth, t] >= best_cost
            or (depth == 0 and not first[t])
            or (depth == 1 and not second[at[0], t])
        ):
            t += 1
        if t == n:
            at[depth] = -1
            depth -= 1
            continue
        nodes += 1
        if nodes > most_nodes:
            return False, best_cost, best
        at[depth] = t
        taken[t] = True
        spent[depth + 1] = spent[depth] + price[depth, depth, t]
        if depth == k - 1:
            best_cost = spent[k]
            best[:] = at
            continue
        bound = spent[depth + 1] + rest[depth + 1]
        for c in range(depth + 1, k):
            cheapest = np.inf
            for s in range(n):
                price[depth + 1, c, s] = price[depth, c, s] + weight[depth, c] * distance[t, s]
                if not taken[s] and price[depth + 1, c, s] < cheapest:
                    cheapest = price[depth + 1, c, s]
            bound += cheapest
        if bound < best_cost:
            depth += 1
            at[depth] = -1
    return True, best_cost, best
