"""What a table shows first, and how a number is written."""

from __future__ import annotations

import math
from collections.abc import Mapping as Dict
from typing import Any

__all__ = ["MAIN_COLUMNS", "shown", "study_columns"]

MAIN_COLUMNS = (
    ("crossbars", "crossbars"),
    ("neuron_utilisation", "neuron utilisation"),
    ("synapse_utilisation", "synapse utilisation"),
    ("intra_weight", "IntraW [Hz]"),
    ("inter_weight", "InterW [Hz]"),
    ("packets_per_s", "packets/s"),
    ("packets_ratio", "packets / bound"),
    ("hop_cost", "hop cost [hops/s]"),
    ("latency_mean_cycles", "latency mean [cycles]"),
    ("latency_p99_cycles", "latency p99 [cycles]"),
    ("latency_max_cycles", "latency max [cycles]"),
    ("isi_distortion_mean_cycles", "ISI distortion [cycles]"),
    ("spike_disorder", "disorder"),
    ("interconnect_energy_pj", "interconnect [pJ]"),
    ("tile_energy_pj", "tile [pJ]"),
    ("static_energy_pj", "static [pJ]"),
    ("wasted_energy_pj", "wasted [pJ]"),
    ("accuracy_ann", "accuracy: ANN"),
    ("accuracy_snn", "SNN, unmapped"),
    ("accuracy_mapped", "SNN, mapped"),
    ("accuracy_accelerated", "SNN, mapped, accelerated"),
    ("late_share_accelerated", "late, accelerated"),
    ("spike_disorder_accelerated", "disorder, accelerated"),
)
"""Columns that the terminal and the top of the page show, with their short names; table.csv has them all."""


def shown(value: Any) -> str:
    """A cell as people read it: thousands apart, four digits, n/a for what has no value."""
    if not isinstance(value, (int, float)) and not hasattr(value, "dtype"):
        return str(value)
    number = float(value)
    if math.isnan(number):
        return "n/a"
    if abs(number) < 1e15 and number == int(number):
        return f"{int(number):,}"
    return f"{number:,.0f}" if abs(number) >= 1e4 else f"{number:.4g}"


def study_columns(table: Any, manifest: Dict[str, Any]) -> list[str]:
    """Columns of a study's table to show: those that its manifest lists, else those that its curves name, else all."""
    curves = manifest.get("curves", [])
    named = manifest.get("columns") or [c for curve in curves for c in (curve["x"], curve.get("by"), *curve["y"]) if c]
    return [c for c in table.columns if c in named] or list(table.columns)
