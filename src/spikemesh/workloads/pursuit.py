"""VisualPursuit, tracking: a gaze follows a moving target by what the reservoir's readout neurons tell it.

The 21 input neurons have Gaussian tuning over the target's position relative to the gaze, -10 to 10 degrees. Wiring is drawn
and stays; a ridge regression from readout spike counts to that position is fitted once, on gazes that do not move. In the
test the loop is closed: every 20 ms the gaze moves by a share of the position that the spikes tell. Paths are sums of three
sines, 0.1 to 0.6 Hz, other ones than the regression saw. Standing still is a gaze that stays in the middle. The task is ours;
the paper (Kashyap et al. 2018) models the frontal eye fields, and its wiring and data are not known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.network import SpikingNetwork
from spikemesh.workloads.outcome import Outcome, Progress

__all__ = ["Decoder", "evaluate", "fit", "path", "track", "tuned"]

BIN_STEPS = 20
"""Steps of 1 ms between two movements of the gaze."""
N_BINS = 250
PREFERRED = np.linspace(-10, 10, 21)
WIDTH_DEG = 1.5
LARGEST_CURRENT = 0.5
MEMORY_BINS = 3.0
GAIN = 0.3
STRENGTH = 10.0
N_FIT = 20


def tuned(relative_deg: float) -> NDArray[np.float64]:
    """(21,) currents a step for a target at ``relative_deg`` from the gaze."""
    return LARGEST_CURRENT * np.exp(-0.5 * ((relative_deg - PREFERRED) / WIDTH_DEG) ** 2)


def path(rng: np.random.Generator, n_bins: int = N_BINS) -> NDArray[np.float64]:
    """(n_bins,) positions of a target in degrees, within 4 to 8 of the middle at most."""
    t = np.arange(n_bins)[:, None] * BIN_STEPS * 1e-3
    strength, frequency, phase = rng.uniform(1, 4, 3), rng.uniform(0.1, 0.6, 3), rng.uniform(0, 2 * np.pi, 3)
    p = (strength * np.sin(2 * np.pi * frequency * t + phase)).sum(axis=1)
    return np.asarray(p * 8 / np.abs(p).max() * rng.uniform(0.5, 1))


class Decoder:
    """What spike counts tell of the target: a leaky sum of each bin's counts, then a linear map.

    mean, spread, weight : (n_readouts,) of the regression. offset : its constant.
    """

    def __init__(
        self, mean: NDArray[np.float64], spread: NDArray[np.float64], weight: NDArray[np.float64], offset: float
    ) -> None:
        self.mean, self.spread, self.weight, self.offset = mean, spread, weight, offset

    def __call__(self, remembered: NDArray[np.float64]) -> float:
        return float((remembered - self.mean) / self.spread @ self.weight + self.offset)


class _Eye:
    """The reservoir and the leaky sum of its readouts."""

    def __init__(self, network: SpikingNetwork) -> None:
        from spikemesh.spiking import Stream

        self.stream, self.readouts = Stream(network), network.output_ids
        self.remembered = np.zeros(len(self.readouts))

    def see(self, relative_deg: float) -> NDArray[np.float64]:
        counts = self.stream.run(np.tile(tuned(relative_deg), (BIN_STEPS, 1)))[0, self.readouts]
        self.remembered = self.remembered * (1 - 1 / MEMORY_BINS) + counts / MEMORY_BINS
        return self.remembered


def fit(network: SpikingNetwork, seed: int, n_paths: int = N_FIT) -> Decoder:
    """The decoder, fitted to ``n_paths`` paths seen by a gaze that does not move; small and large deviations."""
    seen, told = [], []
    for k in range(n_paths):
        rng = np.random.default_rng([seed, 0, k])
        eye = _Eye(network)
        for relative in path(rng) * rng.choice([0.1, 0.3, 1.0]):
            seen.append(eye.see(relative))
            told.append(relative)
    a, y = np.array(seen), np.array(told)
    mean, spread = a.mean(axis=0), a.std(axis=0) + 1e-9
    a = (a - mean) / spread
    weight = np.linalg.solve(a.T @ a + STRENGTH * np.eye(a.shape[1]), a.T @ (y - y.mean()))
    return Decoder(mean, spread, weight, float(y.mean()))


def track(network: SpikingNetwork, decoder: Decoder, target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_bins,) gaze in degrees while the target moves; starts in the middle."""
    eye, gaze, gazes = _Eye(network), 0.0, []
    for position in target:
        gazes.append(gaze)
        gaze += GAIN * decoder(eye.see(position - gaze))
    return np.array(gazes)


def evaluate(
    network: SpikingNetwork, n: int | None, seed: int, progress: Progress, fitted_to: SpikingNetwork | None = None
) -> Outcome:
    """Root mean square tracking error of ``n`` new paths (30 by default) of 5 s.

    fitted_to : the network that the decoder is fitted to, ``network`` by default.
    """
    progress("VisualPursuit: fitting the readout")
    decoder = fit(network if fitted_to is None else fitted_to, seed)
    ours, still = [], []
    for k in range(30 if n is None else n):
        target = path(np.random.default_rng([seed, 1, k]))
        gaze = track(network, decoder, target)
        ours.append(float(np.sqrt(np.mean((target - gaze) ** 2))))
        still.append(float(np.sqrt(np.mean(target**2))))
    progress(f"VisualPursuit: {len(ours)} paths followed")
    return Outcome(
        "VisualPursuit",
        "root mean square tracking error, degrees",
        np.array(ours),
        f"paths of {N_BINS * BIN_STEPS / 1000:g} s",
        np.array(still),
        "standing still in the middle",
        higher_is_better=False,
        notes=("paths are synthetic sums of three sines; wiring drawn, linear readout fitted on other paths",),
    )
