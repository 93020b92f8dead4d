"""Legalising: what is dropped, what is merged, what is rounded, and that legal networks are left alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.hardware import load_hardware
from spikemesh.mapping import legalise
from spikemesh.mapping.legalisation import drop_synapses, quantise_weights
from spikemesh.network import Convolution, Dense, Layer, Pooling, Projection, SpikingNetwork, Window


def edges(net):
    s = net.synapses
    return list(zip(s.pre.tolist(), s.post.tolist(), s.weight.tolist(), strict=True))


@st.composite
def networks(draw):
    n = draw(st.integers(1, 8))
    ids = st.integers(0, n - 1)
    drawn = draw(st.lists(st.tuples(ids, ids, st.integers(-4, 4)), max_size=30))
    return SpikingNetwork.from_edges(
        np.array([e[0] for e in drawn], int),
        np.array([e[1] for e in drawn], int),
        np.array([e[2] for e in drawn], float),
        n_neurons=n,
    )


@settings(deadline=None)
@given(networks(), st.integers(1, 5))
def test_drop_keeps_the_largest_of_each_neuron(net, n_in):
    expected = []
    for j in range(net.n_neurons):
        summed: dict[int, float] = {}
        for i, post, w in edges(net):
            if post == j:
                summed[i] = summed.get(i, 0.0) + w
        kept = sorted(summed, key=lambda i: (-abs(summed[i]), i))[:n_in]
        expected += [(i, j, summed[i]) for i in kept]
    assert sorted(edges(drop_synapses(net, n_in))) == sorted(expected)


@settings(deadline=None)
@given(networks(), st.integers(1, 5))
def test_a_legal_network_is_returned_itself(net, n_in):
    legal = drop_synapses(net, n_in)
    assert drop_synapses(legal, n_in) is legal


def test_unlimited_rows_drop_nothing():
    net = SpikingNetwork.from_edges([0, 1, 2], [3, 3, 3], [1.0, 2.0, 3.0], layer_sizes=[3, 1])
    assert drop_synapses(net, np.inf) is net


def test_a_convolution_that_fits_is_not_even_listed(monkeypatch):
    window = Window.of((6, 6), (3, 3))
    conv = Convolution(np.ones((3, 3, 1, 2)), window)
    net = SpikingNetwork((Layer("in", (6, 6, 1), "input"), Layer("conv", (4, 4, 2))), (Projection(0, 36, conv),))
    monkeypatch.setattr(Convolution, "edges", lambda self: pytest.fail("listed"))
    assert drop_synapses(net, 9) is net


def test_two_projections_onto_one_block_may_be_parallel_and_are_merged():
    dense = Dense(np.array([[1.0], [2.0]]))
    net = SpikingNetwork((Layer("in", (2,), "input"), Layer("out", (1,))), (Projection(0, 2, dense), Projection(0, 2, dense)))
    assert edges(drop_synapses(net, 2)) == [(0, 2, 2.0), (1, 2, 4.0)]


@settings(deadline=None)
@given(networks(), st.integers(1, 9))
def test_quantised_weights_are_whole_steps_nearest_to_the_given(net, bits):
    rounded = quantise_weights(net, bits)
    assert quantise_weights(rounded, bits) is rounded
    given_, found = net.synapses.weight, rounded.synapses.weight
    if not len(given_):
        return
    step = np.abs(given_).max() / max(2 ** (bits - 1) - 1, 1)  # one layer, one scale
    if step == 0:
        return
    whole = np.rint(found / step)
    np.testing.assert_allclose(found, whole * step, atol=1e-12)
    if bits == 1:
        assert set(whole.tolist()) <= {-1.0, 1.0}
    else:
        assert np.abs(whole).max() <= 2 ** (bits - 1) - 1
        assert (np.abs(found - given_) <= step / 2 + 1e-12).all()


def test_each_target_layer_has_its_own_scale_and_structure_stays():
    column = Window.of((4, 4), (3, 1), padding="same")
    net = SpikingNetwork(
        (Layer("in", (4, 4, 1), "input"), Layer("conv", (4, 4, 1)), Layer("pool", (2, 2, 1)), Layer("out", (2,))),
        (
            Projection(0, 16, Convolution(np.array([0.1, 0.9, -0.5]).reshape(3, 1, 1, 1), column)),
            Projection(16, 32, Pooling(Window.of((4, 4), (2, 2), stride=(2, 2)), np.ones(1))),
            Projection(32, 36, Dense(np.linspace(-7.0, 6.0, 8).reshape(4, 2))),
        ),
    )
    rounded = quantise_weights(net, 3)  # steps -3 .. 3
    conv, pool, dense = (p.connectivity for p in rounded.projections)
    assert isinstance(conv, Convolution)
    np.testing.assert_allclose(conv.kernel.ravel(), [0.0, 0.9, -0.6])
    assert pool is net.projections[1].connectivity  # every weight is the largest: exact already
    assert isinstance(dense, Dense)
    np.testing.assert_allclose(np.unique(np.rint(dense.weight / (7 / 3))), [-3, -2, -1, 0, 1, 2, 3])


def test_a_chip_says_how_much_is_legal():
    rng = np.random.default_rng(0)
    net = SpikingNetwork(
        (Layer("in", (20,), "input"), Layer("out", (3,))), (Projection(0, 20, Dense(rng.normal(size=(20, 3)))),)
    )
    wide = load_hardware("gpa-grid")
    assert legalise(net, wide) is net
    narrow = load_hardware("dynap-se", overrides={"crossbar.n_in": 5, "crossbar.weight_bits": 4})
    legal = legalise(net, narrow)
    assert legal.fan_in().max() == 5
    assert len(np.unique(np.abs(legal.synapses.weight).round(9))) <= 8
    assert legalise(legal, narrow) is legal
