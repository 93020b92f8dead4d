"""What there is, by name."""

from __future__ import annotations

import ast
import tomllib
from difflib import get_close_matches

from spikemesh.errors import SpikemeshError

__all__ = ["KINDS", "available", "described", "unknown_name"]

KINDS = ("partitioners", "placers", "recipes", "workloads", "hardware", "scenarios")

OWN = "spikemesh's own"


def available(kind: str) -> list[str]:
    """Names of everything of a kind, in alphabetical order.

    Parameters
    ----------
    kind : "partitioners", "placers", "recipes", "workloads", "hardware" or "scenarios".

    Raises
    ------
    SpikemeshError
        for another kind.
    """
    if kind == "partitioners":
        from spikemesh.mapping.partition import available_partitioners

        return available_partitioners()
    if kind == "placers":
        from spikemesh.mapping.place import available_placers

        return sorted(available_placers())
    if kind == "workloads":
        from spikemesh.workloads import available_workloads

        return available_workloads()
    from spikemesh.shipped import shipped_names

    if kind == "recipes":
        return shipped_names("mapping")
    if kind == "hardware":
        return shipped_names("hardware")
    if kind == "scenarios":
        return [name.replace("_", "-") for name in shipped_names("scenarios")]
    raise SpikemeshError(unknown_name("kind", kind, KINDS))


def described(kind: str) -> dict[str, str]:
    """Name -> what it is, in one line; "" where nothing is said. As :func:`available` otherwise."""
    from spikemesh.shipped import shipped_path

    names = available(kind)
    if kind in ("hardware", "recipes"):
        folder = "hardware" if kind == "hardware" else "mapping"
        files = {name: shipped_path(folder, name).read_text(encoding="utf-8") for name in names}
        return {name: str(tomllib.loads(text).get("description", "")) for name, text in files.items()}
    if kind == "scenarios":
        paths = {name: shipped_path("scenarios", name.replace("-", "_")) for name in names}
        return {name: _first_line(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    if kind == "partitioners":
        from spikemesh.mapping.partition.registry import find_partitioner

        return {name: OWN if name == "auto" else find_partitioner(name).paper for name in names}
    if kind == "placers":
        from spikemesh.mapping.place.registry import find_placer

        return {name: OWN if name == "auto" else find_placer(name).paper for name in names}
    return dict.fromkeys(names, "")


def _first_line(script: str) -> str:
    found = ast.get_docstring(ast.parse(script)) or ""
    return " ".join(found.split("\n\n")[0].split())


def unknown_name(what: str, name: str, known: list[str] | tuple[str, ...]) -> str:
    """One line that names the nearest known names."""
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"unknown {what} {name!r}{hint} (known: {', '.join(known)})"
