"""How well spike rates stand for activations, layer by layer and over time; and, where they do not, why.

Fig. 2 of the GPA paper: Pearson correlation of ANN activations and SNN spike rates of each layer, pooled over all neurons and
samples of a batch, mean over batches; the last layer before its softmax, clipped at 0. Fig. 3: error after every step, with
the standard deviation over batches. Activations are those of the network's own weights (:func:`relu_activations`), so what a
layer loses here was lost by spiking, not by conversion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import SimulationError
from spikemesh.network.dynamics import check_labels
from spikemesh.network.network import SpikingNetwork
from spikemesh.spiking.layered import SpikeCounts, run_layered
from spikemesh.spiking.rate_model import relu_activations

__all__ = ["Fidelity", "LayerFidelity", "fidelity"]

GOOD_PEARSON = 0.999
MUCH_SATURATED = 0.005
MUCH_SILENT = 0.02
MUCH_DEAD = 0.5
MUCH_UNSETTLED = 0.01
LAST_PART = 0.1
"""Beyond these shares a layer or a run is warned about; a run is settled where no answer changes in its last tenth."""


@dataclass(frozen=True)
class LayerFidelity:
    """One layer, over all samples.

    pearson, pearson_std : of activations and rates, mean and standard deviation over batches; NaN where either is constant.
    activation, rate : means over neurons and samples, in spikes a step. saturated : share of activations above 1, which no
    neuron can follow. dead : share of neurons whose activation is 0 in every sample. silent : share of the activations that ask
    for at least one spike in the run, and get none.
    """

    layer: str
    neurons: int
    pearson: float
    pearson_std: float
    activation: float
    rate: float
    saturated: float
    dead: float
    silent: float


@dataclass(frozen=True, eq=False)
class Fidelity:
    """What :func:`fidelity` found.

    layers : all but the input. n_samples, n_steps : of the run. spikes : of all neurons. predictions : (n_samples,) int64, of
    the spiking network. activation_predictions : (n_samples,) int64, of the activations, outputs not clipped. unsettled : share
    of samples whose prediction changed in the last tenth of the run. errors : (n_batches, 2, n_steps) top-1 and top-5 error of
    the spiking network after each step, None without labels. advice : what is amiss and what to do, in words.
    """

    network: str
    layers: tuple[LayerFidelity, ...]
    n_samples: int
    n_steps: int
    spikes: int
    predictions: NDArray[np.int64]
    activation_predictions: NDArray[np.int64]
    unsettled: float
    errors: NDArray[np.float64] | None
    advice: tuple[str, ...]

    @property
    def worst_pearson(self) -> float:
        """The lowest correlation of a layer; NaN where none has one."""
        known = [x.pearson for x in self.layers if x.pearson == x.pearson]
        return min(known, default=float("nan"))

    @property
    def agreement(self) -> float:
        """Share of samples with the prediction of the activations; NaN without outputs."""
        if not len(self.activation_predictions):
            return float("nan")
        return float(np.mean(self.predictions == self.activation_predictions))

    def __str__(self) -> str:
        head = f"{'layer':16} {'neurons':>9} {'Pearson':>8} {'activation':>10} {'rate':>8} {'saturated':>9} {'dead':>8} {'silent':>8}"
        lines = [f"{self.network}: {self.n_samples} samples of {self.n_steps} steps, agreement {self.agreement:.2%}", head]
        for x in self.layers:
            shares = f"{x.saturated:9.2%} {x.dead:8.2%} {x.silent:8.2%}"
            lines.append(f"{x.layer:16} {x.neurons:9,} {x.pearson:8.5f} {x.activation:10.5f} {x.rate:8.5f} {shares}")
        return "\n".join([*lines, *(f"warning: {text}" for text in self.advice)])


class _Layer:
    """Sums over batches for one layer."""

    def __init__(self, name: str, size: int) -> None:
        self.name, self.pearson, self.active = name, [], np.zeros(size, bool)  # type: ignore[var-annotated]
        self.activation = self.rate = 0.0
        self.saturated = self.asked = self.silent = self.seen = 0

    def add(self, activations: NDArray[np.float64], counts: NDArray[np.int32], n_steps: int) -> None:
        """One batch: (n, neurons) each."""
        self.pearson.append(_pearson(activations, counts))
        self.active |= (activations > 0).any(axis=0)
        self.activation += float(activations.sum())
        self.rate += float(counts.sum()) / n_steps
        asked = activations * n_steps >= 1
        self.saturated += int((activations > 1).sum())
        self.asked += int(asked.sum())
        self.silent += int((counts[asked] == 0).sum())
        self.seen += activations.size

    def result(self) -> LayerFidelity:
        pearson = np.array([p for p in self.pearson if p == p] or [np.nan])
        seen = max(self.seen, 1)
        return LayerFidelity(
            self.name,
            len(self.active),
            float(pearson.mean()),
            float(pearson.std()),
            self.activation / seen,
            self.rate / seen,
            self.saturated / seen,
            float(1 - self.active.mean()),
            self.silent / max(self.asked, 1),
        )


def fidelity(
    network: SpikingNetwork,
    inputs: ArrayLike,
    duration_ms: float = 200,
    seed: int = 0,
    *,
    labels: ArrayLike | None = None,
    encoding: str = "constant",
    batch_size: int = 50,
    workers: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Fidelity:
    """Run every sample and compare the rates with the activations; memory is that of one batch.

    Parameters
    ----------
    network : feed-forward.
    inputs, duration_ms, seed, encoding, workers : as :func:`spikemesh.run_layered` takes them.
    labels : (n_samples,) integers, for errors over time.
    batch_size : samples over which a correlation is pooled.
    progress : called with (samples done, samples) after each batch.

    Raises
    ------
    NetworkError
        for a recurrent network, which has no activations.
    SimulationError
        for inputs, labels or options that do not fit.
    """
    if batch_size < 1:
        raise SimulationError(f"batch_size must be at least 1, not {batch_size}")
    samples = np.asarray(inputs)
    known = check_labels(network, labels, len(samples))
    starts = network.layer_starts
    layers = [_Layer(layer.name, layer.size) for layer in network.layers]
    predictions, of_activations, errors, unsettled, spikes, n_steps = [], [], [], 0, 0, 0
    for at in range(0, len(samples), batch_size):
        x = samples[at : at + batch_size]
        y = None if known is None else known[at : at + batch_size]
        ran = run_layered(
            network, x, duration_ms, seed, encoding=encoding, labels=y, record="counts", per_sample=True, workers=workers
        )
        n_steps = ran.predictions_over_time.shape[1]
        activations = relu_activations(network, x, clip_outputs=False)
        if len(network.output_ids):
            of_activations.append(activations[:, network.output_ids].argmax(axis=1))
        np.maximum(activations, 0, out=activations)
        assert ran.sample_counts is not None
        for k in range(1, len(layers)):
            block = slice(starts[k], starts[k + 1])
            layers[k].add(activations[:, block], ran.sample_counts[:, block], n_steps)
        predictions.append(ran.predictions)
        unsettled += _changed_late(ran)
        spikes += ran.n_spikes
        if y is not None:
            errors.append([ran.error_over_time(1), ran.error_over_time(5)])
        if progress is not None:
            progress(min(at + batch_size, len(samples)), len(samples))
    found = tuple(layer.result() for layer in layers[1:])
    late = unsettled / max(len(samples), 1)
    return Fidelity(
        network.name,
        found,
        len(samples),
        n_steps,
        spikes,
        np.concatenate([*predictions, np.empty(0, np.int64)]),
        np.concatenate([*of_activations, np.empty(0, np.int64)]).astype(np.int64),
        late,
        np.array(errors) if errors else None,
        _advice(found, late, n_steps),
    )


def _pearson(a: NDArray[np.floating], b: NDArray[np.integer]) -> float:
    """Correlation of all values; NaN where either is constant."""
    a, b = a.ravel(), b.ravel()
    spread = float(a.std() * b.std())
    return float(np.mean((a - a.mean()) * (b - b.mean())) / spread) if spread > 0 else float("nan")


def _changed_late(ran: SpikeCounts) -> int:
    answers = ran.predictions_over_time
    last = max(1, round(LAST_PART * answers.shape[1]))
    return int((answers[:, -last:] != answers[:, -1:]).any(axis=1).sum())


def _advice(layers: tuple[LayerFidelity, ...], unsettled: float, n_steps: int) -> tuple[str, ...]:
    texts = []
    for x in layers:
        if x.saturated > MUCH_SATURATED:
            texts.append(
                f"{x.layer}: {x.saturated:.1%} of its activations lie above the scale, where neurons fire every step and can do "
                "no more; convert with a higher percentile, or with calibration samples like these"
            )
        if x.silent > MUCH_SILENT:
            texts.append(
                f"{x.layer}: {x.silent:.1%} of the activations that ask for a spike within {n_steps} steps get none: too few "
                "steps; simulate longer, or convert with half_threshold=True or normalisation='channel'"
            )
        if x.dead > MUCH_DEAD:
            texts.append(
                f"{x.layer}: {x.dead:.0%} of its neurons are active in none of the samples; they hold crossbar space for nothing: "
                "prune them or make the layer smaller"
            )
    if unsettled > MUCH_UNSETTLED:
        texts.append(f"{unsettled:.1%} of the predictions still changed in the last tenth of {n_steps} steps: too few steps")
    return tuple(texts)
