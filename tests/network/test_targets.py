"""Target sets against the list of synapses."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import spikemesh as sm
from spikemesh.network import Convolution, Dense, Layer, OneToOne, Pooling, Projection, Sparse, SpikingNetwork, Window
from spikemesh.network import network as network_module


@st.composite
def windowed(draw) -> SpikingNetwork:
    """A small network of convolutions (grouped, strided, dilated), pooling, dense layers, a skip and recurrent synapses."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    hw = (draw(st.integers(3, 6)), draw(st.integers(3, 6)))
    groups = draw(st.sampled_from([1, 2, 4]))
    window = Window.of(
        hw, (3, draw(st.integers(1, 3))), (draw(st.integers(1, 2)), 1), draw(st.sampled_from(["same", "valid"])), (1, 1)
    )
    if draw(st.booleans()):
        window = Window.of(hw, (2, 2), (1, 1), "same", (2, 1))
    kernel = rng.standard_normal((*window.size, 4 // groups, 4)).astype(np.float32)
    pool = Window.of(window.out_hw, (2, 2), (2, 2), "same")
    layers = [Layer("in", (*hw, 4), "input"), Layer("conv", (*window.out_hw, 4)), Layer("pool", (*pool.out_hw, 4))]
    layers.append(Layer("out", (5,)))
    a = np.cumsum([0, *(layer.size for layer in layers)])
    joined = [
        Projection(0, a[1], Convolution(kernel, window, groups)),
        Projection(a[1], a[2], Pooling(pool, np.ones(4, np.float32))),
        Projection(a[2], a[3], Dense(rng.standard_normal((layers[2].size, 5)))),
    ]
    if draw(st.booleans()):  # a skip from the convolution, and synapses within the output
        joined.append(Projection(a[1], a[3], Dense(rng.standard_normal((layers[1].size, 5)))))
        pre, post = rng.integers(0, 5, 9), rng.integers(0, 5, 9)
        joined.append(Projection(a[3], a[3], Sparse.of(pre, post, rng.standard_normal(9), 5, 5)))
        joined.append(Projection(a[2], a[3], OneToOne(rng.standard_normal(3), 1, 5)))
    return SpikingNetwork(tuple(layers), tuple(joined))


@settings(max_examples=40, deadline=None)
@given(windowed())
def test_target_sets_are_the_distinct_targets_of_every_neuron(net):
    sets = net.target_sets
    listed = [set() for _ in range(net.n_neurons)]
    for pre, post in zip(net.synapses.pre.tolist(), net.synapses.post.tolist(), strict=True):
        listed[pre].add(post)
    runs = zip(sets.first.tolist(), sets.length.tolist(), strict=True)
    held = [range(first, first + length) for first, length in runs]
    for i, s in enumerate(sets.set_of_neuron.tolist()):
        mine = [j for run in held[sets.ptr[s] : sets.ptr[s + 1]] for j in run] if s >= 0 else []
        assert set(mine) == listed[i]
    ptr, neurons = sets.members()
    assert sorted(neurons.tolist()) == np.flatnonzero(sets.set_of_neuron >= 0).tolist()
    assert (np.diff(ptr) > 0).all()


def test_channels_of_a_pixel_and_neurons_before_a_dense_layer_share_a_set():
    net = sm.workload("LeNet_mnist", weights="drawn")
    starts = net.layer_starts
    pool2, last = net.target_sets.set_of_neuron[starts[4] : starts[5]], net.target_sets.set_of_neuron[starts[-2] :]
    assert (pool2 == pool2[0]).all() and (last == -1).all()
    pool1 = net.target_sets.set_of_neuron[starts[2] : starts[3]].reshape(12, 12, 6)
    assert (pool1 == pool1[:, :, :1]).all() and len(np.unique(pool1)) == 144
    assert len(net.target_sets.first) < 0.05 * net.n_synapses


def test_a_network_of_half_a_thousand_million_synapses_has_few_runs():
    net = sm.workload("CNN_CatsVsDogs", weights="drawn")
    assert net.is_streamed and not sm.workload("LeNet_mnist", weights="drawn").is_streamed
    assert net.n_synapses > 500_000_000 > 300 * len(net.target_sets.first)


def test_lists_are_streamed_only_where_they_must(monkeypatch):
    pre, post = np.arange(90), np.arange(90) + 10
    net = sm.SpikingNetwork.from_edges(pre, post, np.ones(90), n_neurons=100)
    monkeypatch.setattr(network_module, "STREAMED_SYNAPSES", 50)
    assert not net.is_streamed
    monkeypatch.setattr(network_module, "LISTABLE_SYNAPSES", 80)
    assert net.is_streamed
