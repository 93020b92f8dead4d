"""A cache of converted networks, so that a workload that was trained before starts without TensorFlow."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from spikemesh.conversion.report import ConversionReport, LayerReport
from spikemesh.errors import NetworkError, SpikemeshError
from spikemesh.network import SpikingNetwork, load_network
from spikemesh.network.archive import replacing

__all__ = ["converted"]

log = logging.getLogger("spikemesh")


def converted(model: Path, options: tuple[Any, ...], convert: Callable[[], SpikingNetwork]) -> SpikingNetwork:
    """The network that ``convert()`` makes of the cached ``model``, from beside it where it is there.

    The file's name holds a digest of ``options`` and of the code of the conversion room: change either and it is
    another file.
    """
    key = hashlib.sha256(repr((options, _code())).encode()).hexdigest()[:12]
    path = model.with_name(f"{model.name.removesuffix('.model.npz')}-{key}.network.npz")
    found = _read(path)
    if found is not None:
        return found
    network = convert()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(_report_path(path), NetworkError) as file:
            file.write(json.dumps(asdict(network.report)).encode())
        network.save(path)
    except (OSError, SpikemeshError) as reason:
        log.warning("the converted %s could not be cached: %s", network.name, reason)
    return network


def _report_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".network.npz") + ".report.json")


@lru_cache(maxsize=1)
def _code() -> str:
    """Digest of the conversion room's source."""
    import spikemesh.conversion as room

    found = hashlib.sha256()
    for file in sorted(Path(room.__file__).parent.glob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()


def _read(path: Path) -> SpikingNetwork | None:
    if not path.exists():
        return None
    try:
        network = load_network(path)
        stored = json.loads(_report_path(path).read_text(encoding="utf-8"))
        rows = tuple(
            LayerReport(**{**row, "made": tuple(row["made"]), "warnings": tuple(row["warnings"])}) for row in stored.pop("rows")
        )
        return replace(network, report=ConversionReport(**stored, rows=rows))
    except (SpikemeshError, OSError, ValueError, TypeError, KeyError, AttributeError) as reason:
        log.warning("a cached network cannot be used (%s); converting again", reason)
        return None
