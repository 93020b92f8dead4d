"""The baseline that improvements are quoted against: a random tile for each cluster."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.place.problem import PlaceProblem
from spikemesh.mapping.place.registry import placer

__all__ = ["random_placement", "random_tiles"]


@placer("random", paper="Balaji et al., SpiNeMap (IEEE TVLSI 2020): the placer of its public release")
def random_tiles(problem: PlaceProblem) -> NDArray[np.int64]:
    """Every placement equally likely."""
    return random_placement(problem, problem.rng())


def random_placement(problem: PlaceProblem, rng: np.random.Generator) -> NDArray[np.int64]:
    """(k,) tiles drawn from ``rng``."""
    return rng.permutation(problem.tiles)[: problem.k]
