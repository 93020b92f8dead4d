"""How a unit says its partial sum by spikes: polarity, offset, and the value of a spike.

A unit whose partial sum is p (in thresholds of its neuron per step) fires at the rate (polarity * p + offset) / value.
Rates are neither negative nor above one spike a step, so nothing is lost where 0 <= polarity * p + offset <= value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.decompose.rates import partial_sums
from spikemesh.mapping.decompose.units import Units
from spikemesh.network import SpikingNetwork

__all__ = ["NORMALISATIONS", "OFFSETS", "Coding", "CodingOptions", "bearable_values", "code", "coded_sums", "count_clips"]

NORMALISATIONS = ("corrected", "paper")
OFFSETS = ("none", "bound", "calibrated", "auto")

SLACK = 1e-9
"""A partial sum that leaves its range by less than this has only been added up in another order."""
FINEST = 2.0**-6
"""Thresholds of its neuron that a spike of a unit stands for at least: finer ones say nothing that the neuron's own spikes could
tell, and the weights of a unit whose sum hardly moves would outgrow what a run can add exactly."""


@dataclass(frozen=True, eq=False)
class Coding:
    """One entry a unit, (n_units,) float64 each.

    polarity : 1, or -1 for a unit that fires for what is negative.
    offset : added to the partial sum, taken off again by the next unit; thresholds of the neuron per step, >= 0.
    value : thresholds of the neuron that one spike stands for; 1 for roots.
    link : what the receiving unit multiplies a spike by before it divides by its own value; ``value`` unless the
        normalisation is the paper's, which has 1 there.
    normalisation : "corrected" or "paper".
    """

    polarity: NDArray[np.float64]
    offset: NDArray[np.float64]
    value: NDArray[np.float64]
    link: NDArray[np.float64]
    normalisation: str = "corrected"


@dataclass(frozen=True)
class CodingOptions:
    """How the units below roots are to say their sums; refuses what contradicts itself.

    offset : "none": a unit fires for its positive part, or, where no contribution can be positive, for its negative part.
        "bound": offsets so large that no partial sum of inputs in [0, 1] is negative. "calibrated": large enough for the
        rates of samples. "auto": calibrated where there are rates, else bound. With an offset a unit also takes the polarity
        that makes it fire less.
    normalisation : "corrected", or "paper": equations 2 and 3 as printed.
    k : value = k * (largest coded sum); above 1 it lowers rates, as the paper's factor of equation 3 does.
    least_value : lower limit of the value of a spike. The rounding of a unit costs its neuron up to this much in all,
        whatever the unit's range, so that units of small range need not fire often.
    margin : ranges that come from rates, also those of units without an offset, are widened by this share at both ends.
    precision : lets every spike stand for as much as its receivers bear: what rounding adds to the sums of a layer in a run
        stays below this share of how its spike counts vary over samples (:func:`bearable_values`). 0 leaves it out. Needs rates.
    tolerance : above 0, the units' network is run on the samples: potentials are balanced, and precision is halved until
        the outputs disagree by no more (:mod:`~spikemesh.mapping.decompose.settling`). Needs a trace.
    guard : a neuron cannot take a spike back. Where rounding lifts its potential over the threshold for a while it has fired
        for good, so rounding without bias would make it fire too often. Neurons that rounding reaches start lower by
        ``guard`` times its standard deviation. At 1, what silent neurons fire too much and active ones too little was found
        to cancel. Balanced potentials do without.

    Raises
    ------
    MappingError
        for an unknown or contradictory option.
    """

    offset: str = "none"
    normalisation: str = "corrected"
    k: float = 1.0
    least_value: float = 0.0
    margin: float = 0.0
    precision: float = 0.0
    tolerance: float = 0.0
    guard: float = 1.0

    def __post_init__(self) -> None:
        for what, value, allowed in (
            ("offset", self.offset, OFFSETS),
            ("normalisation", self.normalisation, NORMALISATIONS),
        ):
            if value not in allowed:
                raise MappingError(f"{what} must be one of {', '.join(map(str, allowed))}, not {value!r}")
        if not 0 < self.k < np.inf:
            raise MappingError(f"k must be positive, not {self.k}")
        for what in ("least_value", "margin", "precision", "tolerance", "guard"):
            if not 0 <= getattr(self, what) < np.inf:
                raise MappingError(f"{what} must not be negative: {getattr(self, what)}")
        if self.normalisation == "paper" and self.offset != "none":
            raise MappingError("the paper's normalisation knows no offset: use normalisation = 'corrected'")

    def needing_rates(self) -> str:
        """The first option that cannot do without the rates of samples, or ''."""
        if self.offset == "calibrated":
            return "offset = 'calibrated'"
        if self.normalisation == "paper":
            return "normalisation = 'paper'"
        return f"precision = {self.precision}" if self.precision else ""


DEFAULTS = CodingOptions()


def code(
    network: SpikingNetwork,
    units: Units,
    options: CodingOptions = DEFAULTS,
    rates: NDArray[np.float64] | None = None,
    steps: int = 0,
) -> Coding:
    """Chooses polarity, offset and value of every unit below a root.

    rates : (n_samples, n_neurons) spikes per step to calibrate on. Raises MappingError where they are needed and missing.
    steps : of a sample; ``precision`` needs them.
    """
    if rates is None and options.needing_rates():
        raise MappingError(
            f"{options.needing_rates()} needs the rates of samples to calibrate on: give a trace, or use 'bound'"
        )
    if options.precision and steps < 1:
        raise MappingError(f"precision = {options.precision} needs the steps of a sample: steps = {steps}")
    n, n_units = units.n_neurons, units.n_units
    offset = options.offset if options.offset != "auto" else "bound" if rates is None else "calibrated"
    if options.normalisation == "paper":
        return _as_printed(network, units, options.k, rates)
    polarity, shift, width = np.ones(n_units), np.zeros(n_units), np.ones(n_units)
    below = np.arange(n, n_units)
    low, high = _bounds(network, units)
    if offset == "none":
        polarity[below] = np.where((high <= 0) & (low < 0), -1.0, 1.0)[below]
        width = np.where(polarity > 0, high, -low)
        if rates is not None:
            width = np.minimum(width, (1 + options.margin) * _largest(network, units, rates, polarity, shift))
    else:
        middle = (low + high) / 2
        if offset == "calibrated":
            assert rates is not None
            found = _observed(network, units, rates)
            slack = options.margin * (found[1] - found[0])
            low, high, middle = np.maximum(low, found[0] - slack), np.minimum(high, found[1] + slack), found[2]
        flips = (high <= 0) | ((low < 0) & (high - middle < middle - low))
        polarity[below] = np.where(flips, -1.0, 1.0)[below]
        shift = np.where(polarity > 0, np.maximum(-low, 0.0), np.maximum(high, 0.0))
        width = np.where(polarity > 0, high, -low) + shift
    # a unit fires at most once in its refractory time
    rests = max(int(np.ceil(network.refractory_ms / network.dt_ms - SLACK)), 1)
    value = np.maximum(options.k * rests * width, options.least_value)
    if options.precision:
        assert rates is not None
        value = np.maximum(value, bearable_values(network, units, rates, options.precision, steps)[units.neuron])
    value = np.where(value > 0, np.maximum(value, FINEST), 1.0)
    value[:n], shift[:n], polarity[:n] = 1.0, 0.0, 1.0
    return Coding(polarity, shift, value, value)


def bearable_values(
    network: SpikingNetwork, units: Units, rates: NDArray[np.float64], precision: float, steps: int
) -> NDArray[np.float64]:
    """(n_neurons,) value of a spike of each neuron's units at which rounding stays within ``precision`` where it arrives.

    A spike of value S leaves up to S unsaid at the end of a run, a variance of S**2 / 12. With L partial sums that is S**2 L / 12
    in a neuron, and w**2 S**2 L / 12 in one that it feeds by a weight w. For every layer, S is such that the root of the mean of
    these over its neurons is ``precision`` times the root of the mean variance over samples of the neurons' spike counts, both
    over ``steps`` steps. A neuron takes the least S of the layers that it feeds, and an output also that of its own.
    """
    n, synapses, layer_of = network.n_neurons, network.synapses, network.layer_of_neuron
    k = len(network.layers)
    size = np.maximum(np.bincount(layer_of, minlength=k), 1)
    signal = steps * np.sqrt(np.bincount(layer_of, rates.var(axis=0), k) / size)
    parts = np.bincount(units.neuron[n:], minlength=n)
    arriving = np.square(synapses.weight, dtype=np.float64) * parts[synapses.pre] / 12
    noise = np.sqrt(np.bincount(layer_of[synapses.post], arriving, k) / size)
    own = np.sqrt(np.bincount(layer_of, parts / 12, k) / size)
    with np.errstate(divide="ignore", invalid="ignore"):
        there, here = precision * signal / noise, precision * signal / own
    value = np.full(n, np.inf)
    np.minimum.at(value, synapses.pre, np.where(noise > 0, there, np.inf)[layer_of[synapses.post]])
    says = np.zeros(n, bool)
    says[network.output_ids] = True
    says |= np.isinf(value)
    value[says] = np.minimum(value, np.where(own > 0, here, np.inf)[layer_of])[says]
    return np.where(np.isfinite(value), value, 0.0)


def coded_sums(
    network: SpikingNetwork, units: Units, coding: Coding, rates: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """polarity * p + offset of every unit, what its rate times its value is to be: (samples, (n_units, ...)), chunk by chunk."""
    sign, shift = coding.polarity[:, None], coding.offset[:, None]
    for samples, sums in partial_sums(network, units, rates, coding.polarity, coding.offset):
        yield samples, sign * sums + shift


def count_clips(network: SpikingNetwork, units: Units, coding: Coding, rates: NDArray[np.float64]) -> tuple[int, int]:
    """(partial sums that some coding clips, partial sums in all) over the samples and the units below roots."""
    clipped, seen = 0, 0
    tolerance = SLACK * (coding.value + coding.offset)[:, None]
    for samples, coded in coded_sums(network, units, coding, rates):
        bad = (coded < -tolerance) | (coded > coding.value[:, None] + tolerance)
        clipped += int(bad[units.n_neurons :].sum())
        seen += units.n_links * (samples.stop - samples.start)
    return clipped, seen


def _bounds(network: SpikingNetwork, units: Units) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n_units,) least and largest partial sum of any inputs in [0, 1], from the weights."""
    weight = network.synapses.weight
    sums = []
    for part in (np.minimum(weight, 0), np.maximum(weight, 0)):
        sums.append(np.bincount(units.of_synapse, weights=part, minlength=units.n_units).astype(np.float64))
    np.add.at(sums[0], units.of_bias, np.minimum(network.bias, 0))
    np.add.at(sums[1], units.of_bias, np.maximum(network.bias, 0))
    return units.sum_up(sums[0]), units.sum_up(sums[1])


def _observed(network: SpikingNetwork, units: Units, rates: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """(n_units,) least, largest and mean partial sum over samples."""
    low, high, total = np.full(units.n_units, np.inf), np.full(units.n_units, -np.inf), np.zeros(units.n_units)
    for _, sums in partial_sums(network, units, rates):
        np.minimum(low, sums.min(axis=1), out=low)
        np.maximum(high, sums.max(axis=1), out=high)
        total += sums.sum(axis=1)
    return low, high, total / len(rates)


def _largest(
    network: SpikingNetwork,
    units: Units,
    rates: NDArray[np.float64],
    polarity: NDArray[np.float64],
    offset: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(n_units,) largest coded sum over samples, 0 at least."""
    largest = np.zeros(units.n_units)
    for _, sums in partial_sums(network, units, rates, polarity, offset):
        np.maximum(largest, (polarity[:, None] * sums).max(axis=1), out=largest)
    return largest


def _as_printed(network: SpikingNetwork, units: Units, k: float, rates: NDArray[np.float64] | None) -> Coding:
    """Equations 2 and 3: S of a unit is k times the largest sum of its *new* inputs' activations; links carry 1 / S.

    The activation on a synapse is taken as abs(w) * x: with its sign, S could be negative. Where the inputs of a unit were
    never active S would be 0; it is 1 there. The last unit of a split neuron is divided too, so its rate is scaled.
    """
    import scipy.sparse

    assert rates is not None
    synapses = network.synapses
    own = scipy.sparse.csr_array(
        (np.abs(synapses.weight.astype(np.float64)), (units.of_synapse, synapses.pre)), (units.n_units, network.n_neurons)
    )
    largest = np.zeros(units.n_units)
    width = max(1, (1 << 25) // units.n_units)
    for first in range(0, len(rates), width):
        np.maximum(largest, (own @ rates[first : first + width].T).max(axis=1), out=largest)
    value = np.where(largest > 0, k * largest, 1.0)
    unsplit = units.depth == 1
    value[: units.n_neurons][unsplit] = 1.0
    ones = np.ones(units.n_units)
    return Coding(ones, np.zeros(units.n_units), value, ones, "paper")
