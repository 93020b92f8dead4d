"""What there is, by name."""

from __future__ import annotations

from difflib import get_close_matches

from spikemesh.errors import SpikemeshError

__all__ = ["KINDS", "available", "unknown_name"]

KINDS = ("partitioners", "placers", "recipes", "workloads", "hardware", "scenarios")


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


def unknown_name(what: str, name: str, known: list[str] | tuple[str, ...]) -> str:
    """One line that names the nearest known names."""
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"unknown {what} {name!r}{hint} (known: {', '.join(known)})"
