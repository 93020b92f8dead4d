"""What `spikemesh sweep` does."""

from __future__ import annotations

import json as json_format
from pathlib import Path

from spikemesh.report import plain, shown
from spikemesh.scenario import Progress
from spikemesh.scenario.sweep import SweepDescription, SweepResult, load_sweep, run_sweep

__all__ = ["sweep_command"]

SHOWN = (
    "packets_per_s",
    "hop_cost",
    "latency_mean_cycles",
    "latency_max_cycles",
    "total_energy_pj",
    "late_share",
    "accuracy_mapped",
)
MOST_ROWS = 40


def sweep_command(
    file: str, workers: int | None, scheduler: str | None, out: Path | None, dry_run: bool, retry: bool, json: bool
) -> int:
    """Runs a sweep file and prints its table; exit code 1 where a point failed."""
    described = load_sweep(file)
    if dry_run:
        _print_points(described, json)
        return 0
    result = run_sweep(described, out=out, workers=workers, scheduler=scheduler, retry=retry, progress=Progress())
    if json:
        counts = {"computed": result.computed, "reused": result.reused, "failed": result.failed}
        print(json_format.dumps(plain({"folder": result.folder, **counts, "table": result.table.to_dict("records")}), indent=1))
    else:
        _print_table(described, result)
    return 1 if result.failed else 0


def _print_points(described: SweepDescription, json: bool) -> None:
    points = list(described.points())
    if json:
        print(json_format.dumps({"points": len(points), "keys": list(described.keys), "table": points}, indent=1))
        return
    for number, point in enumerate(points):
        print(f"{number}: " + ", ".join(f"{key} = {json_format.dumps(point[key])}" for key in described.keys))
    print(f"{described.name}: {len(points)} points")


def _print_table(described: SweepDescription, result: SweepResult) -> None:
    """What the axes set beside the main measures; everything is in the CSV."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = result.table
    columns = ["number", *described.keys, *(["error"] if result.failed else []), *(c for c in SHOWN if c in table)]
    grid = Table(header_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        grid.add_column(escape(column), justify="right", overflow="fold")
    for row in table[columns].head(MOST_ROWS).itertuples(index=False):
        grid.add_row(*(escape(shown(value)) for value in row))
    Console(width=None if Console().is_terminal else 180).print(grid)
    if len(table) > MOST_ROWS:
        print(f"... and {len(table) - MOST_ROWS} more")
    print(f"{result.folder}: sweep.sqlite, table.csv; `spikemesh report {result.folder}` draws them")
