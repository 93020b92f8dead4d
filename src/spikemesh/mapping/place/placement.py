"""The front door of placement: checks the request, runs a method, checks and measures what it returns."""

from __future__ import annotations

import time
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.partition.registry import suggestion
from spikemesh.mapping.place.measure import hop_cost, link_loads
from spikemesh.mapping.place.problem import PlaceProblem
from spikemesh.mapping.place.registry import available_placers, find_placer

if TYPE_CHECKING:
    from spikemesh.hardware import Hardware

__all__ = ["OBJECTIVES", "Placement", "place", "place_problem"]

OBJECTIVES = ("hops", "link-load", "both")


@dataclass(frozen=True, eq=False)
class Placement:
    """Clusters on tiles, and what that costs.

    tile_of_cluster : (k,) int32, tile index y * cols + x of each cluster; no two share one.
    hop_cost : sum over clusters a != b of packets(a -> b) * Manhattan distance, packets/s times links.
    max_link_load : packets/s on the busiest directed link under XY routing, x first, one packet per destination cluster.
    method, objective, seed, options : how it was made.
    seconds : time that the method took, measuring excluded.
    """

    tile_of_cluster: NDArray[np.int32]
    hop_cost: float
    max_link_load: float
    method: str
    objective: str
    seed: int
    seconds: float
    options: Dict[str, Any]
    problem: PlaceProblem = field(repr=False)

    @property
    def n_clusters(self) -> int:
        return len(self.tile_of_cluster)

    @cached_property
    def hop_cost_bound(self) -> float:
        """No placement of this traffic on these tiles has a hop cost below this; computed when first asked for.

        The best of the bounds of :func:`spikemesh.mapping.place.bounds.hop_cost_bounds`.
        """
        from spikemesh.mapping.place.bounds import hop_cost_bounds

        return max(hop_cost_bounds(self.problem).values())

    @cached_property
    def link_loads(self) -> NDArray[np.float64]:
        """(n_tiles, 4) packets/s that leave each tile east, west, north and south."""
        return link_loads(self.problem.traffic, self.tile_of_cluster, self.problem.cols, self.problem.rows)


def place(
    part: Any,
    hw: Hardware,
    method: str = "auto",
    objective: str = "hops",
    seed: int = 0,
    **options: Any,
) -> Placement:
    """A tile for each cluster.

    Parameters
    ----------
    part : a :class:`spikemesh.mapping.Partition`, or its traffic: (k, k) dense or sparse, packets/s from cluster a to b.
    hw : the chip; an "auto" mesh is sized for the clusters.
    method : a name of ``available("placers")``; "auto" is spikemesh's own.
    objective : what to make small: "hops" (the hop cost), "link-load" (packets/s on the busiest link) or "both" (their
        product). Methods other than "auto" make hops small, as in their papers.
    options : of the method; an unknown one is an error that names those there are.

    Returns
    -------
    Placement; the same for the same arguments.

    Raises
    ------
    MappingError
        for an unknown name, traffic that makes no sense, or more clusters than usable tiles.
    """
    problem = PlaceProblem.of(getattr(part, "traffic", part), hw, _checked_seed(seed))
    return place_problem(problem, method, objective, **options)


def place_problem(problem: PlaceProblem, method: str = "auto", objective: str = "hops", **options: Any) -> Placement:
    """As :func:`place`, for a problem that is at hand."""
    if objective not in OBJECTIVES:
        raise MappingError(
            f"objective must be one of {', '.join(OBJECTIVES)}, not {objective!r}{suggestion(objective, OBJECTIVES)}"
        )
    chosen = find_placer(method)
    if "objective" in chosen.options:
        options = {**options, "objective": objective}
    elif objective != "hops":
        able = ", ".join(name for name in available_placers() if "objective" in find_placer(name).options)
        raise MappingError(f"placer {method!r} knows the objective 'hops' alone; objective = {objective!r} needs {able}")
    options = chosen.checked_options(options)

    start = time.perf_counter()
    raw = chosen.run(problem, **options)
    seconds = time.perf_counter() - start

    tiles = _checked(problem, method, raw)
    cost = hop_cost(problem.traffic, tiles, problem.cols)
    busiest = float(link_loads(problem.traffic, tiles, problem.cols, problem.rows).max(initial=0.0))
    return Placement(tiles, cost, busiest, method, objective, problem.seed, seconds, options, problem)


def _checked_seed(seed: object) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise MappingError(f"seed must be a whole number of at least 0, not {seed!r}")
    return int(seed)


def _checked(problem: PlaceProblem, method: str, raw: object) -> NDArray[np.int32]:
    tiles = np.asarray(raw)
    if tiles.shape != (problem.k,) or not np.issubdtype(tiles.dtype, np.integer):
        raise MappingError(
            f"placer {method!r} must return {problem.k} tile indices; it returned {tiles.dtype} of shape {tiles.shape}"
        )
    outside = tiles[~np.isin(tiles, problem.tiles)]
    if len(outside):
        raise MappingError(f"placer {method!r} put a cluster on tile {int(outside[0])}, which holds none")
    if len(np.unique(tiles)) < len(tiles):
        raise MappingError(f"placer {method!r} put two clusters on one tile")
    return tiles.astype(np.int32)
