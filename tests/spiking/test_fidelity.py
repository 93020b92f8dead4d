"""The comparison of rates and activations finds what conversion loses, and says why."""

import dataclasses
import os

import numpy as np
import pytest

from spikemesh.errors import NetworkError, SimulationError
from spikemesh.network import Dense, Layer, Projection, SpikingNetwork
from spikemesh.spiking import fidelity, relu_activations, run_layered
from spikemesh.workloads import prepare


def two_layers(scale=1.0, bias=0.0):
    rng = np.random.default_rng(3)
    first, second = rng.uniform(-0.15, 0.25, (12, 10)) * scale, rng.uniform(-0.2, 0.4, (10, 6))
    layers = (Layer("input", (12,), "input"), Layer("hidden", (10,)), Layer("out", (6,)))
    projections = (Projection(0, 12, Dense(first)), Projection(12, 22, Dense(second)))
    return SpikingNetwork(layers, projections, bias=np.r_[np.zeros(12), np.full(16, bias)], name="two")


X = np.random.default_rng(4).random((20, 12))


def test_numbers_are_those_of_their_definitions():
    net = two_layers()
    y = np.arange(20) % 6
    found = fidelity(net, X, 100, labels=y, batch_size=10)
    activations, ran = relu_activations(net, X), run_layered(net, X, 100, labels=y, record="counts", per_sample=True)
    assert [x.layer for x in found.layers] == ["hidden", "out"] and found.n_samples == 20 and found.n_steps == 100
    for k, low, high in ((0, 12, 22), (1, 22, 28)):
        a, c = activations[:, low:high], ran.sample_counts[:, low:high]
        each = [np.corrcoef(a[s].ravel(), c[s].ravel())[0, 1] for s in (slice(0, 10), slice(10, 20))]
        layer = found.layers[k]
        assert layer.pearson == pytest.approx(np.mean(each)) and layer.pearson_std == pytest.approx(np.std(each))
        assert layer.saturated == np.mean(a > 1) and layer.rate == pytest.approx(c.mean() / 100)
        assert layer.dead == np.mean((a == 0).all(axis=0)) and layer.activation == pytest.approx(a.mean())
        asked = a >= 0.01
        assert layer.silent == pytest.approx(np.mean(c[asked] == 0))
    assert np.array_equal(found.predictions, ran.predictions) and found.spikes == ran.n_spikes
    assert found.errors.shape == (2, 2, 100)
    assert found.errors[:, 0].mean(axis=0) == pytest.approx(ran.error_over_time(1))
    assert found.worst_pearson == min(x.pearson for x in found.layers) > 0.99


def test_too_few_steps_saturation_and_dead_neurons_are_named():
    few = fidelity(two_layers(0.2), X, 10)
    assert any("too few steps" in text for text in few.advice)
    saturated = fidelity(two_layers(5.0), X, 100)
    assert any(text.startswith("hidden") and "higher percentile" in text for text in saturated.advice)
    dead = fidelity(two_layers(bias=-9.0), X, 50)
    assert dead.layers[0].dead == 1 and any("active in none" in text for text in dead.advice)
    assert "warning: hidden" in str(dead) and np.isnan(dead.worst_pearson)
    good = dataclasses.replace(two_layers(), initial_potential=np.r_[np.zeros(12), np.full(16, 0.5)])
    assert not [text for text in fidelity(good, X, 2000).advice if "silent" in text or "too few" in text]


def test_a_network_without_outputs_has_rates_and_no_answers():
    net = dataclasses.replace(two_layers(), output_ids=np.empty(0, np.int32))
    found = fidelity(net, X, 50)
    assert np.isnan(found.agreement) and (found.predictions == -1).all() and found.layers[0].pearson > 0.99
    assert "nan%" in str(found)


def test_what_cannot_be_compared_is_refused():
    loop = SpikingNetwork.from_edges([0, 1, 2], [1, 2, 1], [0.5] * 3, layer_sizes=[1, 2])
    with pytest.raises(NetworkError, match="recurrent"):
        fidelity(loop, [[0.5]])
    with pytest.raises(SimulationError, match="labels"):
        fidelity(two_layers(), X, labels=[1])
    with pytest.raises(SimulationError, match="batch_size"):
        fidelity(two_layers(), X, batch_size=0)


@pytest.mark.slow
@pytest.mark.skipif("SPIKEMESH_DATA" not in os.environ, reason="needs MNIST")
@pytest.mark.parametrize("name", ["MLP_mnist", "LeNet_mnist"])
def test_conversion_costs_less_than_a_tenth_of_a_point_on_mnist(name):
    prepared = prepare(name)
    data = prepared.dataset
    found = fidelity(prepared.network, data.x_test, 200, labels=data.y_test)
    ann = prepared.ann_accuracy()
    assert np.mean(found.predictions == data.y_test) >= ann - 0.001
    assert found.worst_pearson >= 0.999 and not found.advice
