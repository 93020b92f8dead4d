"""Results on the terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from spikemesh.report import MAIN_COLUMNS, Results, plain, shown, study_columns

__all__ = ["print_results", "print_study", "print_table"]


def print_table(table: Any, title: str) -> None:
    """One chip's table, a column a recipe: a terminal is narrow and recipes are few."""
    from rich.markup import escape
    from rich.table import Table

    grid = Table(header_style="bold", show_edge=False, pad_edge=False)
    grid.add_column("")
    for recipe in table["recipe"]:
        grid.add_column(str(recipe), justify="right")
    for column, short in MAIN_COLUMNS:
        if column in table:
            grid.add_row(escape(short), *(shown(v) for v in table[column]))
    print(title)
    _console().print(grid)
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


def _console() -> Any:
    """A terminal as wide as it is; wide enough for whole numbers where the output is no terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 240)


def print_study(results: Results, folder: Path, *, as_json: bool) -> None:
    """A study's rows with the columns that its curves name, or everything as JSON."""
    if as_json:
        print_results(results, folder, as_json=True)
        return
    from rich.markup import escape
    from rich.table import Table

    columns = study_columns(results.table, results.manifest)
    grid = Table(header_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        grid.add_column(escape(column), justify="right")
    for row in results.table[columns].itertuples(index=False):
        grid.add_row(*(shown(value) for value in row))
    print(results.manifest["title"])
    _console().print(grid)
    for note in results.manifest["notes"]:
        print(note)
    print(f"{folder}: table.csv, manifest.json, report.html")
