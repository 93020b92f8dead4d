"""The spikes of a network over a set of samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import TraceError

__all__ = ["SpikeTrace"]

SLACK = 1e-6
"""Share of a step by which a time may miss its step's start: 0.3 ms is step 3 at 0.1 ms, whatever the last bit says."""


@dataclass(frozen=True, eq=False)
class SpikeTrace:
    """Every spike of every neuron, sorted by (sample, time, neuron).

    Parameters
    ----------
    samples, neurons : (n_spikes,) int32.
    times_ms : (n_spikes,) float64 in [0, duration_ms): a spike of step k has time k * dt_ms.
    n_samples, n_neurons, duration_ms, dt_ms : the run; every sample lasts duration_ms.
    predictions : (n_samples,) int64, index within the network's outputs: most spikes, ties by final membrane potential,
        then by lower index. -1 where the run had no outputs.
    labels : (n_samples,) int64 or None.
    output_potential : (n_samples, n_outputs) float64 or None, membrane potential of the outputs after the last step.
    """

    samples: NDArray[np.int32]
    times_ms: NDArray[np.float64]
    neurons: NDArray[np.int32]
    n_samples: int
    n_neurons: int
    duration_ms: float
    dt_ms: float = 1.0
    predictions: NDArray[np.int64] | None = None
    labels: NDArray[np.int64] | None = None
    output_potential: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls,
        samples: ArrayLike,
        times_ms: ArrayLike,
        neurons: ArrayLike,
        *,
        n_samples: int,
        n_neurons: int,
        duration_ms: float,
        dt_ms: float = 1.0,
        predictions: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        output_potential: ArrayLike | None = None,
    ) -> SpikeTrace:
        """Checks and sorts the spikes.

        Raises
        ------
        TraceError
            for lengths that differ, an unknown sample or neuron, a time outside the run.
        """
        s, t, i = np.asarray(samples), np.asarray(times_ms, np.float64), np.asarray(neurons)
        if not s.shape == t.shape == i.shape or s.ndim != 1:
            raise TraceError(f"samples, times_ms and neurons must be flat and of one length: {s.shape}, {t.shape}, {i.shape}")
        if not (np.isfinite(duration_ms) and duration_ms > 0 and np.isfinite(dt_ms) and dt_ms > 0):
            raise TraceError(f"duration_ms and dt_ms must be positive: {duration_ms}, {dt_ms}")
        if s.size:
            for what, ids, limit in (("sample", s, n_samples), ("neuron", i, n_neurons)):
                if not np.issubdtype(ids.dtype, np.integer):
                    raise TraceError(f"{what}s must be integers, not {ids.dtype}")
                if ids.min() < 0 or ids.max() >= limit:
                    unknown = int(ids.max() if ids.max() >= limit else ids.min())
                    raise TraceError(f"the trace names {what} {unknown}; there are {limit}")
            if not np.isfinite(t).all() or t.min() < 0 or t.max() >= duration_ms:
                raise TraceError(f"spike times must lie in [0, {duration_ms}) ms")
        s, t, i = _in_order(s, t, i)

        def fixed(values: ArrayLike | None, name: str) -> NDArray[np.int64] | None:
            if values is None:
                return None
            array = np.asarray(values, np.int64)
            if array.shape != (n_samples,):
                raise TraceError(f"{name} must be one a sample: shape {array.shape} for {n_samples} samples")
            return array

        potential = None if output_potential is None else np.asarray(output_potential, np.float64)
        if potential is not None and (potential.ndim != 2 or len(potential) != n_samples):
            raise TraceError(f"output_potential must be (n_samples, n_outputs), not {potential.shape}")
        return cls(
            s.astype(np.int32),
            t,
            i.astype(np.int32),
            int(n_samples),
            int(n_neurons),
            float(duration_ms),
            float(dt_ms),
            fixed(predictions, "predictions"),
            fixed(labels, "labels"),
            potential,
        )

    @property
    def n_spikes(self) -> int:
        return len(self.samples)

    @property
    def n_steps(self) -> int:
        """Steps of a sample; a last one that was begun counts."""
        return math.ceil(self.duration_ms / self.dt_ms - SLACK)

    @cached_property
    def steps(self) -> NDArray[np.int32]:
        """(n_spikes,) the step in which each spike fired: step k covers the times from k * dt_ms on."""
        return np.floor(self.times_ms / self.dt_ms + SLACK).astype(np.int32)

    @cached_property
    def sample_starts(self) -> NDArray[np.int64]:
        """(n_samples + 1,) where each sample's spikes begin."""
        return np.searchsorted(self.samples, np.arange(self.n_samples + 1)).astype(np.int64)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """(n_neurons,) spikes of each neuron over all samples."""
        return np.bincount(self.neurons, minlength=self.n_neurons).astype(np.int64)

    @cached_property
    def rates_hz(self) -> NDArray[np.float64]:
        """(n_neurons,) spikes summed over samples / (n_samples * duration in s)."""
        return self.counts / (self.n_samples * self.duration_ms * 1e-3)

    @property
    def accuracy(self) -> float:
        """Share of samples whose prediction equals their label; NaN without labels or predictions."""
        if self.predictions is None or self.labels is None or not self.n_samples:
            return float("nan")
        return float(np.mean(self.predictions == self.labels))

    def save(self, path: str | Path) -> None:
        """Writes the trace to one .npz file; see :func:`spikemesh.network.storage.save_trace`."""
        from spikemesh.network.storage import save_trace

        save_trace(self, path)

    def select(self, samples: ArrayLike) -> SpikeTrace:
        """The trace of some samples only, renumbered from 0 in the order given; a TraceError for unknown ones."""
        wanted = np.asarray(samples, np.int64).reshape(-1)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= self.n_samples):
            raise TraceError(f"samples to select must lie in 0..{self.n_samples - 1}: {wanted.min()} .. {wanted.max()}")
        starts = self.sample_starts
        pick = np.concatenate([np.arange(starts[s], starts[s + 1]) for s in wanted] + [np.empty(0, np.int64)])
        number = np.repeat(np.arange(len(wanted)), np.diff(starts)[wanted])

        def part(values: NDArray | None) -> NDArray | None:
            return None if values is None else values[wanted]

        pick = pick.astype(np.int64)
        return SpikeTrace(
            number.astype(np.int32),
            self.times_ms[pick],
            self.neurons[pick],
            len(wanted),
            self.n_neurons,
            self.duration_ms,
            self.dt_ms,
            part(self.predictions),
            part(self.labels),
            part(self.output_potential),
        )


def _in_order(s: NDArray, t: NDArray[np.float64], i: NDArray) -> tuple[NDArray, NDArray[np.float64], NDArray]:
    """Sorted by (sample, time, neuron); looking first is much cheaper than sorting what engines already sorted."""
    later = t[1:] > t[:-1]
    same = t[1:] == t[:-1]
    rises = (s[1:] > s[:-1]) | ((s[1:] == s[:-1]) & (later | (same & (i[1:] >= i[:-1]))))
    if rises.all():
        return s, t, i
    order = np.lexsort((i, t, s))
    return s[order], t[order], i[order]
