"""A results folder: what a scenario found, in files that other tools can read.

    table.csv        one row a mapping, units in the column names
    manifest.json    what was asked and on what: parameters, seeds, versions, chips
    mappings.json    per mapping: mesh, tile and size of each cluster, flits over each link, latency histogram
    report.html      the page for people; opens offline

A folder is written under a temporary name and renamed when it is complete.
"""

from __future__ import annotations

import json
import math
import platform
import shutil
from collections.abc import Iterator
from collections.abc import Mapping as Dict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikemesh.errors import DataError, DescriptionError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Results", "folders_written", "new_folder", "plain", "read_folder", "versions", "write_folder"]

MANIFEST_FORMAT = "spikemesh-results"
MANIFEST_VERSION = 1
PACKAGES = ("spikemesh", "numpy", "scipy", "networkx", "pandas", "simpy", "brian2", "tensorflow", "keras", "numba")


_WATCHED: list[list[Path]] = []


@contextmanager
def folders_written() -> Iterator[list[Path]]:
    """Collects the results folders that are written while it is open, in order."""
    found: list[Path] = []
    _WATCHED.append(found)
    try:
        yield found
    finally:
        _WATCHED.pop()


@dataclass(frozen=True, eq=False)
class Results:
    """What a scenario hands to the writer and the report reads back.

    table : one row a mapping. manifest : JSON-ready parameters. mappings : JSON-ready drawings, one a mapping.
    """

    table: pd.DataFrame
    manifest: dict[str, Any]
    mappings: list[dict[str, Any]] = field(default_factory=list)


def versions() -> dict[str, str]:
    """Versions of Python, the system and every package whose numbers enter a result."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def new_folder(scenario: str, out: str | Path | None) -> Path:
    """Where results go: ``out`` as given, else results/<scenario>/<UTC time>.

    Raises
    ------
    DescriptionError
        where ``out`` exists and is not a results folder, so that nothing foreign is overwritten.
    """
    if out is None:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        folder = Path("results") / scenario / stamp
        number = 1
        while folder.exists():
            number += 1
            folder = folder.with_name(f"{stamp}-{number}")
        return folder
    folder = Path(out)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / "manifest.json").is_file()):
        raise DescriptionError("--out", "", "must be a new folder or an earlier results folder", str(out))
    return folder


def write_folder(folder: Path, results: Results, *, report: bool = True) -> Path:
    """Writes all files of a results folder and returns it; replaces an earlier one only when all is written."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    replaced = folder.with_name(f".{folder.name}.replaced")
    if replaced.is_dir() and not folder.exists():
        replaced.rename(folder)  # a writer was killed between the two renames below
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        results.table.to_csv(partial / "table.csv", index=False)
        manifest = {"format": MANIFEST_FORMAT, "version": MANIFEST_VERSION, **results.manifest, "versions": versions()}
        _write_json(partial / "manifest.json", manifest)
        _write_json(partial / "mappings.json", results.mappings)
        if report:
            from spikemesh.report.page import write_report

            write_report(partial, partial / "report.html")
        shutil.rmtree(replaced, ignore_errors=True)
        if folder.exists():
            folder.rename(replaced)
        partial.rename(folder)
        shutil.rmtree(replaced, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    for watching in _WATCHED:
        watching.append(folder)
    return folder


def read_folder(folder: str | Path) -> Results:
    """Reads a results folder back.

    Raises
    ------
    DataError
        where a file is missing, truncated or not one of ours; the message names it.
    """
    import pandas as pd

    folder = Path(folder)
    manifest = _read_json(folder / "manifest.json")
    if not isinstance(manifest, dict) or manifest.get("format") != MANIFEST_FORMAT:
        raise DataError(f"{folder / 'manifest.json'}: not the manifest of a spikemesh results folder")
    if manifest.get("version") != MANIFEST_VERSION:
        raise DataError(
            f"{folder / 'manifest.json'}: version = {manifest.get('version')!r}: this release reads {MANIFEST_VERSION}"
        )
    mappings = _read_json(folder / "mappings.json")
    if not isinstance(mappings, list):
        raise DataError(f"{folder / 'mappings.json'}: must hold a list")
    try:
        table = pd.read_csv(folder / "table.csv")
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / 'table.csv'}: {error}") from error
    return Results(table, manifest, mappings)


def plain(value: Any) -> Any:
    """``value`` as JSON knows it: numpy numbers and arrays unwrapped, infinity as "inf", NaN as null."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, Path):
        return str(value)
    return value


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(plain(value), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: {error}") from error
