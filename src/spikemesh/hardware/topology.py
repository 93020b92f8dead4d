"""The mesh as a graph, for looking at and for graph tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikemesh.hardware.description import Hardware

if TYPE_CHECKING:
    import networkx

__all__ = ["mesh_graph", "xy_path"]


def mesh_graph(hardware: Hardware) -> networkx.DiGraph:
    """Tiles and links as a directed graph.

    Returns
    -------
    networkx.DiGraph
        Nodes are tile indices with ``x``, ``y`` and ``blocked``; edges are links with ``direction`` ("east", "west", "north" or
        "south"), ``cycles`` of a flit and ``pj`` of a flit-hop.

    Raises
    ------
    MappingError
        while the mesh is "auto".
    """
    import networkx as nx

    cols, rows = hardware.cols, hardware.rows
    usable = set(hardware.usable_tiles.tolist())
    graph = nx.DiGraph(name=hardware.name)
    for tile in range(cols * rows):
        graph.add_node(tile, x=tile % cols, y=tile // cols, blocked=tile not in usable)
    along_x = {"cycles": hardware.link_cycles_x, "pj": float(hardware.hop_x_pj)}
    along_y = {"cycles": hardware.link_cycles_y, "pj": float(hardware.hop_y_pj)}
    for tile in range(cols * rows):
        if tile % cols + 1 < cols:
            graph.add_edge(tile, tile + 1, direction="east", **along_x)
            graph.add_edge(tile + 1, tile, direction="west", **along_x)
        if tile // cols + 1 < rows:
            graph.add_edge(tile, tile + cols, direction="south", **along_y)
            graph.add_edge(tile + cols, tile, direction="north", **along_y)
    return graph


def xy_path(hardware: Hardware, source: int, destination: int) -> list[int]:
    """Tiles that a packet visits under XY routing, both ends included: along x first, then along y."""
    cols = hardware.cols
    (sy, sx), (dy, dx) = divmod(source, cols), divmod(destination, cols)
    along_x = range(sx, dx, 1 if dx > sx else -1)
    along_y = range(sy, dy, 1 if dy > sy else -1)
    return [sy * cols + x for x in along_x] + [y * cols + dx for y in along_y] + [destination]
