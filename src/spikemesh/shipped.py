"""Where the files that ship with spikemesh are: chips, recipes, scenarios.

In a checkout they are the folders at its top, which a user opens and edits; a wheel carries them inside the package.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from spikemesh.errors import DescriptionError

__all__ = ["KINDS", "shipped_folder", "shipped_names", "shipped_path"]

KINDS = {"hardware": ".toml", "mapping": ".toml", "scenarios": ".py"}
"""Folder -> suffix of what it holds."""

_PACKAGE = Path(__file__).resolve().parent


def shipped_folder(kind: str) -> Path:
    """The folder of one kind: ``spikemesh/_shipped/<kind>`` in a wheel, else ``<kind>/`` at the top of the checkout."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    installed = _PACKAGE / "_shipped" / kind
    return installed if installed.is_dir() else _PACKAGE.parent.parent / kind


def shipped_names(kind: str) -> list[str]:
    """Names (file stems) that ship, sorted; a file whose name starts with "_" is a helper and not listed."""
    found = shipped_folder(kind).glob("*" + KINDS[kind])
    return sorted(path.stem for path in found if not path.name.startswith("_"))


def shipped_path(kind: str, name: str) -> Path:
    """The file of a shipped name; a name with its own suffix ("my_pass.py") is looked up as it stands.

    Raises
    ------
    DescriptionError
        where nothing of that name ships; it lists what does.
    """
    folder = shipped_folder(kind)
    plain = bool(name) and Path(name).name == name
    for file in (name + KINDS[kind], name):
        if plain and (folder / file).is_file():
            return folder / file
    names = shipped_names(kind)
    close = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise DescriptionError(name, "", f"no such {kind} file; {hint}shipped are {', '.join(names) or 'none'}")
