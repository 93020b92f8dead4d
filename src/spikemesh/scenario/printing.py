"""Results on the terminal."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from spikemesh.report import Results, plain

__all__ = ["print_results", "print_table"]

SHOWN = (
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
"""Columns of the terminal's table and their short names; table.csv has them all."""


def print_table(table: Any, title: str) -> None:
    """One chip's table, a column a recipe: a terminal is narrow and recipes are few."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    grid = Table(header_style="bold", show_edge=False, pad_edge=False)
    grid.add_column("")
    for recipe in table["recipe"]:
        grid.add_column(str(recipe), justify="right")
    for column, short in SHOWN:
        if column in table:
            grid.add_row(escape(short), *(_number(v) for v in table[column]))
    print(title)
    Console().print(grid)
    print()


def print_results(results: Results, folder: Path, *, as_json: bool) -> None:
    """The tables on standard output, or everything as JSON; the folder's name last."""
    if as_json:
        records = results.table.to_dict("records")
        print(json.dumps(plain({"folder": str(folder), "table": records, "manifest": results.manifest}), indent=1))
        return
    network = results.manifest["network"]
    for chip, rows in results.table.groupby("chip", sort=False):
        mesh = f"{int(rows['mesh_cols'].iloc[0])} x {int(rows['mesh_rows'].iloc[0])} tiles"
        print_table(rows, f"{network['name']} on {chip}, {mesh}; accelerated {rows['acceleration'].iloc[0]:,.0f} times")
    print(f"{folder}: table.csv, manifest.json, report.html")


def _number(value: Any) -> str:
    if not isinstance(value, (int, float)) and not hasattr(value, "dtype"):
        return str(value)
    number = float(value)
    if math.isnan(number):
        return "n/a"
    if number == int(number) and abs(number) < 1e15:
        return f"{int(number):,}"
    return f"{number:,.0f}" if abs(number) >= 1e4 else f"{number:.4g}"
