"""What every engine must agree on: the neuron's arithmetic, the encoding of inputs, the reading of outputs.

Weights, biases, initial potentials and input currents are rounded to multiples of 2**-24 before a run. Sums of such numbers
below 2**28 are exact in float64 whatever their order, so that all engines give the same spikes, bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import NetworkError, SimulationError
from spikemesh.network.connectivity import Convolution, Dense
from spikemesh.network.network import SpikingNetwork

__all__ = [
    "ENCODINGS",
    "EXACT_LIMIT",
    "GRID",
    "Neurons",
    "check_encoding",
    "check_exact",
    "check_labels",
    "count_steps",
    "encode_inputs",
    "grid_weights",
    "largest_drive",
    "poisson_generator",
    "predict",
    "to_grid",
]

GRID = 2.0**-24
"""Every number that enters a potential is a multiple of this."""

EXACT_LIMIT = 2.0**28
"""Potentials beyond this could lose bits of the grid; a network that might reach it is refused."""

ENCODINGS = ("constant", "poisson")


def to_grid(values: ArrayLike) -> NDArray[np.float64]:
    """The nearest multiples of 2**-24, as float64 of the same shape; halves go to the even multiple."""
    return np.rint(np.asarray(values, np.float64) / GRID) * GRID


def grid_weights(network: SpikingNetwork) -> NDArray[np.float64]:
    """(n_synapses,) weights on the grid, in the order of ``network.synapses``."""
    return to_grid(network.synapses.weight)


@dataclass(frozen=True, eq=False)
class Neurons:
    """A network's neurons, ready to be stepped.

    bias, initial_potential: (n,) float64 on the grid. inputs, outputs: int32 neuron indices. subtract: reset takes the
    threshold off instead of setting 0. refractory_steps: the least distance in steps between two spikes of a neuron, 1 where
    it may fire in every step.
    """

    n: int
    bias: NDArray[np.float64]
    initial_potential: NDArray[np.float64]
    inputs: NDArray[np.int32]
    outputs: NDArray[np.int32]
    subtract: bool
    refractory_steps: int
    dt_ms: float

    @classmethod
    def of(cls, network: SpikingNetwork) -> Neurons:
        # the small slack keeps 0.3 ms at 0.1 ms steps at 3 steps, not 4
        gap = math.ceil(network.refractory_ms / network.dt_ms - 1e-9)
        return cls(
            network.n_neurons,
            to_grid(network.bias),
            to_grid(network.initial_potential),
            network.input_ids,
            network.output_ids,
            network.reset == "subtract",
            max(gap, 1),
            network.dt_ms,
        )

    def currents(self, sample: NDArray[np.float64], encoding: str) -> NDArray[np.float64]:
        """(n,) float64 current of every step: the bias, and the pixel of an input neuron under constant encoding."""
        current = self.bias.copy()
        if encoding == "constant":
            current[self.inputs] += sample
        return current


def check_encoding(encoding: str) -> None:
    if encoding not in ENCODINGS:
        raise SimulationError(f"encoding must be one of {', '.join(ENCODINGS)}, not {encoding!r}")


def count_steps(duration_ms: float, dt_ms: float) -> int:
    """Steps of a sample; a SimulationError unless duration_ms is a positive multiple of dt_ms."""
    steps = duration_ms / dt_ms if np.isfinite(duration_ms) else 0.0
    if steps < 0.5 or abs(steps - round(steps)) > 1e-6 * steps:
        raise SimulationError(f"duration_ms = {duration_ms} must be a positive multiple of the step, {dt_ms} ms")
    return round(steps)


def encode_inputs(network: SpikingNetwork, inputs: ArrayLike) -> NDArray[np.float64]:
    """The samples as (n_samples, n_inputs) float64 on the grid.

    Parameters
    ----------
    inputs : (n_samples, ...) numbers in [0, 1]; the axes after the first are flattened in C order onto ``network.input_ids``.

    Raises
    ------
    SimulationError
        for a wrong number of values a sample, NaN, or values outside [0, 1]; the first offender is named.
    """
    try:
        values = np.asarray(inputs, np.float64)
    except (TypeError, ValueError) as error:
        raise SimulationError(f"inputs must be an array of numbers: {error}") from None
    n_inputs = len(network.input_ids)
    if values.ndim < 1 or len(values) < 1 or math.prod(values.shape[1:]) != n_inputs:
        raise SimulationError(
            f"inputs of shape {values.shape} do not fit {network.name}: one sample or more, {n_inputs} values each"
        )
    flat = values.reshape(len(values), n_inputs)
    good = (flat >= 0) & (flat <= 1)
    if not good.all():
        sample, position = np.argwhere(~good)[0]
        raise SimulationError(
            f"inputs[{sample}] has value {flat[sample, position]} at position {position}; inputs must lie in [0, 1]"
        )
    return to_grid(flat)


def check_labels(network: SpikingNetwork, labels: ArrayLike | None, n_samples: int) -> NDArray[np.int64] | None:
    """(n_samples,) int64, or None; a SimulationError where they do not name one output a sample."""
    if labels is None:
        return None
    values = np.asarray(labels)
    n_outputs = len(network.output_ids)
    if values.shape != (n_samples,) or not np.issubdtype(values.dtype, np.integer):
        raise SimulationError(f"labels must be {n_samples} integers, one a sample, not {values.dtype} of shape {values.shape}")
    if values.min() < 0 or values.max() >= n_outputs:
        raise SimulationError(
            f"labels must name one of the {n_outputs} outputs of {network.name}: they run from {values.min()} to {values.max()}"
        )
    return values.astype(np.int64)


def poisson_generator(seed: int, sample_index: int) -> np.random.Generator:
    """The generator of one sample's input spikes; each step draws ``random(n_inputs) < x``. Independent of batches."""
    if seed < 0 or sample_index < 0:
        raise SimulationError(f"seed and sample index must not be negative: {seed}, {sample_index}")
    return np.random.default_rng([seed, sample_index])


def largest_drive(network: SpikingNetwork) -> NDArray[np.float64]:
    """(n_neurons,) sum of abs(weight) over each neuron's incoming synapses, or slightly more at the border of a convolution."""
    total = np.zeros(network.n_neurons)
    for p in network.projections:
        c = p.connectivity
        if isinstance(c, Dense):
            block = np.abs(c.weight).sum(axis=0, dtype=np.float64)
        elif isinstance(c, Convolution):
            per_channel = np.abs(c.kernel).sum(axis=(0, 1, 2), dtype=np.float64)
            block = np.tile(per_channel, c.window.out_hw[0] * c.window.out_hw[1])
        else:
            synapses = c.edges()
            block = np.bincount(synapses.post, np.abs(synapses.weight), minlength=c.n_post)
        total[p.post_start : p.post_start + c.n_post] += block
    return total


def check_exact(network: SpikingNetwork, n_steps: int) -> None:
    """A NetworkError where some potential could leave the range in which the grid is exact within ``n_steps``."""
    neurons = Neurons.of(network)
    worst = np.abs(neurons.initial_potential) + n_steps * (np.abs(neurons.bias) + largest_drive(network) + 2.0)
    i = int(np.argmax(worst))
    if worst[i] >= EXACT_LIMIT:
        raise NetworkError(
            f"neuron {i} of {network.name} could reach a potential of {worst[i]:.3g} in {n_steps} steps; sums are exact below "
            f"2**28 only: scale its weights to the threshold, which is 1"
        )


def predict(counts: NDArray[np.integer], potential: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n_samples,) int64 index of the output with most spikes, ties by potential, then by lower index; -1 without outputs.

    counts, potential: (n_samples, n_outputs).
    """
    if counts.shape[1] == 0:
        return np.full(len(counts), -1, np.int64)
    leads = counts == counts.max(axis=1, keepdims=True)
    return np.argmax(np.where(leads, potential, -np.inf), axis=1).astype(np.int64)
