"""Measures and partitions without a list of synapses are those with one."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikemesh as sm
from spikemesh.errors import MappingError
from spikemesh.mapping import streamed
from spikemesh.mapping.measure import measure
from spikemesh.network import WEIGHTINGS, SpikingNetwork
from spikemesh.network import network as network_module


@contextmanager
def streaming(always: bool):
    """Networks of any size, or none, are streamed."""
    before = network_module.STREAMED_SYNAPSES
    network_module.STREAMED_SYNAPSES = -1 if always else 1 << 60
    try:
        yield
    finally:
        network_module.STREAMED_SYNAPSES = before


def expanded(net: SpikingNetwork) -> SpikingNetwork:
    """The same network from a list of its synapses."""
    return net.with_synapses(net.synapses.pre, net.synapses.post, net.synapses.weight)


NETWORKS = {name: sm.workload(name, weights="drawn") for name in ("LeNet_mnist", "digits_cnn", "DigitRecogSTDP")}


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(sorted(NETWORKS)),
    weighting=st.sampled_from(WEIGHTINGS),
    cut=st.sampled_from(["random", "blocks", "one", "some off"]),
    seed=st.integers(0, 1000),
)
def test_streamed_measures_are_the_listed_ones(name, weighting, cut, seed):
    net, rng = NETWORKS[name], np.random.default_rng(seed)
    n = net.n_neurons
    rates = rng.exponential(1.0, n) * (rng.random(n) < 0.8)
    part = {
        "random": rng.integers(0, 40, n),
        "blocks": np.arange(n) // int(rng.integers(1, 200)),
        "one": np.zeros(n, int),
        "some off": np.where(net.is_input, -1, np.arange(n) // 16),
    }[cut]
    with streaming(False):
        listed = measure(net, rates, part, 16, weighting, n)
    with streaming(True):
        found = measure(net, rates, part, 16, weighting, n)
    for what in ("inter_weight", "intra_weight", "packets", "packets_bound", "input_packets"):
        assert getattr(found, what) == pytest.approx(getattr(listed, what), rel=1e-9, abs=1e-9), what
    assert (found.sizes == listed.sizes).all() and (found.axon_counts == listed.axon_counts).all()
    assert (found.traffic.indptr == listed.traffic.indptr).all() and (found.traffic.indices == listed.traffic.indices).all()
    assert found.traffic.data == pytest.approx(listed.traffic.data)


def test_traffic_that_no_memory_holds_is_refused(monkeypatch):
    monkeypatch.setattr(streamed, "MOST_TRAFFIC", 1000)
    net = NETWORKS["LeNet_mnist"]
    with streaming(True), pytest.raises(MappingError, match=r"pairs of the 413 clusters .* 'auto'"):
        measure(net, None, np.random.default_rng(0).integers(0, 413, net.n_neurons), 16)
