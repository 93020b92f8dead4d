"""Networks too large to train here: hidden weights drawn and set to their data, only the last layer trained.

Kernels are drawn from N(0, 1 / fan-in), seeded. Then, layer by layer, each channel is scaled and shifted so that what it
receives has mean 0 and variance 1 over some training samples (as layer-sequential unit-variance initialisation does, Mishkin
and Matas 2016): without it deep drawn layers make all samples look alike. The last layer is a ridge regression from the last
hidden layer's activations to the classes. Such a network answers far better than by chance and far worse than a trained one.
"""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError
from spikemesh.network.archive import Archive, write_archive
from spikemesh.workloads.datasets import Dataset
from spikemesh.workloads.outcome import Progress
from spikemesh.workloads.topology import Topology
from spikemesh.workloads.training import Trained, cache_directory

__all__ = ["ReadoutRecipe", "train_readout"]

log = logging.getLogger("spikemesh")

FORMAT, VERSION = "spikemesh-readout", 1


@dataclass(frozen=True)
class ReadoutRecipe:
    """set_on : training samples that scale the drawn layers. strength : of the ridge regression, relative to the features'
    mean variance. batch_size : samples at a time."""

    set_on: int = 64
    strength: float = 0.01
    batch_size: int = 16


def train_readout(
    name: str, topology: Topology, recipe: ReadoutRecipe, dataset: Dataset, seed: int, progress: Progress
) -> Trained:
    """The model with its hidden layers drawn and its last one fitted; from the cache where it is there.

    Its ``weights`` are in Keras' order. The cache holds scales and shifts, the last layer and the test predictions; the large
    kernels are drawn again.
    """
    key = hashlib.sha256(repr((name, topology, recipe, seed, dataset.digest, VERSION)).encode()).hexdigest()[:16]
    path = cache_directory() / f"{name}-{key}.readout.npz"
    stored = _read(path)
    if stored is None:
        stored = _fit(name, topology, recipe, dataset, seed, progress)
        _write(path, stored)
    weights: list[NDArray[np.floating]] = []
    for k, kernel in enumerate(_drawn(topology, dataset.x_train.shape[1:], seed)):
        if f"scale{k}" not in stored:
            weights.extend((stored["kernel"].reshape(kernel.shape), stored["bias"]))
            break
        weights.extend((kernel * stored[f"scale{k}"].astype(np.float32), stored[f"shift{k}"]))
    # the converted network is cached beside a model's file under this name
    beside = path.with_name(path.name.replace(".readout.npz", ".model.npz"))
    as_single = tuple(w.astype(np.float32) for w in weights)
    return Trained(as_single, stored["predictions"].astype(np.int64), float(stored["seconds"][0]), beside)


def _drawn(topology: Topology, input_shape: tuple[int, ...], seed: int) -> list[NDArray[np.float32]]:
    """Kernels of all layers with weights, N(0, 1 / fan-in)."""
    from spikemesh.workloads.topology import Conv, Fc

    rng, kernels, before = np.random.default_rng(seed), [], input_shape
    for layer, (_, _, shape, _) in zip(topology.layers, topology.shapes(), strict=True):
        size: tuple[int, ...] | None = None
        if isinstance(layer, Conv):
            size = (layer.kernel, layer.kernel, before[2], layer.filters)
        elif isinstance(layer, Fc):
            size = (int(np.prod(before)), layer.units)
        if size is not None:
            kernel = rng.standard_normal(size, np.float32)
            kernel *= np.float32(1 / np.sqrt(np.prod(size[:-1])))
            kernels.append(kernel)
        before = shape
    return kernels


def _fit(
    name: str, topology: Topology, recipe: ReadoutRecipe, dataset: Dataset, seed: int, progress: Progress
) -> dict[str, NDArray[Any]]:
    from spikemesh.conversion._keras import keras

    k = keras()
    began = time.perf_counter()
    model = topology.keras(name)
    layers = [layer for layer in model.layers if layer.weights]
    kernels = _drawn(topology, dataset.x_train.shape[1:], seed)
    for layer, kernel in zip(layers, kernels, strict=True):
        layer.set_weights([kernel, np.zeros(kernel.shape[-1], np.float32)])
    found: dict[str, NDArray[Any]] = {}
    values = dataset.x_train[: recipe.set_on]
    progress(f"{name}: setting {len(layers) - 1} drawn layers to {len(values)} samples")
    at = 0
    for layer in model.layers:
        if layer is layers[-1]:
            break
        if layer.weights:
            scale, shift = _set(k, layer, kernels[at], values)
            found[f"scale{at}"], found[f"shift{at}"] = scale, shift
            at += 1
        values = np.asarray(k.ops.convert_to_numpy(layer(values)))
    hidden = k.Model(model.inputs[0], layers[-1].input)
    progress(f"{name}: the last hidden layer of {len(dataset.x_train)} training and {len(dataset.x_test)} test samples")
    features = [hidden.predict(x, batch_size=recipe.batch_size, verbose=0) for x in (dataset.x_train, dataset.x_test)]
    found["kernel"], found["bias"] = _ridge(features[0], dataset.y_train, recipe.strength)
    scores = features[1] @ found["kernel"].reshape(features[1].shape[1], -1) + found["bias"]
    found["predictions"] = scores.argmax(axis=1).astype(np.int64)
    found["seconds"] = np.array([time.perf_counter() - began])
    progress(f"{name}: {found['seconds'][0]:.0f} s, test accuracy {np.mean(found['predictions'] == dataset.y_test):.4f}")
    return found


def _set(
    k: Any, layer: Any, kernel: NDArray[np.float32], values: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scale and shift each channel to mean 0 and variance 1 of what it receives; (channels,) each."""
    own = layer.activation
    layer.activation = k.activations.linear
    try:
        received = np.asarray(k.ops.convert_to_numpy(layer(values)))
    finally:
        layer.activation = own
    flat = received.reshape(-1, received.shape[-1]).astype(np.float64)
    scale = 1 / np.maximum(flat.std(axis=0), 1e-6)
    shift = -flat.mean(axis=0) * scale
    layer.set_weights([kernel * scale.astype(np.float32), shift.astype(np.float32)])
    return scale.astype(np.float32), shift.astype(np.float32)


def _ridge(
    features: NDArray[np.floating], y: NDArray[np.integer], strength: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Flat kernel and bias of the regression to one number a class, 1 for the right one; samples may be fewer than features."""
    x = features.astype(np.float64)
    mean = x.mean(axis=0)
    x -= mean
    wanted = np.eye(int(y.max()) + 1)[y]
    level = wanted.mean(axis=0)
    gram = x @ x.T
    gram[np.diag_indices_from(gram)] += strength * max(np.trace(gram), 1e-12) / len(x)
    kernel = x.T @ np.linalg.solve(gram, wanted - level)
    return kernel.astype(np.float32).ravel(), (level - mean @ kernel).astype(np.float32)


def _read(path: Path) -> dict[str, NDArray[Any]] | None:
    if not path.exists():
        return None
    try:
        archive = Archive(path, FORMAT, VERSION, DataError)
        n = archive.integer("layers", least=1)
        names = [f"{part}{k}" for k in range(n) for part in ("scale", "shift")] + ["kernel", "bias", "seconds"]
        found = {name: archive.array(name, "f", 1) for name in names}
        if not all(np.isfinite(values).all() for values in found.values()):
            archive.fail("arrays", "must be finite")
        return found | {"predictions": archive.array("predictions", "i", 1)}
    except DataError as reason:
        log.warning("a cached readout cannot be used (%s); fitting it again", reason)
        return None


def _write(path: Path, found: dict[str, NDArray[Any]]) -> None:
    header = {"format": FORMAT, "version": VERSION, "layers": sum(name.startswith("scale") for name in found)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_archive(path, header, found, DataError)
    except (OSError, DataError) as reason:
        log.warning("a readout could not be cached: %s", reason)
