"""Mappings driven faster and faster: the closed loop at every acceleration, one row a run."""

from __future__ import annotations

from collections.abc import Mapping as Named
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping import Mapping
from spikemesh.metrics import wilson_interval
from spikemesh.scenario.comparison import Question
from spikemesh.scenario.progress import Progress
from spikemesh.simulation.pool import in_order

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["drive", "ladder"]


def ladder(fastest: float, step: int = 1) -> list[float]:
    """1, then from a thousandth of ``fastest`` upward by factors of 2**step."""
    powers = np.arange(-10, 0, step)
    return [1.0, *(float(fastest * 2.0**k) for k in powers if fastest * 2.0**k > 1)]


def drive(
    question: Question,
    mappings: Named[str, Mapping],
    alone: Named[str, NDArray[np.int64]],
    accelerations: Sequence[float],
    modes: Sequence[str] = ("lockstep",),
    workers: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """One row a (acceleration, mapping, mode), in this order: accuracy with its 95 % Wilson interval, late and disordered spikes.

    ``same_as_unmapped`` is the share of samples that are answered as by the same network without a chip: ``alone``, (n_samples,)
    answers of each mapping's network. workers : processes that share the rows; the table does not depend on it.
    """
    import pandas as pd

    points = [(speed, name, mode) for speed in accelerations for name in mappings for mode in modes]
    say = (progress or Progress(quiet=True)).say
    rows = []
    for row in in_order(Driven(question, dict(mappings), dict(alone), points), len(points), workers, chunk=1):
        rows.append(row)
        what = f"{row['recipe']}, {row['mode']}" if len(modes) > 1 else row["recipe"]
        say(f"acceleration {row['acceleration']:,.0f}, {what}: right {row['accuracy']:.1%}, late {row['late_share']:.2%}")
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Driven:
    """One mapping at one acceleration."""

    question: Question
    mappings: dict[str, Mapping]
    alone: dict[str, NDArray[np.int64]]
    points: list[tuple[float, str, str]]

    def __call__(self, number: int) -> dict[str, Any]:
        acceleration, name, mode = self.points[number]
        q = self.question
        loop, n = q.loop(self.mappings[name], acceleration, mode), len(q.labels)
        right = int(np.sum(loop.answers == q.labels))
        low, high = wilson_interval(right, n)
        return {
            "recipe": name,
            "mode": mode,
            "acceleration": acceleration,
            "accuracy": right / n,
            "accuracy_low": low,
            "accuracy_high": high,
            "accuracy_samples": n,
            "late_share": loop.late_share,
            "spike_disorder": loop.disorder,
            "same_as_unmapped": float(np.mean(loop.answers == self.alone[name])),
        }
