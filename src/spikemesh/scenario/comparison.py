"""One network, one chip, several recipes: from spikes to one row a mapping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.hardware import Hardware
from spikemesh.mapping import Mapping, map_many
from spikemesh.metrics import metrics, pooled_disorder, spike_disorder, wilson_interval
from spikemesh.network import SpikeTrace, SpikingNetwork
from spikemesh.scenario.drawing import drawing_of
from spikemesh.scenario.progress import Progress
from spikemesh.scenario.spikes import Spikes
from spikemesh.simulation import RunRecord, simulate
from spikemesh.simulation.closed_loop import closed_loop
from spikemesh.spiking import run_brian2

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ChipComparison", "Question", "Run", "compare_on_chip", "drawing_of", "telling_acceleration"]


DOUBLINGS = 8
"""How often the telling acceleration is doubled in search of one at which the mappings answer differently."""


@dataclass(frozen=True, eq=False)
class Question:
    """What is shown to every mapping: the same samples, the same seed, the same engine.

    inputs : (n_samples, ...) in [0, 1]; labels : (n_samples,) int64; ann_predictions : (n_samples,) int64 or None.
    trace : spikes of the unmapped network on these samples.
    """

    network: SpikingNetwork
    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    trace: SpikeTrace
    ann_predictions: NDArray[np.int64] | None = None
    duration_ms: float = 100.0
    encoding: str = "constant"
    seed: int = 0
    engine: str = "auto"
    late: str = "next-step"

    def run(self, network: SpikingNetwork) -> SpikeTrace:
        """The spikes of ``network`` on these samples, by Brian2."""
        return run_brian2(network, self.inputs, self.duration_ms, self.seed, encoding=self.encoding, labels=self.labels)

    def spikes(self, say: Callable[[str], None]) -> Spikes:
        """The spikes of the network and of what mappings make of it."""

        def respond(network: SpikingNetwork) -> SpikeTrace:
            more, gone = network.n_neurons - self.network.n_neurons, self.network.n_synapses - network.n_synapses
            what = f"split into {more} units more" if more else f"without the {gone} synapses that fit no rows"
            say(f"Brian2 runs {self.network.name} {what}" if more or gone else f"Brian2 runs {self.network.name} rounded")
            return self.run(network)

        return Spikes(self.network, self.trace, respond)

    def loop(self, mapped: Mapping, acceleration: float, mode: str = "lockstep") -> Loop:
        """The mapped network on its chip, spikes as late as the mesh makes them."""
        ran = closed_loop(
            mapped,
            self.inputs,
            self.labels,
            duration_ms=self.duration_ms,
            acceleration=acceleration,
            mode=mode,
            late=self.late,
            engine=self.engine,
            encoding=self.encoding,
            seed=self.seed,
            measure=spike_disorder,
        )
        return Loop(ran.predictions, ran.late_share, pooled_disorder(ran.measured).share)


@dataclass(frozen=True, eq=False)
class Run:
    """What is kept of one mapping's run: a record of ten million packets is a gigabyte, so it goes as soon as it is read.

    latency_quantiles : (201,) int64, cycles of remote spikes from the least to the most, empty where there was none.
    answers : (n_samples,) int64, predictions at acceleration 1. delivered : whether every packet was.
    """

    mapping: Mapping
    metrics: pd.Series
    drawing: dict[str, Any]
    latency_quantiles: NDArray[np.int64]
    answers: NDArray[np.int64]
    verdict: str
    delivered: bool


@dataclass(frozen=True, eq=False)
class ChipComparison:
    """One table: every recipe on one chip and one mesh.

    table : one row a recipe, units in the column names. runs : by recipe, at acceleration 1. acceleration : where the
    table's accelerated columns come from: one at which the mappings answer unlike one another, where there is one.
    """

    hardware: Hardware
    table: pd.DataFrame
    runs: dict[str, Run]
    acceleration: float

    @property
    def drawings(self) -> list[dict[str, Any]]:
        """What the report draws, one a recipe."""
        return [run.drawing for run in self.runs.values()]


def compare_on_chip(
    question: Question,
    hardware: Hardware,
    recipes: Sequence[str],
    progress: Progress | None = None,
    doublings: int = DOUBLINGS,
) -> ChipComparison:
    """Maps, runs and measures ``recipes`` on one chip, all on the mesh that holds the largest of them.

    A network that a recipe has changed runs in Brian2 again (docs/decisions/0002). Accuracy at acceleration 1 comes
    from the closed loop, and again at an acceleration at which the mappings differ, searched by at most ``doublings``.
    """
    import pandas as pd

    say = (progress or Progress(quiet=True)).say
    chip = hardware.name
    spikes = question.spikes(say)
    say(f"{chip}: mapping by {', '.join(recipes)}")
    runs = {}
    mappings = map_many(question.network, question.trace, hardware, recipes, seed=question.seed, respond=spikes.of)
    for name, mapped in mappings.items():
        runs[name] = _run(question, name, mapped, spikes.of(mapped.network))
        m = runs[name].metrics
        say(f"{chip}: {name}: {m['packets']:,.0f} packets over {m['flit_hops']:,.0f} links, {runs[name].verdict}")
    acceleration, loops = _accelerate(question, runs, mapped.hardware, doublings, say)
    rows = []
    for name, run in runs.items():
        accuracy = _accuracy(question, run.answers, loops[name], acceleration)
        rows.append({"chip": chip, "recipe": name, **_mesh(mapped.hardware), **run.metrics, **accuracy})
    return ChipComparison(mapped.hardware, pd.DataFrame(rows), runs, acceleration)


def telling_acceleration(latencies: Sequence[NDArray[np.int64]], hardware: Hardware) -> float:
    """The acceleration at which the mappings' shares of late spikes lie furthest apart.

    Judged by the latencies given, one sorted array of quantiles a mapping: a spike is late where its latency exceeds the
    cycles of a step. Candidates are the latencies themselves; ties go to the slower chip.
    """
    latencies = [cycles for cycles in latencies if len(cycles)]
    if not latencies:
        return 1.0
    candidates = np.unique(np.maximum(np.concatenate(latencies), 1))
    late = np.array([1 - np.searchsorted(cycles, candidates, side="right") / len(cycles) for cycles in latencies])
    spread = late.max(axis=0) - late.min(axis=0)
    best = int(candidates[len(spread) - 1 - int(np.argmax(spread[::-1]))])
    return float(hardware.time.step_ms * 1e6 / (best * hardware.noc.cycle_ns))


@dataclass(frozen=True)
class Loop:
    """What is kept of a closed loop: (n_samples,) answers, shares of late and of disordered spikes."""

    answers: NDArray[np.int64]
    late_share: float
    disorder: float


def _accelerate(
    question: Question, runs: dict[str, Run], hardware: Hardware, doublings: int, say: Callable[[str], None]
) -> tuple[float, dict[str, Loop]]:
    """Closed loops of all mappings at the first acceleration at which they answer unlike one another.

    Starts at the telling acceleration and doubles it: late spikes alone, acting a step later, often leave the answers as they
    were. Ends without a difference where a step would be shorter than the chip's shortest, or after ``doublings``.
    """
    acceleration = telling_acceleration([run.latency_quantiles for run in runs.values()], hardware)
    for doubling in range(doublings + 1):
        loops = {name: question.loop(run.mapping, acceleration) for name, run in runs.items()}
        right = {name: float(np.mean(loop.answers == question.labels)) for name, loop in loops.items()}
        shown = ", ".join(f"{name} {share:.1%}" for name, share in right.items())
        say(f"{hardware.name}: right at acceleration {acceleration:,.0f}: {shown}")
        if len(set(right.values())) > 1 or 2 * acceleration > hardware.fastest_acceleration or doubling == doublings:
            break
        acceleration *= 2
    return acceleration, loops


def _run(question: Question, recipe: str, mapped: Mapping, trace: SpikeTrace) -> Run:
    record = simulate(mapped, trace, engine=question.engine)
    cycles = record.row_read - record.fired
    return Run(
        mapping=mapped,
        metrics=metrics(record),
        drawing=drawing_of(recipe, mapped, record, question.network),
        latency_quantiles=np.quantile(cycles, np.linspace(0, 1, 201)).astype(np.int64) if len(cycles) else cycles,
        answers=predictions_at_speed_one(question, mapped, record, trace),
        verdict=record.verdict,
        delivered=bool((record.row_read >= 0).all() and (record.own_row_read >= 0).all()),
    )


def _mesh(hardware: Hardware) -> dict[str, int]:
    return {"mesh_cols": hardware.cols, "mesh_rows": hardware.rows}


def predictions_at_speed_one(question: Question, mapped: Mapping, record: RunRecord, trace: SpikeTrace) -> NDArray[np.int64]:
    """(n_samples,) what the mapped network answers at acceleration 1.

    Where no spike of the open-loop run was late, every spike acts in the step that the trace assumed; so the closed loop would
    fire the same spikes, load the mesh alike and again be late nowhere: its answers are the trace's. Else it is run.
    """
    if record.on_time and trace.predictions is not None:
        return trace.predictions
    return question.loop(mapped, 1.0).answers


def _accuracy(question: Question, normal: NDArray[np.int64], fast: Loop, acceleration: float) -> dict[str, Any]:
    n = len(question.labels)
    right = int(np.sum(normal == question.labels))
    low, high = wilson_interval(right, n)
    ann = np.nan if question.ann_predictions is None else float(np.mean(question.ann_predictions == question.labels))
    return {
        "accuracy_samples": n,
        "accuracy_ann": ann,
        "accuracy_snn": question.trace.accuracy,
        "accuracy_mapped": right / n,
        "accuracy_mapped_low": low,
        "accuracy_mapped_high": high,
        "acceleration": acceleration,
        "accuracy_accelerated": float(np.mean(fast.answers == question.labels)),
        "late_share_accelerated": fast.late_share,
        "spike_disorder_accelerated": fast.disorder,
    }
