"""Networks of which only the last layer is trained."""

import numpy as np
import pytest

from spikemesh.conversion import convert
from spikemesh.workloads import load_dataset
from spikemesh.workloads.readout import ReadoutRecipe, train_readout
from spikemesh.workloads.topology import Conv, Fc, Pool, Topology

SMALL = Topology((8, 8, 1), (Conv(12, 3), Pool(), Fc(60), Fc(10)))


def test_hidden_layers_fit_their_data_and_the_last_one_answers(monkeypatch):
    data, lines = load_dataset("digits"), []
    found = train_readout("small", SMALL, ReadoutRecipe(set_on=200), data, 0, lines.append)
    assert len(lines) == 3 and np.mean(found.predictions == data.y_test) > 0.8
    model = SMALL.keras("small")
    model.set_weights(list(found.weights))
    scores = model.predict(data.x_test, verbose=0)
    assert np.mean(scores.argmax(axis=1) == found.predictions) > 0.99
    hidden = np.asarray(model.layers[0](data.x_train[:200]))
    assert 0.3 < (hidden > 0).mean() < 0.7  # about half of what has mean 0 is above it
    again = train_readout("small", SMALL, ReadoutRecipe(set_on=200), data, 0, lines.append)
    assert len(lines) == 3  # from the cache
    for a, b in zip(found.weights, again.weights, strict=True):
        assert np.array_equal(a, b)
    other = train_readout("small", SMALL, ReadoutRecipe(set_on=200), data, 1, lines.append)
    assert len(lines) == 6 and not np.array_equal(other.weights[0], found.weights[0])
    assert convert(model, data.x_train[:100]).n_neurons == SMALL.counts()[0]


def test_a_damaged_cache_is_fitted_anew(own_directories, caplog):
    data = load_dataset("digits")
    first = train_readout("small", SMALL, ReadoutRecipe(set_on=50), data, 0, lambda _: None)
    (path,) = (own_directories / "cache").glob("small-*.readout.npz")
    path.write_bytes(path.read_bytes()[:100])
    again = train_readout("small", SMALL, ReadoutRecipe(set_on=50), data, 0, lambda _: None)
    assert "cached readout cannot be used" in caplog.text
    assert again.weights[-1] == pytest.approx(first.weights[-1])
