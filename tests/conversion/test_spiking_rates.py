"""Integrate-and-fire neurons of a converted network fire at the rates that the activations ask for."""

import numpy as np
import pytest

from spikemesh.conversion import convert


@pytest.fixture(scope="module")
def model(keras):
    kl = keras.layers
    keras.utils.set_random_seed(4)
    layers = [
        kl.Conv2D(6, 3, padding="same"),
        kl.BatchNormalization(),
        kl.ReLU(),
        kl.AveragePooling2D(2),
        kl.Conv2D(8, 3, activation="relu"),
        kl.Flatten(),
        kl.Dense(20, activation="relu", bias_initializer="random_normal"),
        kl.Dense(5, activation="softmax"),
    ]
    return keras.Sequential([keras.Input((10, 10, 1)), *layers])


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((12, 10, 10, 1), np.float32)


@pytest.mark.parametrize("normalisation", ["layer", "channel"])
def test_rates_follow_activations(model, x, reference, normalisation):
    network = convert(model, x, normalisation=normalisation)
    activations, spikes = reference
    wanted = activations(network, x)
    steps = 400
    counts, _ = spikes(network, x, steps)
    starts = network.layer_starts
    for k in range(len(network.layers) - 1):
        block = slice(starts[k], starts[k + 1])
        pearson = np.corrcoef(wanted[:, block].ravel(), counts[:, block].ravel() / steps)[0, 1]
        assert pearson > 0.99, (network.layers[k].name, pearson)


def test_counts_and_potential_of_the_outputs_follow_the_logits(model, x, reference):
    network = convert(model, x)
    activations, spikes = reference
    counts, potential = spikes(network, x, 400)
    total = (counts + potential)[:, network.output_ids] / 400
    wanted = activations(network, x)[:, network.output_ids]
    assert np.corrcoef(total.ravel(), wanted.ravel())[0, 1] > 0.99
    assert (np.argmax(total, axis=1) == np.argmax(wanted, axis=1)).mean() >= 0.9
    assert counts[:, network.output_ids].max() <= 400


def test_half_a_threshold_halves_the_rounding_error(model, x, reference):
    activations, spikes = reference
    errors = {}
    for half in (False, True):
        network = convert(model, x, half_threshold=half)
        assert network.initial_potential[network.input_ids].max() == 0
        assert set(np.unique(network.initial_potential[~network.is_input])) == {0.5 if half else 0.0}
        wanted = activations(network, x)
        first = slice(network.layer_starts[1], network.layer_starts[2])
        counts, _ = spikes(network, x, 50)
        errors[half] = np.abs(counts[:, first] / 50 - np.minimum(wanted[:, first], 1)).mean()
    assert errors[True] < 0.8 * errors[False]


def test_scales_are_percentiles_of_the_activations(keras, model, x):
    network = convert(model, x, percentile=90)
    rows = {r.layer: r for r in network.report.rows}
    relu = keras.Model(model.inputs[0], model.layers[2].output)(x).numpy()
    scale = np.percentile(relu[relu != 0].astype(np.float64), 90)
    row = rows[model.layers[0].name]
    assert row.scale == pytest.approx(scale, rel=1e-6)
    assert row.saturated == pytest.approx((relu > scale).mean(), abs=1e-3)
    assert row.zero == pytest.approx((relu == 0).mean(), abs=1e-6)
    flat = relu.reshape(len(x), -1)
    assert row.dead == pytest.approx((flat == 0).all(axis=0).mean(), abs=1e-6)


def test_channel_scales_are_percentiles_of_each_channel(keras, model, x):
    network = convert(model, x, percentile=80, normalisation="channel")
    relu = keras.Model(model.inputs[0], model.layers[2].output)(x).numpy()
    scales = [np.percentile(relu[..., c][relu[..., c] != 0].astype(np.float64), 80) for c in range(6)]
    assert network.report.rows[1].scale == pytest.approx(np.mean(scales), rel=1e-6)
    plain = convert(model, x, percentile=80)
    one = plain.report.rows[1].scale
    ratio = network.projections[0].connectivity.kernel / plain.projections[0].connectivity.kernel
    np.testing.assert_allclose(ratio, np.broadcast_to(one / np.array(scales), ratio.shape), rtol=1e-5)
