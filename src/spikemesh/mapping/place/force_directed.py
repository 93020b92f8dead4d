"""Swaps neighbour tiles along the forces that their clusters feel, as Jin et al."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.place.hilbert import hilbert
from spikemesh.mapping.place.problem import PlaceProblem
from spikemesh.mapping.place.registry import placer

__all__ = ["force_directed", "neighbour_tiles"]


@placer(
    "force-directed",
    paper="Jin et al., Mapping very large scale spiking neuron network to neuromorphic hardware, ASPLOS 2023",
)
def force_directed(
    problem: PlaceProblem, *, order: str = "id", batch: int | None = None, max_rounds: int = 100_000
) -> NDArray[np.int64]:
    """From a Hilbert start, neighbour tiles trade their clusters where the opposing forces add up to a gain.

    The force on a cluster towards a direction is the hop cost that one step that way saves; the tension between two
    neighbour tiles is the sum of the opposing forces, less the packets that their clusters exchange (both forces count the
    step towards each other, but a swap leaves their distance as it is). Each round swaps the ``batch`` tensest pairs, as
    long as their tension is positive when their turn comes, so every swap lowers the cost and the rounds end.

    order : of the clusters along the curve, see ``hilbert``; "id" is the paper's topological order. batch : 16 by default,
        or one in 64 clusters where that is more.
    """
    from spikemesh.mapping.place.slopes import slope_table, swap_pairs, tensions

    at_once = max(16, problem.k // 64) if batch is None else batch
    if at_once < 1 or max_rounds < 0:
        raise MappingError(f"placer 'force-directed' needs batch >= 1 and max_rounds >= 0, not {batch!r}, {max_rounds!r}")
    placed = hilbert(problem, order=order)
    x, y, grid = placed % problem.cols, placed // problem.cols, problem.occupants(placed)
    graph = problem.exchange
    slopes = slope_table(*graph, x, y, problem.cols, problem.rows)
    first, second = neighbour_tiles(problem)
    tolerance = 1e-9 * float(problem.volume.max())
    for _ in range(max_rounds):
        tension = tensions(*graph, slopes, grid, first, second, problem.cols, problem.k)
        pulled = np.flatnonzero(tension > tolerance)
        if not len(pulled):
            break
        turn = pulled[np.argsort(-tension[pulled], kind="stable")[:at_once]]
        swap_pairs(*graph, slopes, x, y, grid, first[turn], second[turn], problem.cols, tolerance)
    return y * problem.cols + x


def neighbour_tiles(problem: PlaceProblem) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both tiles of each pair of usable tiles that share an edge, the western or northern one first."""
    usable = np.zeros(problem.cols * problem.rows, bool)
    usable[problem.tiles] = True
    grid = np.arange(len(usable), dtype=np.int64).reshape(problem.rows, problem.cols)
    first = np.concatenate([grid[:, :-1].ravel(), grid[:-1].ravel()])
    second = np.concatenate([grid[:, 1:].ravel(), grid[1:].ravel()])
    both = usable[first] & usable[second]
    return first[both], second[both]
