"""Training is seeded and cached; a damaged cache is noticed and made anew."""

import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest

from spikemesh.conversion import convert
from spikemesh.errors import DataError
from spikemesh.workloads import load_dataset, prepare
from spikemesh.workloads.catalogue import catalogue, find
from spikemesh.workloads.outcome import classification
from spikemesh.workloads.topology import Conv, Fc, Pool, Topology
from spikemesh.workloads.training import Recipe, _write, cache_directory, train

SMALL = Topology((8, 8, 1), (Conv(3, 3, normalise=True), Pool(), Fc(10, dropout=0.1)))
QUICK = Recipe(epochs=1, batch_size=64)


@pytest.fixture(scope="module")
def quick_cache(tmp_path_factory):
    """A cache with digits_cnn, trained for one epoch."""
    directory = tmp_path_factory.mktemp("quick")
    w = replace(find("digits_cnn"), recipe=QUICK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPIKEMESH_CACHE", str(directory))
        train(w.name, w.topology, QUICK, w.load(0), 0)
    return directory


@pytest.fixture
def quick(quick_cache, monkeypatch):
    """digits_cnn with that recipe, its model in this test's cache."""
    w = replace(find("digits_cnn"), recipe=QUICK)
    monkeypatch.setitem(catalogue(), "digits_cnn", w)
    shutil.copytree(quick_cache, cache_directory())
    return w


def weights_of(trained):
    return np.concatenate([w.ravel() for w in trained.weights])


def test_same_seed_same_weights_other_seed_others(tmp_path, monkeypatch):
    data = load_dataset("digits")
    found = {}
    for run, seed in (("a", 0), ("b", 0), ("c", 1)):
        monkeypatch.setenv("SPIKEMESH_CACHE", str(tmp_path / run))
        found[run] = train("small", SMALL, QUICK, data, seed)
    assert np.array_equal(weights_of(found["a"]), weights_of(found["b"]))
    assert np.array_equal(found["a"].predictions, found["b"].predictions)
    assert not np.array_equal(weights_of(found["a"]), weights_of(found["c"]))
    assert found["a"].path.name == found["b"].path.name != found["c"].path.name


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    """A model in a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPIKEMESH_CACHE", str(tmp_path_factory.mktemp("trained")))
        return train("small", SMALL, QUICK, load_dataset("digits"), 0)


@pytest.fixture
def entry(trained_once, monkeypatch):
    """A copy of its file in this test's cache, and the runs of training that the test caused."""
    cache_directory().mkdir()
    path = cache_directory() / trained_once.path.name
    shutil.copy(trained_once.path, path)
    runs = []
    monkeypatch.setattr("spikemesh.workloads.training._fit", lambda *args: runs.append(args) or trained_once)
    return path, runs


def test_what_was_trained_is_not_trained_again(trained_once, entry):
    path, runs = entry
    again = train("small", SMALL, QUICK, load_dataset("digits"), 0)
    assert not runs and again.path == path
    assert np.array_equal(weights_of(trained_once), weights_of(again))
    assert [w.shape for w in trained_once.weights] == [w.shape for w in again.weights]
    assert trained_once.seconds == again.seconds
    assert np.array_equal(trained_once.predictions, again.predictions)


@pytest.mark.parametrize("other", ["name", "topology", "recipe", "data", "seed"])
def test_whatever_shapes_training_is_part_of_the_key(entry, other):
    _, runs = entry
    data = load_dataset("digits")
    arguments = {"name": "small", "topology": SMALL, "recipe": QUICK, "data": data, "seed": 0}
    arguments[other] = {
        "name": "other",
        "topology": replace(SMALL, layers=SMALL.layers[1:]),
        "recipe": replace(QUICK, learning_rate=1e-3),
        "data": replace(data, x_train=data.x_train * np.float32(0.5)),
        "seed": 1,
    }[other]
    train(*arguments.values())
    assert len(runs) == 1


@pytest.mark.parametrize("damage", ["truncated", "empty", "other", "nan", "fewer"])
def test_a_damaged_cache_is_trained_anew(trained_once, entry, damage, caplog):
    path, runs = entry
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-200])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "other":
        np.savez(path, w0=np.zeros(3))
    elif damage == "nan":
        _write(replace(trained_once, weights=(np.full(10, np.nan, np.float32),), path=path), "small")
    elif damage == "fewer":
        _write(replace(trained_once, predictions=trained_once.predictions[:5], path=path), "small")
    with caplog.at_level(logging.WARNING, "spikemesh"):
        train("small", SMALL, QUICK, load_dataset("digits"), 0)
    assert "training it again" in caplog.text and len(runs) == 1


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPIKEMESH_CACHE", str(tmp_path / "file"))
    lines = []
    trained = train("small", SMALL, QUICK, load_dataset("digits"), 0, lines.append)
    assert "could not be cached" in caplog.text
    assert lines[0] == "training small on digits, 1 epochs"
    assert lines[1].startswith("small: epoch 1 of 1, training accuracy") and "test accuracy" in lines[2]
    assert len(trained.predictions) == 360


def test_prepare_brings_everything_together(quick):
    prepared = prepare("digits_cnn")
    network, data = prepared.network, prepared.dataset
    assert network.weights == "trained" and network.name == "digits_cnn"
    assert (network.n_neurons, network.n_synapses) == (quick.neurons, quick.synapses)
    assert prepared.trained_seconds > 0
    assert np.array_equal(prepared.inputs(5), data.x_test[:5])
    known = prepared.ann_predictions(data.x_test)
    scores = np.asarray(prepared.keras_model()(data.x_test))
    assert np.array_equal(known, scores.argmax(axis=1))
    assert np.array_equal(prepared.ann_predictions(data.x_test[::-1]), known[::-1])
    assert prepared.ann_accuracy() == np.mean(known == data.y_test)
    assert prepared.ann_accuracy(50) == np.mean(known[:50] == data.y_test[:50])
    direct = convert(prepared.keras_model(), data.x_train)
    for a, b in zip(network.projections, direct.projections, strict=True):
        assert np.array_equal(a.connectivity.edges().weight, b.connectivity.edges().weight)


def test_the_converted_network_is_cached_with_its_report(quick, monkeypatch):
    first = prepare("digits_cnn").network
    assert sorted(p.name.split(".", 1)[1] for p in cache_directory().iterdir()) == ["model.npz", "network.npz", "report.json"]
    monkeypatch.setattr("spikemesh.conversion.convert", lambda *_, **__: pytest.fail("converted again"))
    again = prepare("digits_cnn").network
    assert repr(again.report) == repr(first.report)
    assert np.array_equal(again.bias, first.bias) and np.array_equal(again.output_ids, first.output_ids)
    assert np.array_equal(again.synapses.weight, first.synapses.weight)


def test_a_damaged_converted_network_is_converted_again(quick, caplog):
    first = prepare("digits_cnn").network
    for suffix in ("network.npz", "report.json"):
        (path,) = cache_directory().glob(f"*.{suffix}")
        path.write_bytes(path.read_bytes()[:100])
        again = prepare("digits_cnn").network
        assert "converting again" in caplog.text
        assert np.array_equal(again.synapses.weight, first.synapses.weight)
        caplog.clear()


def test_classification_is_paired_with_the_ann_and_the_commonest_class(quick):
    prepared, data = prepare("digits_cnn"), load_dataset("digits")
    first = classification(prepared, 40, lambda _: None, duration_ms=50)
    assert first.n == 40 and np.array_equal(first.ann, prepared.ann_predictions(data.x_test[:40]) == data.y_test[:40])
    assert np.array_equal(first.baseline, data.y_test[:40] == np.bincount(data.y_train).argmax())
    drawn = classification(prepared, 40, lambda _: None, duration_ms=50, drawn=True)
    order = np.sort(np.random.default_rng(0).permutation(360)[:40])
    assert np.array_equal(drawn.ann, (prepared.ann_predictions(data.x_test) == data.y_test)[order])
    assert not np.array_equal(drawn.baseline, first.baseline)
    with pytest.raises(DataError, match="answers nothing"):
        classification(prepare("digits_cnn", "drawn"), 5, lambda _: None)


def test_drawn_weights_when_asked_for(quick):
    prepared = prepare("digits_cnn", weights="drawn")
    assert prepared.network.weights == "drawn"
    assert np.isnan(prepared.trained_seconds) and not list(cache_directory().glob("*.network.npz"))


@pytest.mark.slow
def test_the_digits_network_is_good_enough_and_keeps_its_accuracy_in_spikes():
    from spikemesh.spiking import run_layered

    prepared = prepare("digits_cnn")
    assert prepared.ann_accuracy() >= 0.96
    data = prepared.dataset
    trace = run_layered(prepared.network, data.x_test, 200, labels=data.y_test)
    assert trace.accuracy >= prepared.ann_accuracy() - 0.01
