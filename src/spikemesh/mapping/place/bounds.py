"""Lower bounds on the hop cost of any placement: how far from the optimum a result can be at most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.place.problem import PlaceProblem

__all__ = ["gilmore_lawler", "hop_cost_bounds", "projection", "sorted_pairs", "stars"]

DENSE_UP_TO = 1200  # tiles: beyond, an assignment or an eigendecomposition takes minutes rather than a second
STARS_UP_TO = 10_000  # tiles: beyond, the distances around each of them take too long
SAFE = 1.0 - 1e-9  # sums in another order differ in the last digits; a bound must not exceed a cost that reaches it


def hop_cost_bounds(problem: PlaceProblem) -> dict[str, float]:
    """Every bound that the size of the problem allows, by name, in packets/s times links.

    "sorted" and "stars" for all sizes; "gilmore-lawler" and "projection" up to 1200 usable tiles; "optimum" where branch and
    bound ends, at 9 clusters and 36 tiles at most.
    """
    from spikemesh.mapping.place.exact import fits, optimum

    if problem.traffic.nnz == 0:
        return {"sorted": 0.0}
    bounds = {"sorted": sorted_pairs(problem), "stars": stars(problem)}
    if problem.n <= DENSE_UP_TO:
        bounds["gilmore-lawler"] = gilmore_lawler(problem)
        bounds["projection"] = projection(problem)
    if fits(problem):
        ended, cost, _ = optimum(problem)
        if ended:
            bounds["optimum"] = cost
    return {name: float(value) * SAFE for name, value in bounds.items()}


def sorted_pairs(problem: PlaceProblem) -> float:
    """The most talkative pairs of clusters on the shortest of all pairs of usable tiles, pair by pair."""
    indptr, neighbour, weight = problem.exchange
    source = np.repeat(np.arange(problem.k), np.diff(indptr))
    packets = -np.sort(-weight[source < neighbour])
    distance = np.searchsorted(np.cumsum(_pairs_at_distance(problem)), np.arange(len(packets)), side="right")
    return float(packets @ distance)


def _pairs_at_distance(problem: PlaceProblem) -> NDArray[np.int64]:
    """Pairs of usable tiles at each Manhattan distance 0, 1, 2, ..., by autocorrelation of the mesh."""
    cols, rows = problem.cols, problem.rows
    usable = np.zeros((2 * rows, 2 * cols))
    usable[problem.tile_y, problem.tile_x] = 1.0
    spectrum = np.abs(np.fft.rfft2(usable)) ** 2
    shifted = np.rint(np.fft.irfft2(spectrum, usable.shape)).astype(np.int64)  # [dy, dx] pairs that far apart, cyclic
    dy = np.minimum(np.arange(2 * rows), 2 * rows - np.arange(2 * rows))
    dx = np.minimum(np.arange(2 * cols), 2 * cols - np.arange(2 * cols))
    at = np.bincount((dy[:, None] + dx).ravel(), shifted.ravel()).astype(np.int64)
    at[0] = 0
    return at // 2


def stars(problem: PlaceProblem) -> float:
    """Each cluster with its partners, busiest first, on the shortest distances that any one tile offers."""
    indptr, _, weight = problem.exchange
    longest = int(np.diff(indptr).max())
    source = np.repeat(np.arange(problem.k), np.diff(indptr))
    order = np.lexsort((-weight, source))
    rank = np.arange(len(weight)) - indptr[:-1][source]
    return 0.5 * float(weight[order] @ _nearest(problem, longest)[rank])


def _nearest(problem: PlaceProblem, count: int) -> NDArray[np.float64]:
    """(count,) lower bounds on the distances of any one tile from its nearest, second nearest, ... other tile."""
    if problem.n > STARS_UP_TO:
        rings = np.arange(1, problem.cols + problem.rows)
        return np.repeat(rings, 4 * rings)[:count].astype(np.float64)  # as if the mesh had no edge
    nearest = np.full(count, np.inf)
    for dx, dy in zip(problem.tile_x, problem.tile_y, strict=True):
        distance = np.abs(problem.tile_x - dx) + np.abs(problem.tile_y - dy)
        if count + 1 < problem.n:
            distance = np.partition(distance, count)
        np.minimum(nearest, np.sort(distance[: count + 1])[1:], out=nearest)
    return nearest


def gilmore_lawler(problem: PlaceProblem) -> float:
    """Gilmore (1962) and Lawler (1963): stars on each single tile, the tiles dealt out by a linear assignment."""
    from scipy.optimize import linear_sum_assignment

    indptr, _, weight = problem.exchange
    longest = int(np.diff(indptr).max())
    partners = np.zeros((problem.k, longest))
    source = np.repeat(np.arange(problem.k), np.diff(indptr))
    order = np.lexsort((-weight, source))
    partners[source, np.arange(len(weight)) - indptr[:-1][source]] = weight[order]
    nearest = np.sort(_distances(problem), axis=1)[:, 1 : longest + 1]
    cost = partners @ nearest.T
    cluster, tile = linear_sum_assignment(cost)
    return 0.5 * float(cost[cluster, tile].sum())


def projection(problem: PlaceProblem) -> float:
    """Eigenvalues of the traffic graph's Laplacian against those of the distances, both off the constant vector.

    Hadley, Rendl and Wolkowicz, A new lower bound via projection for the quadratic assignment problem, Mathematics of
    Operations Research 17, 1992. Distances have a zero diagonal, so any diagonal may be added to the traffic: the negative
    Laplacian on clusters, and -shift on the stand-ins for free tiles, whose best value is looked for on a grid.
    """
    k, n = problem.k, problem.n
    weight = (problem.traffic + problem.traffic.T).toarray()
    smooth = np.linalg.eigvalsh(np.diag(weight.sum(axis=1)) - weight)
    distance = _distances(problem)
    from_tile = distance.sum(axis=1)
    total = from_tile.sum()
    centred = distance - from_tile / n - (from_tile / n)[:, None] + total / n**2
    reach = np.sort(-np.linalg.eigvalsh(centred))[::-1][: n - 1]  # Manhattan distance is of negative type: all >= 0
    free = n - k
    if free == 0:
        return 0.5 * float(smooth[1:] @ reach)
    outermost = np.sort(from_tile)[::-1][:free].sum()
    best = 0.0
    for shift in np.geomspace(max(smooth[1], 1e-6 * smooth[-1]), max(smooth[-1], 1e-300), 40):
        spectrum = np.sort(np.concatenate([smooth[1:], np.full(free - 1, shift), [shift * k / n]]))
        linear = shift * (free * total / n**2 - 2.0 * outermost / n)
        best = max(best, 0.5 * (float(spectrum @ reach) + linear))
    return best


def _distances(problem: PlaceProblem) -> NDArray[np.float64]:
    """(n, n) Manhattan distances of the usable tiles."""
    across = np.abs(problem.tile_x[:, None] - problem.tile_x)
    return (across + np.abs(problem.tile_y[:, None] - problem.tile_y)).astype(np.float64)
