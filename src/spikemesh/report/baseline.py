"""Holds results against stored ones: what got worse by more than a margin.

Which direction is worse is said by :data:`spikemesh.metrics.DEFINITIONS`; a results folder may say it of its own columns in its
manifest (``directions``). Columns without a direction, and seconds on this machine, are not judged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikemesh.errors import DataError, SpikemeshError
from spikemesh.metrics import DEFINITIONS
from spikemesh.report.folder import read_folder

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DEFAULT_MARGIN", "Comparison", "Margins", "Regression", "Stored", "compare_tables", "read_stored"]

DEFAULT_MARGIN = 0.01
NOT_JUDGED = ("seconds",)
"""Columns that depend on the machine."""
COMMON = {"accuracy": "higher"}
"""Columns of several scenarios that have no definition of their own."""
DIRECTIONS = ("lower", "higher", "equal")
"""What a manifest may say of a column: which way is better, or that it is to stay as it was."""
NO_LABELS = ("verdict", "error", "status")
"""Text columns that are found rather than asked for."""


@dataclass(frozen=True)
class Stored:
    """A stored table, and what its manifest says of it: what was asked, and the directions of columns of its own."""

    source: Path
    table: pd.DataFrame
    manifest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Regression:
    """One number that got worse. ``change`` is relative to ``before``; NaN where there is none to state."""

    row: str
    column: str
    before: Any
    now: Any
    change: float
    margin: float


@dataclass(frozen=True)
class Comparison:
    """What came of it: regressions, and how many numbers were better, equal or within the margin; rows that are new."""

    regressions: list[Regression]
    better: int
    kept: int
    new_rows: list[str]
    notes: list[str]

    @property
    def judged(self) -> int:
        """Numbers that were compared."""
        return self.better + self.kept + len(self.regressions)


class Margins:
    """Relative margins: one for all columns, others for columns by name or pattern.

    Parameters
    ----------
    words : "0.05", "latency_*=0.1", "seconds=inf"; later ones override earlier ones.

    Raises
    ------
    SpikemeshError
        for a margin that is not a number of at least 0.
    """

    def __init__(self, words: Iterable[str] = ()) -> None:
        self.default, self.named = DEFAULT_MARGIN, list[tuple[str, float]]()
        for word in words:
            name, equals, text = str(word).rpartition("=")
            try:
                margin = float(text)
            except ValueError:
                margin = math.nan
            if not margin >= 0 or bool(equals) != bool(name):
                raise SpikemeshError(
                    f"--margin = {word!r}: must be a number of at least 0, or COLUMN=NUMBER, such as 0.05 or 'latency_*=0.1'"
                )
            if name:
                self.named.append((name, margin))
            else:
                self.default = margin

    def of(self, column: str) -> float:
        """The margin of a column."""
        found = [margin for pattern, margin in self.named if fnmatchcase(column, pattern)]
        return found[-1] if found else self.default


def read_stored(path: str | Path) -> Stored:
    """A stored table: a results folder, its table.csv, or what a command printed with --json.

    Raises
    ------
    DataError
        where there is none, or none of these.
    """
    import pandas as pd

    path = Path(path)
    if path.is_dir():
        results = read_folder(path)
        return Stored(path, results.table, results.manifest)
    if path.suffix.lower() == ".json":
        return _from_json(path)
    if path.suffix.lower() != ".csv":
        raise DataError(f"{path}: must be a results folder, or a .csv or .json file of one")
    if path.name == "table.csv" and (path.parent / "manifest.json").is_file():
        return read_stored(path.parent)
    try:
        return Stored(path, pd.read_csv(path))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from error


def _from_json(path: Path) -> Stored:
    """{"table": rows, "manifest": ...} as scenarios print it, or the rows alone."""
    import pandas as pd

    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: {error}") from error
    rows = found.get("table") if isinstance(found, dict) else found
    manifest = found.get("manifest", {}) if isinstance(found, dict) else {}
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: must hold a list of rows, or an object with one under 'table'")
    cells = [{str(key): _cell(value) for key, value in row.items()} for row in rows]
    return Stored(path, pd.DataFrame(cells), manifest if isinstance(manifest, dict) else {})


def _cell(value: Any) -> Any:
    if value is None:
        return math.nan
    return float(value) if value in ("inf", "-inf") else value


def compare_tables(now: Stored, before: Stored, margins: Margins) -> Comparison:
    """Every number that both tables have and that has a direction, row by row.

    Rows are matched by the columns that tell them apart: text first, then what the pictures have on their x axis, then other
    columns without a direction, as few as needed. A row or column that is gone, a number that became n/a and a run that no
    longer drains are regressions.

    Raises
    ------
    SpikemeshError
        where nothing can be compared.
    """
    directions = _directions(now, before)
    labels = _labels(now, before, directions)
    rows, old_rows = _by_label(now.table, labels), _by_label(before.table, labels)
    regressions: list[Regression] = []
    better = kept = 0
    for name, old in old_rows.items():
        if name not in rows:
            regressions.append(Regression(name, "(row)", "there", "gone", math.nan, 0.0))
            continue
        for column, direction in directions.items():
            worse = _worse(rows[name].get(column), old[column], direction)
            margin = margins.of(column)
            if worse is None or (column.endswith("_ns") and worse == _worse(*_cycles(rows[name], old, column), direction)):
                continue
            if worse > margin:
                change = -worse if direction == "higher" else worse
                regressions.append(Regression(name, column, old[column], rows[name].get(column, "gone"), change, margin))
            elif worse < 0:
                better += 1
            else:
                kept += 1
    found = Comparison(regressions, better, kept, [name for name in rows if name not in old_rows], _differences(now, before))
    if not found.judged or not old_rows.keys() & rows.keys():
        raise SpikemeshError(f"{before.source}: nothing to compare: no row or no measured column in common")
    return found


def _directions(now: Stored, before: Stored) -> dict[str, str]:
    """Column -> "lower", "higher" or "equal", of the stored table's columns."""
    own = {**COMMON, **_own_directions(before), **_own_directions(now)}
    found = {}
    for column in before.table.columns:
        direction = "drained" if column == "verdict" else own.get(column, DEFINITIONS.get(column, ("", "", ""))[2])
        if direction and column not in NOT_JUDGED:
            found[str(column)] = direction
    return found


def _own_directions(stored: Stored) -> dict[str, str]:
    told = stored.manifest.get("directions", {})
    return {k: v for k, v in told.items() if v in DIRECTIONS} if isinstance(told, dict) else {}


def _worse(now: Any, before: Any, direction: str) -> float | None:
    """By how much, relatively; negative for better; None where there was no number to compare with."""
    if direction == "drained":
        return None if before != "drained" else (0.0 if now == before else math.inf)
    if not _is_number(before) or math.isnan(before):
        return None
    if not _is_number(now) or math.isnan(now):
        return math.inf
    if now == before:
        return 0.0
    difference = abs(now - before) if direction == "equal" else (now - before) if direction == "lower" else (before - now)
    return difference / abs(before) if before and math.isfinite(before) else math.copysign(math.inf, difference)


def _cycles(now: Mapping[str, Any], before: Mapping[str, Any], column: str) -> tuple[Any, Any]:
    """The same measure in cycles: nanoseconds that change alike say nothing new."""
    twin = column.removesuffix("_ns") + "_cycles"
    return now.get(twin), before.get(twin)


def _is_number(value: Any) -> bool:
    return (not isinstance(value, (str, bool)) and isinstance(value, (int, float))) or hasattr(value, "__float__")


def _labels(now: Stored, before: Stored, directions: Mapping[str, str]) -> list[str]:
    """As few columns as tell the stored rows apart; all candidates where nothing does."""
    table = before.table
    shared = [c for c in table.columns if c in now.table.columns and c not in directions and c not in (*NOT_JUDGED, *NO_LABELS)]
    text = [c for c in shared if table[c].dtype.kind not in "biufc"]
    drawn = [c for curve in _curves(before) for c in (curve.get("by"), curve.get("x")) if c in shared]
    whole = [c for c in shared if table[c].dtype.kind in "biu"]
    labels: list[str] = []
    told = 1
    for column in dict.fromkeys([*text, *drawn, *whole, *shared]):
        if told == len(table):
            break
        n = len(table[[*labels, column]].drop_duplicates())
        if n > told:
            labels.append(column)
            told = n
    return labels


def _curves(stored: Stored) -> list[dict[str, Any]]:
    curves = stored.manifest.get("curves", [])
    return [curve for curve in curves if isinstance(curve, dict)] if isinstance(curves, list) else []


def _by_label(table: pd.DataFrame, labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Rows by what tells them apart, in words; rows that nothing tells apart are numbered."""
    found: dict[str, dict[str, Any]] = {}
    for row in table.to_dict("records"):
        plain = {str(key): value for key, value in row.items()}
        name = ", ".join(f"{plain[label]:.12g}" if isinstance(plain[label], float) else str(plain[label]) for label in labels)
        name = name or "the row"
        number = 1
        unique = name
        while unique in found:
            number += 1
            unique = f"{name} ({number})"
        found[unique] = plain
    return found


def _differences(now: Stored, before: Stored) -> list[str]:
    """What was asked differently, as far as the manifests say: a comparison of unlike runs should not go unnoticed."""
    notes = []
    for key in ("scenario", "seed", "samples", "duration_ms"):
        told = before.manifest.get(key), now.manifest.get(key)
        if None not in told and told[0] != told[1]:
            notes.append(f"{key} was {told[0]}, is {told[1]}")
    names = [network.get("name") if isinstance(network := s.manifest.get("network"), dict) else None for s in (before, now)]
    if None not in names and names[0] != names[1]:
        notes.append(f"the network was {names[0]}, is {names[1]}")
    return notes
