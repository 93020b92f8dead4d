"""The placement of tools that do none: clusters in index order on tiles in index order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.place.problem import PlaceProblem
from spikemesh.mapping.place.registry import placer

__all__ = ["id_order"]


@placer("id-order", paper="Galluppi et al., A hierarchical configuration system for SpiNNaker, Computing Frontiers 2012")
def id_order(problem: PlaceProblem) -> NDArray[np.int64]:
    """Cluster i on the i-th usable tile, row by row."""
    return problem.tiles[: problem.k].copy()
