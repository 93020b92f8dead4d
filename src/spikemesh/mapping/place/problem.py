"""What every placer reads: who sends how much to whom, and the tiles that may hold a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from spikemesh.hardware import Hardware

__all__ = ["PlaceProblem", "checked_traffic"]


@dataclass(frozen=True, eq=False)
class PlaceProblem:
    """Give each of ``k`` clusters a tile of its own on a mesh of ``cols`` x ``rows``.

    traffic : (k, k) sparse, packets/s from cluster a to cluster b; nothing on the diagonal, no stored zeros.
    tiles : (n,) int64, tiles that may hold a cluster, ascending; tile (x, y) has index y * cols + x. n >= k.
    seed : for ``numpy.random.default_rng``.
    """

    traffic: csr_array
    cols: int
    rows: int
    tiles: NDArray[np.int64]
    seed: int

    @staticmethod
    def of(traffic: Any, hardware: Hardware, seed: int = 0) -> PlaceProblem:
        """The problem of a (k, k) traffic matrix on a chip; an "auto" mesh is sized for its k clusters.

        Raises
        ------
        MappingError
            for traffic that is not square, negative, NaN or infinite; for more clusters than usable tiles.
        """
        matrix = checked_traffic(traffic)
        if not hardware.is_sized:
            hardware = hardware.sized_for(matrix.shape[0])
        return PlaceProblem.on_mesh(matrix, hardware.cols, hardware.rows, hardware.usable_tiles, seed)

    @staticmethod
    def on_mesh(traffic: Any, cols: int, rows: int, tiles: NDArray[np.integer] | None = None, seed: int = 0) -> PlaceProblem:
        """As :meth:`of`, with the mesh in numbers; ``tiles`` are the usable ones, None for all."""
        matrix = checked_traffic(traffic)
        usable = np.arange(cols * rows, dtype=np.int64) if tiles is None else np.asarray(tiles, np.int64)
        k = matrix.shape[0]
        if k > len(usable):
            blocked = cols * rows - len(usable)
            without = f", {blocked} of them blocked" if blocked else ""
            raise MappingError(f"{k} clusters need as many tiles; the mesh has {cols} x {rows} = {cols * rows}{without}")
        return PlaceProblem(matrix, cols, rows, usable, seed)

    @property
    def k(self) -> int:
        """Clusters."""
        return int(self.traffic.shape[0])

    @property
    def n(self) -> int:
        """Tiles that may hold a cluster."""
        return len(self.tiles)

    def rng(self) -> np.random.Generator:
        """A fresh generator from the problem's seed."""
        return np.random.default_rng(self.seed)

    @cached_property
    def exchange(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """(indptr (k + 1,), neighbour, packets/s) of the symmetric graph: what two clusters send each other, both ways.

        Neighbours ascend in each row; every pair stands in both rows.
        """
        both = (self.traffic + self.traffic.T).tocsr()
        both.sort_indices()
        return both.indptr.astype(np.int64), both.indices.astype(np.int64), both.data.astype(np.float64)

    @cached_property
    def volume(self) -> NDArray[np.float64]:
        """(k,) packets/s that each cluster sends and receives."""
        sent, received = self.traffic.sum(axis=1), self.traffic.sum(axis=0)
        return np.asarray(sent, np.float64).ravel() + np.asarray(received, np.float64).ravel()

    @cached_property
    def wobble(self) -> float:
        """What one step of a settled cluster changes, packets/s: mean over clusters of the root of the squared exchanges.

        Partners on both sides of a settled cluster nearly cancel, so this and not the volume is what one step costs.
        """
        indptr, _, weight = self.exchange
        source = np.repeat(np.arange(self.k), np.diff(indptr))
        return float(np.sqrt(np.bincount(source, weight * weight, self.k)).mean())

    @cached_property
    def tile_x(self) -> NDArray[np.int64]:
        """(n,) column of each usable tile."""
        return self.tiles % self.cols

    @cached_property
    def tile_y(self) -> NDArray[np.int64]:
        """(n,) row of each usable tile."""
        return self.tiles // self.cols

    def occupants(self, placed: NDArray[np.integer]) -> NDArray[np.int64]:
        """(cols * rows,) cluster on each tile, -1 where it is free, -2 where it is blocked."""
        grid = np.full(self.cols * self.rows, -2, np.int64)
        grid[self.tiles] = -1
        grid[placed] = np.arange(self.k)
        return grid

    @cached_property
    def core(self) -> NDArray[np.int64]:
        """(k,) the compact choice of tiles that methods without a say of their own fill, ascending.

        The usable tiles closest to the middle of the usable ones, by squared distance; ties by lower index.
        """
        dx = self.tile_x - self.tile_x.mean()
        dy = self.tile_y - self.tile_y.mean()
        nearest = np.argsort(dx * dx + dy * dy, kind="stable")[: self.k]
        return self.tiles[np.sort(nearest)]


def checked_traffic(traffic: Any) -> csr_array:
    """Traffic as a sparse matrix without diagonal, duplicates or zeros; a MappingError where it is not one."""
    import scipy.sparse

    try:
        matrix = scipy.sparse.csr_array(traffic, dtype=np.float64, copy=True)
    except (TypeError, ValueError) as error:
        raise MappingError(f"traffic must be a (k, k) matrix of packets/s: {error}") from None
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise MappingError(f"traffic must be a square matrix of at least one cluster, not of shape {matrix.shape}")
    if not np.isfinite(matrix.data).all() or (matrix.data < 0).any():
        raise MappingError("traffic must be finite and not negative, in packets/s")
    matrix.sum_duplicates()
    source = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    matrix.data[matrix.indices == source] = 0.0
    matrix.eliminate_zeros()
    return matrix
