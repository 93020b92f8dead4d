"""Training of the benchmark models, seeded, and a cache of what was trained.

A cache entry is an archive named after the workload and a digest of everything that shaped it (layers, recipe, seed,
data). It holds the weights in Keras' order, the classes that the model gives the test samples, and what training
took. It is written beside its place and renamed; an entry that cannot be read is trained anew.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError
from spikemesh.network.archive import Archive, write_archive
from spikemesh.workloads.datasets import Dataset
from spikemesh.workloads.topology import Topology

__all__ = ["Recipe", "Trained", "cache_directory", "train"]

log = logging.getLogger("spikemesh")

FORMAT, VERSION = "spikemesh-model", 1


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: Adam, cosine decay of the learning rate to nothing, cross-entropy."""

    epochs: int
    batch_size: int = 128
    learning_rate: float = 2e-3


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model.

    weights : in Keras' order. predictions : (n_test,) int64, class of each test sample. seconds : of training.
    path : its place in the cache.
    """

    weights: tuple[NDArray[np.float32], ...]
    predictions: NDArray[np.int64]
    seconds: float
    path: Path


def cache_directory() -> Path:
    """Where trained weights are kept: ``$SPIKEMESH_CACHE``, else the user's cache directory."""
    chosen = os.environ.get("SPIKEMESH_CACHE")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("spikemesh"))


def train(
    name: str,
    topology: Topology,
    recipe: Recipe,
    dataset: Dataset,
    seed: int,
    progress: Callable[[str], object] = log.info,
) -> Trained:
    """The trained model, from the cache where it is there; ``progress`` gets a line an epoch."""
    key = repr((name, topology, sorted(asdict(recipe).items()), seed, dataset.digest))
    path = cache_directory() / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.model.npz"
    return _read(path, dataset) or _fit(name, topology, recipe, dataset, seed, path, progress)


def _read(path: Path, dataset: Dataset) -> Trained | None:
    if not path.exists():
        return None
    try:
        archive = Archive(path, FORMAT, VERSION, DataError)
        shapes = [archive.as_integers("shapes", entry["shape"]) for entry in archive.listing("shapes", {"shape"})]
        weights = []
        for k, shape in enumerate(shapes):
            flat = archive.array(f"w{k}", "f", 1)
            if flat.size != np.prod(shape) or not np.isfinite(flat).all():
                archive.fail(f"w{k}", f"must hold {int(np.prod(shape))} finite numbers")
            weights.append(flat.reshape(shape))
        predictions = archive.array("predictions", "i", 1)
        if len(predictions) != len(dataset.y_test):
            archive.fail("predictions", f"must be one for each of {len(dataset.y_test)} test samples")
        return Trained(tuple(weights), predictions, archive.number("seconds"), path)
    except DataError as reason:
        log.warning("a cached model cannot be used (%s); training it again", reason)
        return None


def _fit(
    name: str,
    topology: Topology,
    recipe: Recipe,
    dataset: Dataset,
    seed: int,
    path: Path,
    progress: Callable[[str], object],
) -> Trained:
    from spikemesh.conversion._keras import keras

    k = keras()
    k.utils.set_random_seed(seed)
    model = topology.keras(name)
    steps = recipe.epochs * -(-len(dataset.x_train) // recipe.batch_size)
    rate = k.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
    model.compile(k.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    progress(f"training {name} on {dataset.name}, {recipe.epochs} epochs")

    def tell(epoch: int, logs: dict[str, float] | None = None) -> None:
        found = (logs or {}).get("accuracy", float("nan"))
        progress(f"{name}: epoch {epoch + 1} of {recipe.epochs}, training accuracy {found:.4f}")

    began = time.perf_counter()
    model.fit(
        dataset.x_train,
        dataset.y_train,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        verbose=0,
        callbacks=[k.callbacks.LambdaCallback(on_epoch_end=tell)],
    )
    seconds = time.perf_counter() - began
    predictions = model.predict(dataset.x_test, batch_size=512, verbose=0).argmax(axis=1).astype(np.int64)
    accuracy = float(np.mean(predictions == dataset.y_test))
    progress(f"{name}: trained in {seconds:.1f} s, test accuracy {accuracy:.4f}")
    trained = Trained(tuple(model.get_weights()), predictions, seconds, path)
    _write(trained, name)
    return trained


def _write(trained: Trained, name: str) -> None:
    header = {
        "format": FORMAT,
        "version": VERSION,
        "shapes": [{"shape": list(w.shape)} for w in trained.weights],
        "seconds": trained.seconds,
    }
    arrays = {f"w{k}": w.ravel() for k, w in enumerate(trained.weights)} | {"predictions": trained.predictions}
    try:
        trained.path.parent.mkdir(parents=True, exist_ok=True)
        write_archive(trained.path, header, arrays, DataError)
    except (OSError, DataError) as reason:
        log.warning("the trained %s could not be cached: %s", name, reason)
