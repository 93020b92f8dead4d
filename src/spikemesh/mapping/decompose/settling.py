"""Calibration by running: gains and potentials that keep what neurons fire, and spikes as fine as the answers need.

What a rounded, delayed, clipped partial sum does to a neuron that cannot take a spike back is hard to foretell and easy to
measure. The network of units answers the samples that it is calibrated on. A neuron whose inputs come through units hears them
late, so that a run ends before it has said all: it fires a share too little, which a gain of its layer answers. What remains
too much or too little on average goes into the neurons' initial potentials. Both are found layer after layer, since each layer
hears what the one before has learnt (as in Y. Li et al., "A Free Lunch From ANN: Towards Efficient, Accurate Spiking Neural
Networks Calibration", ICML 2021, where potentials take up the error of conversion). Then spikes of units are made finer, by
halves, until the outputs agree.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.mapping.decompose.coding import CodingOptions
from spikemesh.mapping.decompose.transform import Decomposed, amplified, with_units
from spikemesh.mapping.decompose.units import Units
from spikemesh.network import SpikeTrace, SpikingNetwork

__all__ = ["balance", "changed_answers", "settle"]

HALVINGS = 5
"""Of the precision, at most."""
WORTHWHILE = 0.95
"""Finer spikes are taken where they leave at most this share of the outputs' error: the rest is of another cause, spikes that
arrive later, say, and finer ones would only cost energy."""

LARGEST_GAIN = 2.0
"""Of a layer, and the inverse of the least: no delay asks for more, but the noise of a few samples might."""


def settle(
    network: SpikingNetwork,
    units: Units,
    options: CodingOptions,
    trace: SpikeTrace,
    rates: NDArray[np.float64],
    labelled: bool,
) -> tuple[Decomposed, dict[str, float]]:
    """The network of units, balanced, at the coarsest precision at which its outputs agree with the samples'.

    They disagree by the share of answers that is expected to change (:func:`changed_answers`) where samples are labelled, so
    that there are answers, and else by the root mean square error of output counts over their standard deviation (all outputs
    and samples). ``options.tolerance`` is what they may disagree by; ``options.precision`` is halved up to five times, and
    stays where finer spikes hardly help.

    trace, rates : spikes of the neurons before they were split, and (n_samples, n_neurons) as many of them a step.

    Returns also ``precision`` and ``disagreement`` as they are in the end.
    """
    n_steps = trace.n_steps
    counts = np.rint(rates * n_steps).astype(np.int64)
    meant = counts[:, network.output_ids]
    precision, finest = options.precision, options.precision / 2**HALVINGS
    best, least = None, np.inf
    while True:
        tried = replace(options, precision=precision, guard=0.0)
        split, answered = balance(with_units(network, units, tried, rates, n_steps), trace, counts, labelled)
        error = _relative_error(meant, answered)
        if best is not None and error > WORTHWHILE * least:
            return best
        found = changed_answers(meant, answered) if labelled else error
        best, least = (split, {"precision": precision, "disagreement": found}), error
        if found <= options.tolerance or precision <= finest:
            return best
        precision /= 2


def balance(
    split: Decomposed, trace: SpikeTrace, counts: NDArray[np.int64], labelled: bool = False
) -> tuple[Decomposed, NDArray[np.int64]]:
    """A gain for each layer and an initial potential for each neuron, with which they fire as much as ``counts`` say.

    The gain g is the least squares fit of g * (spikes found) to the spikes meant, both without their mean over samples; all that
    neurons (not the units below them) hear is multiplied by it. A layer has one for the neurons that were split and one for
    those that were not. A threshold more at the start is one spike more in every sample in which the neuron is active at all.
    One run a layer, from the first that units reach, with the input spikes of ``trace``.

    counts : (n_samples, n_neurons) spikes of the neurons before they were split.
    labelled : outputs are answers, so that only errors near the best other output can do harm. The potential of an output is
        found from the quarter of the samples in which it is nearest to that.

    Returns also (n_samples, n_outputs) spikes of the outputs with what was found.
    """
    from spikemesh.spiking import replay

    original, network = split.original, split.network
    start, gain = np.array(network.initial_potential, np.float64), np.ones(network.n_neurons)
    telling = np.ones(counts.shape, bool)
    if labelled:
        telling[:, original.output_ids] = _contending(counts[:, original.output_ids])

    def tried() -> SpikingNetwork:
        return replace(amplified(network, gain), initial_potential=start.copy())

    def run() -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        ran = replay(tried(), trace, record="counts", per_sample=True)
        assert ran.sample_counts is not None
        return ran.sample_counts, ran.output_counts

    whole = np.bincount(split.units.neuron, minlength=original.n_neurons)[: original.n_neurons] == 1
    split_layers = original.layer_of_neuron[split.units.neuron[original.n_neurons :]]
    for layer in range(int(split_layers.min(initial=len(original.layers))), len(original.layers)):
        of = np.flatnonzero((original.layer_of_neuron == layer) & ~original.is_input)
        got, meant = run()[0][:, of], counts[:, of]
        for alike in (whole[of], ~whole[of]):
            gain[of[alike]] = _gain(got[:, alike], meant[:, alike])
        active = telling[:, of] & ((got > 0) | (meant > 0))
        # the one more keeps few samples from saying much
        start[of] += ((meant - gain[of] * got) * active).sum(axis=0) / (active.sum(axis=0) + 1)
    return replace(split, network=tried()), run()[1]


def _gain(got: NDArray[np.integer], meant: NDArray[np.integer]) -> float:
    """What the deviations of ``got`` from their means over samples are to be multiplied by to be nearest those of ``meant``."""
    varies = got - got.mean(axis=0)
    power = float(np.vdot(varies, varies))
    return min(max(float(np.vdot(varies, meant)) / power, 1 / LARGEST_GAIN), LARGEST_GAIN) if power else 1.0


def _contending(meant: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n_samples, n_outputs) the quarter of the samples, for each output, in which it is nearest to the best of the others."""
    n, k = meant.shape
    if k < 2:
        return np.ones(meant.shape, bool)
    runner_up, best = np.sort(meant, axis=1)[:, -2:].T[:, :, None]
    others = np.where(np.arange(k) == meant.argmax(axis=1)[:, None], runner_up, best)
    rank = np.abs(meant - others).argsort(axis=0, kind="stable").argsort(axis=0)
    return np.asarray(rank < max(n // 4, 1))


def changed_answers(meant: ArrayLike, got: ArrayLike) -> float:
    """Share of answers, the output of most spikes, expected to differ between two runs of the same kind of sample.

    An answer changes where the error of the margin between the best output and the best other one exceeds that margin. On a
    few hundred samples that hardly ever happens; so every margin is met with the errors of the tenth of all samples whose
    margins are most like it. A tie is half a change.

    meant, got : (n_samples, n_outputs) spikes of the outputs.
    """
    meant, got = np.asarray(meant, np.float64), np.asarray(got, np.float64)
    n, k = meant.shape
    if k < 2:
        return 0.0
    best = np.arange(k) == meant.argmax(axis=1)[:, None]
    before, after = (np.where(best, x, -np.inf).max(axis=1) - np.where(best, -np.inf, x).max(axis=1) for x in (meant, got))
    order = np.argsort(before, kind="stable")
    margin, error = before[order], (after - before)[order]
    near = np.abs(np.arange(n)[:, None] - np.arange(n)) <= max(n // 20, 2)
    left = margin[:, None] + error
    return float((((left < 0) + 0.5 * (left == 0)) * near / near.sum(axis=1, keepdims=True)).sum() / n)


def _relative_error(meant: NDArray[np.int64], got: NDArray[np.int64]) -> float:
    """Root mean square error over standard deviation; 0 where nothing differs, infinite where only ``got`` varies."""
    error = float(np.sqrt(np.square(got - meant).mean()))
    return error / float(meant.std()) if error and meant.std() else error and np.inf
