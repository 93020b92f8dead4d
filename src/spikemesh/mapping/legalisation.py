"""Makes a network fit the crossbars' rows and bits, whatever clusters it is cut into later.

Before: any network. After: no neuron has more than n_in inputs, no two synapses ask for one crosspoint, every weight is one of
the values that ``weight_bits`` bits can hold. Where that holds already, the network is returned as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spikemesh.hardware import Hardware
from spikemesh.mapping.state import MappingState
from spikemesh.network import Convolution, Dense, OneToOne, Projection, Sparse, SpikingNetwork

__all__ = ["Drop", "Quantise", "drop_synapses", "legalise", "may_be_parallel", "quantise_weights"]


def legalise(network: SpikingNetwork, hardware: Hardware) -> SpikingNetwork:
    """The network as the chip can hold it, by the passes ``drop`` and ``quantise``; itself where it is legal."""
    legal = drop_synapses(network, hardware.crossbar.n_in)
    return quantise_weights(legal, hardware.crossbar.weight_bits)


@dataclass(frozen=True)
class Drop:
    """Keeps the n_in largest weights of each neuron, as SpiNeMap does for neurons of too large a fan-in."""

    name: ClassVar[str] = "drop"
    reads: ClassVar[tuple[str, ...]] = ("network", "hardware")
    writes: ClassVar[tuple[str, ...]] = ("network",)

    def run(self, state: MappingState) -> MappingState:
        legal = drop_synapses(state.network, state.hardware.crossbar.n_in)
        return state if legal is state.network else state.with_network(legal)


@dataclass(frozen=True)
class Quantise:
    """Rounds weights to the crossbar's ``weight_bits``; nothing at 0 bits."""

    name: ClassVar[str] = "quantise"
    reads: ClassVar[tuple[str, ...]] = ("network", "hardware")
    writes: ClassVar[tuple[str, ...]] = ("network",)

    def run(self, state: MappingState) -> MappingState:
        legal = quantise_weights(state.network, state.hardware.crossbar.weight_bits)
        return state if legal is state.network else state.with_network(legal)


def drop_synapses(network: SpikingNetwork, n_in: float) -> SpikingNetwork:
    """The network with at most ``n_in`` inputs a neuron: those of largest abs(weight), ties by lower presynaptic index.

    Parallel synapses between two neurons would need one crosspoint together; they are first merged into one, whose weight is
    their sum. A network in which every neuron fits and none are parallel is returned itself, and its synapses are listed
    only where a custom list could hold parallel ones.

    n_in : rows of a crossbar, ``math.inf`` for no limit.
    """
    if not may_be_parallel(network) and network.fan_in().max() <= n_in:
        return network
    synapses = network.synapses
    pre, post, weight = synapses.pre, synapses.post, synapses.weight
    first = np.ones(len(pre), bool)
    first[1:] = (pre[1:] != pre[:-1]) | (post[1:] != post[:-1])
    merged = not first.all()
    if merged:
        starts = np.flatnonzero(first)
        pre, post, weight = pre[starts], post[starts], np.add.reduceat(weight, starts)
    fan_in = np.bincount(post, minlength=network.n_neurons)
    if fan_in.max() > n_in:
        keep = _largest(pre, post, weight, fan_in, int(n_in))
        pre, post, weight = pre[keep], post[keep], weight[keep]
    elif not merged:
        return network
    return network.with_synapses(pre, post, weight)


def _largest(
    pre: NDArray[np.int32], post: NDArray[np.int32], weight: NDArray[np.floating], fan_in: NDArray[np.int64], n_in: int
) -> NDArray[np.int64]:
    """Indices, ascending, of the ``n_in`` synapses of largest abs(weight) that end at each neuron."""
    order = np.lexsort((pre, -np.abs(weight), post))
    starts = np.concatenate([[0], np.cumsum(fan_in)])
    rank = np.arange(len(order)) - starts[post[order]]
    return np.sort(order[rank < n_in])


def may_be_parallel(network: SpikingNetwork) -> bool:
    """Whether two synapses could join the same two neurons: in a custom list, or where two projections join the same blocks."""
    return any(isinstance(p.connectivity, Sparse) for p in network.projections) or _blocks_overlap(network)


def _blocks_overlap(network: SpikingNetwork) -> bool:
    """Whether two projections join the same two blocks of neurons, so that their synapses could be parallel."""
    blocks = [
        (p.pre_start, p.pre_start + p.connectivity.n_pre, p.post_start, p.post_start + p.connectivity.n_post)
        for p in network.projections
    ]
    for k, (a, b, c, d) in enumerate(blocks):
        for e, f, g, h in blocks[k + 1 :]:
            if a < f and e < b and c < h and g < d:
                return True
    return False


def quantise_weights(network: SpikingNetwork, bits: int) -> SpikingNetwork:
    """The network with weights at ``bits`` bits, sign included; itself at 0 bits, or where every weight is exact already.

    Symmetric and uniform, one scale a target layer: the layer's largest abs(weight) is 2**(bits - 1) - 1 steps, and each
    weight is rounded to the nearest step. At 1 bit the only step is the largest weight itself, and a weight keeps its sign.
    """
    if bits == 0:
        return network
    levels = max(2 ** (bits - 1) - 1, 1)
    largest = _largest_weight_of_layer(network)
    step = np.where(largest > 0, largest / levels, 1.0)[network.layer_of_neuron]
    projections = tuple(_quantised(p, step, bits) for p in network.projections)
    if all(new is old for new, old in zip(projections, network.projections, strict=True)):
        return network
    return replace(network, projections=projections)


def _largest_weight_of_layer(network: SpikingNetwork) -> NDArray[np.float64]:
    """(n_layers,) largest abs(weight) of the synapses that end in each layer."""
    largest = np.zeros(len(network.layers))
    for p in network.projections:
        kernel = _parameters(p)
        first, last = _target_layers(network, p)
        if kernel is not None and first == last:
            if kernel.size:
                largest[first] = max(largest[first], float(np.abs(kernel).max()))
            continue
        edges = p.edges()
        np.maximum.at(largest, network.layer_of_neuron[edges.post], np.abs(edges.weight).astype(np.float64))
    return largest


def _target_layers(network: SpikingNetwork, p: Projection) -> tuple[int, int]:
    ends = (p.post_start, p.post_start + max(p.connectivity.n_post, 1) - 1)
    return int(network.layer_of_neuron[ends[0]]), int(network.layer_of_neuron[ends[1]])


def _parameters(p: Projection) -> NDArray[np.floating] | None:
    """The array whose entries are the projection's weights, where it has one."""
    c = p.connectivity
    return c.kernel if isinstance(c, Convolution) else c.weight if isinstance(c, Dense | OneToOne) else None


def _quantised(p: Projection, step_of_neuron: NDArray[np.float64], bits: int) -> Projection:
    c, values = p.connectivity, _parameters(p)
    block = step_of_neuron[p.post_start : p.post_start + c.n_post]
    if values is not None and (block == block[0]).all():
        rounded = _round(values, block[0], bits)
        if rounded is None:
            return p
        field = "kernel" if isinstance(c, Convolution) else "weight"
        return replace(p, connectivity=replace(c, **{field: rounded}))  # type: ignore[type-var]
    edges = c.edges()
    rounded = _round(edges.weight, block[edges.post], bits)
    if rounded is None:
        return p
    return replace(p, connectivity=Sparse.of(edges.pre, edges.post, rounded, c.n_pre, c.n_post))


def _round(values: NDArray[np.floating], step: NDArray[np.float64], bits: int) -> NDArray[np.float64] | None:
    """The values rounded to whole steps; None where they are whole steps but for the last bits of a float."""
    exact = np.asarray(values, np.float64)
    steps = np.rint(exact / step) if bits > 1 else np.where(exact >= 0, 1.0, -1.0)
    rounded = steps * step
    tiny = 1e-9 if values.dtype == np.float64 else 1e-5
    same = np.abs(rounded - exact).max(initial=0.0) <= tiny * float(np.max(step, initial=0.0))
    return None if same else rounded
