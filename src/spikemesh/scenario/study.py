"""A what-if: one network, one thing turned from point to point, one row a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spikemesh.hardware import Hardware
from spikemesh.mapping import map_many
from spikemesh.metrics import metrics
from spikemesh.scenario.comparison import Question
from spikemesh.scenario.progress import Progress
from spikemesh.simulation import simulate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Point", "run_study"]


@dataclass(frozen=True)
class Point:
    """One point: where it lies (``label``: column -> value), its chip and its recipe."""

    label: Mapping[str, Any]
    hardware: Hardware
    recipe: str = "auto"
    acceleration: float = 1.0


def run_study(question: Question, points: Sequence[Point], progress: Progress | None = None) -> pd.DataFrame:
    """One row a point: its label, then every metric of its run."""
    import pandas as pd

    progress = progress or Progress(quiet=True)
    spikes, rows = question.spikes(progress.say), []
    with progress.bar(f"{len(points)} points", len(points)) as advance:
        for point in points:
            asked = question.network, question.trace, point.hardware, [point.recipe]
            mapped = map_many(*asked, seed=question.seed, respond=spikes.of)[point.recipe]
            record = simulate(mapped, spikes.of(mapped.network), engine=question.engine, acceleration=point.acceleration)
            rows.append({**point.label, "verdict": record.verdict, **metrics(record)})
            advance()
    return pd.DataFrame(rows)
