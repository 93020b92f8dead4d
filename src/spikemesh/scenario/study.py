"""A what-if: one network, one thing turned from point to point, one row a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spikemesh.hardware import Hardware
from spikemesh.mapping import legalise, map_network
from spikemesh.metrics import metrics
from spikemesh.network import SpikeTrace, SpikingNetwork
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


@dataclass
class _Spikes:
    """The legal network and its spikes for each row limit: many points share them."""

    question: Question
    known: dict[tuple[float, int], tuple[SpikingNetwork, SpikeTrace]] = field(default_factory=dict)

    def of(self, hardware: Hardware) -> tuple[SpikingNetwork, SpikeTrace]:
        key = (hardware.crossbar.n_in, hardware.crossbar.weight_bits)
        if key not in self.known:
            legal = legalise(self.question.network, hardware)
            same = legal is self.question.network
            self.known[key] = legal, self.question.trace if same else self.question.run(legal)
        return self.known[key]


def run_study(question: Question, points: Sequence[Point], progress: Progress | None = None) -> pd.DataFrame:
    """One row a point: its label, then every metric of its run."""
    import pandas as pd

    progress = progress or Progress(quiet=True)
    spikes, rows = _Spikes(question), []
    with progress.bar(f"{len(points)} points", len(points)) as advance:
        for point in points:
            network, trace = spikes.of(point.hardware)
            mapped = map_network(network, trace, point.hardware, recipe=point.recipe, seed=question.seed)
            record = simulate(mapped, trace, engine=question.engine, acceleration=point.acceleration)
            rows.append({**point.label, "verdict": record.verdict, **metrics(record)})
            advance()
    return pd.DataFrame(rows)
