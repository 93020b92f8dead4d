"""Recurrent networks of the decomposition paper, Table I: DigitRecogSTDP, HeartEstm, VisualPursuit.

DigitRecogSTDP is the network of Diehl and Cook (2015): 784 pixels excite 100 neurons, each of those excites a partner
one-to-one, and each partner inhibits all the others. 100 + 9,900 recurrent synapses leave 1,442 of the table's 11,442
for the pixels, and 567 - 200 = 367 pixels that have any; which ones pruning left is not known. Trained, it learns them by
plasticity (:mod:`spikemesh.workloads.stdp`); drawn, the pixels nearest the middle are taken.

HeartEstm and VisualPursuit are known by their counts alone, which no 166 (205) neurons joined among themselves can
reach: 400 (799) synapses leave each of them. The stand-ins keep both counts, with targets outside, as few as a fan-in
of 128 allows, the most that the paper reports for them. Who joins whom is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spikemesh.network import Layer, OneToOne, Projection, Sparse, SpikingNetwork
from spikemesh.workloads.catalogue import Workload

if TYPE_CHECKING:
    from spikemesh.workloads.datasets import Dataset
    from spikemesh.workloads.outcome import Outcome, Progress
    from spikemesh.workloads.prepare import Prepared

__all__ = ["WORKLOADS", "diehl_cook", "learned_digits", "liquid"]

PIXELS = 28


def diehl_cook(seed: int = 0, *, n_excitatory: int = 100, n_pixels: int = 367, n_input_synapses: int = 1442) -> SpikingNetwork:
    """DigitRecogSTDP: pixels, excitatory neurons, inhibitory partners.

    Each of the ``n_pixels`` pixels nearest the middle has at least one synapse. Input weights are drawn from U(0, 1)
    and scaled so that those of a neuron add up to 2.
    """
    rng = np.random.default_rng(seed)
    centre = (PIXELS - 1) / 2
    y, x = np.divmod(np.arange(PIXELS * PIXELS), PIXELS)
    chosen = np.sort(np.lexsort((np.arange(PIXELS * PIXELS), (y - centre) ** 2 + (x - centre) ** 2))[:n_pixels])
    first = np.arange(n_pixels) * n_excitatory + rng.integers(0, n_excitatory, n_pixels)
    others = np.setdiff1d(np.arange(n_pixels * n_excitatory), first)
    more = rng.choice(others, n_input_synapses - n_pixels, replace=False)
    pixel, post = np.divmod(np.sort(np.concatenate([first, more])), n_excitatory)
    weight = rng.random(n_input_synapses)
    total = np.bincount(post, weights=weight, minlength=n_excitatory)
    weight = (2 * weight / total[post]).astype(np.float32)
    return _rivals(chosen[pixel], post, weight, n_excitatory, "drawn")


def learned_digits(dataset: Dataset, seed: int, progress: Progress) -> SpikingNetwork:
    """The same network with weights and pixels that plasticity and pruning left, over the thresholds that it raised."""
    from spikemesh.workloads.stdp import Rule, learned_and_pruned

    found, base = learned_and_pruned(dataset, seed, progress), Rule().threshold
    pixel, post = np.nonzero(found.weights)
    weight = (found.weights / (base + found.raised))[pixel, post].astype(np.float32)
    return _rivals(pixel, post, weight, len(found.raised), "trained")


def _rivals(
    pixel: NDArray[np.integer], post: NDArray[np.integer], weight: NDArray[np.float32], n: int, weights: str
) -> SpikingNetwork:
    """``n`` excitatory neurons, an inhibitory partner each: its spike takes half the threshold from every other neuron."""
    layers = (
        Layer("input", (PIXELS, PIXELS, 1), "input"),
        Layer("excitatory", (n,), "dense"),
        Layer("inhibitory", (n,), "unit"),
    )
    e = PIXELS * PIXELS
    i = e + n
    pre, target = np.nonzero(~np.eye(n, dtype=bool))
    projections = (
        Projection(0, e, Sparse.of(pixel, post, weight, e, n)),
        Projection(e, i, OneToOne(np.ones(n, np.float32))),
        Projection(i, e, Sparse.of(pre, target, np.full(len(pre), -0.5, np.float32), n, n)),
    )
    return SpikingNetwork(
        layers, projections, output_ids=np.arange(e, i, dtype=np.int32), weights=weights, name="DigitRecogSTDP"
    )


def liquid(
    name: str, n_sources: int, n_synapses: int, n_inputs: int, seed: int = 0, *, fan_in: int = 128, excitatory: float = 0.8
) -> SpikingNetwork:
    """A reservoir with readouts: ``n_sources`` neurons with outgoing synapses, ``n_inputs`` of them inputs, the
    others recurrent.

    Targets are the recurrent neurons and as many readouts as a fan-in of ``fan_in`` needs; each target draws its
    sources without repetition. A share ``excitatory`` of the sources excites, the others inhibit four times as
    strongly, so that a neuron's inputs balance but for a small drive.
    """
    rng = np.random.default_rng(seed)
    n_targets = -(-n_synapses // fan_in)
    n_recurrent = n_sources - n_inputs
    degree = np.full(n_targets, n_synapses // n_targets)
    degree[: n_synapses - int(degree.sum())] += 1
    pre = np.concatenate([np.sort(rng.choice(n_sources, d, replace=False)) for d in degree])
    post = np.repeat(np.arange(n_targets), degree)
    sign = np.where(rng.permutation(n_sources) < round(excitatory * n_sources), 1.0, -3.5)
    sign[:n_inputs] = 1.0
    weight = (sign[pre] * rng.random(n_synapses) * 8 / fan_in).astype(np.float32)
    layers = (
        Layer("input", (n_inputs,), "input"),
        Layer("reservoir", (n_recurrent,), "neurons"),
        Layer("readout", (n_targets - n_recurrent,), "neurons"),
    )
    synapses = Sparse.of(pre, post, weight, n_sources, n_targets)
    return SpikingNetwork(layers, (Projection(0, n_inputs, synapses),), weights="drawn", name=name)


def _heart_rate(prepared: Prepared, n: int | None, seed: int, progress: Progress) -> Outcome:
    from spikemesh.workloads.heart_rate import evaluate

    return evaluate(prepared.network, n, progress, prepared.fitted_to)


def _tracking(prepared: Prepared, n: int | None, seed: int, progress: Progress) -> Outcome:
    from spikemesh.workloads.pursuit import evaluate

    return evaluate(prepared.network, n, seed, progress, prepared.fitted_to)


def _digits(prepared: Prepared, n: int | None, seed: int, progress: Progress) -> Outcome:
    from spikemesh.workloads.stdp import evaluate

    assert prepared.dataset is not None  # there are no trained weights without
    return evaluate(prepared.network, prepared.dataset, n, progress, prepared.fitted_to)


WORKLOADS = (
    Workload(
        "HeartEstm",
        source="decomposition paper, Table I",
        verdict="stand-in: counts match, wiring invented",
        table="166 / 66,406",
        neurons=16 + 519,
        synapses=66_406,
        build=lambda seed: liquid("HeartEstm", 166, 66_406, 16, seed),
        run=_heart_rate,
    ),
    Workload(
        "VisualPursuit",
        source="decomposition paper, Table I",
        verdict="stand-in: counts match, wiring invented",
        table="205 / 163,880",
        neurons=21 + 1281,
        synapses=163_880,
        build=lambda seed: liquid("VisualPursuit", 205, 163_880, 21, seed),
        run=_tracking,
    ),
    Workload(
        "DigitRecogSTDP",
        source="decomposition paper, Table I",
        verdict="stand-in: both counts match, the choice of pixels is ours",
        table="567 / 11,442",
        neurons=984,
        synapses=11_442,
        build=diehl_cook,
        dataset="mnist",
        run=_digits,
        learn=learned_digits,
    ),
)
