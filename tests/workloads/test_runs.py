"""Workloads on their data: each part against what it is said to be, and small runs that must beat their baselines."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikemesh.errors import DataError, NetworkError, SimulationError
from spikemesh.workloads import (
    Dataset,
    Outcome,
    available_datasets,
    filters,
    heart_rate,
    heartbeats,
    load_dataset,
    pursuit,
    reservoirs,
    run_workload,
    runnable_workloads,
    stdp,
    workload,
)
from spikemesh.workloads.grids import gaussian_grid


def test_what_can_run():
    names = runnable_workloads()
    assert {"HeartEstm", "HeartClass", "ImgSmooth", "EdgeDet", "VisualPursuit", "DigitRecogSTDP", "LeNet_mnist"} <= set(names)
    assert not {"VGG16", "AlexNet", "synthetic_4k"} & set(names)
    with pytest.raises(DataError, match="nothing is claimed"):
        run_workload("VGG16")
    with pytest.raises(NetworkError, match="unknown workload"):
        run_workload("nothing")
    with pytest.raises(DataError, match="at least 1"):
        run_workload("ImgSmooth", 0)
    for name, words in (
        ("LeNet_mnist", "MNIST"),
        ("HeartClass", "ecg"),
        ("HeartEstm", "three records"),
        ("DigitRecogSTDP", "MNIST"),
    ):
        with pytest.raises(DataError, match=words):
            run_workload(name, 1)


def test_outcomes_are_checked():
    good = np.array([True, False])
    assert Outcome("a", "b", good, "c", good, "d").n == 2
    for ours, other in ((good, good[:1]), (good[:0], good[:0]), (good[None], good[None])):
        with pytest.raises(DataError, match="one number a unit"):
            Outcome("a", "b", ours, "c", other, "d")


# images


@pytest.mark.parametrize("radius", [1.0, 2.0])
def test_the_plain_filter_is_that_of_the_fields(radius):
    image = np.random.default_rng(1).random((12, 12))
    fields = gaussian_grid(12, 6, radius).edges()
    expected = np.zeros(36)
    np.add.at(expected, fields.post, fields.weight * image.ravel()[fields.pre])
    assert filters.gaussian_filter(image, radius).ravel() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["ImgSmooth", "EdgeDet", "graph_edgedet"])
def test_image_networks_compute_the_filter(name):
    outcome = run_workload(name, 2)
    assert outcome.n == 2 and (outcome.ours > 35).all() and (outcome.ours > outcome.baseline + 5).all()


def test_another_network_takes_the_place():
    own = workload("ImgSmooth")
    deaf = replace(own, bias=np.full(own.n_neurons, -1.0))
    same, silent = run_workload("ImgSmooth", 2, network=own), run_workload("ImgSmooth", 2, network=deaf)
    assert np.array_equal(same.ours, run_workload("ImgSmooth", 2).ours)
    assert (silent.ours < same.ours - 10).all()
    with pytest.raises(DataError, match="1024 outputs, HeartEstm has 16 and 369"):
        run_workload("ImgSmooth", 2, network=workload("HeartEstm"))


# heart


def beats(n, hr, fs=360, seconds=130, seed=0):
    """A toy record: a spike every 60 / hr s on noise."""
    rng = np.random.default_rng(seed)
    at = np.arange(0.5, seconds - 1, 60 / hr)
    t = np.arange(seconds * fs) / fs
    signal = 0.02 * rng.standard_normal(len(t)) + n * np.exp(-0.5 * ((t[:, None] - at) / 0.02) ** 2).sum(axis=1)
    return np.stack([signal, signal], axis=1).astype(np.float32), np.rint(at * fs).astype(np.int32)


@pytest.fixture
def toy_records(own_directories):
    folder = own_directories / "data" / "ecg"
    folder.mkdir()
    for k, hr in enumerate((55, 65, 75, 85, 95)):
        signal, at = beats(1 + k, hr, seed=k)
        np.savez(folder / f"mitdb_{100 + k}.npz", signal=signal, fs=np.float32(360), beat_sample=at)
    return folder


def test_heart_rates_are_counted_in_windows():
    at = np.arange(0, 60, 0.75)
    rates = heart_rate.heart_rates(at[(at < 20) | (at > 40)], 3)
    assert rates[[0, 2]] == pytest.approx([80, 80]) and np.isnan(rates[1])


def test_level_crossings_know_no_amplitude():
    energy = heart_rate.slope_energy(beats(1.0, 60)[0][:, 0].astype(float))
    crossed = heart_rate.level_crossings(energy)
    assert crossed.shape == (len(energy), 16) and set(np.unique(crossed)) == {0, 1}
    assert np.array_equal(crossed, heart_rate.level_crossings(7 * energy))
    assert not heart_rate.level_crossings(np.zeros(50)).any()


def test_heart_rates_of_records_that_were_held_out(toy_records):
    lines = []
    outcome = run_workload("HeartEstm", progress=lines.append)
    assert outcome.n == 5 == len(lines) and not outcome.higher_is_better
    assert outcome.ours.mean() < 0.5 * outcome.baseline.mean()
    (toy_records / "mitdb_100.npz").write_bytes(b"not a record")
    with pytest.raises(DataError, match=r"mitdb_100\.npz"):
        run_workload("HeartEstm")


def test_a_readout_stays_fitted_to_the_own_network(toy_records):
    own = workload("HeartEstm")
    silent = replace(own, bias=np.full(own.n_neurons, -1.0))
    whole = run_workload("HeartEstm")
    assert np.array_equal(run_workload("HeartEstm", network=own).ours, whole.ours)
    # a readout of silence would be a constant, the mean of the other records, and miss by much less
    assert run_workload("HeartEstm", network=silent).ours.mean() > 1.5 * whole.baseline.mean()
    other = heart_rate.evaluate(silent, None, lambda line: None)
    assert other.ours.mean() == pytest.approx(whole.baseline.mean(), rel=0.3)


def test_beats_are_drawn_as_lines():
    ramp, flat = np.linspace(-1, 2, 40), np.zeros(40)
    pictures = heartbeats.draw(np.stack([ramp, flat, 4 * ramp]), 10)
    assert pictures.shape == (3, 10, 10, 1) and set(np.unique(pictures)) == {0, 1}
    assert (pictures[0, ::-1, :, 0] * np.eye(10)).sum() == 10  # rises from the lower left to the upper right
    assert pictures[1, :, :, 0].sum() == 10 and len(np.unique(np.nonzero(pictures[1, :, :, 0])[0])) == 1
    assert np.array_equal(pictures[0], pictures[2])
    step = np.r_[np.zeros(20), np.ones(20)]
    assert heartbeats.draw(step[None], 10)[0, :, :, 0].any(axis=1).all()  # no gap where the signal jumps


def test_beats_are_split_by_patient(own_directories):
    folder = own_directories / "data" / "ecg"
    folder.mkdir()
    path = folder / "mitdb_beats_aami5.npz"
    rng = np.random.default_rng(0)
    record = np.repeat([100, 106, 202, 231], 5).astype(np.int16)
    x, y = rng.normal(size=(20, 187)).astype(np.float32), np.arange(20).astype(np.uint8) % 5
    np.savez(path, x=x, y=y, record=record)
    data = load_dataset("ecg-beats")
    assert "ecg-beats" in available_datasets()
    test = np.isin(record, heartbeats.TEST_RECORDS)
    assert np.array_equal(data.x_test, heartbeats.draw(x[test])) and np.array_equal(data.y_test, y[test])
    assert data.x_train.shape == (10, 82, 82, 1) and sorted(data.y_train) == sorted(y[~test])
    np.savez(path, x=x, y=y, record=np.full(20, 106))
    with pytest.raises(DataError, match="for test and training"):
        load_dataset("ecg-beats")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="truncated"):
        load_dataset("ecg-beats")


def test_cats_and_dogs_are_those_of_the_subset(own_directories):
    rng = np.random.default_rng(0)
    arrays = {}
    for half, n in (("train", 40), ("test", 20)):
        arrays[f"x_{half}"] = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
        arrays[f"y_{half}"] = np.arange(n, dtype=np.uint8) % 10
    np.savez(own_directories / "data" / "cifar10-subset.npz", **arrays)
    data = load_dataset("cats-dogs")
    assert data.y_train.tolist() == [0, 1] * 4 and data.y_test.tolist() == [0, 1] * 2
    assert np.array_equal(data.x_test[1], arrays["x_test"][5].astype(np.float32) / np.float32(255))


# pursuit


def test_tuning_has_its_peak_at_the_preferred_place():
    for k, place in enumerate(pursuit.PREFERRED):
        assert pursuit.tuned(place).argmax() == k
    target = pursuit.path(np.random.default_rng(0))
    assert 4 <= np.abs(target).max() <= 8.001


def test_the_gaze_follows_the_target():
    network = workload("VisualPursuit", weights="drawn")
    decoder = pursuit.fit(network, 0, n_paths=5)
    target = pursuit.path(np.random.default_rng(9), 100)
    gaze = pursuit.track(network, decoder, target)
    assert gaze[0] == 0
    assert np.sqrt(np.mean((target - gaze)[10:] ** 2)) < 0.5 * np.sqrt(np.mean(target[10:] ** 2))


# plasticity

RULE = stdp.Rule(
    n_excitatory=6,
    digits=60,
    pruned_digits=20,
    steps=40,
    most_probability=0.3,
    rate=0.05,
    threshold=4.0,
    raise_by=0.3,
    total=8.0,
    synapses=30,
    pixels=16,
    labelling=30,
)


def bars(n, seed):
    """5 x 5 pictures of three classes: one of three columns is lit."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = np.zeros((n, 5, 5, 1), np.float32)
    x[np.arange(n), :, 2 * y] = 1
    return x, y.astype(np.int64)


def bars_data():
    return Dataset("bars", *bars(110, 0), *bars(30, 1), "toy")


def test_plasticity_learns_bars_prunes_them_and_keeps_what_it_learned():
    data, lines = bars_data(), []
    learned = stdp.learned_and_pruned(data, 0, lines.append, RULE)
    assert np.count_nonzero(learned.weights) == 30 and np.count_nonzero(learned.weights.sum(axis=1)) == 16
    assert len(lines) == 2
    again = stdp.learned_and_pruned(data, 0, lines.append, RULE)
    assert len(lines) == 2 and np.array_equal(learned.weights, again.weights)  # the second time from the cache
    best = learned.weights.reshape(5, 5, 6).sum(axis=0).argmax(axis=0)
    assert set(best) == {0, 2, 4}  # each column has neurons of its own
    with pytest.raises(DataError, match="110 training samples"):
        stdp.learned_and_pruned(data, 0, lines.append, replace(RULE, labelling=31))


def test_learning_repeats():
    x, _ = bars(7, 2)
    learned = stdp.learn(x, RULE, 0)
    assert np.array_equal(learned.weights, stdp.learn(x, RULE, 0).weights)
    assert learned.weights.sum(axis=0) == pytest.approx(np.full(6, 8.0)) and learned.weights.min() >= 0
    assert not np.array_equal(learned.weights, stdp.learn(x, RULE, 1).weights)
    with pytest.raises(SimulationError, match=r"\[0, 1\]"):
        stdp.learn(2 * x, RULE)


def test_pruned_synapses_stay_away():
    x, _ = bars(12, 3)
    some = stdp.pruned(stdp.learn(x, RULE, 0), RULE)
    after = stdp.learn(x, RULE, 1, None, some)
    assert ((after.weights > 0) == (some.weights > 0)).all()  # those that learning brings to 0 are still there
    assert after.weights.sum(axis=0) == pytest.approx(np.full(6, 8.0))


@given(seed=st.integers(0, 100), pixels=st.integers(3, 12), more=st.integers(0, 20))
def test_pruning_keeps_the_largest_of_every_neuron(seed, pixels, more):
    weights = np.random.default_rng(seed).permutation(12 * 4).reshape(12, 4) + 1.0
    rule = replace(RULE, n_excitatory=4, pixels=pixels, synapses=min(pixels + more, pixels * 4), total=1.0)
    few = np.where(weights > weights.max() / 2, weights, 0.0)  # others are 0, and may be kept all the same
    assert np.count_nonzero(stdp.pruned(stdp.Learned(few, np.zeros(4)), rule).weights) == rule.synapses
    kept = stdp.pruned(stdp.Learned(weights, np.zeros(4)), rule).weights > 0
    assert kept.sum() == rule.synapses and kept.any(axis=1).sum() == pixels
    assert set(np.flatnonzero(kept.any(axis=1))) == set(np.argsort(-weights.max(axis=1))[:pixels])
    if pixels == 12 and rule.synapses == 48:
        assert kept.all()


def test_digits_are_answered_by_rivals_that_have_labels():
    """Three neurons, of a row of pixels each; a network in its place is read with the labels of the first."""
    y = np.arange(45) % 3
    x = np.zeros((45, 28, 28, 1), np.float32)
    x[np.arange(45), y] = 1
    data = Dataset("rows", x[:36], y[:36], x[36:], y[36:], "toy")
    pixel, weight = np.arange(3 * 28), np.full(3 * 28, 0.02, np.float32)
    rivals = reservoirs._rivals(pixel, pixel // 28, weight, 3, "trained")
    turned = reservoirs._rivals(pixel, (pixel // 28 + 1) % 3, weight, 3, "trained")
    outcome = stdp.evaluate(rivals, data, None, print)
    assert outcome.ours.all() and outcome.n == 9 and outcome.baseline.sum() == 3
    assert stdp.evaluate(turned, data, 6, print).ours.all()
    assert not stdp.evaluate(turned, data, 6, print, fitted_to=rivals).ours.any()


def test_spikes_speak_for_classes_in_shares():
    counts = np.array([[5, 0, 0], [4, 1, 0], [0, 6, 0], [0, 7, 0]])
    shares = stdp.labelled(counts, np.array([2, 2, 0, 0]), 3)
    assert shares[:, 0].tolist() == [0, 0, 1] and shares[:, 2].tolist() == [0, 0, 0]
    assert shares[:, 1] == pytest.approx([13 / 14, 0, 1 / 14])
    assert stdp.answers(counts, shares).tolist() == [2, 2, 0, 0]
