"""What a point is worth: one run on its chip, every metric, what the network answered, and on request every packet."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import SpikemeshError
from spikemesh.mapping import Mapping
from spikemesh.metrics import metrics, wilson_interval
from spikemesh.report.folder import plain
from spikemesh.scenario.sweep.making import chip_of_facts
from spikemesh.scenario.sweep.shelf import Samples, Shelf
from spikemesh.scenario.sweep.tasks import Task
from spikemesh.simulation import RunRecord, simulate
from spikemesh.simulation.closed_loop import closed_loop

if TYPE_CHECKING:
    from spikemesh.network import SpikeTrace

__all__ = ["RECORD_COLUMNS", "check_parquet", "measure", "record_bytes"]

RECORD_COLUMNS = ("sample", "neuron", "source", "destination", "synapses", "packet", "fired", "encoded", "injected", "granted")
"""Columns of a record's file, before ``delivered``, ``row_read`` and ``own``."""

NAN = float("nan")


def measure(task: Task, shelf: Shelf) -> tuple[str, RunRecord]:
    """(row of the table as JSON, record) of a point."""
    spec = task.spec
    network = shelf.network(spec["network"])
    trace = shelf.trace(spec["trace"])
    assignment, tiles = shelf.tiles(spec["placed"])
    mapped = Mapping(
        network,
        chip_of_facts(spec["hardware"]).sized_for(len(tiles)),
        assignment,
        tiles,
        seed=spec["seed"],
        original_synapses=shelf.original([ref for ref in spec["network"] if ref[0] != "network"]),
    )
    record = simulate(mapped, trace, engine=spec["engine"], acceleration=spec["acceleration"], max_cycles=spec["max_cycles"])
    row: dict[str, Any] = {"verdict": record.verdict, "mesh_cols": mapped.hardware.cols, "mesh_rows": mapped.hardware.rows}
    row |= {str(name): value for name, value in metrics(record, weighting=spec["weighting"]).items()}
    row |= _accuracy(spec, shelf, mapped, record, trace)
    return json.dumps(plain(row), separators=(",", ":"), allow_nan=False), record


def _accuracy(
    spec: dict[str, Any], shelf: Shelf, mapped: Mapping, record: RunRecord, trace: SpikeTrace
) -> dict[str, float | int]:
    """Shares of samples answered right: by the model, by the network unmapped, and on the chip with its late spikes."""
    samples = None if spec["samples"] is None else shelf.samples(spec["samples"])
    unmapped = shelf.trace([spec["unmapped"]])
    labels = trace.labels
    ann = None if samples is None else samples.ann_predictions
    found = {
        "accuracy_samples": 0 if labels is None else len(labels),
        "accuracy_ann": NAN if labels is None or ann is None else float(np.mean(ann == labels)),
        "accuracy_snn": unmapped.accuracy,
        "accuracy_mapped": NAN,
        "accuracy_mapped_low": NAN,
        "accuracy_mapped_high": NAN,
    }
    answers = _answers(spec, mapped, record, trace, samples) if spec["accuracy"] and labels is not None else None
    if answers is None or labels is None:
        return found
    right = int(np.sum(answers == labels))
    low, high = wilson_interval(right, len(labels))
    return found | {"accuracy_mapped": right / len(labels), "accuracy_mapped_low": low, "accuracy_mapped_high": high}


def _answers(
    spec: dict[str, Any], mapped: Mapping, record: RunRecord, trace: SpikeTrace, samples: Samples | None
) -> NDArray[np.int64] | None:
    """(n,) what the chip answers. Where nothing was late the closed loop would fire the same spikes: then its answers are the
    trace's. Else it is run; None where there are no samples to run it with."""
    if record.on_time and trace.predictions is not None:
        return trace.predictions
    if samples is None:
        return None
    ran = closed_loop(
        mapped,
        samples.inputs,
        samples.labels,
        duration_ms=spec["duration_ms"],
        acceleration=spec["acceleration"],
        late=spec["late"],
        engine=spec["engine"],
        encoding=spec["encoding"],
        seed=spec["seed"],
    )
    return ran.predictions


def check_parquet() -> None:
    """Raises a SpikemeshError where the package that writes Parquet is missing."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise SpikemeshError("records = true needs the package pyarrow: pip install 'spikemesh[parquet]'") from None


def record_bytes(record: RunRecord, point: str) -> bytes:
    """Every delivery of a run as a Parquet file, cycles as int64 from each sample's own cycle 0.

    One row a (spike, crossbar), in the record's order: those that crossed the mesh, then those read by the crossbar of their
    own tile (``own``), which have neither packet nor encoder nor router: -1 there, and source = destination. Its metadata has
    the point, the cycle's length and the cycles of a step.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    n_own = len(record.own_fired)
    never = np.full(n_own, -1, np.int64)
    own = {
        "sample": record.own_sample,
        "neuron": record.own_neuron,
        "source": record.own_tile,
        "destination": record.own_tile,
        "synapses": record.own_synapses,
        "fired": record.own_fired,
        "delivered": record.own_fired,
        "row_read": record.own_row_read,
    }
    columns = {
        name: np.concatenate([getattr(record, name), own.get(name, never)])
        for name in (*RECORD_COLUMNS, "delivered", "row_read")
    }
    columns["own"] = np.arange(len(columns["fired"])) >= len(record.fired)
    facts = {
        "point": point,
        "cycle_ns": repr(record.hardware.noc.cycle_ns),
        "cycles_per_step": repr(record.cycles_per_step),
        "cols": repr(record.chip.cols),
        "rows": repr(record.chip.rows),
    }
    table = pa.table(columns).replace_schema_metadata({f"spikemesh.{key}": value for key, value in facts.items()})
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()
