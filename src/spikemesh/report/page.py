"""Puts a results folder on one HTML page."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from spikemesh.metrics import DEFINITIONS
from spikemesh.report.columns import MAIN_COLUMNS, shown, study_columns
from spikemesh.report.folder import read_folder

__all__ = ["write_report"]

LABELS = ("chip", "recipe", "mesh_cols", "mesh_rows")
"""Columns that say what a row is rather than measure it."""


def write_report(folder: str | Path, out: str | Path) -> Path:
    """Writes the page of a results folder and returns its path.

    The page holds everything it needs: it opens offline. Written under a temporary name and renamed.

    Raises
    ------
    DataError
        where the folder is not a whole results folder.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    results = read_folder(folder)
    environment = Environment(
        loader=PackageLoader("spikemesh.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        manifest=results.manifest,
        chips=_sections(results.table, results.mappings) if results.mappings else [],
        study=_study(results.table, results.manifest) if not results.mappings else None,
        definitions={name: DEFINITIONS[name] for name in results.table.columns if name in DEFINITIONS},
        parameters=sorted(_flat(results.manifest.get("parameters", {})).items()),
        plotly=get_plotlyjs(),
    )
    out = Path(out)
    partial = out.with_name(f".{out.name}.partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(out)
    return out


def _sections(table: Any, drawings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One section a chip: its rows, its pictures."""
    from spikemesh.report import figures

    main = [column for column, _ in MAIN_COLUMNS]
    sections = []
    for chip, rows in table.groupby("chip", sort=False):
        drawn = [d for d in drawings if d["chip"] == chip]
        lines = _comparison(rows)
        sections.append(
            {
                "name": chip,
                "columns": [str(r) for r in rows["recipe"]],
                "main": [line for line in lines if line["name"] in main],
                "rest": [line for line in lines if line["name"] not in main],
                "facts": drawn[0]["facts"] if drawn else {},
                "pictures": [(d["recipe"], _html(figures.chip_and_load(d))) for d in drawn],
                "latency": _html(figures.latency_parts(drawn)) if drawn else "",
                "energy": _html(figures.energy_breakdown(drawn)) if drawn else "",
            }
        )
    return sections


def _study(table: Any, manifest: dict[str, Any]) -> dict[str, Any]:
    """A study's rows, with the columns worth showing, and its curves."""
    from spikemesh.report import figures

    columns = study_columns(table, manifest)
    return {
        "columns": columns,
        "rows": [[shown(value) for value in row] for row in table[columns].itertuples(index=False)],
        "pictures": [_html(figures.curves(table, curve)) for curve in manifest.get("curves", [])],
    }


def _comparison(rows: Any) -> list[dict[str, Any]]:
    """The table turned on its side: one line a metric, one cell a recipe, the best marked."""
    lines = []
    for column in rows.columns:
        if column in LABELS:
            continue
        values = list(rows[column])
        unit, _, better = DEFINITIONS.get(column, ("", "", ""))
        numbers = [v for v in values if isinstance(v, (int, float)) and math.isfinite(v)]
        best = None
        if better and numbers and len(set(numbers)) > 1:
            best = min(numbers) if better == "lower" else max(numbers)
        lines.append(
            {
                "name": column,
                "unit": unit,
                "defined": column in DEFINITIONS,
                "cells": [(shown(v), best is not None and v == best) for v in values],
            }
        )
    return lines


def _html(figure: Any) -> str:
    return figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False, "responsive": True})


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
