"""Networks and comparisons that the tests of the engines share."""

import numpy as np
import pytest

from spikemesh.network import SpikingNetwork

SAME = ("samples", "times_ms", "neurons", "predictions", "output_potential")


def assert_same(a, b):
    for name in SAME:
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert (a.n_samples, a.n_neurons, a.duration_ms, a.dt_ms) == (b.n_samples, b.n_neurons, b.duration_ms, b.dt_ms)


def random_graph(seed, n=14, m=60, **more):
    """Any graph: recurrent, with self-loops and parallel synapses."""
    rng = np.random.default_rng(seed)
    more.setdefault("bias", rng.normal(0, 0.1, n))
    more.setdefault("initial_potential", rng.random(n))
    edges = rng.integers(0, n, m), rng.integers(0, n, m), rng.normal(0.3, 0.6, m)
    return SpikingNetwork.from_edges(*edges, [5, n - 8, 3], **more)


def samples_for(network, n, seed=0):
    return np.random.default_rng(seed).random((n, len(network.input_ids)))


@pytest.fixture(scope="session", name="assert_same")
def _assert_same():
    return assert_same


@pytest.fixture(scope="session", name="random_graph")
def _random_graph():
    return random_graph


@pytest.fixture(scope="session", name="samples_for")
def _samples_for():
    return samples_for
