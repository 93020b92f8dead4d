"""Which neurons carve blocks together, and which inputs are cut together: rectangles in layers with height and width.

All channels at one place read the same inputs, and neighbouring places most of the same. How many rows a rectangle of so
many places and channels needs depends on the field, the stride and what was pruned; so some rectangles of each of several
shapes are carved, and the layer is cut into the cheapest shape.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.decompose.carving import Columns, price
from spikemesh.network import Layer, SpikingNetwork

__all__ = ["GROUPINGS", "Grouping", "Shape", "cut_layer", "has_places", "places"]

GROUPINGS = ("index", "tiles")
"""index: neurons next to each other in index order carve a block together. tiles: in a layer with height and width, those of
a rectangle of places."""

Shape = tuple[int, int, int]
"""Height, width and channels of a rectangle."""

SAMPLED = 8
"""Groups of each shape that are carved to find its price."""
LONGEST = 4
"""Largest ratio of the sides of a rectangle."""
LEAST = (3, 2)
"""Inputs of a block that a column takes at least: those tried."""


class Grouping:
    """Groups of columns of a network, layer by layer; what it finds of a layer is kept.

    columns : of the network. n_in, n_out : rows and columns of a crossbar.
    """

    def __init__(self, network: SpikingNetwork, columns: Columns, n_in: int, n_out: int) -> None:
        self.network, self.columns, self.n_in, self.n_out = network, columns, n_in, n_out
        self._found: dict[tuple[int, int, int | None], tuple[Shape, float]] = {}
        self._fewest: dict[tuple[int, str, int], int] = {}

    @cached_property
    def _of_layer(self) -> list[NDArray[np.int64]]:
        """Columns of each layer."""
        ends = np.searchsorted(self.columns.neuron, [*self.network.layer_starts[: len(self.network.layers)]])
        return np.split(np.arange(len(self.columns.neuron)), ends[1:])

    def groups(self, grouping: str, width: int, least: int | None) -> tuple[list[NDArray[np.int64]], list[int]]:
        """(columns of each group, inputs of a block that its columns take at least).

        width : columns of a group, at most. With "tiles", only where they outnumber the rows and would leave no column to
            those of other layers: elsewhere groups are of ``n_out``. least : None for the cheapest of LEAST.
        """
        groups: list[NDArray[np.int64]] = []
        fewest: list[int] = []
        for k, layer in enumerate(self.network.layers):
            mine = self._of_layer[k]
            if not len(mine):
                continue
            if grouping == "tiles" and has_places(layer):
                some = self._tiles(k, self._shape(k, width, least))
            else:
                span = self.n_out if grouping == "tiles" else _whole_places(layer, width)
                some = _chunks(mine, self.columns.neuron, span)
            groups += some
            fewest += [self._least(k, grouping, width, some) if least is None else least] * len(some)
        return groups, fewest

    def _shape(self, k: int, width: int, least: int | None) -> Shape:
        shape, rows = self._cheapest(k, self.n_out, least)
        return shape if rows >= 1 or width >= self.n_out else self._cheapest(k, width, least)[0]

    def _cheapest(self, k: int, most: int, least: int | None) -> tuple[Shape, float]:
        """(shape of fewest rows a column, ties to the smallest; rows a column) among those of at most ``most`` columns."""
        key = k, most, least
        if key not in self._found:
            best: tuple[float, int, Shape] | None = None
            for shape in _shapes(self.network.layers[k], max(most // (2 if self.columns.signed else 1), 1)):
                some = _spread(self._tiles(k, shape))
                rows, units = price(some, least or LEAST[0], self.columns, self.n_in, self.n_out)
                found = round((rows + 1e-3 * units) / sum(map(len, some)), 6), math.prod(shape), shape
                best = found if best is None else min(best, found)
            assert best is not None
            self._found[key] = best[2], best[0]
        return self._found[key]

    def _least(self, k: int, grouping: str, width: int, groups: list[NDArray[np.int64]]) -> int:
        key = k, grouping, width
        if key not in self._fewest:
            some = _spread(groups)
            self._fewest[key] = min(LEAST, key=lambda least: price(some, least, self.columns, self.n_in, self.n_out)[0])
        return self._fewest[key]

    def _tiles(self, k: int, shape: Shape) -> list[NDArray[np.int64]]:
        mine = self._of_layer[k]
        local = self.columns.neuron[mine] - self.network.layer_starts[k]
        groups = []
        for tile in cut_layer(self.network.layers[k], shape, local):
            groups += _chunks(mine[tile], self.columns.neuron, self.n_out)
        return groups


def has_places(layer: Layer) -> bool:
    """Whether the layer has height and width."""
    return len(layer.shape) == 3 and layer.shape[0] * layer.shape[1] > 1


def cut_layer(layer: Layer, shape: Shape, local: NDArray[np.integer]) -> list[NDArray[np.int64]]:
    """Indices into ``local``, neurons of the layer counted from its first, of each rectangle that holds some."""
    _, width, channels = layer.shape
    position, channel = np.divmod(local.astype(np.int64), channels)
    y, x = np.divmod(position, width)
    h, w, c = shape
    across, deep = -(-width // w), -(-channels // c)
    tile = (y // h * across + x // w) * deep + channel // c
    order = np.argsort(tile, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(tile[order])) + 1)


def _shapes(layer: Layer, most: int) -> list[Shape]:
    """Rectangles of at most ``most`` neurons, about that many or a half or a quarter; of all channels, or part of them."""
    height, width, channels = layer.shape
    deep = -(-channels // -(-channels // most))
    found = [(1, 1, deep)]
    for room in (most, most // 2, most // 4):
        for c in (deep, -(-deep // 2), -(-deep // 4)):
            for h in range(1, min(room // c, height) + 1):
                w = min(room // c // h, width)
                if max(h, w) <= LONGEST * min(h, w) and (2 * h * w * c > room or h * w == height * width):
                    found.append((h, w, c))
    return list(dict.fromkeys(found))


def _spread(groups: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """All groups of a few, else some all over them."""
    if len(groups) <= 2 * SAMPLED:
        return groups
    return [groups[i] for i in np.arange(SAMPLED) * len(groups) // SAMPLED]


def _whole_places(layer: Layer, width: int) -> int:
    """Columns of a group in index order: whole places where these fill most of it."""
    channels = layer.shape[2] if len(layer.shape) == 3 else 1
    whole = width // channels * channels
    return whole if 4 * whole >= 3 * width else width


def _chunks(columns: NDArray[np.int64], neuron: NDArray[np.int32], span: int) -> list[NDArray[np.int64]]:
    """At most ``span`` at a time; columns of a neuron stay together."""
    chunks = []
    at = 0
    while at < len(columns):
        stop = min(at + span, len(columns))
        if at + 1 < stop < len(columns) and neuron[columns[stop]] == neuron[columns[stop - 1]]:
            stop -= 1
        chunks.append(columns[at:stop])
        at = stop
    return chunks


def places(network: SpikingNetwork) -> NDArray[np.int64]:
    """(n_neurons,) neurons layer after layer, in layers with height and width along a Z curve."""
    starts = network.layer_starts
    return np.concatenate(
        [starts[k] + np.argsort(_along_curve(layer), kind="stable") for k, layer in enumerate(network.layers)]
    )


def _along_curve(layer: Layer) -> NDArray[np.int64]:
    """Order of the neurons of a layer: positions along a Z curve, channels of a position together."""
    local = np.arange(layer.size)
    if len(layer.shape) != 3:
        return local
    _, width, channels = layer.shape
    position, channel = np.divmod(local, channels)
    y, x = np.divmod(position, width)
    curve = np.zeros_like(position)
    for bit in range(16):
        curve |= ((x >> bit & 1) << 2 * bit) | ((y >> bit & 1) << 2 * bit + 1)
    return curve * channels + channel
