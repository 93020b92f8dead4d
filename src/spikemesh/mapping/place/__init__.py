"""Placement: which tile holds which cluster, one method a file."""

from spikemesh.mapping.place.measure import hop_cost, link_loads, tree_links
from spikemesh.mapping.place.placement import OBJECTIVES, Placement, place, place_problem
from spikemesh.mapping.place.problem import PlaceProblem
from spikemesh.mapping.place.registry import Placer, available_placers, find_placer, placer

__all__ = [
    "OBJECTIVES",
    "PlaceProblem",
    "Placement",
    "Placer",
    "available_placers",
    "find_placer",
    "hop_cost",
    "link_loads",
    "place",
    "place_problem",
    "placer",
    "tree_links",
]
