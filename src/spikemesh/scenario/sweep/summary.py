"""A sweep's folder as results that the report can show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spikemesh.errors import SpikemeshError
from spikemesh.report import Results
from spikemesh.report.folder import versions
from spikemesh.scenario.sweep.run import opened

__all__ = ["sweep_results"]


def sweep_results(source: str | Path) -> Results:
    """What a sweep has found so far, also while it runs: its table, and what was asked.

    Parameters
    ----------
    source : the sweep's folder, or its sweep.sqlite.

    Raises
    ------
    DataError
        where there is no sweep.
    """
    path = Path(source)
    folder = path.parent if path.is_file() else path
    with opened(folder if path.is_dir() else path) as table:
        keys, points = table.keys(), table.points()
        frame = table.frame(keys)
    fixed = {key: value for key, value in (points[0] if points else {}).items() if key not in keys}
    counts = {status: int((frame["status"] == status).sum()) for status in ("done", "failed", "pending")}
    chips = _chips(points, folder)
    manifest: dict[str, Any] = {
        "title": f"sweep {folder.resolve().name}",
        "question": f"{len(frame)} points: {' x '.join(keys)}",
        "notes": [f"{counts['done']} points are done, {counts['failed']} failed, {counts['pending']} have not run."],
        "sweep": {"keys": keys, "counts": counts},
        "parameters": {"every point": fixed, **{f"hardware.{name}": chip.parameters() for name, chip in chips.items()}},
        "sources": {
            name: {key: {"citation": s.citation, "confidence": s.confidence} for key, s in chip.source.items()}
            for name, chip in chips.items()
        },
        "versions": versions(),
    }
    return Results(frame, manifest)


def _chips(points: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """The chips that the points name, where their files are still to be found."""
    from spikemesh.hardware import load_hardware

    found = {}
    for named in dict.fromkeys(json.dumps(point.get("hardware")) for point in points):
        try:
            chip = load_hardware(json.loads(named))
        except (SpikemeshError, TypeError, ValueError):
            continue
        found[chip.name] = chip
    return found
