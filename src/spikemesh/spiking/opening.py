"""What every run checks before it starts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.network.dynamics import (
    check_encoding,
    check_exact,
    check_labels,
    count_steps,
    encode_inputs,
    poisson_generator,
)
from spikemesh.network.network import SpikingNetwork

__all__ = ["Opening", "open_run"]


class Opening(NamedTuple):
    """A run's checked arguments: steps of a sample; (n_samples, n_inputs) float64 on the grid; (n_samples,) int64 or None."""

    n_steps: int
    samples: NDArray[np.float64]
    labels: NDArray[np.int64] | None


def open_run(
    network: SpikingNetwork, inputs: ArrayLike, duration_ms: float, seed: int, encoding: str, labels: ArrayLike | None
) -> Opening:
    """Check what all engines take, before any work is done.

    Raises
    ------
    SimulationError
        for an unknown encoding, a duration that is no multiple of the step, inputs or labels that do not fit, a negative seed.
    NetworkError
        for weights so large that sums would not be exact.
    """
    check_encoding(encoding)
    n_steps = count_steps(duration_ms, network.dt_ms)
    check_exact(network, n_steps)
    poisson_generator(seed, 0)
    samples = encode_inputs(network, inputs)
    return Opening(n_steps, samples, check_labels(network, labels, len(samples)))
