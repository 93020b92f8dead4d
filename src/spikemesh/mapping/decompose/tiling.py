"""Packs from the side of the inputs: every block is a rectangle of inputs and all neurons that they reach.

Where receptive fields overlap on all sides, groups of neurons share only the middle of what they read, and every group needs
rows for its rim again. Cutting the inputs instead gives every input one row (or a few, where it reaches more neurons than a
crossbar has columns), and a neuron one unit in each block that its field touches.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.decompose.carving import NO_CROSSBAR, Carved, Columns
from spikemesh.mapping.decompose.grouping import cut_layer, has_places, places
from spikemesh.mapping.decompose.packing import Packing, columns_of, number_units, packing_of
from spikemesh.network import SpikingNetwork

__all__ = ["cut_inputs", "pack_inputs", "place_roots"]

TURNED_AWAY = 0.5
"""Share of a crossbar's columns that a block may find too many neurons for, and still be one block: those with fewest inputs
in it stay out, and their roots take these inputs themselves."""


def pack_inputs(
    network: SpikingNetwork,
    n_in: int,
    n_out: int,
    *,
    on_chip: NDArray[np.bool_] | None = None,
    rows: int | None = None,
    aspect: float = 1.0,
    least: int = 3,
) -> Packing:
    """Blocks of at most ``rows`` inputs of one layer; roots in blocks with rows to spare, or combiners.

    Parameters
    ----------
    network : without parallel synapses. n_in, n_out : rows and columns of a crossbar.
    on_chip : (n_neurons,) bool; neurons off the chip take rows and no column. All by default.
    rows : of a block, ``n_in`` by default; fewer leave rows for partial sums.
    aspect : width by height of its inputs, in layers that have both.
    least : inputs of a block that a unit takes at least; its root takes fewer ones itself. Neurons of more inputs than rows
        take a unit for every block they touch.

    Raises
    ------
    MappingError
        where some neuron fits no crossbars.
    """
    held = np.ones(network.n_neurons, bool) if on_chip is None else on_chip
    order = places(network)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    fewest = np.where(network.fan_in() > n_in, 1, least)
    fewest[~held] = network.n_synapses + 1  # no unit for neurons off the chip
    tile_ptr, tiles = _tiles(network, n_in if rows is None else max(min(rows, n_in), 2), aspect)
    most = n_out + int(TURNED_AWAY * n_out)
    block, n_blocks = cut_inputs(tile_ptr, tiles, order, rank, network.indptr, network.synapses.post, fewest, n_out, most)
    columns = columns_of(network, held, "natural")
    carved = _with_roots(network, columns, block[columns.synapse], n_blocks, rank, n_in, n_out)
    return packing_of(network, columns, carved, held, n_in, n_out)


def _tiles(network: SpikingNetwork, rows: int, aspect: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(tile_ptr, neurons of each tile): the network cut into rectangles of at most ``rows`` neurons of a layer."""
    tiles = []
    for k, layer in enumerate(network.layers):
        local = np.arange(layer.size)
        if has_places(layer):
            height, width, channels = layer.shape
            area = max(rows // channels, 1)
            h = min(max(int(np.sqrt(area / aspect)), 1), height)
            shape = h, min(max(area // h, 1), width), min(channels, rows)
            cut = cut_layer(layer, shape, local)
        else:
            cut = np.split(local, np.arange(rows, layer.size, rows))
        tiles += [network.layer_starts[k] + tile for tile in cut]
    return np.concatenate([[0], np.cumsum([len(tile) for tile in tiles])]), np.concatenate(tiles)


def _with_roots(
    network: SpikingNetwork,
    columns: Columns,
    block: NDArray[np.int32],
    n_blocks: int,
    rank: NDArray[np.int64],
    n_in: int,
    n_out: int,
) -> Carved:
    nowhere = np.full(network.n_neurons, -1, np.int32)
    _, owners, blocks = number_units(columns.ptr, block, columns.neuron, nowhere, network.n_neurons)
    n_columns, left = len(columns.neuron), block < 0
    column = np.repeat(np.arange(n_columns), np.diff(columns.ptr))
    row_ptr, rows = _distinct(block[~left], columns.source[~left], n_blocks, network.n_neurons)
    home, opened = place_roots(
        np.argsort(rank[columns.neuron], kind="stable"),
        np.bincount(owners, minlength=n_columns),
        _pointers(blocks, n_blocks),
        owners[np.argsort(blocks, kind="stable")],
        _pointers(column[left], n_columns),
        columns.source[left],
        row_ptr,
        rows,
        network.n_neurons,
        n_in,
        n_out,
    )
    if opened < 0:
        raise MappingError(f"some neuron of {network.name} fits no crossbars of {n_in} x {n_out} when its inputs are tiled")
    root_cluster = nowhere
    root_cluster[columns.neuron] = home
    return Carved(block, root_cluster, n_blocks + opened)


def _pointers(sorted_or_not: NDArray[np.integer], n: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(sorted_or_not, minlength=n))]).astype(np.int64)


def _distinct(
    block: NDArray[np.int32], source: NDArray[np.int32], n_blocks: int, n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(row_ptr, rows): the distinct sources of each block."""
    key = np.unique(block.astype(np.int64) * n + source)
    return _pointers(key // n, n_blocks), key % n


@njit(cache=True)
def cut_inputs(tile_ptr, tiles, order, rank, indptr, post, fewest, n_out, most):  # type: ignore[no-untyped-def]
    """(block of each synapse, -1 where the root takes it; blocks).

    The inputs of a tile and the neurons that they reach make a block. Where these are more than ``n_out``, those with fewest
    inputs in the tile stay out of it, or, where they are more than ``most``, are cut into several blocks in their order.

    tile_ptr, tiles : inputs of each. order, rank : neurons in their order, and the place of each in it.
    fewest : (neurons,) inputs of a block that a unit of each neuron takes at least; more than there are synapses for those
        off the chip. A neuron with 1 never stays out.
    """
    n, m = len(order), len(post)
    block = np.full(m, -1, np.int32)
    found = np.zeros(n, np.int64)  # inputs of the tile that reach each neuron
    part = np.zeros(n, np.int64)
    touched = np.empty(n, np.int64)
    blocks = 0
    for t in range(len(tile_ptr) - 1):
        width = 0
        for i in range(tile_ptr[t], tile_ptr[t + 1]):
            for e in range(indptr[tiles[i]], indptr[tiles[i] + 1]):
                if fewest[post[e]] <= m:
                    if found[post[e]] == 0:
                        touched[width] = rank[post[e]]
                        width += 1
                    found[post[e]] += 1
        places_of = np.sort(touched[:width])
        kept, deepest = 0, 0
        for place in places_of:
            v = order[place]
            if found[v] >= fewest[v]:
                kept += 1
                deepest = max(deepest, found[v])
        if kept <= most:
            for depth in range(1, deepest + 1):
                for place in places_of:
                    v = order[place]
                    if kept > n_out and found[v] == depth and 1 < fewest[v] <= depth:
                        found[v] = 0
                        kept -= 1
        parts = (kept + n_out - 1) // n_out
        seen = 0
        for place in places_of:
            v = order[place]
            if found[v] >= fewest[v]:
                part[v] = seen * parts // kept
                seen += 1
        for i in range(tile_ptr[t], tile_ptr[t + 1]):
            for e in range(indptr[tiles[i]], indptr[tiles[i] + 1]):
                if found[post[e]] >= fewest[post[e]]:
                    block[e] = blocks + part[post[e]]
        for place in places_of:
            found[order[place]] = 0
        blocks += parts
    return block, blocks


@njit(cache=True)
def place_roots(order, units, member_ptr, member, left_ptr, left, row_ptr, rows, n_sources, n_in, n_out):  # type: ignore[no-untyped-def]
    """(cluster of each column's root, combiners opened, or -1 where a root fits nowhere).

    A root goes, at no column, to a block that holds a unit of it and has rows for the other units' partial sums and for the
    inputs that are in no block, those in need of fewest rows first; else to combiners, filled one after another in ``order``.

    units : (columns,) of each column. member_ptr, member : columns with a unit in each block. left_ptr, left : inputs of each
    column in no block. row_ptr, rows : sources of each block.
    """
    n, blocks = len(units), len(member_ptr) - 1
    home = np.full(n, -1, np.int32)
    seen = np.full(n_sources, -1, np.int64)
    for b in range(blocks):
        spare = n_in - (row_ptr[b + 1] - row_ptr[b])
        for e in range(row_ptr[b], row_ptr[b + 1]):
            seen[rows[e]] = b
        allowed = 0
        while allowed <= spare:
            least = n_in + 1
            for i in range(member_ptr[b], member_ptr[b + 1]):
                v = member[i]
                if home[v] >= 0:
                    continue
                need = units[v] - 1
                for e in range(left_ptr[v], left_ptr[v + 1]):
                    need += seen[left[e]] != b
                if need <= allowed and need <= spare:
                    home[v] = b
                    spare -= need
                    for e in range(left_ptr[v], left_ptr[v + 1]):
                        seen[left[e]] = b
                else:
                    least = min(least, need)
            if least > spare:
                break
            allowed = max(least, allowed)
    opened, used, width = 0, 0, 0
    for v in order:
        if home[v] >= 0:
            continue
        alone = units[v] + left_ptr[v + 1] - left_ptr[v]
        if alone > n_in:
            if left_ptr[v + 1] > left_ptr[v]:
                return home, -1
            home[v] = NO_CROSSBAR
            continue
        stamp = blocks + opened
        need = units[v]
        for e in range(left_ptr[v], left_ptr[v + 1]):
            need += seen[left[e]] != stamp
        if opened == 0 or width + 1 > n_out or used + need > n_in:
            opened += 1
            used, width, need, stamp = 0, 0, alone, stamp + 1
        for e in range(left_ptr[v], left_ptr[v + 1]):
            seen[left[e]] = stamp
        used += need
        width += 1
        home[v] = blocks + opened - 1
    return home, opened
