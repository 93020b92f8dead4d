"""A workload, ready to run: its network, its data, and the trained model that it came from."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError
from spikemesh.network import SpikingNetwork
from spikemesh.workloads.catalogue import Workload, catalogue, find
from spikemesh.workloads.converted import converted
from spikemesh.workloads.datasets import Dataset
from spikemesh.workloads.pruning import pruned
from spikemesh.workloads.readout import ReadoutRecipe, train_readout
from spikemesh.workloads.training import Trained, cache_directory, train

__all__ = ["Prepared", "available_workloads", "prepare", "workload"]

log = logging.getLogger("spikemesh")

CALIBRATION_SAMPLES = 5000
"""Training samples that set the scales: the first ones, as the order of a training set is random already."""

LARGE_CALIBRATION_SAMPLES = 256
"""The same for networks so large that only their last layer is trained."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A workload's network with what belongs to it.

    network : with ``weights`` "trained" or "drawn". dataset : samples, or None where the workload has none or its
    files are not at hand. verdict : how far the network is the paper's, in words. source : paper and table. table :
    neurons and synapses that the paper prints. trained_seconds : of training, when that happened; NaN for weights that
    were drawn or learned by plasticity. fitted_to : what readouts are fitted to, where that is not ``network``.
    """

    network: SpikingNetwork
    dataset: Dataset | None
    verdict: str
    source: str
    table: str
    trained_seconds: float = float("nan")
    seed: int = 0
    _workload: Workload | None = field(default=None, repr=False)
    _trained: Trained | None = field(default=None, repr=False)
    _models: list[Any] = field(default_factory=list, repr=False)
    fitted_to: SpikingNetwork | None = None

    @property
    def classifies(self) -> bool:
        """Whether the outputs are the classes of ``dataset``, trained on it."""
        trained = self.network.weights != "drawn" and self.dataset is not None
        return trained and self._workload is not None and self._workload.classifies

    def labelled_data(self, otherwise: str) -> Dataset:
        """``dataset``, whose classes the outputs are.

        Raises
        ------
        DataError
            where they are not, or the data is not at hand; ``otherwise`` says what cannot be done then.
        """
        if self.dataset is None or not self.classifies:
            missing = self.dataset is None and self._workload is not None and self._workload.classifies
            why = "its data is not at hand" if missing else "it is no trained classifier"
            raise DataError(f"{self.network.name}: {why}, so {otherwise}")
        return self.dataset

    @property
    def has_samples(self) -> bool:
        """Whether ``inputs`` are more than noise: its data set, or pictures of its own."""
        return self.dataset is not None or (self._workload is not None and self._workload.samples is not None)

    def inputs(self, n: int) -> NDArray[np.float32]:
        """``n`` samples to drive the network, (n, ...) float32 in [0, 1].

        Test samples of its data set; for the image-processing networks, patches of photographs; where there is neither,
        uniform noise, seeded.

        Raises
        ------
        DataError
            where the data set has fewer test samples.
        """
        if self.dataset is not None:
            if n > len(self.dataset.x_test):
                raise DataError(f"{self.dataset.name} has {len(self.dataset.x_test)} test samples, not {n}")
            return self.dataset.x_test[:n]
        found = self._workload.samples if self._workload is not None else None
        if found is not None:
            return found(n, self.seed)
        shape = (n, *self.network.layers[0].shape)
        return np.random.default_rng(self.seed).random(shape, np.float32)

    def keras_model(self) -> Any:
        """The trained Keras model; built on the first call.

        Raises
        ------
        DataError
            where there is none, as for drawn weights.
        """
        if self._trained is None or self._workload is None or self._workload.topology is None:
            raise DataError(f"{self.network.name}: no trained Keras model is behind its weights ({self.network.weights})")
        if not self._models:
            model = self._workload.topology.keras(self._workload.name)
            model.set_weights(list(self._trained.weights))
            self._models.append(model)
        return self._models[0]

    def ann_predictions(self, x: NDArray[np.floating]) -> NDArray[np.int64]:
        """(n,) int64 classes that the trained model gives samples ``x`` (n, height, width, channels) in [0, 1].

        For the first test samples they are known from training, and Keras is not needed. Raises DataError where there is no
        such model.
        """
        known = self._trained is not None and self.dataset is not None
        if known and np.array_equal(x, self.dataset.x_test[: len(x)]):  # type: ignore[union-attr]
            return self._trained.predictions[: len(x)].copy()  # type: ignore[union-attr]
        scores = self.keras_model().predict(np.asarray(x, np.float32), batch_size=512, verbose=0)
        return scores.argmax(axis=1).astype(np.int64)

    def ann_accuracy(self, n: int | None = None) -> float:
        """Share of the first ``n`` test samples (all by default) that the trained model gets right."""
        if self._trained is None or self.dataset is None:
            raise DataError(f"{self.network.name}: no trained model is behind its weights ({self.network.weights})")
        return float(np.mean(self._trained.predictions[:n] == self.dataset.y_test[:n]))


def prepare(
    name: str,
    weights: str = "auto",
    seed: int = 0,
    *,
    data: str | Path | None = None,
    model: str | Path | None = None,
    progress: Callable[[str], object] | None = None,
) -> Prepared:
    """A workload with its data and its trained model.

    Parameters
    ----------
    name : one of ``available_workloads()``.
    weights : "trained", "drawn" (random, seeded), or "auto": trained (and cached) where its data are at hand and training takes
        under three minutes on two cores, else drawn.
    seed : of the training or the drawing, and of the split of a data set that has none.
    data : a folder of pictures (:func:`spikemesh.workloads.load_image_folder`) instead of the workload's data set.
    model : a .keras or .h5 file of a trained model to convert instead of training one; calibrated on the training half of the
        data. Its max pooling is replaced by average pooling, with a warning in the report. ``weights`` of the network: "given".
    progress : gets a line an epoch where a model is trained; by default they go to the logger "spikemesh".

    Raises
    ------
    NetworkError
        for an unknown name.
    ConversionError
        for a model that cannot be converted, or takes inputs of another shape than the data's.
    DataError
        where weights="trained" and the data are missing, or the workload is not one that is trained.
    """
    found = find(name)
    if weights not in ("auto", "trained", "drawn"):
        raise DataError(f"weights must be 'auto', 'trained' or 'drawn', not {weights!r}")
    if weights == "trained" and not found.trains:
        raise DataError(f"{name} is not one that is trained here; its weights are drawn")
    dataset = None
    try:
        dataset = found.load(seed) if data is None else _folder(found, data, seed)
    except DataError as reason:
        if weights == "trained" or data is not None or model is not None:
            raise
        expected = weights == "auto" and found.auto and found.trains
        log.log(logging.WARNING if expected else logging.INFO, "%s gets drawn weights: %s", name, reason)
    if model is not None:
        return _given(found, model, dataset, seed)
    trained = None
    wanted = weights == "trained" or (weights == "auto" and found.auto)
    if wanted and dataset is not None and found.topology is not None and found.recipe is not None:
        fit: Any = train_readout if isinstance(found.recipe, ReadoutRecipe) else train
        trained = fit(found.trained_as or found.name, found.topology, found.recipe, dataset, seed, progress or log.info)
    if wanted and dataset is not None and found.learn is not None:
        network = found.learn(dataset, seed, progress or log.info)
    else:
        network = _network(found, trained, dataset, seed)
    seconds = trained.seconds if trained is not None else float("nan")
    partly = trained is not None and isinstance(found.recipe, ReadoutRecipe)
    verdict = f"{found.verdict}; hidden layers drawn, the last one trained" if partly else found.verdict
    return Prepared(network, dataset, verdict, found.source, found.table, seconds, seed, found, trained)


def _folder(found: Workload, data: str | Path, seed: int) -> Dataset:
    from spikemesh.workloads.image_folder import load_image_folder

    shape = found.topology.input_shape if found.topology is not None else ()
    if len(shape) != 3:
        raise DataError(f"{found.name} takes no pictures")
    return load_image_folder(data, (shape[0], shape[1], shape[2]), seed=seed)


def _given(found: Workload, path: str | Path, dataset: Dataset | None, seed: int) -> Prepared:
    """A user's trained model in the place of the workload's."""
    from spikemesh.conversion import convert, load_keras_model

    if dataset is None:
        raise DataError(f"{found.name} has no data set to calibrate {path} on; give a folder of pictures as data")
    given = load_keras_model(path)
    network = convert(given, dataset.x_train[:CALIBRATION_SAMPLES], max_pooling="average", name=found.name)
    weights = tuple(np.asarray(w) for w in given.get_weights())
    scores = given.predict(dataset.x_test, batch_size=64, verbose=0)
    known = Trained(weights, scores.argmax(axis=1).astype(np.int64), float("nan"), Path(path))
    verdict = f"given: the model of {Path(path).name}, {network.n_neurons:,} neurons and {network.n_synapses:,} synapses"
    network = replace(network, weights="given", report=network.report)
    return Prepared(network, dataset, verdict, found.source, found.table, float("nan"), seed, found, known, [given])


def _network(found: Workload, trained: Trained | None, dataset: Dataset | None, seed: int) -> SpikingNetwork:
    if trained is None or dataset is None or found.topology is None:
        network = found.build(seed)
        return network if found.prune_to is None else pruned(network, found.prune_to)

    def convert_now() -> SpikingNetwork:
        from spikemesh.conversion import convert

        model = found.topology.keras(found.name)  # type: ignore[union-attr]
        model.set_weights(list(trained.weights))
        if found.prune_share is not None:
            model = _thinned(model, dataset, found.prune_share, seed)
        large = isinstance(found.recipe, ReadoutRecipe)
        samples = dataset.x_train[: LARGE_CALIBRATION_SAMPLES if large else CALIBRATION_SAMPLES]
        return convert(model, samples, name=found.name, batch_size=32 if large else 256)

    if isinstance(found.recipe, ReadoutRecipe):
        return convert_now()  # hundreds of megabytes that are quickly made again
    network = converted(trained.path, (found.name, CALIBRATION_SAMPLES, found.prune_share), convert_now)
    return network if found.prune_to is None else pruned(network, found.prune_to)


def _thinned(model: Any, dataset: Dataset, share: float, seed: int) -> Any:
    """The model retrained without a share of its weights, so that pruning to the table's synapses costs little afterwards."""
    from spikemesh.conversion.pruning import Schedule, prune_and_retrain

    # tolerance 1: the table's number of synapses has to be reached, whatever it costs
    schedule = Schedule(share, rounds=4, epochs=1, tolerance=1.0, batch_size=64)
    return prune_and_retrain(model, dataset.x_train, dataset.y_train, schedule, seed=seed, cache=cache_directory()).model


def workload(name: str, weights: str = "auto", seed: int = 0) -> SpikingNetwork:
    """The network of :func:`prepare`, same parameters and errors; ``.weights`` says how its weights came about."""
    if weights == "drawn":  # needs no data
        return _network(find(name), None, None, seed)
    return prepare(name, weights, seed).network


def available_workloads() -> list[str]:
    """Names of all workloads."""
    return list(catalogue())
