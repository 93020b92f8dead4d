"""What running a workload on its data gave: one number a sample, beside a stated baseline's on the same samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError

if TYPE_CHECKING:
    from spikemesh.workloads.prepare import Prepared

__all__ = ["ACCURACY", "Outcome", "Progress", "classification"]

ACCURACY = "accuracy, %"
"""The measure of outcomes that are right or wrong."""

Progress = Callable[[str], object]


@dataclass(frozen=True, eq=False)
class Outcome:
    """One workload on its data.

    name : of the workload. measure : what is measured, with its unit. ours : (n,) bool where each sample is right or wrong,
    else float64, one number a unit. unit : what is counted by n. baseline : (n,) of the same kind, on the same units.
    baseline_name : in words. higher_is_better : of the measure. ann : (n,) of the trained ANN, where there is one.
    notes : what a reader must know to read the numbers right.
    """

    name: str
    measure: str
    ours: NDArray[Any]
    unit: str
    baseline: NDArray[Any]
    baseline_name: str
    higher_is_better: bool = True
    ann: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        others = [self.baseline] if self.ann is None else [self.baseline, self.ann]
        if self.ours.ndim != 1 or not len(self.ours) or any(o.shape != self.ours.shape for o in others):
            raise DataError(f"{self.name}: an outcome needs one number a unit, and as many of the baseline")

    @property
    def n(self) -> int:
        return len(self.ours)


def classification(
    prepared: Prepared,
    n: int | None,
    progress: Progress,
    *,
    duration_ms: float = 200,
    drawn: bool = False,
    notes: tuple[str, ...] = (),
) -> Outcome:
    """Right and wrong answers of a trained network in spikes, of its ANN, and of always guessing the commonest class.

    Parameters
    ----------
    n : test samples, the first ones; all by default.
    drawn : take samples drawn from all instead, for a test set that is sorted in some way.

    Raises
    ------
    DataError
        where the outputs are no trained classes: there is nothing to answer.
    """
    from spikemesh.spiking import run_layered

    network, data = prepared.network, prepared.labelled_data("it answers nothing")
    chosen: Any = slice(n)
    if drawn and n is not None and n < len(data.y_test):
        chosen = np.sort(np.random.default_rng(prepared.seed).permutation(len(data.y_test))[:n])
    x, y = data.x_test[chosen], data.y_test[chosen]
    progress(f"{network.name}: {len(y)} test samples of {data.name}, {duration_ms:g} steps each")
    ran = run_layered(network, x, duration_ms, labels=y, record="counts")
    common = int(np.bincount(data.y_train).argmax())
    return Outcome(
        network.name,
        ACCURACY,
        ran.predictions == y,
        "test samples",
        y == common,
        f"always the class that is commonest in training ({common})",
        ann=prepared.ann_predictions(x) == y,
        notes=(f"data: {data.source}", *notes),
    )
