"""Training of the benchmark models, seeded, and a cache of what was trained.

A cache entry is two files named after the workload and a digest of everything that shaped it (layers, recipe, seed, data):
``.npz`` with the weights in Keras' order, ``.json`` with what was measured. Both are written beside their place and
renamed; an entry that cannot be read is trained anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import time
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.workloads.datasets import Dataset
from spikemesh.workloads.topology import Topology

__all__ = ["Recipe", "Trained", "cache_directory", "train"]

log = logging.getLogger("spikemesh")


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: Adam, cosine decay of the learning rate to nothing, cross-entropy."""

    epochs: int
    batch_size: int = 128
    learning_rate: float = 2e-3


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model: its weights in Keras' order, seconds of training, share of test samples it gets right."""

    weights: tuple[NDArray[np.float32], ...]
    seconds: float
    test_accuracy: float
    entry: Path
    """path of the cache entry, without suffix"""


def cache_directory() -> Path:
    """Where trained weights are kept: ``$SPIKEMESH_CACHE``, else the user's cache directory."""
    chosen = os.environ.get("SPIKEMESH_CACHE")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("spikemesh"))


def train(name: str, topology: Topology, recipe: Recipe, dataset: Dataset, seed: int) -> Trained:
    """Weights of the trained model, from the cache where they are there."""
    key = repr((name, topology, sorted(asdict(recipe).items()), seed, dataset.digest))
    entry = cache_directory() / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return _read(entry) or _fit(name, topology, recipe, dataset, seed, entry)


def _read(entry: Path) -> Trained | None:
    try:
        meta = json.loads(entry.with_suffix(".json").read_text())
        with np.load(entry.with_suffix(".npz"), allow_pickle=False) as stored:
            weights = tuple(stored[f"w{k}"] for k in range(int(meta["n_weights"])))
        if not all(np.isfinite(w).all() for w in weights):
            raise ValueError("weights are not finite")
        return Trained(weights, float(meta["seconds"]), float(meta["test_accuracy"]), entry)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as reason:
        log.warning("the cached model %s cannot be used (%s); training it again", entry.name, reason)
        return None


def _fit(name: str, topology: Topology, recipe: Recipe, dataset: Dataset, seed: int, entry: Path) -> Trained:
    from spikemesh.conversion._keras import keras

    k = keras()
    k.utils.set_random_seed(seed)
    model = topology.keras(name)
    steps = recipe.epochs * -(-len(dataset.x_train) // recipe.batch_size)
    rate = k.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
    model.compile(k.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    log.info("training %s on %s, %d epochs", name, dataset.name, recipe.epochs)

    def progress(epoch: int, logs: dict[str, float] | None = None) -> None:
        found = (logs or {}).get("accuracy", float("nan"))
        log.info("%s: epoch %d of %d, training accuracy %.4f", name, epoch + 1, recipe.epochs, found)

    began = time.perf_counter()
    model.fit(
        dataset.x_train,
        dataset.y_train,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        verbose=0,
        callbacks=[k.callbacks.LambdaCallback(on_epoch_end=progress)],
    )
    seconds = time.perf_counter() - began
    predicted = model.predict(dataset.x_test, batch_size=512, verbose=0).argmax(axis=1)
    accuracy = float(np.mean(predicted == dataset.y_test))
    log.info("%s: %.1f s, test accuracy %.4f", name, seconds, accuracy)
    trained = Trained(tuple(model.get_weights()), seconds, accuracy, entry)
    _write(trained, entry)
    return trained


def _write(trained: Trained, entry: Path) -> None:
    arrays = {f"w{k}": w for k, w in enumerate(trained.weights)}
    meta = {"n_weights": len(arrays), "seconds": trained.seconds, "test_accuracy": trained.test_accuracy}
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        _renamed(entry.with_suffix(".npz"), lambda file: np.savez_compressed(file, **arrays))
        _renamed(entry.with_suffix(".json"), lambda file: file.write(json.dumps(meta, indent=1).encode()))
    except OSError as reason:
        log.warning("the trained model could not be cached in %s: %s", entry.parent, reason)


def _renamed(path: Path, write: Any) -> None:
    """Write beside ``path``, then rename, so that no reader meets half a file."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, suffix=".part", delete=False) as file:
        try:
            write(file)
            file.close()
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
