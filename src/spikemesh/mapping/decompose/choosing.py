"""The packing of fewest crossbars among several ways to carve, and among packings that split nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.decompose.grouping import Grouping, has_places
from spikemesh.mapping.decompose.packing import Packing, columns_of, compact, pack_blocks
from spikemesh.mapping.decompose.tiling import pack_inputs
from spikemesh.mapping.decompose.units import whole
from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import find_partitioner
from spikemesh.network import SpikingNetwork

__all__ = ["pack_best"]

TRY_ALL = 5_000_000
"""Synapses up to which every way is tried."""


def pack_best(
    network: SpikingNetwork,
    n_in: int,
    n_out: int,
    *,
    on_chip: NDArray[np.bool_] | None = None,
    order: str = "natural",
) -> Packing:
    """Fewest crossbars, ties by fewest units: blocks of several widths and orders, of neurons and of inputs, and whole neurons
    where all of them fit.

    Networks of more than 5 million synapses are carved once. Parameters as of
    :func:`spikemesh.mapping.decompose.packing.pack_blocks`.
    """
    held = np.ones(network.n_neurons, bool) if on_chip is None else on_chip
    about = Grouping(network, columns_of(network, held, order), n_in, n_out)
    if network.n_synapses > TRY_ALL:
        return pack_blocks(network, n_in, n_out, on_chip=held, order=order, group=max(3 * n_out // 4, 1), found=about)
    packings = _packings(network, n_in, n_out, held, order, about)
    return min(packings, key=lambda packed: (packed.n_clusters, packed.units.n_units))


def _packings(
    network: SpikingNetwork, n_in: int, n_out: int, held: NDArray[np.bool_], order: str, about: Grouping
) -> Iterator[Packing]:
    for way in _ways(network, n_out):
        yield pack_blocks(network, n_in, n_out, on_chip=held, order=order, found=about, **way)
    if order == "natural":
        for way in _input_ways(network, n_in):
            with suppress(MappingError):
                yield pack_inputs(network, n_in, n_out, on_chip=held, **way)
    if network.fan_in()[held].max(initial=0) <= n_in:
        yield from _unsplit(network, n_in, n_out, held)


def _ways(network: SpikingNetwork, n_out: int) -> Iterator[dict[str, Any]]:
    """Options of :func:`pack_blocks`."""
    if any(has_places(layer) for layer in network.layers):
        for width in sorted({max(n_out * share // 8, 1) for share in (8, 7, 6, 5, 4)}, reverse=True):
            yield {"grouping": "tiles", "group": width}
    for width in sorted({max(n_out * share // 4, 1) for share in (4, 3, 2)}, reverse=True):
        yield {"grouping": "index", "group": width}


def _input_ways(network: SpikingNetwork, n_in: int) -> Iterator[dict[str, Any]]:
    """Options of :func:`pack_inputs`."""
    aspects = (1.0, 2.0) if any(has_places(layer) for layer in network.layers) else (1.0,)
    for rows in sorted({n_in * share // 8 for share in (8, 7, 6, 5, 4)}, reverse=True):
        for aspect in aspects:
            yield {"rows": rows, "aspect": aspect, "least": 2}
    for share in (2, 3):  # few inputs beyond a block's go to the root, not into a unit
        yield {"least": max(share * n_in // 8, 2)}


def _unsplit(network: SpikingNetwork, n_in: int, n_out: int, held: NDArray[np.bool_]) -> Iterator[Packing]:
    """Whole neurons, as SpiNeMap's public code packs them and as overlap does, then compacted."""
    ones = np.ones(network.n_neurons)
    least = -(-int(held.sum()) // n_out)
    problem = PartitionProblem.of(network, ones, "count", n_out, n_in, least, 0, held)
    units = whole(network)
    for method in ("spinemap-released", "overlap"):
        cluster = np.full(network.n_neurons, -1, np.int32)
        cluster[problem.neuron_ids[: problem.n]] = find_partitioner(method)(problem)
        yield Packing(units, compact(network, units, cluster, held, n_in, n_out))
