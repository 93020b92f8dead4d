"""Pruning: what goes is small, what stays is unchanged, and accuracy is watched."""

import numpy as np
import pytest

import spikemesh as sm
from spikemesh.conversion.pruning import Schedule, prune_and_retrain, prune_to, without_zeros
from spikemesh.errors import NetworkError
from spikemesh.network import Convolution, Dense, Layer, OneToOne, Pooling, Projection, SpikingNetwork, Window


def small_cnn():
    rng = np.random.default_rng(0)
    window, pool = Window.of((6, 6), (3, 3), padding="same"), Window.of((6, 6), (2, 2), (2, 2))
    layers = (
        Layer("input", (6, 6, 2), "input"),
        Layer("conv", (6, 6, 4), "conv"),
        Layer("pool", (3, 3, 4), "pool"),
        Layer("out", (5,), "dense"),
    )
    projections = (
        Projection(0, 72, Convolution(rng.normal(size=(3, 3, 2, 4)), window)),
        Projection(72, 216, Pooling(pool, np.ones(4))),
        Projection(216, 252, Dense(10 * rng.normal(size=(36, 5)))),
    )
    return SpikingNetwork(layers, projections)


@pytest.mark.parametrize("wanted", [144, 300, 1000, 2000, 2268])
def test_keeps_the_largest_parameters(wanted):
    net = small_cnn()
    left = prune_to(net, wanted)
    assert wanted <= left.n_synapses < wanted + 36 or left.n_synapses == net.n_synapses
    have = {(int(i), int(j)): w for i, j, w in zip(net.synapses.pre, net.synapses.post, net.synapses.weight, strict=True)}
    kept = {(int(i), int(j)): w for i, j, w in zip(left.synapses.pre, left.synapses.post, left.synapses.weight, strict=True)}
    assert len(kept) == left.n_synapses and all(have[pair] == w for pair, w in kept.items())
    assert left.layer_sizes == net.layer_sizes

    def scores(pairs, layer, spread):
        inside = [abs(have[pair]) / spread for pair in pairs if net.layer_of_neuron[pair[1]] == layer]
        return inside or [np.inf]

    spreads = {
        1: np.sqrt(np.mean(net.projections[0].connectivity.kernel ** 2)),
        3: np.sqrt(np.mean(net.projections[2].connectivity.weight ** 2)),
    }
    smallest_kept = min(min(scores(kept, k, s)) for k, s in spreads.items())
    gone = set(have) - set(kept)
    largest_gone = max((max(scores(gone, k, s)) for k, s in spreads.items() if scores(gone, k, s) != [np.inf]), default=0.0)
    assert largest_gone <= smallest_kept + 1e-6
    assert sum(net.layer_of_neuron[j] == 2 for _, j in kept) == 144  # pooling stays


def test_pruning_refuses_what_cannot_be():
    for wanted in (143, 10_000):
        with pytest.raises(NetworkError, match=r"can be pruned to 144\.\."):
            prune_to(small_cnn(), wanted)


def test_one_to_one_synapses_stay():
    layers = (Layer("a", (3,), "input"), Layer("b", (3,)))
    net = SpikingNetwork(layers, (Projection(0, 3, OneToOne(np.array([0.1, 0.2, 0.3]))),))
    assert prune_to(net, 3).n_synapses == 3


def test_zero_weights_are_no_synapses():
    net = SpikingNetwork.from_edges([0, 1, 2], [3, 3, 3], [0.5, 0.0, -0.5], [3, 1])
    assert without_zeros(net).synapses.pre.tolist() == [0, 2]
    assert without_zeros(without_zeros(net)).n_synapses == 2


def small_model():
    from spikemesh.conversion._keras import keras

    k = keras()
    k.utils.set_random_seed(1)
    layers = [k.Input((12,)), k.layers.Dense(16, activation="relu"), k.layers.Dense(3, activation="softmax")]
    return k.Sequential(layers, name="small")


def test_pruned_entries_stay_zero_and_results_are_kept(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    x = rng.random((400, 12), np.float32)
    y = x.reshape(-1, 3, 4).sum(axis=2).argmax(axis=1)
    model = small_model()
    before = model.get_weights()
    how = Schedule(0.6, rounds=2, epochs=2, tolerance=1.0, learning_rate=1e-2, batch_size=32)
    found = prune_and_retrain(model, x, y, how, cache=tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert found.share == pytest.approx(0.6, abs=0.01) and [kept for _, _, kept in found.rounds] == [True, True]
    assert found.accuracy_after == found.rounds[-1][1]
    first = found.model.get_weights()[0]
    assert not np.array_equal(first[first != 0], before[0][first != 0])  # what is left was trained
    monkeypatch.setattr("spikemesh.conversion.pruning._retrain", None)  # a second run must not train
    again = prune_and_retrain(model, x, y, how, cache=tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(found.model.get_weights(), again.model.get_weights(), strict=True))
    assert (again.share, again.accuracy_before, again.rounds) == (found.share, found.accuracy_before, found.rounds)


def test_a_round_that_costs_accuracy_is_undone():
    rng = np.random.default_rng(2)
    x = rng.random((200, 12), np.float32)
    model = small_model()
    y = model.predict(x, verbose=0).argmax(axis=1)  # nothing can be more accurate
    found = prune_and_retrain(model, x, y, Schedule(0.97, rounds=1, epochs=0, tolerance=0.0))
    assert found.rounds[0][2] is False and found.accuracy_after == found.accuracy_before == 1.0
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), found.model.get_weights(), strict=True))


@pytest.mark.parametrize("bad", [{"share": 1.0}, {"share": 0.5, "rounds": 0}, {"share": 0.5, "held_out": 0.0}])
def test_schedules_that_cannot_be_are_refused(bad):
    with pytest.raises(NetworkError, match=r"share and held_out|needs a round"):
        Schedule(**bad)


@pytest.mark.slow
def test_retraining_keeps_the_accuracy_of_the_digits():
    from spikemesh.workloads import prepare

    ready = prepare("digits_cnn", weights="trained")
    data = ready.dataset
    how = Schedule(0.5, rounds=3, epochs=8, tolerance=0.02, batch_size=32, learning_rate=1e-3)
    found = prune_and_retrain(ready.keras_model(), data.x_train, data.y_train, how)
    assert found.share == pytest.approx(0.5, abs=0.01)
    assert found.accuracy_after >= found.accuracy_before - 0.02
    assert [kept for _, _, kept in found.rounds] == [True] * 3
    net = without_zeros(sm.convert(found.model, data.x_train))
    assert net.n_synapses < 0.75 * ready.network.n_synapses
    again = prune_and_retrain(ready.keras_model(), data.x_train, data.y_train, how)
    assert all(np.array_equal(a, b) for a, b in zip(found.model.get_weights(), again.model.get_weights(), strict=True))
