"""What a placement costs: links that packets cross, and the packets on each link."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.place.problem import checked_traffic

__all__ = ["hop_cost", "link_loads", "tree_links"]


def hop_cost(traffic: Any, tile_of_cluster: ArrayLike, cols: int) -> float:
    """Sum over clusters a != b of packets(a -> b) * Manhattan distance of their tiles, in packets/s times links.

    traffic : (k, k) dense or sparse, packets/s; tile_of_cluster : (k,) tile indices y * cols + x.
    """
    source, destination, packets = _pairs(traffic, tile_of_cluster)
    along_x = np.abs(source % cols - destination % cols)
    along_y = np.abs(source // cols - destination // cols)
    return float(packets @ (along_x + along_y))


def link_loads(traffic: Any, tile_of_cluster: ArrayLike, cols: int, rows: int) -> NDArray[np.float64]:
    """(n_tiles, 4) packets/s that leave each tile east, west, north and south under XY routing, x first.

    East is x + 1, north is y - 1. One packet for each destination cluster (unicast). Their sum is the hop cost.

    traffic : (k, k) dense or sparse, packets/s; tile_of_cluster : (k,) tile indices y * cols + x.
    """
    source, destination, packets = _pairs(traffic, tile_of_cluster)
    xs, ys, xd, yd = source % cols, source // cols, destination % cols, destination // cols
    loads = np.empty((rows, cols, 4))
    for port, moves, line, first, stop in (
        (0, xd > xs, ys, xs, xd),  # east links of tiles xs .. xd - 1 on the row of the source
        (1, xd < xs, ys, xd + 1, xs + 1),
        (2, yd < ys, xd, yd + 1, ys + 1),  # then the column of the destination
        (3, yd > ys, xd, ys, yd),
    ):
        shape = (rows, cols) if port < 2 else (cols, rows)
        on_line = _runs(packets[moves], line[moves], first[moves], stop[moves], shape)
        loads[:, :, port] = on_line if port < 2 else on_line.T
    return loads.reshape(cols * rows, 4)


def _runs(
    packets: NDArray[np.float64],
    line: NDArray[np.integer],
    first: NDArray[np.integer],
    stop: NDArray[np.integer],
    shape: tuple[int, int],
) -> NDArray[np.float64]:
    """(lines, cells) sum of ``packets`` over the runs first .. stop - 1 on their line."""
    lines, cells = shape
    width = cells + 1
    starts, stops = line * width + first, line * width + stop

    def accumulated(amount: NDArray) -> NDArray:
        change = np.bincount(starts, amount, lines * width) - np.bincount(stops, amount, lines * width)
        return np.cumsum(change.reshape(lines, width), axis=1)[:, :cells]

    # sums of packets leave a rounding residue behind a run; the count of runs is exact
    crossed = accumulated(np.ones(len(packets))) > 0.5
    return np.where(crossed, np.maximum(accumulated(packets), 0.0), 0.0)


def tree_links(source_tile: ArrayLike, starts: ArrayLike, destination_tile: ArrayLike, cols: int) -> NDArray[np.int64]:
    """(m,) links of the XY multicast tree of each source: every link that one of its routes takes, counted once.

    source_tile : (m,) tile of each source; starts : (m + 1,) its destinations are destination_tile[starts[i]:starts[i + 1]].
    The trunk runs along the source's row to the farthest destination on either side; a branch leaves it in each column
    that holds destinations.
    """
    tile = np.asarray(source_tile, np.int64)
    offsets = np.asarray(starts, np.int64)
    to = np.asarray(destination_tile, np.int64)
    if offsets.shape != (len(tile) + 1,) or offsets[0] != 0 or offsets[-1] != len(to) or (np.diff(offsets) < 0).any():
        raise MappingError("starts must be m + 1 offsets from 0 to the number of destinations, never falling")
    source = np.repeat(np.arange(len(tile)), np.diff(offsets))
    xs, ys = tile[source] % cols, tile[source] // cols
    xd, yd = to % cols, to // cols
    links = _span(source, xs, xd, len(tile))
    column, first = np.unique(source * cols + xd, return_inverse=True)
    branches = _span(first, ys, yd, len(column))
    np.add.at(links, column // cols, branches)
    return links


def _span(group: NDArray[np.int64], origin: NDArray[np.int64], reached: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
    """(n_groups,) links of the run that holds the group's origin and everything reached."""
    ahead, behind = np.zeros(n_groups, np.int64), np.zeros(n_groups, np.int64)
    np.maximum.at(ahead, group, reached - origin)
    np.maximum.at(behind, group, origin - reached)
    return ahead + behind


def _pairs(traffic: Any, tile_of_cluster: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(source tile, destination tile, packets/s) of every pair of clusters that talks."""
    matrix = checked_traffic(traffic)
    tile = np.asarray(tile_of_cluster, np.int64)
    if tile.shape != (matrix.shape[0],):
        raise MappingError(f"a placement is one tile a cluster: {tile.shape} for {matrix.shape[0]} clusters")
    source = np.repeat(tile, np.diff(matrix.indptr))
    return source, tile[matrix.indices], matrix.data
