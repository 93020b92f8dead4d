"""Calibration by running: potentials that keep every neuron's mean, and spikes as fine as the answers need.

What a rounded, delayed, clipped partial sum does to a neuron that cannot take a spike back is hard to foretell and easy to
measure. The network of units answers the samples that it is calibrated on; what its neurons fire too much or too little on
average goes into their initial potentials, layer after layer, since each layer hears what the one before has learnt (as in
Y. Li et al., "A Free Lunch From ANN: Towards Efficient, Accurate Spiking Neural Networks Calibration", ICML 2021, where
potentials take up the error of conversion). Then spikes of units are made finer, by halves, until the outputs agree.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.mapping.decompose.coding import CodingOptions
from spikemesh.mapping.decompose.rates import sample_rates
from spikemesh.mapping.decompose.transform import Decomposed, with_units
from spikemesh.mapping.decompose.units import Units
from spikemesh.network import SpikeTrace, SpikingNetwork

__all__ = ["balance", "changed_answers", "settle"]

HALVINGS = 4
"""Of the precision, at most: what remains then comes from spikes that arrive later, not from their value."""


def settle(
    network: SpikingNetwork, units: Units, options: CodingOptions, trace: SpikeTrace
) -> tuple[Decomposed, dict[str, float]]:
    """The network of units, balanced, at the coarsest precision at which its outputs agree with the trace's.

    They disagree by the share of answers that is expected to change (:func:`changed_answers`) where the trace has labels, so
    that there are answers, and else by 1 - r, r the correlation of output counts over outputs and samples.
    ``options.tolerance`` is what they may disagree by; ``options.precision`` is halved up to four times, at once as often as it
    must be where disagreement is in proportion to it.

    Returns also ``precision`` and ``disagreement`` as they are in the end.
    """
    rates = sample_rates(trace)
    counts = np.rint(rates * trace.n_steps).astype(np.int64)
    meant = counts[:, network.output_ids]
    precision, finest = options.precision, options.precision / 2**HALVINGS
    while True:
        tried = replace(options, precision=precision, guard=0.0)
        split, answered = balance(with_units(network, units, tried, rates, trace.n_steps), counts, trace.n_steps)
        found = changed_answers(meant, answered) if trace.labels is not None else 1 - _correlation(meant, answered)
        if found <= options.tolerance or precision <= finest:
            return split, {"precision": precision, "disagreement": found}
        needed = int(np.log2(found / options.tolerance)) if options.tolerance else HALVINGS
        precision = max(precision / 2 ** max(needed, 1), finest)


def balance(split: Decomposed, counts: NDArray[np.int64], n_steps: int) -> tuple[Decomposed, NDArray[np.int64]]:
    """Initial potentials with which every neuron fires as much as ``counts`` say, on average over samples.

    A threshold more at the start is one spike more in every sample in which the neuron is active at all. One run a layer, of
    those that units reach.

    counts : (n_samples, n_neurons) spikes of the neurons before they were split.

    Returns also (n_samples, n_outputs) spikes of the outputs with the potentials found.
    """
    from spikemesh.spiking import run_layered

    original, network = split.original, split.network
    start = np.array(network.initial_potential, np.float64)
    # as many spikes of the inputs as in the trace, evenly spread
    given = np.clip((counts[:, original.input_ids] + 0.5 - start[original.input_ids]) / n_steps, 0.0, 1.0)

    def run() -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        tried = replace(network, initial_potential=start.copy())
        ran = run_layered(tried, given, n_steps * network.dt_ms, record="counts", per_sample=True)
        assert ran.sample_counts is not None
        return ran.sample_counts, ran.output_counts

    split_layers = original.layer_of_neuron[split.units.neuron[original.n_neurons :]]
    for layer in range(int(split_layers.min(initial=len(original.layers))), len(original.layers)):
        of = np.flatnonzero((original.layer_of_neuron == layer) & ~original.is_input)
        got, meant = run()[0][:, of], counts[:, of]
        active = ((got > 0) | (meant > 0)).sum(axis=0)
        start[of] += (meant - got).sum(axis=0) / (active + 1)  # the one more keeps few samples from saying much
    return replace(split, network=replace(network, initial_potential=start)), run()[1]


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


def _correlation(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    if np.array_equal(a, b):
        return 1.0
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0
