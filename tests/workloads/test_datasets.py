"""Data sets are found, checked, and never believed."""

import numpy as np
import pytest

from spikemesh.errors import DataError
from spikemesh.workloads import available_datasets, load_dataset


def test_digits_are_split_by_seed():
    a, b, c = load_dataset("digits"), load_dataset("digits", seed=0), load_dataset("digits", seed=1)
    assert a.x_train.shape == (1437, 8, 8, 1) and a.x_test.shape == (360, 8, 8, 1)
    assert a.x_train.dtype == np.float32 and a.y_train.dtype == np.int64
    assert a.x_train.min() == 0 and a.x_train.max() == 1
    assert a.digest == b.digest != c.digest
    together = np.concatenate([a.x_train, a.x_test]).reshape(1797, -1)
    other = np.concatenate([c.x_train, c.x_test]).reshape(1797, -1)
    assert np.array_equal(np.unique(together, axis=0), np.unique(other, axis=0))
    assert a.n_classes == 10 and len(np.unique(a.y_test)) == 10


def test_digits_are_those_of_scikit_learn(monkeypatch):
    from sklearn.datasets import load_digits

    from spikemesh.workloads import datasets

    wanted = load_digits()
    pixels, target = datasets._digits_table()
    assert np.array_equal(pixels, wanted.data) and np.array_equal(target, wanted.target)
    monkeypatch.setattr(datasets.importlib.util, "find_spec", lambda name: None)
    asked = datasets._digits_table()
    assert np.array_equal(asked[0], pixels) and np.array_equal(asked[1], target)


@pytest.mark.parametrize("place", ["data/mnist.npz", "data/keras/datasets/mnist.npz", "keras/datasets/mnist.npz"])
def test_mnist_is_found_in_three_places(own_directories, fake_mnist, place):
    path, arrays = fake_mnist
    target = own_directories / place
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    assert available_datasets() == ["digits", "mnist", "mnist-224"]
    found = load_dataset("mnist")
    assert found.x_train.shape == (40, 28, 28, 1) and found.x_test.shape == (20, 28, 28, 1)
    np.testing.assert_allclose(found.x_train[..., 0] * 255, arrays["x_train"], atol=1e-4)
    assert np.array_equal(found.y_test, arrays["y_test"])


def test_padding_puts_zeros_around(fake_mnist):
    plain = load_dataset("mnist")
    padded = plain.padded(2)
    assert padded.x_test.shape == (20, 32, 32, 1)
    assert np.array_equal(padded.x_test[:, 2:-2, 2:-2], plain.x_test)
    assert padded.x_test.sum() == pytest.approx(plain.x_test.sum())
    assert padded.digest != plain.digest


def test_missing_files_say_where_they_belong():
    assert available_datasets() == ["digits"]
    with pytest.raises(DataError, match="SPIKEMESH_DATA"):
        load_dataset("mnist")
    with pytest.raises(DataError, match=r"cifar10-subset\.npz is not on this machine"):
        load_dataset("cifar10-subset")
    with pytest.raises(DataError, match="cats-dogs, cifar10-subset, digits, ecg-beats, fruits-360, mnist, mnist-224"):
        load_dataset("imagenet")


def broken(path, arrays, how):
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:20_000])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("not an archive")
    elif how == "no labels":
        np.savez(path, **{k: v for k, v in arrays.items() if k != "y_test"})
    elif how == "floats":
        np.savez(path, **{**arrays, "x_train": arrays["x_train"] / 255})
    elif how == "wrong size":
        np.savez(path, **{**arrays, "x_test": arrays["x_test"][:, :20]})
    elif how == "fewer labels":
        np.savez(path, **{**arrays, "y_train": arrays["y_train"][:-1]})
    elif how == "pickled":
        np.savez(path, **{**arrays, "y_train": np.array([object()] * 40)}, allow_pickle=True)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("truncated", "truncated"),
        ("empty", "truncated"),
        ("text", "truncated"),
        ("no labels", "y_test"),
        ("floats", "uint8"),
        ("wrong size", "x_test is uint8"),
        ("fewer labels", "one integer for each of 40"),
        ("pickled", "Python objects"),
    ],
)
def test_damaged_files_are_named(fake_mnist, how, words):
    path, arrays = fake_mnist
    broken(path, arrays, how)
    with pytest.raises(DataError, match=words) as caught:
        load_dataset("mnist")
    assert str(path) in str(caught.value)
