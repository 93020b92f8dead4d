"""Puts results on one HTML page that opens offline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spikemesh.errors import DataError
from spikemesh.metrics import DEFINITIONS
from spikemesh.network.archive import is_finite
from spikemesh.report.columns import MAIN_COLUMNS, shown, study_columns
from spikemesh.report.drawings import Drawing, Manifest, checked_drawings, checked_manifest
from spikemesh.report.folder import Results, plain, read_folder

__all__ = ["write_report"]

LABELS = ("chip", "recipe", "mesh_cols", "mesh_rows")
"""Columns that say what a row is rather than measure it."""
GRADES = {
    "READ": "read in the primary source",
    "QUOTE": "a verbatim quote of it",
    "RUN": "output of a model that was run",
    "DERIVED": "arithmetic on such numbers",
    "2nd": "second-hand, without a quote",
    "EST": "an engineering choice",
    "RECALL": "from memory of the paper",
}
"""Confidence in a chip's constant, best first."""


def write_report(results: str | Path | Results, out: str | Path, *, plotly: str | None = None) -> Path:
    """Writes the page of results and returns its path.

    The page holds everything it needs: it opens offline. Written under a temporary name and renamed.

    Parameters
    ----------
    results : a results folder, or what one would hold (a sweep's: :func:`spikemesh.scenario.sweep.summary.sweep_results`).
    plotly : the script that draws; by default Plotly's own, 5 MB. For tests.

    Raises
    ------
    DataError
        where the folder is not a whole results folder, or holds what cannot be drawn.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    where = "results" if isinstance(results, Results) else results
    results = results if isinstance(results, Results) else read_folder(results)
    columns = [str(column) for column in results.table.columns]
    manifest = checked_manifest(plain(results.manifest), columns, f"{where}: manifest")
    drawings = checked_drawings([plain(d) for d in results.mappings], f"{where}: mappings")
    if drawings and not {"chip", "recipe"} <= set(columns):
        raise DataError(f"{where}: mappings are drawn, and the table has no columns chip and recipe")
    if plotly is None:
        from plotly.offline import get_plotlyjs

        plotly = get_plotlyjs()
    loader = PackageLoader("spikemesh.report")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    sections: dict[str, Any] = {"chips": [], "study": None, "sweep": None}
    if manifest.sweep:
        from spikemesh.report.sweep_page import sweep_section

        sections["sweep"] = sweep_section(results.table, manifest)
    elif drawings:
        sections["chips"] = _chips(results.table, drawings)
    else:
        sections["study"] = _study(results.table, manifest)
    page = environment.get_template("report.html.j2")
    text = page.render(
        manifest=manifest,
        definitions={name: DEFINITIONS[name] for name in columns if name in DEFINITIONS},
        parameters=sorted(flat(manifest.parameters).items()),
        constants=constants(manifest),
        grades=GRADES,
        plotly=plotly,
        **sections,
    )
    out = Path(out)
    partial = out.with_name(f".{out.name}.partial")
    try:
        partial.write_text(_numbered(text), encoding="utf-8", errors="backslashreplace")
        partial.replace(out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
    return out


def _chips(table: Any, drawings: Sequence[Drawing]) -> list[dict[str, Any]]:
    """One section a chip: its rows, its pictures."""
    from spikemesh.report import figures
    from spikemesh.report.chip_figure import chip_and_load, steps_of

    main = [column for column, _ in MAIN_COLUMNS]
    sections = []
    for chip, rows in table.groupby(table["chip"].astype(str), sort=False):
        drawn = [d for d in drawings if d.chip == chip]
        lines = comparison(rows)
        chips = [(d.recipe, chip_and_load(d)) for d in drawn]
        compared = [figures.accuracy(rows)]
        if drawn:
            compared = [
                figures.latency_parts(drawn),
                figures.latency_distributions(drawn),
                figures.energy_breakdown(drawn),
                figures.waste_breakdown(drawn),
                *compared,
            ]
        sections.append(
            {
                "name": chip,
                "columns": [str(r) for r in rows["recipe"]],
                "main": [line for line in lines if line["name"] in main],
                "rest": [line for line in lines if line["name"] not in main],
                "facts": drawn[0].facts if drawn else {},
                "pictures": [(recipe, html_of(chip), steps_of(chip)) for recipe, chip in chips],
                "compared": [html_of(figure) for figure in compared if figure is not None],
            }
        )
    return sections


def _study(table: Any, manifest: Manifest) -> dict[str, Any]:
    """A study's rows, with the columns worth showing, and its curves."""
    from spikemesh.report import figures

    told = {"columns": manifest.columns, "curves": [curve.model_dump() for curve in manifest.curves]}
    columns = study_columns(table, told)
    return {
        "columns": [header(column) for column in columns],
        "rows": [[shown(value) for value in row] for row in table[columns].itertuples(index=False)],
        "pictures": [html_of(figures.curves(table, curve)) for curve in manifest.curves],
    }


def header(column: str) -> dict[str, Any]:
    """A column's title: its name, its unit, and where it is defined."""
    unit, sentence, _ = DEFINITIONS.get(column, ("", "", ""))
    return {"name": column, "unit": unit, "defined": column in DEFINITIONS, "sentence": sentence}


def comparison(rows: Any) -> list[dict[str, Any]]:
    """The table turned on its side: one line a metric, one cell a recipe, the best marked."""
    lines = []
    for column in rows.columns:
        if column in LABELS:
            continue
        values = list(rows[column])
        best = best_of(values, DEFINITIONS.get(column, ("", "", ""))[2])
        cells = [(shown(v), best is not None and v == best) for v in values]
        lines.append(header(str(column)) | {"cells": cells})
    return lines


def best_of(values: Sequence[Any], better: str) -> float | None:
    """The best number where they differ and one is better."""
    numbers = [v for v in values if is_finite(v)]
    if not better or len(set(numbers)) < 2:
        return None
    return min(numbers) if better == "lower" else max(numbers)


def constants(manifest: Manifest) -> list[dict[str, Any]]:
    """For each chip its constants, the least trusted first, and the weakest grade."""
    order = list(GRADES)
    found = []
    for chip, told in manifest.sources.items():
        set_to = flat(manifest.parameters.get(f"hardware.{chip}", {}))
        rows = [
            (key, set_to.get(key, ""), source.get("confidence", ""), source.get("citation", "")) for key, source in told.items()
        ]
        rows.sort(key=lambda row: -order.index(row[2]) if row[2] in order else -len(order))
        if rows:
            found.append({"chip": chip, "rows": rows, "weakest": rows[0][2], "meaning": GRADES.get(rows[0][2], "")})
    return found


def _numbered(page: str) -> str:
    """Pictures named by their place: Plotly names them at random, and the same results shall make the same page."""
    for number, name in enumerate(re.findall(r'<div id="([0-9a-f-]{36})" class="plotly-graph-div"', page), 1):
        page = page.replace(name, f"picture-{number}")
    return page


def html_of(figure: Any) -> str:
    """A picture's part of the page; it waits for the script that the page holds once."""
    return figure.to_html(
        full_html=False, include_plotlyjs=False, auto_play=False, config={"displaylogo": False, "responsive": True}
    )


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted keys."""
    found: dict[str, Any] = {}
    for key, value in tree.items() if isinstance(tree, dict) else ():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
