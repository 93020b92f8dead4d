"""A cache and data directory of its own for every test of this room."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def own_directories(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKEMESH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPIKEMESH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.fixture
def fake_mnist(own_directories):
    """A file in MNIST's layout with 40 + 20 random images."""
    rng = np.random.default_rng(0)
    arrays = {}
    for half, n in (("train", 40), ("test", 20)):
        arrays[f"x_{half}"] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        arrays[f"y_{half}"] = rng.integers(0, 10, n, dtype=np.uint8)
    path = own_directories / "data" / "mnist.npz"
    np.savez_compressed(path, **arrays)
    return path, arrays
