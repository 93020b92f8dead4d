"""What is swept: the axes, the point that they move, and whether packets are kept. From Python or from a TOML file.

[sweep]
name = "pitch"
axes = "recipe * (pitch + router)"     # all axes crossed, in the order of the file, where there is no expression

[point]                                # what holds at every point; defaults for the rest
network = "digits_cnn"
samples = 5

[axis.recipe]                          # the key is the axis' name where it is not given
values = ["pacman", "auto"]

[axis.pitch]
key = "pitch_mm"
values = [0.1, 1.0]

[axis.router]
key = "hardware.noc.router_cycles"
values = [0, 2]
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikemesh.errors import DescriptionError
from spikemesh.scenario.sweep.axes import Axis, Product, Sweep, Zip
from spikemesh.scenario.sweep.expression import parse_axes
from spikemesh.scenario.sweep.keys import checked, full_point
from spikemesh.shipped import shipped_folder

__all__ = ["SweepDescription", "load_sweep", "sweep_of"]

MOST_POINTS = 1_000_000
SWEEP_KEYS = {
    "name": (str, "must be a text that can name a folder"),
    "description": (str, "must be a text"),
    "axes": (str, "must be names of axes joined by *, + and parentheses"),
    "records": (bool, "must be true or false"),
}
BESIDE_A_TRACE = ("samples", "duration_ms", "encoding")


@dataclass(frozen=True)
class SweepDescription:
    """A sweep that can run: every key and value has been looked at.

    sweep : the axes. point : key -> value that holds at every point. records : whether packets are kept, in Parquet.
    folder : where relative paths start. source : what errors name.
    """

    name: str
    sweep: Sweep
    point: Mapping[str, Any] = field(default_factory=dict)
    records: bool = False
    folder: Path = Path()
    source: str = "sweep"

    def __len__(self) -> int:
        return self.sweep.size

    @property
    def keys(self) -> tuple[str, ...]:
        """What the axes set, in their order."""
        return self.sweep.keys

    def points(self) -> Iterator[dict[str, Any]]:
        """Every point in order, defaults filled in."""
        return (full_point({**self.point, **values}) for values in self.sweep)


def sweep_of(
    sweep: Sweep,
    point: Mapping[str, Any] | None = None,
    name: str = "sweep",
    records: bool = False,
    folder: str | Path = "",
    source: str = "sweep",
) -> SweepDescription:
    """A sweep made in Python, checked as a file would be; parameters as for :class:`SweepDescription`.

    Raises
    ------
    DescriptionError
        for an unknown key, a value that is not allowed, a key set twice, no network, or too many points.
    """
    checked_point = {}
    for key, value in (point or {}).items():
        plain = Axis(key, [value]).values[0]
        checked_point[key] = _checked(source, f"point.{key}", key, plain)
        if key in sweep.keys:
            raise DescriptionError(source, f"point.{key}", "is on an axis too; say it in one place", plain)
    sweep = _checked_axes(sweep, source)
    given = {*checked_point, *sweep.keys}
    if "network" not in given:
        raise DescriptionError(source, "point.network", "is missing: a workload's name or the path of a network file (.npz)")
    if "trace" in given:
        for key in BESIDE_A_TRACE:
            if key in given:
                raise DescriptionError(source, key, "cannot stand beside trace: the trace file has its own")
    if sweep.size > MOST_POINTS:
        raise DescriptionError(source, "sweep.axes", f"makes {sweep.size} points; at most {MOST_POINTS} can run")
    return SweepDescription(_folder_name(source, name), sweep, checked_point, records, Path(folder), source)


def load_sweep(path: str | Path) -> SweepDescription:
    """The sweep of a TOML file, or of a shipped one by its name. Relative paths in it start at the file's folder.

    Raises
    ------
    DescriptionError
        for a file that cannot be read, and as :func:`sweep_of`; it names file, key, value, and what is allowed.
    """
    file = _find(Path(path))
    content = _read(file)
    for key in content:
        if key not in ("sweep", "point", "axis"):
            raise DescriptionError(file, key, "unknown table; allowed are sweep, point and axis", content[key])
    head, point, tables = (_table(file, content, key) for key in ("sweep", "point", "axis"))
    for key, value in head.items():
        if key not in SWEEP_KEYS:
            raise DescriptionError(file, f"sweep.{key}", f"unknown key; allowed are {', '.join(SWEEP_KEYS)}", value)
        kind, allowed = SWEEP_KEYS[key]
        if not isinstance(value, kind):
            raise DescriptionError(file, f"sweep.{key}", allowed, value)
    axes = {name: _axis(file, name, tables[name]) for name in tables}
    sweep = _joined(file, head, axes)
    return sweep_of(
        sweep,
        _flat(point),
        name=head.get("name", file.stem),
        records=head.get("records", False),
        folder=file.parent,
        source=str(file),
    )


def _find(path: Path) -> Path:
    """The file of a path, or of a shipped name."""
    folder = shipped_folder("scenarios") / "sweeps"
    shipped = folder / f"{path.name.removesuffix('.toml')}.toml"
    if path.exists() or path.name != str(path):
        return path
    if not shipped.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.toml")))
        raise DescriptionError(path, "", f"there is no such file; the sweeps that ship are {known}")
    return shipped


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode())
    except FileNotFoundError:
        raise DescriptionError(file, "", "there is no such file") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        kind = "is not valid TOML" if isinstance(error, tomllib.TOMLDecodeError) else "cannot be read"
        raise DescriptionError(file, "", f"{kind}: {error}") from None
    except RecursionError:
        raise DescriptionError(file, "", "is not valid TOML: nested too deep") from None


def _table(file: Path, content: dict[str, Any], key: str) -> dict[str, Any]:
    table = content.get(key, {})
    if not isinstance(table, dict):
        raise DescriptionError(file, key, "must be a table of keys", table)
    return table


def _flat(table: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested tables as dotted keys: ``[point.hardware.noc]`` and ``hardware.noc.router_cycles = 2`` say the same."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return flat


def _axis(file: Path, name: str, table: Any) -> Axis:
    key = f"axis.{name}"
    if not isinstance(table, dict) or not isinstance(table.get("values"), list):
        found = table.get("values") if isinstance(table, dict) else table
        raise DescriptionError(file, f"{key}.values", "must be a list of values; write [axis.NAME] with values = [...]", found)
    for unknown in [k for k in table if k not in ("key", "values")]:
        raise DescriptionError(file, f"{key}.{unknown}", "unknown key; an axis has key and values", table[unknown])
    swept = table.get("key", name)
    if not isinstance(swept, str) or not swept:
        raise DescriptionError(file, f"{key}.key", "must be the key that the axis sets", swept)
    if not table["values"]:
        raise DescriptionError(file, f"{key}.values", "must hold at least one value", [])
    return Axis(swept, [_checked(file, f"{key}.values[{k}]", swept, v) for k, v in enumerate(table["values"])])


def _joined(file: Path, head: Mapping[str, Any], axes: Mapping[str, Axis]) -> Sweep:
    if "axes" in head:
        return parse_axes(head["axes"], axes, file)
    try:
        return Product(tuple(axes.values()))
    except DescriptionError as error:
        raise DescriptionError(file, "axis", f"{error.key}: {error.allowed}") from None


def _checked_axes(sweep: Sweep, source: str) -> Sweep:
    """The sweep with every value checked and in the form in which a point keeps it."""
    if isinstance(sweep, Axis):
        values = [_checked(source, f"{sweep.key}[{k}]", sweep.key, value) for k, value in enumerate(sweep.values)]
        return Axis(sweep.key, values)
    if isinstance(sweep, Product):
        return Product(tuple(_checked_axes(part, source) for part in sweep.factors))
    if isinstance(sweep, Zip):
        return Zip(tuple(_checked_axes(part, source) for part in sweep.parts))
    raise DescriptionError(source, "sweep", "must be axes joined by * and +", sweep)


def _checked(source: object, where: str, key: str, value: Any) -> Any:
    kept, allowed = checked(key, value)
    if allowed is not None:
        subject = "" if where.startswith(("point.", key)) else f"{key}: "
        raise DescriptionError(source, where, f"{subject}{allowed}", value)
    return kept


def _folder_name(source: object, name: str) -> str:
    plain = name.strip() == name and name not in ("", ".", "..") and all(c.isprintable() and c not in "/\\" for c in name)
    if not plain:
        raise DescriptionError(source, "sweep.name", "must be a text that can name a folder", name)
    return name
