"""Whole test sets, fast: the time-stepped run of the network with convolutions kept implicit.

Event-driven, as the neuron model allows: in each step all neurons integrate, then every spike adds its weights to what
arrives in the next step. Samples are independent, so workers share them out; nothing depends on how many there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import SimulationError, TraceError
from spikemesh.network.dynamics import Neurons, check_exact, poisson_generator, predict
from spikemesh.network.network import SpikingNetwork
from spikemesh.network.trace import SpikeTrace
from spikemesh.spiking.kernels import State, run_steps
from spikemesh.spiking.opening import open_run
from spikemesh.spiking.plan import Plan

__all__ = ["SpikeCounts", "replay", "run_layered"]

Progress = Callable[[int, int], object]

DRAW_BYTES = 64 << 20
"""Poisson inputs are drawn for as many steps at once as fit in this."""


SPIKE_BUFFER = 4 << 20
"""Spikes that a sample's recording buffer holds at most, but always four full steps."""


@dataclass(frozen=True, eq=False)
class SpikeCounts:
    """What is left of a run whose spikes were counted, not kept.

    counts : (n_neurons,) int64 spikes of each neuron over all samples.
    sample_counts : (n_samples, n_neurons) int32, or None where it was not asked for.
    sample_spikes : (n_samples,) int64 spikes of each sample.
    output_counts, output_potential : (n_samples, n_outputs) int64 and float64 after the last step.
    predictions : (n_samples,) int64 index within the outputs, -1 without outputs.
    predictions_over_time : (n_samples, n_steps) int32, the prediction after each step.
    ranks_over_time : (n_samples, n_steps) int32 or None: outputs ahead of the label's after each step; 0 is right.
    labels : (n_samples,) int64 or None.
    """

    counts: NDArray[np.int64]
    sample_counts: NDArray[np.int32] | None
    sample_spikes: NDArray[np.int64]
    output_counts: NDArray[np.int64]
    output_potential: NDArray[np.float64]
    predictions: NDArray[np.int64]
    predictions_over_time: NDArray[np.int32]
    ranks_over_time: NDArray[np.int32] | None
    labels: NDArray[np.int64] | None
    duration_ms: float
    dt_ms: float

    @property
    def n_samples(self) -> int:
        return len(self.sample_spikes)

    @property
    def n_neurons(self) -> int:
        return len(self.counts)

    @property
    def n_spikes(self) -> int:
        return int(self.counts.sum())

    @cached_property
    def rates_hz(self) -> NDArray[np.float64]:
        """(n_neurons,) spikes summed over samples / (n_samples * duration in s)."""
        return self.counts / (self.n_samples * self.duration_ms * 1e-3)

    @property
    def accuracy(self) -> float:
        """Share of samples whose prediction equals their label; NaN without labels."""
        return float("nan") if self.labels is None else float(np.mean(self.predictions == self.labels))

    def error_over_time(self, top: int = 1) -> NDArray[np.float64]:
        """(n_steps,) share of samples whose label is not among the ``top`` outputs after each step (GPA paper, figure 3).

        Raises
        ------
        SimulationError
            where the run had no labels.
        """
        if self.ranks_over_time is None:
            raise SimulationError("error over time needs a run with labels")
        return (self.ranks_over_time >= top).mean(axis=0)


@dataclass(frozen=True, eq=False)
class _Sample:
    """One sample's result."""

    counts: NDArray[np.int64]
    potential: NDArray[np.float64]
    answers: NDArray[np.int32]
    ranks: NDArray[np.int32]
    steps: NDArray[np.int32]
    ids: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class _InputSpikes:
    """Spikes of the inputs by (sample, step): sample s has starts[s] to starts[s + 1]. place : index within the inputs."""

    starts: NDArray[np.int64]
    steps: NDArray[np.int32]
    place: NDArray[np.int64]
    n_inputs: int

    @classmethod
    def of(cls, trace: SpikeTrace, inputs: NDArray[np.int32]) -> _InputSpikes:
        place = np.full(trace.n_neurons, -1, np.int64)
        place[inputs] = np.arange(len(inputs))
        mine = np.flatnonzero(place[trace.neurons] >= 0)
        return cls(np.searchsorted(mine, trace.sample_starts), trace.steps[mine], place[trace.neurons[mine]], len(inputs))

    def raster(self, sample: int, first: int, stop: int) -> NDArray[np.bool_]:
        """(stop - first, n_inputs) which input spikes in which step."""
        own = slice(*self.starts[sample : sample + 2])
        low, high = own.start + np.searchsorted(self.steps[own], [first, stop])
        spikes = np.zeros((stop - first, self.n_inputs), bool)
        spikes[self.steps[low:high] - first, self.place[low:high]] = True
        return spikes


@dataclass(frozen=True, eq=False)
class _Run:
    """What all samples of a run share. given : input spikes, in place of those that ``samples`` would cause."""

    neurons: Neurons
    plan: Plan
    samples: NDArray[np.float64]
    labels: NDArray[np.int64] | None
    n_steps: int
    seed: int
    encoding: str
    keep_spikes: bool
    given: _InputSpikes | None = None

    def sample(self, number: int) -> _Sample:
        """Runs one sample from its reset state."""
        n, pixels = self.neurons, self.samples[number]
        state = State(
            n.initial_potential.copy(),
            np.zeros(n.n),
            np.zeros(n.n, np.int64),
            np.empty(n.n, np.int32),
            np.zeros(n.n, np.int64),
        )
        over_time = 0 if self.keep_spikes or not len(n.outputs) else self.n_steps
        answers = np.full(over_time, -1, np.int32)
        ranks = np.empty(over_time if self.labels is not None else 0, np.int32)
        label = -1 if self.labels is None else int(self.labels[number])
        space = n.n * max(4, min(64, SPIKE_BUFFER // n.n)) if self.keep_spikes else 0
        steps, ids = np.empty(space, np.int32), np.empty(space, np.int32)
        current = n.currents(pixels, self.encoding)
        kept: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
        for first, stop, drawn in self._draws(number, pixels):
            step = first
            while step < stop:
                step, recorded = run_steps(
                    step,
                    stop,
                    self.plan,
                    state,
                    current,
                    n.inputs,
                    drawn[step - first :],
                    n.subtract,
                    n.refractory_steps,
                    n.outputs,
                    label,
                    answers,
                    ranks,
                    steps,
                    ids,
                )
                kept.append((steps[:recorded].copy(), ids[:recorded].copy()))
        spikes = [np.concatenate(parts) for parts in zip(*kept, strict=True)]
        return _Sample(state.counts, state.potential[n.outputs], answers, ranks, *spikes)

    def _draws(self, number: int, pixels: NDArray[np.float64]) -> Iterator[tuple[int, int, NDArray[np.bool_]]]:
        """(first step, step after the last, input spikes) of each stretch of the sample."""
        if self.encoding == "constant":
            yield 0, self.n_steps, np.empty((self.n_steps, 0), bool)
            return
        generator = poisson_generator(self.seed, number)
        stretch = max(1, DRAW_BYTES // (8 * max(len(pixels), 1)))
        for first in range(0, self.n_steps, stretch):
            stop = min(first + stretch, self.n_steps)
            if self.given is None:
                yield first, stop, generator.random((stop - first, len(pixels))) < pixels
            else:
                yield first, stop, self.given.raster(number, first, stop)


@overload
def run_layered(
    network: SpikingNetwork,
    inputs: ArrayLike,
    duration_ms: float = ...,
    seed: int = ...,
    *,
    encoding: str = ...,
    labels: ArrayLike | None = ...,
    batch_size: int | None = ...,
    record: Literal["spikes"] = ...,
    per_sample: bool = ...,
    progress: Progress | None = ...,
    workers: int | None = ...,
) -> SpikeTrace: ...
@overload
def run_layered(
    network: SpikingNetwork,
    inputs: ArrayLike,
    duration_ms: float = ...,
    seed: int = ...,
    *,
    encoding: str = ...,
    labels: ArrayLike | None = ...,
    batch_size: int | None = ...,
    record: Literal["counts"],
    per_sample: bool = ...,
    progress: Progress | None = ...,
    workers: int | None = ...,
) -> SpikeCounts: ...
def run_layered(
    network: SpikingNetwork,
    inputs: ArrayLike,
    duration_ms: float = 200,
    seed: int = 0,
    *,
    encoding: str = "constant",
    labels: ArrayLike | None = None,
    batch_size: int | None = None,
    record: str = "spikes",
    per_sample: bool = False,
    progress: Progress | None = None,
    workers: int | None = None,
) -> SpikeTrace | SpikeCounts:
    """Runs every sample through the network: the spikes of :func:`spikemesh.run_brian2`, step for step, much faster.

    Parameters
    ----------
    network : of any kind, also recurrent. Convolutions and dense blocks are not listed, so the largest networks run.
    inputs : (n_samples, ...) numbers in [0, 1], flattened onto the input neurons.
    duration_ms : of a sample; a multiple of the network's dt_ms.
    seed : of the Poisson draw; sample s uses the generator of (seed, s).
    encoding : "constant" or "poisson" (design: Inputs).
    labels : (n_samples,) integers, index of the right output of each sample.
    batch_size : samples handed to a worker at once; changes nothing but how often ``progress`` is called.
    record : "spikes" keeps every spike; "counts" keeps counts and predictions over time, for whole test sets.
    per_sample : with "counts", also keep each sample's counts, n_samples * n_neurons * 4 bytes.
    progress : called with (samples done, samples) after each sample.
    workers : threads, by default one a processor of this process. The result is the same for any number.

    Returns
    -------
    SpikeTrace, or SpikeCounts for ``record="counts"``.

    Raises
    ------
    SimulationError
        for inputs, labels or options that do not fit.
    NetworkError
        for weights so large that sums would not be exact.
    """
    keep_spikes = _keeps_spikes(record)
    n_steps, samples, known = open_run(network, inputs, duration_ms, seed, encoding, labels)
    neurons = Neurons.of(network)
    run = _Run(neurons, Plan.of(network), samples, known, n_steps, seed, encoding, keep_spikes)
    return _recorded(_in_order(run, batch_size, workers, progress), run, n_steps * network.dt_ms, per_sample)


@overload
def replay(
    network: SpikingNetwork, trace: SpikeTrace, *, record: Literal["spikes"] = ..., workers: int | None = ...
) -> SpikeTrace: ...
@overload
def replay(
    network: SpikingNetwork, trace: SpikeTrace, *, record: Literal["counts"], per_sample: bool = ..., workers: int | None = ...
) -> SpikeCounts: ...
def replay(
    network: SpikingNetwork,
    trace: SpikeTrace,
    *,
    record: str = "spikes",
    per_sample: bool = False,
    workers: int | None = None,
) -> SpikeTrace | SpikeCounts:
    """What ``network`` fires where its inputs spike as they do in ``trace``.

    For a network that mapping has changed (``mapped.network``: synapses dropped or rounded, neurons split into units): the chip
    runs the spikes of the network that it holds. A network's own trace gives itself again.

    Parameters
    ----------
    network : its input neurons have the ids that they have in the trace; other neurons of the trace are not looked at.
    trace : of another network with the same inputs and steps; its labels are kept.
    record, per_sample, workers : as of :func:`run_layered`.

    Raises
    ------
    SimulationError
        for an option that is not known.
    TraceError
        where the trace lacks some of the inputs, or has other steps.
    NetworkError
        for weights so large that sums would not be exact.
    """
    keep_spikes = _keeps_spikes(record)
    inputs = network.input_ids
    if len(inputs) and int(inputs.max()) >= trace.n_neurons:
        raise TraceError(f"{network.name} has input neuron {int(inputs.max())}, the trace {trace.n_neurons} neurons")
    if trace.dt_ms != network.dt_ms:
        raise TraceError(f"the trace has steps of {trace.dt_ms:g} ms, {network.name} of {network.dt_ms:g} ms")
    check_exact(network, trace.n_steps)
    dark = np.zeros((trace.n_samples, len(inputs)))
    given = _InputSpikes.of(trace, inputs)
    run = _Run(Neurons.of(network), Plan.of(network), dark, trace.labels, trace.n_steps, 0, "poisson", keep_spikes, given)
    return _recorded(_in_order(run, None, workers, None), run, trace.duration_ms, per_sample)


def _keeps_spikes(record: str) -> bool:
    if record not in ("spikes", "counts"):
        raise SimulationError(f"record must be 'spikes' or 'counts', not {record!r}")
    return record == "spikes"


def _in_order(run: _Run, batch_size: int | None, workers: int | None, progress: Progress | None) -> Iterator[_Sample]:
    """The samples' results in order; only a few batches are under way or waiting at any time."""
    n = len(run.samples)
    workers = len(os.sched_getaffinity(0)) if workers is None else workers
    batch = max(1, min(16, n // (2 * max(workers, 1)))) if batch_size is None else batch_size
    if workers < 1 or batch < 1:
        raise SimulationError(f"workers and batch_size must be at least 1: {workers}, {batch}")
    numbers = [range(k, min(k + batch, n)) for k in range(0, n, batch)]

    def work(part: range) -> list[_Sample]:
        return [run.sample(number) for number in part]

    done = 0
    with ThreadPoolExecutor(workers) as pool:
        ahead = 2 * workers
        waiting = [pool.submit(work, part) for part in numbers[:ahead]]
        for k in range(len(numbers)):
            finished = waiting.pop(0).result()
            if k + ahead < len(numbers):
                waiting.append(pool.submit(work, numbers[k + ahead]))
            for result in finished:
                done += 1
                if progress is not None:
                    progress(done, n)
                yield result


def _recorded(results: Iterator[_Sample], run: _Run, duration_ms: float, per_sample: bool) -> SpikeTrace | SpikeCounts:
    return _trace(results, run, duration_ms) if run.keep_spikes else _counts(results, run, duration_ms, per_sample)


def _trace(results: Iterator[_Sample], run: _Run, duration_ms: float) -> SpikeTrace:
    all_of = list(results)
    dt_ms, outputs = run.neurons.dt_ms, run.neurons.outputs
    potential = np.array([r.potential for r in all_of])
    # the kernel gives spikes in order of (step, neuron): sorted as a trace must be
    return SpikeTrace(
        np.repeat(np.arange(len(all_of), dtype=np.int32), [len(r.ids) for r in all_of]),
        np.concatenate([r.steps for r in all_of]) * dt_ms,
        np.concatenate([r.ids for r in all_of]),
        len(all_of),
        run.neurons.n,
        duration_ms,
        dt_ms,
        predict(np.array([r.counts[outputs] for r in all_of]), potential),
        run.labels,
        potential,
    )


def _counts(results: Iterator[_Sample], run: _Run, duration_ms: float, per_sample: bool) -> SpikeCounts:
    n, n_outputs = len(run.samples), len(run.neurons.outputs)
    total = np.zeros(run.neurons.n, np.int64)
    each = np.empty((n, run.neurons.n), np.int32) if per_sample else None
    spikes = np.empty(n, np.int64)
    out_counts, out_potential = np.empty((n, n_outputs), np.int64), np.empty((n, n_outputs))
    answers = np.full((n, run.n_steps), -1, np.int32)
    ranks = None if run.labels is None else np.empty((n, run.n_steps), np.int32)
    for s, result in enumerate(results):
        total += result.counts
        if each is not None:
            each[s] = result.counts
        spikes[s] = result.counts.sum()
        out_counts[s], out_potential[s] = result.counts[run.neurons.outputs], result.potential
        if n_outputs:
            answers[s] = result.answers
            if ranks is not None:
                ranks[s] = result.ranks
    return SpikeCounts(
        total,
        each,
        spikes,
        out_counts,
        out_potential,
        predict(out_counts, out_potential),
        answers,
        ranks,
        run.labels,
        duration_ms,
        run.neurons.dt_ms,
    )
