"""Every workload with data, run on it: one number with its 95 % interval, beside a stated baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from spikemesh.metrics import mean_interval, paired_difference, wilson_interval
from spikemesh.network import SpikingNetwork
from spikemesh.workloads.outcome import Outcome, Progress
from spikemesh.workloads.running import run_workload

__all__ = ["Evaluation", "difference", "evaluate_workload", "summary"]


@dataclass(frozen=True)
class Evaluation:
    """What a workload does on its data.

    measure : what ``value`` is, with its unit. low, high : its 95 % interval, Wilson's for shares (in %), Student's t for means.
    n, unit : what was counted. baseline, baseline_value : what it is held against, on the same samples. ann_value : of the
    trained ANN, NaN where there is none. higher_is_better : of the measure. notes : to be read with the number.
    """

    name: str
    measure: str
    value: float
    low: float
    high: float
    n: int
    unit: str
    baseline: str
    baseline_value: float
    ann_value: float
    higher_is_better: bool
    notes: tuple[str, ...]

    @property
    def beats_baseline(self) -> bool:
        """Whether the value is better than the baseline's."""
        return self.value > self.baseline_value if self.higher_is_better else self.value < self.baseline_value

    def __str__(self) -> str:
        ann = "" if math.isnan(self.ann_value) else f", ANN {self.ann_value:.2f}"
        text = f"{self.name}: {self.measure} {self.value:.2f} ({self.low:.2f} to {self.high:.2f}; {self.n} {self.unit}){ann}"
        return f"{text}; {self.baseline}: {self.baseline_value:.2f}"


def evaluate_workload(
    name: str,
    n: int | None = None,
    seed: int = 0,
    *,
    network: SpikingNetwork | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Run a workload on its data; trains first where that is needed, and keeps what was trained.

    Parameters
    ----------
    name : one of ``spikemesh.workloads.runnable_workloads()``.
    n : test samples; by default all, or the number that ``docs/workloads.md`` states.
    seed : of training, drawing, data and test.
    network : to run in the place of the workload's own: what a mapping made of it (``mapped.network``).
    progress : gets lines of text.

    Raises
    ------
    NetworkError
        for an unknown name.
    DataError
        for a workload without data, or whose data are not on this machine; for a network that cannot take the place.
    """
    return summary(run_workload(name, n, seed, network=network, progress=progress))


def summary(outcome: Outcome) -> Evaluation:
    """An outcome as its mean with the 95 % interval."""
    value, low, high = _mean(outcome.ours)
    return Evaluation(
        outcome.name,
        outcome.measure,
        value,
        low,
        high,
        outcome.n,
        outcome.unit,
        outcome.baseline_name,
        _mean(outcome.baseline)[0],
        float("nan") if outcome.ann is None else _mean(outcome.ann)[0],
        outcome.higher_is_better,
        outcome.notes,
    )


def difference(outcome: Outcome, other: Outcome) -> tuple[float, float, float]:
    """How much better or worse on the same units, in the measure's unit (accuracies: points), with its 95 % interval."""
    if outcome.ours.dtype == bool:
        points, low, high = paired_difference(outcome.ours, other.ours)
        return 100 * points, 100 * low, 100 * high
    return mean_interval(outcome.ours - other.ours)


def _mean(values: NDArray[Any]) -> tuple[float, float, float]:
    """Mean and 95 % interval; of booleans in %."""
    n = len(values)
    if values.dtype == bool:
        right = int(values.sum())
        low, high = wilson_interval(right, n)
        return 100 * right / n, 100 * low, 100 * high
    return mean_interval(values)
