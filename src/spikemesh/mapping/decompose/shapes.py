"""Chains and trees of units of a given fan-in, for every neuron alike.

A chain (equation 1 of the decomposition paper) adds one input after the other: its depth grows with the fan-in. A tree of
the same units adds them in parallel. Both need the same number of units, ceil((m - 1) / (f - 1)) for m inputs and fan-in f.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.decompose.units import Incoming, Units, incoming
from spikemesh.network import SpikingNetwork

__all__ = ["ORDERS", "chain", "tree"]

ORDERS = ("natural", "sign")
"""natural: by presynaptic index. sign: positive contributions apart from negative ones, or before them."""


def chain(network: SpikingNetwork, fan_in: int = 2, order: str = "natural") -> Units:
    """Equation 1: u_1 takes the first ``fan_in`` inputs, every later unit its predecessor and ``fan_in`` - 1 more.

    order : "natural", or "sign": positive weights first, then negative ones, and a positive bias into the first unit. Then
        a partial sum falls below zero only where the whole sum does (see docs/decomposition.md).
    """
    _check(fan_in, order)
    inputs = _sorted_by_sign(network) if order == "sign" else incoming(network)
    m, n = inputs.fan_in, network.n_neurons
    extra = np.maximum(-(-(m - 1) // (fan_in - 1)), 1) - 1
    base = _bases(n, extra)
    post = np.repeat(np.arange(n), m)
    rank = np.arange(len(post)) - inputs.starts[post]
    place = np.maximum(rank - 1, 0) // (fan_in - 1)
    of_synapse = np.empty(len(post), np.int32)
    of_synapse[inputs.order] = np.where(place < extra[post], base[post] + place, post)

    neuron = np.repeat(np.arange(n), extra)
    at = np.arange(len(neuron)) - (base[neuron] - n)
    parent = np.where(at + 1 < extra[neuron], base[neuron] + at + 1, neuron)
    of_bias = np.arange(n)
    if order == "sign":
        first = (network.bias > 0) & (extra > 0)
        of_bias[first] = base[first]
    return _units(n, neuron, parent, of_synapse, of_bias)


def tree(network: SpikingNetwork, fan_in: int, order: str = "natural") -> Units:
    """Trees of the least depth, ceil(log_f m), whose units take at most ``fan_in`` = f inputs.

    order : "natural", or "sign": no unit below the root takes contributions of both signs. The root's inputs are shared
        between the two signs in proportion, so that the depth may be one more.
    """
    _check(fan_in, order)
    n = network.n_neurons
    inputs = _sorted_by_sign(network) if order == "sign" else incoming(network)
    m = inputs.fan_in
    if order == "natural":
        counts, slots = m[:, None], np.full((n, 1), fan_in)
    else:
        positive = np.bincount(network.synapses.post[network.synapses.weight >= 0], minlength=n)
        counts = np.stack([positive, m - positive], axis=1)
        share = np.rint(fan_in * positive / np.maximum(m, 1)).astype(np.int64)
        share = np.clip(share, np.minimum(positive, 1), fan_in - np.minimum(m - positive, 1))
        slots = np.stack([share, fan_in - share], axis=1)
        small = m <= fan_in  # nothing to split: the root takes both signs
        counts[small], slots[small] = np.stack([m, 0 * m], axis=1)[small], (fan_in, 0)

    extra = np.where(counts > slots, -(-(counts - slots) // (fan_in - 1)), 0)
    flat_extra = extra.ravel()
    base = _bases(n, flat_extra)
    owner = np.repeat(np.arange(n), counts.shape[1])

    wood = np.repeat(np.arange(len(flat_extra)), flat_extra)  # which (neuron, sign) each unit belongs to
    at = np.arange(len(wood)) - (base[wood] - n)
    root_slots = slots.ravel()[wood]
    parent = np.where(at < root_slots, owner[wood], base[wood] + (at - root_slots) // fan_in)

    inside = np.repeat(np.arange(len(flat_extra)), counts.ravel())
    first = np.concatenate([[0], np.cumsum(counts.ravel())])[:-1]
    rank = np.arange(len(inside)) - first[inside]
    place = _slot(rank, flat_extra[inside], slots.ravel()[inside], fan_in)
    of_synapse = np.empty(len(inside), np.int32)
    of_synapse[inputs.order] = np.where(place >= 0, base[inside] + place, owner[inside])
    return _units(n, owner[wood], parent, of_synapse, np.arange(n))


def _slot(rank: NDArray[np.int64], extra: NDArray[np.int64], slots: NDArray[np.int64], fan_in: int) -> NDArray[np.int64]:
    """The unit, counted from the root's first child on, that takes input ``rank``; -1 for the root itself.

    Units are numbered level by level, as in a heap whose top has ``slots`` places. The last ones have no children and are
    filled first, then comes the one with some children, then the root.
    """
    children = np.maximum(extra - slots, 0)
    full = extra - -(-children // fan_in)
    place = extra - 1 - rank // fan_in
    beyond = rank >= full * fan_in
    rest = rank - full * fan_in
    some = np.where(children % fan_in > 0, fan_in - children % fan_in, 0)
    return np.where(~beyond, place, np.where(rest < some, children // fan_in, -1))


def _sorted_by_sign(network: SpikingNetwork) -> Incoming:
    found = incoming(network)
    post = np.repeat(np.arange(network.n_neurons), found.fan_in)
    negative = network.synapses.weight[found.order] < 0
    return Incoming(found.order[np.argsort(2 * post + negative, kind="stable")], found.starts)


def _bases(n: int, extra: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the first unit below each root."""
    return n + np.concatenate([[0], np.cumsum(extra)])[:-1]


def _units(
    n: int,
    neuron: NDArray[np.int64],
    parent: NDArray[np.int64],
    of_synapse: NDArray[np.int32],
    of_bias: NDArray[np.int64],
) -> Units:
    roots = np.arange(n, dtype=np.int32)
    return Units(
        np.concatenate([roots, neuron.astype(np.int32)]),
        np.concatenate([np.full(n, -1, np.int32), parent.astype(np.int32)]),
        of_synapse,
        of_bias.astype(np.int32),
    )


def _check(fan_in: int, order: str) -> None:
    if isinstance(fan_in, bool) or not isinstance(fan_in, (int, np.integer)) or fan_in < 2:
        raise MappingError(f"a unit needs a fan-in of at least 2, not {fan_in!r}")
    if order not in ORDERS:
        raise MappingError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
