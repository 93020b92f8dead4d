"""The transform itself: from a network, its units and a coding to the network of units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.decompose.coding import DEFAULTS, Coding, CodingOptions, code, coded_sums, count_clips
from spikemesh.mapping.decompose.rates import checked_rates
from spikemesh.mapping.decompose.shapes import chain, tree
from spikemesh.mapping.decompose.starts import initial_potentials
from spikemesh.mapping.decompose.units import Units
from spikemesh.mapping.legalisation import drop_synapses
from spikemesh.network import Layer, Projection, Sparse, SpikingNetwork
from spikemesh.network.connectivity import Edges

__all__ = ["SHAPES", "Decomposed", "amplified", "decompose", "realise", "with_units"]

SHAPES = ("tree", "chain")


@dataclass(frozen=True, eq=False)
class Decomposed:
    """A network whose neurons are units of another network's neurons.

    network : the units. Neuron i of the original is neuron i here (the root of its units), so input and output indices,
        and the meaning of what roots fire, are the original's; all further units come after, a layer of them for each layer.
    original : the network before, parallel synapses merged.
    units, coding : which unit does what, and how its spikes are to be read.
    original_synapses : (n_synapses,) bool, False for the links between units of one neuron.
    """

    network: SpikingNetwork
    original: SpikingNetwork
    units: Units
    coding: Coding
    original_synapses: NDArray[np.bool_]

    @property
    def n_links(self) -> int:
        """Synapses between units of one neuron."""
        return self.units.n_links

    @property
    def depth(self) -> int:
        """Steps that a spike takes at most from a neuron's inputs to its output, 1 where nothing is split."""
        return int(self.units.depth.max(initial=1))

    def unit_rates(self, rates: ArrayLike) -> NDArray[np.float64]:
        """(n_samples, n_units) spikes per step of every unit, by the rate model, where the original fires at ``rates``.

        Parameters
        ----------
        rates : (n_samples, n_neurons) or (n_neurons,) spikes per step of the original. Roots keep theirs. Where the coding
            clips nothing, units are linear in their inputs, so that the rates of the mean are the mean of the rates.
        """
        given = checked_rates(self.original, rates)
        found = np.empty((len(given), self.units.n_units))
        for samples, coded in coded_sums(self.original, self.units, self.coding, given):
            found[samples] = np.clip(coded / self.coding.value[:, None], 0.0, 1.0).T
        found[:, : self.units.n_neurons] = given
        return found

    def clips(self, rates: ArrayLike) -> tuple[int, int]:
        """(partial sums that the coding clips, partial sums in all) where the original's neurons fire at ``rates``."""
        return count_clips(self.original, self.units, self.coding, checked_rates(self.original, rates))

    @cached_property
    def blank_rates(self) -> NDArray[np.float64]:
        """(n_units,) spikes per step of units below roots where no neuron fires: what offsets cost on a blank image."""
        found = self.unit_rates(np.zeros(self.original.n_neurons))[0]
        found[: self.units.n_neurons] = 0.0
        return found


def decompose(
    network: SpikingNetwork,
    fan_in: int,
    *,
    shape: str = "tree",
    order: str = "natural",
    options: CodingOptions = DEFAULTS,
    rates: ArrayLike | None = None,
    steps: int = 0,
) -> Decomposed:
    """Splits every neuron of more than ``fan_in`` inputs into units of at most ``fan_in``; no synapse is lost.

    Parameters
    ----------
    network : of any kind, also recurrent. Parallel synapses are merged first.
    fan_in : inputs of a unit, partial sums included; 2 is the paper's.
    shape : "tree" of least depth, or the paper's "chain" (equation 1).
    order : "natural", or "sign": positive contributions apart from negative ones, which loses nothing without an offset.
    rates : (n_samples, n_neurons) spikes per step of the network on samples to calibrate on.
    steps : of a sample; an option ``precision`` needs them.

    Raises
    ------
    MappingError
        for an option that does not exist, rates that are missing or do not fit, or a network whose reset is "zero": such a
        neuron forgets by how much it passed the threshold, and a partial sum with it.
    """
    if shape not in SHAPES:
        raise MappingError(f"shape must be one of {', '.join(SHAPES)}, not {shape!r}")
    merged = drop_synapses(network, np.inf)
    units = (chain if shape == "chain" else tree)(merged, fan_in, order)
    return with_units(merged, units, options, rates, steps)


def with_units(
    network: SpikingNetwork,
    units: Units,
    options: CodingOptions = DEFAULTS,
    rates: ArrayLike | None = None,
    steps: int = 0,
) -> Decomposed:
    """As :func:`decompose`, with units from elsewhere (a packing)."""
    units.check(network)
    if units.n_links and network.reset != "subtract":
        raise MappingError(
            f"{network.name} resets to zero; units of such neurons would lose partial sums: use reset='subtract', or drop"
        )
    given = None if rates is None else checked_rates(network, rates)
    found = code(network, units, options, given, steps)
    return realise(network, units, found, options.guard, None if given is None else given.mean(axis=0))


def realise(
    network: SpikingNetwork,
    units: Units,
    coding: Coding,
    guard: float = 1.0,
    typical: NDArray[np.float64] | None = None,
) -> Decomposed:
    """The network of units: weights divided by the values of spikes, links, offsets as constant currents.

    Unit u of polarity s, offset o and value S fires at (s p + o) / S, p its partial sum. So a synapse of weight w has
    s w / S in it, the link from unit c has s s_c S_c / S, and its current is (s (b - sum of s_c o_c) + o) / S. The link
    acts one step late; what is taken off in the first step, before it can act, is given back by the initial potential
    (:func:`spikemesh.mapping.decompose.starts.initial_potentials`).

    guard : see :class:`~spikemesh.mapping.decompose.coding.CodingOptions`.
    typical : (n_neurons,) spikes per step of the neurons on average; corrects for inputs that come later than others.
    """
    n, extra = units.n_neurons, np.arange(units.n_neurons, units.n_units)
    if not len(extra) and coding.normalisation == "corrected":
        return Decomposed(network, network, units, coding, np.ones(network.n_synapses, bool))
    sign, value, synapses = coding.polarity, coding.value, network.synapses
    target, kind = units.of_synapse, synapses.weight.dtype
    gain = (sign / value).astype(kind)
    edges = _in_order(
        np.concatenate([synapses.pre, extra.astype(np.int32)]),
        np.concatenate([target, units.parent[extra]]),
        np.concatenate([synapses.weight * gain[target], _links(units, coding).astype(kind)]),
        units.n_units,
    )
    taken = np.zeros(units.n_units)
    np.add.at(taken, units.parent[extra], sign[extra] * coding.offset[extra] * (coding.link / value)[extra])
    bias = np.zeros(units.n_units)
    bias[units.of_bias] = network.bias
    bias = (sign * (bias - taken) + coding.offset) / value
    start = initial_potentials(network, units, coding, sign * taken / value, guard, typical)
    layers = _layers(network, units.neuron[extra])
    decomposed = replace(
        network,
        layers=layers,
        projections=(Projection(0, 0, Sparse(edges, units.n_units, units.n_units)),),
        bias=bias,
        initial_potential=start,
    )
    return Decomposed(decomposed, network, units, coding, edges.pre < n)


def amplified(network: SpikingNetwork, gain: NDArray[np.float64]) -> SpikingNetwork:
    """The network whose neurons hear everything, constant currents too, ``gain`` (n_neurons,) times as loud."""
    if (gain == 1).all():
        return network
    old = network.synapses
    edges = Edges(old.pre, old.post, (old.weight * gain[old.post]).astype(old.weight.dtype))
    n = network.n_neurons
    return replace(network, projections=(Projection(0, 0, Sparse(edges, n, n)),), bias=network.bias * gain)


def _links(units: Units, coding: Coding) -> NDArray[np.floating]:
    child = np.arange(units.n_neurons, units.n_units)
    parent = units.parent[child]
    return coding.polarity[parent] * coding.polarity[child] * coding.link[child] / coding.value[parent]


def _layers(network: SpikingNetwork, neuron: NDArray[np.int32]) -> tuple[Layer, ...]:
    """The layers of the original, then one of units for each that has some."""
    counts = np.bincount(network.layer_of_neuron[neuron], minlength=len(network.layers))
    more = [
        Layer(f"{layer.name} units", (int(count),), "unit")
        for layer, count in zip(network.layers, counts, strict=True)
        if count
    ]
    return (*network.layers, *more)


def _in_order(pre: NDArray[np.int32], post: NDArray[np.int32], weight: NDArray[np.floating], n_units: int) -> Edges:
    """Sorted by (pre, post)."""
    key = pre.astype(np.int64) * n_units + post
    order = np.argsort(key, kind="stable")
    return Edges(pre[order], post[order], weight[order])
