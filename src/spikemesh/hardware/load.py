"""Chip descriptions from files: by shipped name or by path."""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikemesh.errors import DescriptionError
from spikemesh.hardware.description import Hardware
from spikemesh.shipped import shipped_names, shipped_path

__all__ = ["available_hardware", "load_hardware"]


def available_hardware() -> list[str]:
    """Names of the chips that ship with spikemesh, sorted."""
    return shipped_names("hardware")


def load_hardware(
    name_or_path: str | Path,
    mesh: tuple[int, int] | None = None,
    pitch_mm: float | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Hardware:
    """A chip by shipped name (``available_hardware()``) or by the path of a TOML file.

    Parameters
    ----------
    mesh : (cols, rows) in place of the description's own.
    pitch_mm : distance of neighbouring tiles, both ways, in mm. A UserWarning says so where no cost or delay depends on it.
    overrides : dotted key -> value, for example ``{"noc.router_cycles": 2}``; applied last, validated again, None removes.

    Raises
    ------
    DescriptionError
        for a name that does not ship, a file that cannot be read, and whatever :meth:`Hardware.of` refuses.
    """
    path = _find(name_or_path)
    hw = Hardware.of(_read(path), path.name if path.stem in available_hardware() else path)
    changes: dict[str, Any] = {}
    if mesh is not None:
        if not isinstance(mesh, tuple | list | np.ndarray) or len(mesh) != 2:
            raise DescriptionError("mesh", "", "must be (cols, rows)", mesh)
        changes |= {"mesh.cols": mesh[0], "mesh.rows": mesh[1]}
    if pitch_mm is not None:
        changes |= {"mesh.pitch_x_mm": pitch_mm, "mesh.pitch_y_mm": pitch_mm}
    if overrides is not None and not isinstance(overrides, Mapping):
        raise DescriptionError("overrides", "", "must be a dictionary of dotted keys", overrides)
    changes |= overrides or {}
    if not changes:
        return hw
    changed = hw.with_overrides(changes)
    if pitch_mm not in (None, hw.mesh.pitch_x_mm) and not changed.pitch_matters:
        warnings.warn(f"pitch_mm changes nothing on {hw.name}: its hops have a price and a delay of their own", stacklevel=2)
    return changed


def _find(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    if not text or "\0" in text:
        raise DescriptionError("hardware", "", "must be a shipped name or the path of a TOML file", text)
    path = Path(name_or_path)
    is_path = isinstance(name_or_path, Path) or path.suffix == ".toml" or path.name != text
    if is_path and not (path.name == text and text.removesuffix(".toml") in available_hardware() and not path.exists()):
        return path
    return shipped_path("hardware", text.removesuffix(".toml"))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError:
        raise DescriptionError(path, "", "there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DescriptionError(path, "", f"cannot be read: {error}") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise DescriptionError(path, "", f"is not valid TOML: {error}") from None
