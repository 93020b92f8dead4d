"""The neuron model in plain numpy, one step after the other: the text that the fast engines are checked against."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.network.dynamics import Neurons, grid_weights, poisson_generator, predict
from spikemesh.network.network import SpikingNetwork
from spikemesh.network.trace import SpikeTrace
from spikemesh.spiking.opening import open_run

__all__ = ["accumulate_entries", "advance", "run_reference"]


def advance(
    step: int,
    potential: NDArray[np.float64],
    drive: NDArray[np.float64],
    current: NDArray[np.float64],
    inputs: NDArray[np.int32],
    drawn: NDArray[np.bool_],
    subtract: bool,
    refractory_steps: int,
    ready: NDArray[np.int64],
    fired: NDArray[np.int32],
) -> int:
    """As :func:`spikemesh.spiking.kernels.advance`."""
    potential += current + drive
    if len(drawn):
        potential[inputs] = drawn
        ready[inputs] = 0
    now = potential >= 1.0
    if refractory_steps > 1:
        now &= ready <= step
        ready[now] = step + refractory_steps
    potential[now] = potential[now] - 1.0 if subtract else 0.0
    ids = np.flatnonzero(now)
    fired[: len(ids)] = ids
    return len(ids)


def accumulate_entries(
    drive: NDArray[np.float64],
    post: NDArray[np.int32],
    weight: NDArray[np.float64],
    starts: NDArray[np.int64],
    entries: NDArray[np.integer],
) -> None:
    """As :func:`spikemesh.spiking.accumulate`."""
    for entry in entries:
        held = slice(starts[entry], starts[entry + 1])
        np.add.at(drive, post[held], weight[held])


def run_reference(
    network: SpikingNetwork,
    inputs: ArrayLike,
    duration_ms: float = 200,
    seed: int = 0,
    *,
    encoding: str = "constant",
    delay_steps: NDArray[np.integer] | None = None,
) -> SpikeTrace:
    """Every sample through every step; slow, and meant to be read.

    delay_steps : (n_synapses,) steps on top of the one that every spike takes, in the order of ``network.synapses``.
    Other parameters, result and errors as :func:`spikemesh.run_brian2`.
    """
    n_steps, samples, _ = open_run(network, inputs, duration_ms, seed, encoding, None)
    neurons = Neurons.of(network)
    synapses, weight, starts = network.synapses, grid_weights(network), network.indptr
    delay = np.zeros(len(synapses), np.int64) if delay_steps is None else np.asarray(delay_steps, np.int64)
    spikes: list[tuple[int, int, int]] = []
    counts = np.zeros((len(samples), neurons.n), np.int64)
    final = np.zeros((len(samples), neurons.n))
    for s, sample in enumerate(samples):
        generator = poisson_generator(seed, s) if encoding == "poisson" else None
        current = neurons.currents(sample, encoding)
        potential, ready = neurons.initial_potential.copy(), np.zeros(neurons.n, np.int64)
        drive = np.zeros((n_steps + 1, neurons.n))
        fired = np.empty(neurons.n, np.int32)
        for step in range(n_steps):
            drawn = np.empty(0, bool) if generator is None else generator.random(len(sample)) < sample
            count = advance(
                step,
                potential,
                drive[step],
                current,
                neurons.inputs,
                drawn,
                neurons.subtract,
                neurons.refractory_steps,
                ready,
                fired,
            )
            for i in fired[:count].tolist():
                spikes.append((s, step, i))
                counts[s, i] += 1
                out = np.arange(starts[i], starts[i + 1])
                due = step + 1 + delay[out]
                out, due = out[due <= n_steps], due[due <= n_steps]
                np.add.at(drive, (due, synapses.post[out]), weight[out])
        final[s] = potential
    table = np.array(spikes, np.int64).reshape(-1, 3)
    return SpikeTrace.of(
        table[:, 0],
        table[:, 1] * network.dt_ms,
        table[:, 2],
        n_samples=len(samples),
        n_neurons=neurons.n,
        duration_ms=n_steps * network.dt_ms,
        dt_ms=network.dt_ms,
        predictions=predict(counts[:, neurons.outputs], final[:, neurons.outputs]),
        output_potential=final[:, neurons.outputs],
    )
