"""Data sets by name: found on this machine, checked, never downloaded, never unpickled."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError
from spikemesh.network.archive import read_arrays

__all__ = ["Dataset", "available_datasets", "load_dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples in two halves.

    x_train, x_test : (n, height, width, channels) float32 in [0, 1]. y_train, y_test : (n,) int64 classes.
    name : as asked for. source : where it came from, for tables.
    """

    name: str
    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    source: str

    @property
    def n_classes(self) -> int:
        return int(self.y_train.max()) + 1

    @cached_property
    def digest(self) -> str:
        """sha256 over every sample and label, so that a cache can tell one data set from another."""
        found = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            found.update(repr((array.shape, array.dtype.str)).encode())
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()

    def padded(self, margin: int) -> Dataset:
        """Zeros of ``margin`` pixels around every sample."""
        width = ((0, 0), (margin, margin), (margin, margin), (0, 0))
        source = f"{self.source}, {margin} zero pixels around"
        return Dataset(self.name, np.pad(self.x_train, width), self.y_train, np.pad(self.x_test, width), self.y_test, source)


def load_dataset(name: str, seed: int = 0) -> Dataset:
    """A data set by name.

    Parameters
    ----------
    name : "digits" (8x8, ships with scikit-learn), "mnist" (28x28), "mnist-224" (its first 1,000 + 200, pixels repeated to
        224x224), "cifar10-subset" (32x32x3, 10,000 + 2,000 images decoded from JPEG: accuracies on it are not comparable with
        published CIFAR-10 ones), "cats-dogs" (its cats, class 0, and dogs, class 1: 2,000 + 400), "ecg-beats" (single
        heartbeats as 82x82 pictures, test beats from other patients), "fruits-360", "cats-and-dogs@150" and "@224" (folders of
        pictures that a user has, 50 a class and half).
    seed : of the split, where the data set has none of its own (digits).

    Raises
    ------
    DataError
        where the name is unknown, or the file is missing, truncated or holds something else.
    """
    if name not in LOADERS:
        raise DataError(f"unknown data set {name!r}; there are {', '.join(sorted(LOADERS))}")
    return LOADERS[name](seed)


def available_datasets() -> list[str]:
    """Names of the data sets whose files are at hand."""
    found = ["digits"]
    if _mnist_file() is not None:
        found.extend(("mnist", "mnist-224"))
    if _first([_data_directory("cifar10-subset.npz")]) is not None:
        found.extend(("cifar10-subset", "cats-dogs"))
    if _first([_data_directory(*BEATS)]) is not None:
        found.append("ecg-beats")
    for name in LOADERS:
        folder = _data_directory(name.partition("@")[0])
        if name.startswith((FRUITS, PETS)) and folder is not None and folder.is_dir():
            found.append(name)
    return sorted(found)


def _digits(seed: int) -> Dataset:
    pixels, target = _digits_table()
    order = np.random.default_rng(seed).permutation(len(target))
    x = (pixels[order] / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    y = target[order].astype(np.int64)
    n_test = 360
    source = f"scikit-learn digits (UCI optical recognition of handwritten digits), split by seed {seed}"
    return Dataset("digits", x[n_test:], y[n_test:], x[:n_test], y[:n_test], source)


def _digits_table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(1797, 64) grey levels 0..16 and (1797,) classes: scikit-learn's file, without the seconds that its import takes."""
    found = importlib.util.find_spec("sklearn")
    for place in (found.submodule_search_locations or []) if found is not None else []:
        path = Path(place, "datasets", "data", "digits.csv.gz")
        if path.is_file():
            with gzip.open(path, "rt", encoding="ascii") as file:
                table = np.loadtxt(file, delimiter=",")
            return table[:, :-1], table[:, -1]
    from sklearn.datasets import load_digits  # another layout of the package: ask it

    digits = load_digits()
    return digits.data, digits.target


def _data_directory(*parts: str) -> Path | None:
    root = os.environ.get("SPIKEMESH_DATA")
    return Path(root, *parts) if root else None


def _first(paths: list[Path | None]) -> Path | None:
    return next((p for p in paths if p is not None and p.is_file()), None)


def _mnist_file() -> Path | None:
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return _first(
        [
            _data_directory("keras", "datasets", "mnist.npz"),
            _data_directory("mnist.npz"),
            home / "datasets" / "mnist.npz",
        ]
    )


def _mnist(seed: int) -> Dataset:
    path = _mnist_file()
    if path is None:
        raise DataError(
            "MNIST is not on this machine: set SPIKEMESH_DATA to a directory that holds mnist.npz, or let Keras fetch it once "
            "(keras.datasets.mnist.load_data() puts it in ~/.keras/datasets); spikemesh itself downloads nothing"
        )
    return _images("mnist", path, (28, 28), f"MNIST (LeCun et al. 1998), {path.name}")


def _cifar(seed: int) -> Dataset:
    path = _first([_data_directory("cifar10-subset.npz")])
    if path is None:
        raise DataError("cifar10-subset.npz is not on this machine: set SPIKEMESH_DATA to the directory that holds it")
    source = "CIFAR-10 (Krizhevsky 2009), balanced subset decoded from JPEG, not the original pixels"
    return _images("cifar10-subset", path, (32, 32, 3), source)


LARGE_TRAIN, LARGE_TEST, LARGER = 1000, 200, 8


def _large_mnist(seed: int) -> Dataset:
    whole = _mnist(seed)

    def larger(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return x.repeat(LARGER, axis=1).repeat(LARGER, axis=2)

    source = f"{whole.source}, first {LARGE_TRAIN} + {LARGE_TEST}, each pixel repeated {LARGER} x {LARGER} times"
    return Dataset(
        "mnist-224",
        larger(whole.x_train[:LARGE_TRAIN]),
        whole.y_train[:LARGE_TRAIN],
        larger(whole.x_test[:LARGE_TEST]),
        whole.y_test[:LARGE_TEST],
        source,
    )


CATS, DOGS = 3, 5
"""Their classes in CIFAR-10."""


def _cats_dogs(seed: int) -> Dataset:
    whole = _cifar(seed)
    train, test = ((y == CATS) | (y == DOGS) for y in (whole.y_train, whole.y_test))
    return Dataset(
        "cats-dogs",
        whole.x_train[train],
        (whole.y_train[train] == DOGS).astype(np.int64),
        whole.x_test[test],
        (whole.y_test[test] == DOGS).astype(np.int64),
        f"cats and dogs of {whole.source}",
    )


BEATS = ("ecg", "mitdb_beats_aami5.npz")


def _beats(seed: int) -> Dataset:
    from spikemesh.workloads.heartbeats import read_beats

    path = _first([_data_directory(*BEATS)])
    if path is None:
        raise DataError(f"{'/'.join(BEATS)} is not on this machine: set SPIKEMESH_DATA to the directory that holds it")
    return read_beats(path)


FRUITS, PETS = "fruits-360", "cats-and-dogs"
"""Folders of pictures in the data directory, and data sets of that name."""


def _pictures(name: str, shape: tuple[int, int, int]) -> Callable[[int], Dataset]:
    """Loader of a folder of pictures, each resized to ``shape``."""

    def load(seed: int) -> Dataset:
        from spikemesh.workloads.image_folder import load_image_folder

        folder = _data_directory(name.partition("@")[0])
        if folder is None or not folder.is_dir():
            raise DataError(
                f"the pictures of {name} are not on this machine: set SPIKEMESH_DATA to a directory that holds a folder "
                f"{name.partition('@')[0]} with Training/<class>/ and Test/<class>/"
            )
        return load_image_folder(folder, shape, name=name, seed=seed)

    return load


def _images(name: str, path: Path, shape: tuple[int, ...], source: str) -> Dataset:
    """x_train, y_train, x_test, y_test of an npz file with grey levels 0..255."""
    arrays = read_arrays(path, ("x_train", "y_train", "x_test", "y_test"), DataError)
    for half in ("train", "test"):
        x, y = arrays[f"x_{half}"], arrays[f"y_{half}"]
        if x.dtype != np.uint8 or x.shape[1:] != shape or len(x) == 0:
            raise DataError(f"{path}: x_{half} is {x.dtype} {x.shape}; uint8 (n, {', '.join(map(str, shape))}) is needed")
        if y.shape != (len(x),) or not np.issubdtype(y.dtype, np.integer):
            raise DataError(f"{path}: y_{half} is {y.dtype} {y.shape}; one integer for each of {len(x)} samples is needed")
        arrays[f"x_{half}"] = (x.reshape(len(x), *shape[:2], -1) / np.float32(255)).astype(np.float32)
        arrays[f"y_{half}"] = y.astype(np.int64)
    return Dataset(name, arrays["x_train"], arrays["y_train"], arrays["x_test"], arrays["y_test"], source)


LOADERS: dict[str, Callable[[int], Dataset]] = {
    "digits": _digits,
    "mnist": _mnist,
    "mnist-224": _large_mnist,
    "cifar10-subset": _cifar,
    "cats-dogs": _cats_dogs,
    "ecg-beats": _beats,
    FRUITS: _pictures(FRUITS, (100, 100, 3)),
    f"{PETS}@150": _pictures(f"{PETS}@150", (150, 150, 3)),
    f"{PETS}@224": _pictures(f"{PETS}@224", (224, 224, 3)),
}
