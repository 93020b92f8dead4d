"""What tests of sweeps in processes of their own look at."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["finished", "look", "same_sweep"]


def finished(process: subprocess.Popen[str], patience_s: float) -> list[int]:
    """[computed, reused, failed] of a sweep that ends by itself."""
    out, err = process.communicate(timeout=patience_s)
    assert process.returncode == 0, err
    return [int(word) for word in out.split()]


def look(out: Path, query: str) -> list[Any]:
    """Rows of a sweep's table as it is now; none while there is none."""
    try:
        with sqlite3.connect(f"file:{out / 'sweep.sqlite'}?mode=ro", uri=True, timeout=5) as database:
            return list(database.execute(query))
    except sqlite3.OperationalError:
        return []


def same_sweep(a: Path, b: Path) -> None:
    """Asserts that the tables and CSV files of two sweeps are the same bit for bit."""
    for query in ("SELECT * FROM points ORDER BY number", "SELECT * FROM runs ORDER BY address"):
        assert look(a, query) == look(b, query) != []
    assert (a / "table.csv").read_bytes() == (b / "table.csv").read_bytes()
