"""HeartEstm on electrocardiograms: heart rate from the spikes of a reservoir, on patients it was not fitted to.

The signal's slope is squared and averaged over 150 ms, as Pan and Tompkins do (1985, band 5 to 15 Hz), and 16 input neurons
spike where it crosses 16 levels upwards; levels are shares of the stretch's 98th percentile, so that amplitude does not
matter. The reservoir's wiring is drawn and stays; a ridge regression reads the heart rate off the readout neurons' spike
counts of 20 s. Every record is estimated by a regression fitted to the other records, its strength chosen among them too.
The paper (Das et al. 2018) reads its reservoir with fuzzy c-means; its wiring is not known.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError
from spikemesh.network import SpikingNetwork
from spikemesh.network.archive import read_arrays
from spikemesh.workloads.outcome import Outcome, Progress

__all__ = ["available_records", "estimate", "evaluate", "heart_rates", "level_crossings", "slope_energy"]

FS_HZ = 125
WINDOW_S = 20
BAND_HZ = (5.0, 15.0)
AVERAGE_S = 0.15
LEVELS = np.geomspace(0.05, 0.8, 16)
STRENGTHS = (10.0, 100.0, 1000.0, 10000.0)


def available_records() -> list[Path]:
    """Files ``mitdb_<record>.npz`` in ``$SPIKEMESH_DATA/ecg``, sorted."""
    root = os.environ.get("SPIKEMESH_DATA")
    return sorted(Path(root, "ecg").glob("mitdb_[0-9]*.npz")) if root else []


def load_record(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(samples at 125 Hz,) of the first lead and (beats,) times in s. Raises DataError for a file of another kind."""
    from scipy.signal import resample_poly

    stored = read_arrays(path, ("signal", "fs", "beat_sample"), DataError)
    signal, beats = stored["signal"], stored["beat_sample"]
    if signal.ndim != 2 or not signal.size or not np.isfinite(signal).all() or beats.ndim != 1 or stored["fs"].size != 1:
        raise DataError(f"{path}: signal must be finite (samples, leads), beat_sample flat, fs one number")
    rate = float(stored["fs"].reshape(()))
    if not (1 <= rate <= 1e6 and rate == int(rate)):
        raise DataError(f"{path}: fs = {rate}: must be a whole number from 1 to 1000000")
    fs = int(rate)
    common = int(np.gcd(FS_HZ, fs))
    return resample_poly(signal[:, 0].astype(np.float64), FS_HZ // common, fs // common), beats / fs


def slope_energy(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared slope of the signal between 5 and 15 Hz, averaged over 150 ms; as long as the signal."""
    from scipy.signal import butter, sosfiltfilt

    narrow = sosfiltfilt(butter(2, BAND_HZ, "band", fs=FS_HZ, output="sos"), signal)
    taps = round(AVERAGE_S * FS_HZ)
    return np.convolve(np.diff(narrow, prepend=narrow[0]) ** 2, np.ones(taps) / taps, "same")


def level_crossings(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """(steps, 16) 1 where the energy rises over each level; levels are shares of its 98th percentile."""
    scale = float(np.percentile(energy, 98))
    above = energy[:, None] > LEVELS * scale if scale > 0 else np.zeros((len(energy), len(LEVELS)), bool)
    crossed = np.zeros(above.shape)
    crossed[1:] = above[1:] & ~above[:-1]
    return crossed


def heart_rates(beats_s: NDArray[np.float64], n_windows: int) -> NDArray[np.float64]:
    """(n_windows,) beats a minute from the mean interval within each window; NaN with under three beats."""
    rates = np.full(n_windows, np.nan)
    for k in range(n_windows):
        mine = beats_s[(beats_s >= k * WINDOW_S) & (beats_s < (k + 1) * WINDOW_S)]
        if len(mine) >= 3:
            rates[k] = 60 * (len(mine) - 1) / (mine[-1] - mine[0])
    return rates


def responses(network: SpikingNetwork, energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_windows, n_readouts) spike counts; one step of the network is one sample of the signal."""
    from spikemesh.spiking import Stream

    steps = FS_HZ * WINDOW_S
    windows = energy[: len(energy) // steps * steps].reshape(-1, steps)
    stream = Stream(replace(network, dt_ms=1000 / FS_HZ))
    counts = stream.run(np.concatenate([level_crossings(w) for w in windows]), steps)
    return counts[:, network.output_ids].astype(np.float64)


Part = tuple[NDArray[np.float64], NDArray[np.float64]]
"""(n, features) responses and (n,) heart rates of one record."""


def _fitted(parts: Sequence[Part], strength: float, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ridge regression fitted to ``parts``, at ``x``; features standardised on ``parts``."""
    a, y = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    mean, spread = a.mean(axis=0), a.std(axis=0) + 1e-9
    a = (a - mean) / spread
    weight = np.linalg.solve(a.T @ a + strength * np.eye(a.shape[1]), a.T @ (y - y.mean()))
    return np.asarray((x - mean) / spread @ weight + y.mean())


def estimate(parts: Sequence[Part], held_out: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heart rates at responses ``x`` to record ``held_out``, fitted to the others; the strength has the least error among those
    in turn."""
    others = [p for k, p in enumerate(parts) if k != held_out]

    def error(strength: float) -> float:
        each = []
        for k, (x, y) in enumerate(others):
            rest = [p for j, p in enumerate(others) if j != k]
            each.append(np.abs(_fitted(rest, strength, x) - y).mean())
        return float(np.mean(each))

    return _fitted(others, min(STRENGTHS, key=error), x)


def evaluate(network: SpikingNetwork, n: int | None, progress: Progress, fitted_to: SpikingNetwork | None = None) -> Outcome:
    """Mean absolute error of each record, estimated from the others; ``n`` records, all by default.

    fitted_to : the network whose responses to the other records the regression is fitted to, ``network`` by default.

    Raises
    ------
    DataError
        where fewer than three records are at hand.
    """
    paths = available_records()[:n]
    if len(paths) < 3:
        raise DataError(
            f"HeartEstm needs three records or more, mitdb_<record>.npz in $SPIKEMESH_DATA/ecg; there are {len(paths)}"
        )
    parts, heard = [], []
    for path in paths:
        signal, beats = load_record(path)
        energy = slope_energy(signal)
        counts = responses(network, energy)
        rates = heart_rates(beats, len(counts))
        known = np.isfinite(rates)
        heard.append(counts[known])
        parts.append((heard[-1] if fitted_to is None else responses(fitted_to, energy)[known], rates[known]))
        progress(f"HeartEstm: {path.stem}, {known.sum()} windows, median {np.median(rates[known]):.1f} beats a minute")
    ours, guess = [], []
    for k, (_, y) in enumerate(parts):
        others = np.concatenate([p[1] for j, p in enumerate(parts) if j != k])
        ours.append(float(np.abs(estimate(parts, k, heard[k]) - y).mean()))
        guess.append(float(np.abs(np.median(others) - y).mean()))
    windows = sum(len(y) for _, y in parts)
    return Outcome(
        "HeartEstm",
        "mean absolute error, beats a minute",
        np.array(ours),
        f"records, each held out ({windows} windows of {WINDOW_S} s)",
        np.array(guess),
        "always the median of the other records",
        higher_is_better=False,
        notes=(
            "data: MIT-BIH Arrhythmia Database, first lead",
            "errors by record: " + ", ".join(f"{p.stem.split('_')[1]} {e:.1f}" for p, e in zip(paths, ours, strict=True)),
        ),
    )
