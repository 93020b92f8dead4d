"""One network, one chip, several recipes: from spikes to one row a mapping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.hardware import Hardware
from spikemesh.mapping import Mapping, legalise, map_many
from spikemesh.metrics import energy, latency, metrics, wilson_interval
from spikemesh.network import SpikeTrace, SpikingNetwork
from spikemesh.scenario.progress import Progress
from spikemesh.simulation import RunRecord, simulate
from spikemesh.simulation.closed_loop import ClosedLoop, closed_loop
from spikemesh.spiking import run_brian2

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ChipComparison", "Question", "compare_on_chip", "telling_acceleration"]


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


@dataclass(frozen=True, eq=False)
class ChipComparison:
    """One table: every recipe on one chip and one mesh.

    table : one row a recipe, units in the column names. records, loops : by recipe; ``loops`` at ``acceleration``.
    """

    hardware: Hardware
    table: pd.DataFrame
    mappings: dict[str, Mapping]
    records: dict[str, RunRecord]
    loops: dict[str, ClosedLoop]
    acceleration: float
    drawings: list[dict[str, Any]] = field(default_factory=list)


def compare_on_chip(
    question: Question, hardware: Hardware, recipes: Sequence[str], progress: Progress | None = None
) -> ChipComparison:
    """Maps, runs and measures ``recipes`` on one chip, all on the mesh that holds the largest of them.

    The legal network runs in Brian2 again where legalising changed it (docs/decisions/0002). Accuracy at acceleration 1 comes
    from the closed loop, and again at the acceleration at which the mappings' shares of late spikes lie furthest apart.
    """
    import pandas as pd

    say = (progress or Progress(quiet=True)).say
    chip = hardware.name
    network = legalise(question.network, hardware)
    trace = question.trace
    if network is not question.network:
        dropped = question.network.n_synapses - network.n_synapses
        say(f"{chip}: {dropped} of {question.network.n_synapses} synapses dropped to fit the rows; Brian2 runs what is left")
        trace = question.run(network)
    say(f"{chip}: mapping by {', '.join(recipes)}")
    mappings = map_many(network, trace, hardware, recipes, seed=question.seed)
    records: dict[str, RunRecord] = {}
    for name, mapped in mappings.items():
        records[name] = simulate(mapped, trace, engine=question.engine)
        r = records[name]
        say(
            f"{chip}: {name}: {r.n_packets} packets, {r.flit_hops_x + r.flit_hops_y} flit-hops on {r.engine} in {r.seconds:.1f} s"
        )
    acceleration = telling_acceleration(list(records.values()))
    rows, loops, drawings = [], {}, []
    for name, mapped in mappings.items():
        normal = predictions_at_speed_one(question, mapped, records[name], trace)
        loops[name] = fast = _loop(question, mapped, acceleration)
        say(
            f"{chip}: {name}: {np.mean(normal == question.labels):.1%} right, {fast.accuracy:.1%} at acceleration {acceleration:,.0f}"
        )
        rows.append(
            {
                "chip": chip,
                "recipe": name,
                "mesh_cols": mapped.hardware.cols,
                "mesh_rows": mapped.hardware.rows,
                **metrics(records[name], rates_hz=trace.rates_hz),
                **_accuracy(question, normal, fast, acceleration),
            }
        )
        drawings.append(_drawing(name, mapped, records[name], question.network))
    return ChipComparison(mapped.hardware, pd.DataFrame(rows), mappings, records, loops, acceleration, drawings)


def predictions_at_speed_one(question: Question, mapped: Mapping, record: RunRecord, trace: SpikeTrace) -> NDArray[np.int64]:
    """(n_samples,) what the mapped network answers at acceleration 1.

    Where no spike of the open-loop run was late, every spike acts in the step that the trace assumed; so the closed loop would
    fire the same spikes, load the mesh alike and again be late nowhere: its answers are the trace's. Else it is run.
    """
    own_late = record.own_row_read > record.own_fired + record.cycles_per_step
    if not record.late.any() and not own_late.any() and trace.predictions is not None:
        return trace.predictions
    return _loop(question, mapped, 1.0).predictions


def telling_acceleration(records: Sequence[RunRecord]) -> float:
    """The acceleration at which the mappings' shares of late spikes lie furthest apart.

    Judged by the latencies of the runs given: a spike is late where its latency exceeds the cycles of a step. Candidates
    are the latencies themselves; ties go to the slower chip.
    """
    latencies = [np.sort(r.row_read - r.fired) for r in records if len(r.fired)]
    if not latencies:
        return 1.0
    candidates = np.unique(np.concatenate([np.quantile(a, np.linspace(0, 1, 201)).astype(np.int64) for a in latencies]))
    candidates = candidates[candidates >= 1]
    if not len(candidates):
        return 1.0
    late = np.array([1 - np.searchsorted(a, candidates, side="right") / len(a) for a in latencies])
    spread = late.max(axis=0) - late.min(axis=0)
    best = candidates[len(spread) - 1 - int(np.argmax(spread[::-1]))]
    hardware = records[0].hardware
    return float(hardware.time.step_ms * 1e6 / (best * hardware.noc.cycle_ns))


def _loop(question: Question, mapped: Mapping, acceleration: float) -> ClosedLoop:
    return closed_loop(
        mapped,
        question.inputs,
        question.labels,
        duration_ms=question.duration_ms,
        acceleration=acceleration,
        late=question.late,
        engine=question.engine,
        encoding=question.encoding,
        seed=question.seed,
    )


def _accuracy(question: Question, normal: NDArray[np.int64], fast: ClosedLoop, acceleration: float) -> dict[str, Any]:
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
        "accuracy_accelerated": fast.accuracy,
        "late_share_accelerated": fast.late_share,
    }


def _drawing(recipe: str, mapped: Mapping, record: RunRecord, original: SpikingNetwork) -> dict[str, Any]:
    """What the report needs to draw a mapping, JSON-ready."""
    network = mapped.network
    hardware = mapped.hardware
    on_chip = mapped.assignment >= 0
    counts = np.zeros((mapped.n_clusters, len(network.layers)), np.int64)
    np.add.at(counts, (mapped.assignment[on_chip], network.layer_of_neuron[on_chip]), 1)
    return {
        "chip": hardware.name,
        "recipe": recipe,
        "mesh": {"cols": hardware.mesh.cols, "rows": hardware.mesh.rows},
        "facts": {
            "mesh": f"{hardware.mesh.cols} x {hardware.mesh.rows} tiles",
            "crossbar": f"{hardware.crossbar.n_in} x {hardware.crossbar.n_out}",
            "pitch": f"{hardware.mesh.pitch_x_mm} x {hardware.mesh.pitch_y_mm} mm",
            "cycle": f"{hardware.noc.cycle_ns} ns",
            "synapses kept": f"{network.n_synapses} of {original.n_synapses}",
            "weakest confidence of its constants": hardware.weakest_confidence,
        },
        "layers": [layer.name for layer in network.layers],
        "clusters": {
            "tile": mapped.tile_of_cluster,
            "neurons": mapped.neurons_per_cluster,
            "rows": mapped.rows_per_cluster,
            "crosspoints": mapped.crosspoints_per_cluster,
            "layer": counts.argmax(axis=1),
        },
        "link_flits": record.link_flits,
        "latency_parts_cycles": latency(record).parts_mean_cycles,
        "energy_pj": energy(record).groups,
        "trail": [
            {"pass": p.name, "parameters": dict(p.parameters), "seconds": p.seconds, "measures": dict(p.measures)}
            for p in mapped.trail
        ],
    }
