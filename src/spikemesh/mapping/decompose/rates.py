"""Networks in the rate domain, where spikes per step are real numbers and a neuron is x = max(sum of w x + b, 0).

A neuron that integrates and loses its threshold at every spike fires at this rate, up to less than one spike in all (and up
to one spike a step). Decomposition is exact or not in this domain; runs of spikes add rounding and delay to it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.decompose.units import Units
from spikemesh.network import SpikeTrace, SpikingNetwork

__all__ = ["fixed_point", "partial_sums", "sample_rates"]

CHUNK = 1 << 25
"""Numbers held at once while samples are gone through."""


def fixed_point(
    network: SpikingNetwork, inputs: ArrayLike, *, ceiling: float = np.inf, rounds: int | None = None, start: ArrayLike = 0.0
) -> NDArray[np.float64]:
    """(n_samples, n_neurons) rates x = min(max(W x + b, 0), ceiling), input neurons driven by ``inputs`` on top.

    Exact after as many rounds as the network is deep where it has no cycle; else what ``rounds`` rounds from ``start`` reach.

    inputs : (n_samples, n_inputs) currents per step. ceiling : 1 for neurons that fire at most once a step.
    """
    drive = np.zeros((len(np.asarray(inputs)), network.n_neurons))
    drive[:, network.input_ids] = inputs
    drive += network.bias
    forward = network.to_scipy()
    x = np.broadcast_to(np.asarray(start, np.float64), drive.shape)
    for _ in range(network.n_neurons if rounds is None else rounds):
        new = np.clip(x @ forward + drive, 0.0, ceiling)
        if np.array_equal(new, x):
            break
        x = new
    return x


def sample_rates(trace: SpikeTrace) -> NDArray[np.float64]:
    """(n_samples, n_neurons) spikes per step of each sample."""
    index = trace.samples.astype(np.int64) * trace.n_neurons + trace.neurons
    counts = np.bincount(index, minlength=trace.n_samples * trace.n_neurons)
    return counts.reshape(trace.n_samples, trace.n_neurons) / trace.n_steps


def checked_rates(network: SpikingNetwork, rates: ArrayLike) -> NDArray[np.float64]:
    """Rates as (n_samples, n_neurons) float64; a MappingError where they do not fit the network."""
    found = np.atleast_2d(np.asarray(rates, np.float64))
    if found.ndim != 2 or found.shape[1] != network.n_neurons or not len(found):
        raise MappingError(f"rates must be (n_samples, {network.n_neurons}), not {np.shape(rates)}")
    if not np.isfinite(found).all() or (found < 0).any():
        raise MappingError("rates must be finite and not negative")
    return found


def partial_sums(
    network: SpikingNetwork,
    units: Units,
    rates: NDArray[np.float64],
    polarity: NDArray[np.float64] | None = None,
    offset: NDArray[np.float64] | None = None,
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """What each unit adds up, in the original neuron's units, for ``rates`` (n_samples, n_neurons): (samples, (n_units, ...)).

    polarity, offset : (n_units,) of a coding, whose units pass on what is left of their sum where a rate cannot be
        negative: p -> polarity * (max(polarity * p + offset, 0) - offset). Without them sums pass on whole.
    """
    import scipy.sparse

    synapses = network.synapses
    own = scipy.sparse.csr_array(
        (synapses.weight.astype(np.float64), (units.of_synapse, synapses.pre)), (units.n_units, network.n_neurons)
    )
    bias = np.zeros((units.n_units, 1))
    bias[units.of_bias, 0] = network.bias
    width = max(1, CHUNK // units.n_units)
    for first in range(0, len(rates), width):
        samples = slice(first, min(first + width, len(rates)))
        total = own @ rates[samples].T + bias
        for level in units.levels[:-1]:
            passed = total[level]
            if polarity is not None and offset is not None:
                sign, shift = polarity[level][:, None], offset[level][:, None]
                passed = sign * (np.maximum(sign * passed + shift, 0.0) - shift)
            np.add.at(total, units.parent[level], passed)
        yield samples, total
