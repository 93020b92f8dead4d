"""Whether a mapping fits its chip: every limit that it breaks, one sentence each."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.hardware import Hardware
from spikemesh.mapping.legalisation import may_be_parallel
from spikemesh.mapping.mapping import Mapping
from spikemesh.network import SpikingNetwork

__all__ = ["check", "violations"]


def check(mapping: Mapping) -> list[str]:
    """Every violation of a mapping; an empty list where it is feasible (design, section 3)."""
    return violations(mapping.network, mapping.hardware, mapping.assignment, mapping.tile_of_cluster)


def violations(network: SpikingNetwork, hardware: Hardware, assignment: ArrayLike, tile_of_cluster: ArrayLike) -> list[str]:
    """As :func:`check`, from the parts of a mapping.

    Lists neurons without a cluster (input neurons may be off the chip), clusters with more neurons than columns or more axons
    than rows, crosspoints that would hold two synapses, and clusters on no tile, on a blocked one, or on one already taken.
    """
    part, tiles = np.asarray(assignment), np.asarray(tile_of_cluster)
    found = []
    if part.shape != (network.n_neurons,):
        return [f"the assignment names {part.size} neurons; the network has {network.n_neurons}"]
    known = (part >= 0) & (part < len(tiles))
    for neuron in np.flatnonzero(~known & ~((part == -1) & network.is_input)):
        what = "belongs to no cluster" if part[neuron] == -1 else f"is assigned to unknown cluster {part[neuron]}"
        found.append(f"neuron {neuron} {what}")
    found += _crossbar(network, hardware, np.where(known, part, -1), len(tiles))
    return found + _mesh(hardware, tiles)


def _crossbar(network: SpikingNetwork, hardware: Hardware, part: NDArray[np.int64], k: int) -> list[str]:
    found = []
    n_in, n_out = hardware.crossbar.n_in, hardware.crossbar.n_out
    columns = np.bincount(part[part >= 0], minlength=k)
    for cluster in np.flatnonzero(columns > n_out):
        found.append(f"cluster {cluster} has {columns[cluster]} neurons for {n_out} columns")
    if math.isfinite(n_in):
        rows = _rows(network, part, k)
        for cluster in np.flatnonzero(rows > n_in):
            found.append(f"cluster {cluster} has {rows[cluster]} axons for {n_in} rows")
    if network.is_streamed and not may_be_parallel(network):
        return found
    pre, post = network.synapses.pre, network.synapses.post
    twice = np.flatnonzero((pre[1:] == pre[:-1]) & (post[1:] == post[:-1]) & (part[post[1:]] >= 0))
    seen = set()
    for k_edge in twice:
        pair = (int(pre[k_edge]), int(post[k_edge]))
        if pair not in seen:
            seen.add(pair)
            found.append(f"the crosspoint of axon {pair[0]} and neuron {pair[1]} would hold more than one synapse")
    return found


def _rows(network: SpikingNetwork, part: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """(k,) distinct neurons that feed each cluster."""
    if network.is_streamed:
        from spikemesh.mapping.streamed import reached_clusters, rows_of_clusters

        return rows_of_clusters(network, reached_clusters(network, part.astype(np.int32), k), k)
    import scipy.sparse

    pre, post = network.synapses.pre, network.synapses.post
    held = part[post] >= 0
    axons = scipy.sparse.coo_array((np.ones(held.sum()), (part[post[held]], pre[held])), (k, network.n_neurons))
    return np.diff(axons.tocsr().indptr)


def _mesh(hardware: Hardware, tiles: NDArray[np.integer]) -> list[str]:
    if not hardware.is_sized:
        return [f"the mesh of {hardware.name} is 'auto' and has no size yet"]
    found = []
    usable = np.zeros(hardware.n_tiles, bool)
    usable[hardware.usable_tiles] = True
    holder: dict[int, int] = {}
    for cluster, tile in enumerate(tiles.tolist()):
        if not 0 <= tile < hardware.n_tiles:
            found.append(f"cluster {cluster} is on tile {tile}; the mesh has {hardware.n_tiles}")
            continue
        if not usable[tile]:
            found.append(f"cluster {cluster} is on tile {tile}, which is blocked")
        if tile in holder:
            found.append(f"clusters {holder[tile]} and {cluster} share tile {tile}")
        holder.setdefault(tile, cluster)
    return found
