"""What the page says of a whole sweep."""

from __future__ import annotations

from typing import Any

from spikemesh.metrics import DEFINITIONS
from spikemesh.report.columns import shown
from spikemesh.report.drawings import Manifest
from spikemesh.report.page import best_of, header, html_of
from spikemesh.report.sweep_figures import Labels, along_axis, pareto, pareto_pairs

__all__ = ["sweep_section"]

SHOWN = (
    "crossbars",
    "synapse_utilisation",
    "packets_per_s",
    "hop_cost",
    "latency_mean_ns",
    "latency_p99_ns",
    "late_share",
    "interconnect_energy_pj",
    "wasted_energy_pj",
    "total_energy_pj",
    "accuracy_snn",
    "accuracy_mapped",
)
"""Measures of a sweep's table; table.csv has them all."""
MOST_ROWS = 500


def sweep_section(table: Any, manifest: Manifest) -> dict[str, Any]:
    """Axes, table, failures and pictures of a sweep; ``manifest.sweep`` has its keys."""
    table = table.reset_index(drop=True)
    keys = [key for key in manifest.sweep.get("keys", []) if key in table]
    done = table[table["status"] == "done"].reset_index(drop=True) if "status" in table else table
    labels = Labels.of(done, keys)
    measures = [column for column in SHOWN if column in table]
    best = {column: best_of(list(done[column]), DEFINITIONS[column][2]) for column in measures}
    rows = []
    for row in table.head(MOST_ROWS).to_dict("records"):
        cells = [(shown(row[c]), False) for c in ("number", *keys) if c in row]
        cells += [(shown(row[c]), best[c] is not None and row[c] == best[c]) for c in measures]
        rows.append(cells)
    failed = table[table["status"] == "failed"] if "status" in table else table.head(0)
    return {
        "axes": [(key, [shown(v) for v in dict.fromkeys(table[key])][:30], table[key].nunique(dropna=False)) for key in keys],
        "columns": [header(c) for c in ("number", *keys, *measures) if c in table],
        "rows": rows,
        "hidden": max(len(table) - MOST_ROWS, 0),
        "failed": [(row.get("number", ""), str(row.get("error", ""))) for row in failed.head(100).to_dict("records")],
        "fronts": [html_of(pareto(done, labels, x, y)) for x, y in pareto_pairs(done)],
        "along": [(key, html_of(figure)) for key in keys if (figure := along_axis(done, labels, key)) is not None],
    }
