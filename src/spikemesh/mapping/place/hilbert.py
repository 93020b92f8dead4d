"""Lays the clusters along a curve that keeps near on the mesh what is near on the line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.place.measure import hop_cost
from spikemesh.mapping.place.problem import PlaceProblem
from spikemesh.mapping.place.registry import placer
from spikemesh.mapping.place.spectral import embedding

__all__ = ["along_curve", "curve", "hilbert"]

ORDERS = ("best", "id", "spectral")


@placer("hilbert", paper="Jin et al., Mapping very large scale spiking neuron network to neuromorphic hardware, ASPLOS 2023")
def hilbert(problem: PlaceProblem, *, order: str = "best") -> NDArray[np.int64]:
    """Clusters in a one-dimensional order along a Hilbert curve, generalised to any rectangle.

    order : "id" (index order, topological for clusters cut in layer order), "spectral" (by the second eigenvector of the
        traffic graph's Laplacian), or "best", the cheaper of the two.
    """
    if order not in ORDERS:
        raise MappingError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    tried = []
    if order in ("best", "id"):
        tried.append(along_curve(problem, np.arange(problem.k)))
    if order in ("best", "spectral"):
        tried.append(along_curve(problem, np.argsort(embedding(problem, 1)[:, 0], kind="stable")))
    return min(tried, key=lambda tiles: hop_cost(problem.traffic, tiles, problem.cols))


def along_curve(problem: PlaceProblem, order: NDArray[np.integer]) -> NDArray[np.int64]:
    """(k,) tiles: the clusters in ``order`` (k,) on the most compact k tiles in the order of the curve."""
    x, y = curve(problem.cols, problem.rows)
    path = y * problem.cols + x
    placed = np.empty(problem.k, np.int64)
    placed[order] = path[np.isin(path, problem.core)]
    return placed


def curve(cols: int, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """x and y, (cols * rows,) each, of a Hilbert-like curve through every tile of a rectangle.

    Steps go to a neighbour tile; where a side is odd, a step may be diagonal. After J. Cerveny's generalised Hilbert curve
    (2018): a block much longer than wide is halved across, any other is walked as three blocks, the outer two turned by a
    right angle.
    """
    xs: list[int] = []
    ys: list[int] = []
    # (corner x, corner y, way of the block, way across it); the ways are vectors along one axis
    todo = [(0, 0, cols, 0, 0, rows) if cols >= rows else (0, 0, 0, rows, cols, 0)]
    while todo:
        x, y, ax, ay, bx, by = todo.pop()
        length, width = abs(ax + ay), abs(bx + by)
        if length == 1 or width == 1:
            dx, dy, n = (_sign(ax), _sign(ay), length) if width == 1 else (_sign(bx), _sign(by), width)
            xs.extend(x + i * dx for i in range(n))
            ys.extend(y + i * dy for i in range(n))
        elif 2 * length > 3 * width:
            cx, cy = _half(ax, ay, length)
            todo.append((x + cx, y + cy, ax - cx, ay - cy, bx, by))
            todo.append((x, y, cx, cy, bx, by))
        else:
            cx, cy = int(ax / 2), int(ay / 2)
            ex, ey = _half(bx, by, width)
            end_x, end_y = x + ax - _sign(ax) + ex - _sign(ex), y + ay - _sign(ay) + ey - _sign(ey)
            todo.append((end_x, end_y, -ex, -ey, cx - ax, cy - ay))
            todo.append((x + ex, y + ey, ax, ay, bx - ex, by - ey))
            todo.append((x, y, ex, ey, cx, cy))
    return np.array(xs, np.int64), np.array(ys, np.int64)


def _half(vx: int, vy: int, length: int) -> tuple[int, int]:
    """Half of an axis vector, rounded to an even number of tiles where the whole is longer than 2."""
    half = length // 2
    if half % 2 and length > 2:
        half += 1
    return _sign(vx) * half, _sign(vy) * half


def _sign(v: int) -> int:
    return (v > 0) - (v < 0)
