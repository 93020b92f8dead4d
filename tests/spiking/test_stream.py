"""A stream of one current is an ordinary run; a changing one follows the rules step by step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.errors import SimulationError
from spikemesh.network import SpikingNetwork
from spikemesh.network.dynamics import to_grid
from spikemesh.spiking import Stream, run_layered


def loop(seed, reset="subtract", refractory_ms=0.0):
    rng = np.random.default_rng(seed)
    n, m = 12, 40
    pre, post = np.divmod(rng.choice(n * (n - 3), m, replace=False), n - 3)
    return SpikingNetwork.from_edges(
        pre, post + 3, rng.normal(0.1, 0.5, m), layer_sizes=[3, 9], reset=reset, refractory_ms=refractory_ms
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["subtract", "zero"]), st.sampled_from([0.0, 3.0]))
def test_a_steady_current_gives_the_spikes_of_a_run(seed, reset, refractory_ms):
    net = loop(seed, reset, refractory_ms)
    x = np.random.default_rng(seed).random(3)
    ran = run_layered(net, x[None], 60, record="counts", per_sample=True)
    stream = Stream(net)
    parts = [stream.run(np.tile(x, (steps, 1)), bins) for steps, bins in ((20, 5), (40, None))]
    assert parts[0].shape == (4, 12) and parts[1].shape == (1, 12) and stream.n_steps == 60
    assert np.array_equal(np.concatenate(parts).sum(axis=0), ran.sample_counts[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_changing_currents_by_the_rules(seed):
    net = loop(seed)
    currents = np.random.default_rng(seed).random((30, 3))
    weight = np.zeros((12, 12))
    e = net.synapses
    np.add.at(weight, (e.pre, e.post), to_grid(e.weight))
    v, fired, counts = np.zeros(12), np.zeros(12), np.zeros((30, 12))
    for k in range(30):
        v += fired @ weight + np.r_[to_grid(currents[k]), np.zeros(9)]
        fired = (v >= 1).astype(float)
        v -= fired
        counts[k] = fired
    stream = Stream(net)
    assert np.array_equal(stream.run(currents, 1), counts)
    assert np.array_equal(stream.potential, v)


def test_what_does_not_fit_is_refused():
    stream = Stream(loop(0))
    for bad in (np.zeros((4, 2)), np.zeros(3), np.zeros((0, 3)), np.full((4, 3), np.nan)):
        with pytest.raises(SimulationError, match="currents"):
            stream.run(bad)
    with pytest.raises(SimulationError, match="bin_steps"):
        stream.run(np.zeros((4, 3)), 3)
