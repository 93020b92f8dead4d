"""Annealing and descent of the hop cost by slope tables, as one step from placement to placement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.place.measure import hop_cost, link_loads
from spikemesh.mapping.place.problem import PlaceProblem

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Schedule", "improve", "relieve"]

MOST_PAIRS = 100_000_000


@dataclass(frozen=True)
class Schedule:
    """How to anneal, then descend.

    work : a cluster, in proposals; one that is carried out counts for more, see ``slopes.anneal``.
    hot, cold : first and last temperature, in units of ``problem.wobble``.
    window, narrow : first and last reach of a proposal, in tiles each way.
    sweeps : rounds of descent over all pairs that follow; it stops by itself where no trade pays. Fewer on large problems,
        where all pairs are too many: at most ``MOST_PAIRS`` pairs are looked at.
    """

    work: float
    hot: float
    cold: float
    window: float
    narrow: float = 1.0
    levels: int = 30
    sweeps: int = 100


def improve(problem: PlaceProblem, placed: NDArray[np.int64], schedule: Schedule, seed: int) -> tuple[float, NDArray[np.int64]]:
    """(hop cost, tiles) after annealing and descending from ``placed`` (k,)."""
    from spikemesh.mapping.place.slopes import anneal, descend, slope_table

    cols, rows, graph = problem.cols, problem.rows, problem.exchange
    x, y, grid = placed % cols, placed // cols, problem.occupants(placed)
    unit = problem.wobble
    if unit == 0.0:
        return 0.0, placed
    slopes = slope_table(*graph, x, y, cols, rows)
    if schedule.work > 0:
        window = min(schedule.window, float(max(cols, rows)))
        work = max(1, int(schedule.work * problem.k / (schedule.levels + 1)))
        anneal(
            *graph, slopes, x, y, grid, cols, rows, schedule.hot * unit, schedule.cold * unit,
            window, min(schedule.narrow, window), schedule.levels, work, seed,
        )  # fmt: skip
    sweeps = min(schedule.sweeps, MOST_PAIRS // (problem.k * problem.n))
    descend(*graph, slopes, x, y, grid, problem.tiles, cols, rows, sweeps, 1e-9 * unit)
    found = y * cols + x
    return hop_cost(problem.traffic, found, cols), found


def relieve(
    problem: PlaceProblem, placed: NDArray[np.int64], hop_share: float, proposals: float, seed: int
) -> NDArray[np.int64]:
    """(k,) tiles with a less busy busiest link, from ``placed``; the start where annealing finds nothing better.

    hop_share : 0 .. 1, weight of log(hop cost) against log(busiest link); at 1 their product is what counts, below 1 the
        busiest link. proposals : a cluster.
    """
    from spikemesh.mapping.place.balance import anneal_loads
    from spikemesh.mapping.place.slopes import slope_table

    cols, rows = problem.cols, problem.rows

    def score(tiles: NDArray[np.int64]) -> tuple[float, float]:
        busiest, cost = float(link_loads(problem.traffic, tiles, cols, rows).max()), hop_cost(problem.traffic, tiles, cols)
        return (busiest * cost, cost) if hop_share == 1.0 else (busiest, cost)

    before = score(placed)
    if before[0] == 0.0:
        return placed
    unit = float(link_loads(problem.traffic, placed, cols, rows).max())
    indptr, neighbour, weight = problem.exchange
    graph = (indptr, neighbour, weight / unit)
    routes = _by_source(problem.traffic, unit) + _by_source(problem.traffic.T.tocsr(), unit)
    x, y, grid = placed % cols, placed // cols, problem.occupants(placed)
    slopes = slope_table(*graph, x, y, cols, rows)
    window, levels = min(5.0, float(max(cols, rows))), 20
    moves = max(1, int(proposals * problem.k / (levels + 1)))
    # a cluster's share of the hop cost, about 1 / k, is the natural step of its logarithm
    hot, cold = 0.3 / problem.k, 0.003 / problem.k
    anneal_loads(
        *graph, slopes, *routes, x, y, grid, cols, rows, hop_share, hot, cold, window, min(2.0, window), levels, moves, seed
    )
    found = y * cols + x
    return found if score(found) < before else placed


def _by_source(traffic: csr_array, unit: float) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(indptr, destination, packets/s in units of ``unit``) of a sparse traffic matrix."""
    return traffic.indptr.astype(np.int64), traffic.indices.astype(np.int64), traffic.data / unit
