"""Reference evaluations of a converted network in plain numpy, and Keras imported once."""

import numpy as np
import pytest

from spikemesh.conversion.signals import apply


@pytest.fixture(scope="session")
def keras():
    from spikemesh.conversion._keras import keras

    return keras()


def relu_activations(network, x):
    """(n_samples, n_neurons) rates without spikes: every neuron but the outputs is a ReLU of what it receives."""
    values = np.tile(network.bias, (len(x), 1))
    values[:, network.input_ids] = x.reshape(len(x), -1)
    starts = network.layer_starts
    for k in range(1, len(network.layers)):
        block = slice(starts[k], starts[k + 1])
        for p in network.projections:
            if p.post_start == starts[k]:
                pre = values[:, p.pre_start : p.pre_start + p.connectivity.n_pre]
                values[:, p.post_start : p.post_start + p.connectivity.n_post] += apply(p.connectivity, pre)
        if starts[k] not in network.output_ids:
            values[:, block] = np.maximum(values[:, block], 0)
    return values


def spike_counts(network, x, steps):
    """Spike counts and final potentials, (n_samples, n_neurons) each, of the integrate-and-fire network."""
    drive = np.tile(network.bias, (len(x), 1))
    drive[:, network.input_ids] += x.reshape(len(x), -1)
    v = np.tile(network.initial_potential, (len(x), 1))
    spikes, counts = np.zeros_like(v), np.zeros_like(v)
    for _ in range(steps):
        received = drive.copy()
        for p in network.projections:
            c = p.connectivity
            pre = spikes[:, p.pre_start : p.pre_start + c.n_pre]
            received[:, p.post_start : p.post_start + c.n_post] += apply(c, pre)
        v += received
        spikes = (v >= 1).astype(float)
        v -= spikes
        counts += spikes
    return counts, v


@pytest.fixture(scope="session")
def reference():
    """(relu_activations, spike_counts)"""
    return relu_activations, spike_counts
