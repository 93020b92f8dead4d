"""A workload, ready to run: its network, its data, and the trained model that it came from."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError
from spikemesh.network import SpikingNetwork
from spikemesh.workloads.catalogue import Workload, catalogue, find
from spikemesh.workloads.datasets import Dataset
from spikemesh.workloads.training import Trained, train

__all__ = ["Prepared", "available_workloads", "prepare", "workload"]

log = logging.getLogger("spikemesh")

CALIBRATION_SAMPLES = 5000
"""Training samples that set the scales; the first of the data set, whose order is already random."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A workload's network with what belongs to it.

    network : with ``weights`` "trained" or "drawn". dataset : samples, or None where the workload has none or its files are
    not at hand. verdict : how far the network is the paper's, in words. trained_seconds : of training, when that happened;
    NaN for drawn weights. source : paper and table.
    """

    network: SpikingNetwork
    dataset: Dataset | None
    verdict: str
    source: str
    trained_seconds: float = float("nan")
    _workload: Workload | None = field(default=None, repr=False)
    _trained: Trained | None = field(default=None, repr=False)
    _models: list[Any] = field(default_factory=list, repr=False)

    def keras_model(self) -> Any:
        """The trained Keras model; built on the first call.

        Raises
        ------
        DataError
            where the weights were drawn, so that there is none.
        """
        if self._trained is None or self._workload is None or self._workload.topology is None:
            raise DataError(f"{self.network.name} has drawn weights; there is no trained Keras model behind it")
        if not self._models:
            model = self._workload.topology.keras(self._workload.name)
            model.set_weights(list(self._trained.weights))
            self._models.append(model)
        return self._models[0]

    def ann_predictions(self, x: NDArray[np.floating]) -> NDArray[np.int64]:
        """(n,) int64 classes that the trained model gives samples ``x`` (n, height, width, channels) in [0, 1]."""
        scores = self.keras_model().predict(np.asarray(x, np.float32), batch_size=512, verbose=0)
        return scores.argmax(axis=1).astype(np.int64)

    def ann_accuracy(self, n: int | None = None) -> float:
        """Share of the first ``n`` test samples (all by default) that the trained model gets right."""
        if self.dataset is None:
            raise DataError(f"{self.network.name} has no data set")
        if n is None and self._trained is not None:
            return self._trained.test_accuracy
        return float(np.mean(self.ann_predictions(self.dataset.x_test[:n]) == self.dataset.y_test[:n]))


def prepare(name: str, weights: str = "auto", seed: int = 0) -> Prepared:
    """A workload with its data and its trained model.

    Parameters
    ----------
    name : one of ``available_workloads()``.
    weights : "trained", "drawn" (random, seeded), or "auto": trained (and cached) where its data are at hand and training takes
        under three minutes on two cores, else drawn.
    seed : of the training or the drawing, and of the split of a data set that has none.

    Raises
    ------
    NetworkError
        for an unknown name.
    DataError
        where weights="trained" and the data are missing, or the workload is not one that is trained.
    """
    found = find(name)
    if weights not in ("auto", "trained", "drawn"):
        raise DataError(f"weights must be 'auto', 'trained' or 'drawn', not {weights!r}")
    dataset = None
    try:
        dataset = found.load(seed)
    except DataError as reason:
        if weights == "trained":
            raise
        log.info("%s: %s", name, reason)
    if weights == "trained" and (found.recipe is None or dataset is None):
        raise DataError(f"{name} is not trained here: there is no recipe or no data set for it; use weights='drawn'")
    if weights == "trained" or (weights == "auto" and found.auto and found.recipe is not None and dataset is not None):
        return _trained(found, dataset, seed)  # type: ignore[arg-type]
    return Prepared(found.build(seed), dataset, found.verdict, found.source, _workload=found)


def _trained(found: Workload, dataset: Dataset, seed: int) -> Prepared:
    from spikemesh.conversion import convert

    assert found.topology is not None and found.recipe is not None
    trained = train(found.name, found.topology, found.recipe, dataset, seed)
    prepared = Prepared(
        found.build(seed), dataset, found.verdict, found.source, trained.seconds, _workload=found, _trained=trained
    )
    network = convert(prepared.keras_model(), dataset.x_train[:CALIBRATION_SAMPLES], name=found.name)
    return replace(prepared, network=network)


def workload(name: str, weights: str = "auto", seed: int = 0) -> SpikingNetwork:
    """The network of :func:`prepare`, same parameters and errors; ``.weights`` says how its weights came about."""
    return prepare(name, weights, seed).network


def available_workloads() -> list[str]:
    """Names of all workloads."""
    return list(catalogue())
