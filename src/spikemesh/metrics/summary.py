"""All measures of a mapping or a run as one row, and many of them as one table."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import MappingError
from spikemesh.hardware import Hardware
from spikemesh.mapping.mapping import Mapping
from spikemesh.metrics.counts import Counts, count
from spikemesh.metrics.delays import isi_distortion, latency, spike_disorder
from spikemesh.metrics.mapped import inter_improvement, intra_improvement, mapping_columns
from spikemesh.metrics.pricing import Energy, price
from spikemesh.simulation.record import RunRecord

if TYPE_CHECKING:
    import pandas

__all__ = ["compare", "metrics", "rates_of"]

NAN = float("nan")


def metrics(
    record_or_mapping: RunRecord | Mapping,
    rates_hz: ArrayLike | None = None,
    hardware: Hardware | None = None,
    weighting: str = "rate_weight",
) -> pandas.Series:
    """Every measure of a run, or of a mapping that has not run, as a Series of floats with units in the names.

    Parameters
    ----------
    rates_hz : (n_neurons,) rates of the mapped network, for its weights, packets and hop cost. A run has them in its record;
        a mapping without them gets NaN there.
    hardware : prices of another chip for the energies of a run.
    weighting : of InterW and IntraW, one of :data:`spikemesh.network.WEIGHTINGS`.

    Returns
    -------
    pandas.Series
        float64; ``spikemesh.metrics.DEFINITIONS`` has unit, formula and direction of each entry. NaN where a measure has
        no value (the latency of a run in which no spike crossed the mesh).

    Raises
    ------
    NetworkError
        for rates that do not fit the mapped network.
    """
    import pandas as pd

    if isinstance(record_or_mapping, Mapping):
        return pd.Series(mapping_columns(record_or_mapping, rates_hz, weighting), dtype=np.float64)
    if not isinstance(record_or_mapping, RunRecord):
        raise TypeError(f"metrics are of a RunRecord or a Mapping, not of a {type(record_or_mapping).__name__}")
    record = record_or_mapping
    counts = count(record)
    columns = {
        **mapping_columns(record.mapping, rates_of(record) if rates_hz is None else rates_hz, weighting),
        **_count_columns(record, counts),
        **_delay_columns(record),
        **_energy_columns(record, counts, price(counts, record.hardware if hardware is None else hardware)),
    }
    return pd.Series(columns, dtype=np.float64)


def compare(records: Dict[str, RunRecord | Mapping], base: str | None = None) -> pandas.DataFrame:
    """One row of :func:`metrics` a mapping; its name is the index.

    ``base`` : name of the mapping against which InterW and IntraW are to be improved; adds
    ``inter_improvement_percent`` and ``intra_improvement_percent``.

    Raises
    ------
    MappingError
        where ``base`` is none of the names.
    """
    import pandas as pd

    table = pd.DataFrame({name: metrics(record) for name, record in records.items()}).T
    table.index.name = "mapping"
    if base is not None:
        if base not in records:
            raise MappingError(f"base must be one of {', '.join(records)}, not {base!r}")
        inter, intra = table["inter_weight"], table["intra_weight"]
        table["inter_improvement_percent"] = [inter_improvement(inter[base], ours) for ours in inter]
        table["intra_improvement_percent"] = [intra_improvement(intra[base], ours) for ours in intra]
    return table


def rates_of(record: RunRecord) -> NDArray[np.float64]:
    """(n_neurons,) rates of the run's own samples, Hz: spikes / (n_samples * duration)."""
    seconds = record.n_samples * record.n_steps * record.mapping.network.dt_ms * 1e-3
    return record.spikes / seconds if seconds > 0 else np.zeros(len(record.spikes))


def _count_columns(record: RunRecord, counts: Counts) -> dict[str, float]:
    delivered = int((record.row_read >= 0).sum())
    return {
        "run_time_ms": counts.run_time_ns * 1e-6,
        "spikes": float(counts.spikes),
        "packets": float(counts.packets),
        "deliveries": float(counts.deliveries),
        "undelivered": float(len(record.row_read) - delivered),
        "row_reads": float(counts.row_reads),
        "synaptic_events": float(counts.synaptic_events),
        "flit_hops": float(counts.flit_hops_x + counts.flit_hops_y),
        "flit_hops_x": float(counts.flit_hops_x),
        "flit_hops_y": float(counts.flit_hops_y),
        "link_load_max_flits": float(record.link_flits.max(initial=0)),
        "late_share": int(record.late.sum()) / delivered if delivered else NAN,
    }


def _delay_columns(record: RunRecord) -> dict[str, float]:
    late, distortion, disorder = latency(record), isi_distortion(record), spike_disorder(record)
    columns = {}
    for name in ("mean", "p50", "p95", "p99", "max"):
        columns[f"latency_{name}_cycles"] = getattr(late, f"{name}_cycles")
        columns[f"latency_{name}_ns"] = getattr(late, f"{name}_ns")
    for name, cycles in late.parts_mean_cycles.items():
        columns[f"latency_{name}_cycles"] = cycles
    for name in ("mean", "max"):
        cycles = getattr(distortion, f"{name}_cycles")
        columns[f"isi_distortion_{name}_cycles"] = cycles
        columns[f"isi_distortion_{name}_ns"] = cycles * late.cycle_ns
    return columns | {"spike_disorder": disorder.share, "spike_disorder_worst_tile": disorder.worst}


def _energy_columns(record: RunRecord, counts: Counts, paid: Energy) -> dict[str, float]:
    return {
        "interconnect_energy_pj": paid.interconnect,
        "hops_x_energy_pj": paid.hops_x,
        "hops_y_energy_pj": paid.hops_y,
        "inject_energy_pj": paid.inject,
        "eject_energy_pj": paid.eject,
        "tile_energy_pj": paid.tile,
        "spike_energy_pj": paid.spike,
        "row_energy_pj": paid.row,
        "op_energy_pj": paid.op,
        "update_energy_pj": paid.update,
        "static_energy_pj": paid.static,
        "wasted_static_energy_pj": paid.wasted_static,
        "wasted_dynamic_energy_pj": paid.wasted_dynamic,
        "wasted_energy_pj": paid.wasted,
        "total_energy_pj": paid.total,
        "wasted_share": paid.wasted / paid.total if paid.total > 0 else NAN,
        "energy_per_sample_pj": paid.total / record.n_samples if record.n_samples else NAN,
        "energy_per_synaptic_event_pj": paid.total / counts.synaptic_events if counts.synaptic_events else NAN,
        "mean_power_mw": paid.total / counts.run_time_ns if counts.run_time_ns > 0 else NAN,
    }
