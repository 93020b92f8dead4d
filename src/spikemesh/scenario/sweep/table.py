"""The table of a sweep, in SQLite: one row a run, written in a transaction of its own.

points(number, address, point)                           the sweep as asked for; points that mean the same share an address
runs(address, number, point, status, error, result)      one row a run; number is that of the first such point, NULL for
                                                         runs of an earlier version of the sweep
timings(address, seconds, worker, finished, traceback)   for people: the only columns that two equal sweeps differ in
about(key, value)                                        format, version, and what the axes set
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikemesh.errors import DataError
from spikemesh.scenario.sweep.tasks import Outcome, canonical

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RunTable"]

FORMAT, VERSION = "spikemesh-sweep", "1"
SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE points (number INTEGER PRIMARY KEY, address TEXT NOT NULL, point TEXT NOT NULL);
CREATE TABLE runs (
    address TEXT PRIMARY KEY, number INTEGER, point TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('done', 'failed')), error TEXT, result TEXT
) WITHOUT ROWID;
CREATE TABLE timings (address TEXT PRIMARY KEY, seconds REAL, worker TEXT, finished TEXT, traceback TEXT) WITHOUT ROWID;
"""


class RunTable:
    """The file ``sweep.sqlite`` of a sweep's folder; with ``make`` made where it is missing or empty.

    Raises
    ------
    DataError
        for a file that is damaged, or is not the table of a sweep.
    """

    def __init__(self, path: Path, make: bool = True) -> None:
        self.path = path
        try:
            self.database = sqlite3.connect(path, isolation_level=None, timeout=30.0)
            with self._told():
                if not make:
                    self._look()
                self.database.execute("PRAGMA journal_mode = WAL")
                self.database.execute("PRAGMA synchronous = FULL")
                if make and not self._tables():
                    self._make()
                self._look()
        except sqlite3.Error as error:
            raise DataError(f"{path}: {error}") from None

    def _tables(self) -> set[str]:
        return {name for (name,) in self.database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def _make(self) -> None:
        with self._transaction():
            for statement in SCHEMA.split(";\n"):
                self.database.execute(statement)
            self.database.executemany("INSERT INTO about VALUES (?, ?)", [("format", FORMAT), ("version", VERSION)])

    def _look(self) -> None:
        """Nothing is written to a file that is not the table of a sweep."""
        about = dict(self.database.execute("SELECT key, value FROM about")) if "about" in self._tables() else {}
        if about.get("format") != FORMAT:
            raise DataError(f"{self.path}: is not the table of a sweep")
        if about.get("version") != VERSION:
            raise DataError(f"{self.path}: version = {about.get('version')!r}: this release reads {VERSION}")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, UnicodeDecodeError, OverflowError) as error:  # the last two of damaged cells
            raise DataError(f"{self.path}: {error}") from None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")

    def plan(self, addresses: Sequence[str], points: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> None:
        """States which points the sweep has, and what its axes set; runs that are there keep their results."""
        first: dict[str, int] = {}
        for number, address in enumerate(addresses):
            first.setdefault(address, number)
        rows = [
            (number, address, canonical(point)) for number, (address, point) in enumerate(zip(addresses, points, strict=True))
        ]
        with self._told(), self._transaction():
            self.database.execute("INSERT OR REPLACE INTO about VALUES ('keys', ?)", (json.dumps(list(keys)),))
            self.database.execute("DELETE FROM points")
            self.database.executemany("INSERT INTO points VALUES (?, ?, ?)", rows)
            self.database.execute("UPDATE runs SET number = NULL")
            self.database.executemany(
                "UPDATE runs SET number = ?, point = ? WHERE address = ?",
                [(number, rows[number][2], address) for address, number in first.items()],
            )

    def keys(self) -> list[str]:
        """What the axes set."""
        with self._told():
            found = self.database.execute("SELECT value FROM about WHERE key = 'keys'").fetchone()
        keys = self._json(found[0], list) if found else []
        return [str(key) for key in keys]

    def points(self) -> list[dict[str, Any]]:
        """Every point with all its keys, in order."""
        with self._told():
            return [self._json(text, dict) for (text,) in self.database.execute("SELECT point FROM points ORDER BY number")]

    def _json(self, text: Any, kind: type) -> Any:
        """What a cell says; a cell that is damaged is a damaged file."""
        try:
            found = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            found = None
        if not isinstance(found, kind):
            raise DataError(f"{self.path}: a cell is damaged: {str(text)[:60]!r}")
        return found

    def finished(self) -> dict[str, str]:
        """Address -> "done" or "failed", of every run of the sweep."""
        with self._told():
            return dict(self.database.execute("SELECT address, status FROM runs WHERE number IS NOT NULL"))

    def forget(self, addresses: Iterable[str]) -> None:
        """Removes runs, so that they are computed again."""
        with self._told(), self._transaction():
            self.database.executemany("DELETE FROM runs WHERE address = ?", [(address,) for address in addresses])

    def record(self, address: str, number: int, point: Mapping[str, Any], outcome: Outcome) -> None:
        """One run, in one transaction."""
        row = (address, number, canonical(point), outcome.status, outcome.error or None, outcome.result or None)
        when = datetime.now(UTC).isoformat(timespec="seconds")
        timing = (address, outcome.seconds, outcome.worker, when, outcome.traceback)
        with self._told(), self._transaction():
            self.database.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)", row)
            self.database.execute("INSERT OR REPLACE INTO timings VALUES (?, ?, ?, ?, ?)", timing)

    def frame(self, keys: Sequence[str]) -> pd.DataFrame:
        """The table in the order of the points: number, what the axes set, status, error, then every measure.

        A point that has not run has the status "pending"; measures that do not exist are NaN.
        """
        import pandas as pd

        query = (
            "SELECT p.number, p.point, r.status, r.error, r.result FROM points p LEFT JOIN runs r USING (address) "
            "ORDER BY p.number"
        )
        rows, measures = [], dict[str, None]()
        with self._told():
            for number, point, status, error, result in self.database.execute(query):
                found = {key: _number(value) for key, value in self._json(result or "{}", dict).items()}
                measures |= dict.fromkeys(found)
                told = self._json(point, dict)
                labels = {key: _label(told.get(key)) for key in keys}
                rows.append({"number": number, **labels, "status": status or "pending", "error": error or "", **found})
        columns = list(dict.fromkeys(["number", *keys, "status", "error", *measures]))
        return pd.DataFrame(rows, columns=columns)

    def close(self) -> None:
        """Folds the write-ahead log into the file, so that it can be copied alone."""
        with self._told():
            self.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.database.close()


def _number(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if value is None:
        return float("nan")
    return float(value) if value in ("inf", "-inf") else value


def _label(value: Any) -> Any:
    """What a cell can hold: lists (the mesh) as JSON text."""
    return json.dumps(value) if isinstance(value, list | dict) else value
