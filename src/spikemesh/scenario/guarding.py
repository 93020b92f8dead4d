"""Holds what a scenario writes against stored results, and says what got worse."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from spikemesh.errors import SpikemeshError
from spikemesh.report import MAIN_COLUMNS, Margins, Stored, compare_tables, folders_written, read_stored, shown
from spikemesh.report.baseline import Comparison, Regression

__all__ = ["Guard", "print_comparison"]

MOST_ROWS = 40


class Guard:
    """Reads the baseline before the scenario runs, notes what it writes, and compares afterwards.

    Raises
    ------
    SpikemeshError
        for a baseline that cannot be read, or a margin that is no number.
    """

    def __init__(self, baseline: str | None = None, margins: Sequence[str] = (), as_json: bool = False) -> None:
        self.margins = Margins(margins)
        self.before: Stored | None = None if baseline is None else read_stored(baseline)
        self.as_json = as_json
        self.written: list[Path] = []
        self._open = ExitStack()

    @classmethod
    def of_words(cls, argv: Sequence[str]) -> tuple[Guard, list[str]]:
        """The guard that a command line asks for, and the words that are left for the scenario."""
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        parser.add_argument("--baseline")
        parser.add_argument("--margin", action="append", default=[])
        try:
            taken, words = parser.parse_known_args(list(argv))
        except argparse.ArgumentError as error:
            raise SpikemeshError(str(error).removeprefix("argument ")) from None
        if taken.margin and taken.baseline is None:
            raise SpikemeshError("--margin: says nothing without --baseline")
        return cls(taken.baseline, taken.margin, "--json" in words), words

    def __enter__(self) -> Guard:
        self.written = self._open.enter_context(folders_written())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._open.close()

    def judged(self, code: int) -> int:
        """``code``, or 1 where the last results folder is worse than the baseline; says what is."""
        if self.before is None:
            return code
        if not self.written:
            raise SpikemeshError("--baseline: the scenario wrote no results folder to compare")
        now = read_stored(self.written[-1])
        found = compare_tables(now, self.before, self.margins)
        print_comparison(found, self.before.source, to_stderr=self.as_json)
        return 1 if found.regressions else code


def print_comparison(found: Comparison, source: Path, *, to_stderr: bool = False) -> None:
    """Regressions as a table, then one line that counts; on standard error where standard output is JSON."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    file = sys.stderr if to_stderr else sys.stdout
    for note in found.notes:
        print(f"not alike: {note}", file=file)
    if found.new_rows:
        print(f"not in {source}: {'; '.join(found.new_rows)}", file=file)
    if found.regressions:
        grid = Table(header_style="bold", show_edge=False, pad_edge=False)
        for column in ("row", "worse", "before", "now", "change", "margin"):
            grid.add_column(column, justify="left" if column in ("row", "worse") else "right", overflow="fold")
        for r in sorted(found.regressions, key=_headline)[:MOST_ROWS]:
            change = f"{100 * r.change:+.3g} %" if abs(r.change) < float("inf") else ""
            grid.add_row(
                escape(r.row), escape(r.column), *(escape(shown(v)) for v in (r.before, r.now)), change, f"{100 * r.margin:g} %"
            )
        Console(file=file, width=None if file.isatty() else 160).print(grid)
    if len(found.regressions) > MOST_ROWS:
        print(f"... and {len(found.regressions) - MOST_ROWS} more", file=file)
    counts = f"{len(found.regressions)} worse, {found.better} better, {found.kept} equal or within the margin"
    print(f"against {source}: {counts}", file=file)


def _headline(regression: Regression) -> int:
    """What tables show first comes first; the order of rows and columns stays otherwise."""
    return regression.column not in [column for column, _ in MAIN_COLUMNS]
