"""What is computed: stages that points share, and points. Each has an address, the digest of all that it depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["POINT", "STAGES", "Outcome", "Ref", "Task", "canonical", "code_digest", "digest"]

STAGES = ("network", "samples", "trace", "legal", "clusters", "placed")
"""Kinds of stages, each built on those before it.

network : a trained, drawn or given network, and what its Keras model answers. samples : inputs and labels. trace : the
network's spikes. legal : after the passes that fit the network to the crossbars, with its spikes again where it changed.
clusters : after the passes that partition. placed : a tile for each cluster.
"""
POINT = "point"

ROOMS = ("network", "hardware", "workloads", "conversion", "spiking", "mapping", "simulation", "metrics")
"""Rooms whose code can change a number."""

Ref = tuple[str, str]
"""(kind, address) of a stage."""


@dataclass(frozen=True)
class Task:
    """One stage or one point.

    spec : all that the result depends on, JSON-ready; other stages by their addresses. needs : the stages that are read.
    where : what only helps to find things (a path) and cannot change the result.
    """

    kind: str
    spec: dict[str, Any]
    needs: tuple[Ref, ...] = ()
    where: dict[str, Any] = field(default_factory=dict)
    address: str = ""

    @classmethod
    def of(cls, kind: str, spec: dict[str, Any], needs: Iterable[Ref] = (), where: dict[str, Any] | None = None) -> Task:
        address = digest({"kind": kind, "code": code_digest(), "spec": spec})
        return cls(kind, spec, tuple(dict.fromkeys(needs)), where or {}, address)

    @property
    def ref(self) -> Ref:
        return self.kind, self.address


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    status : "done"; "failed", with ``error``; "missing", with the stages that the worker could not read; "foreign", where
    the worker runs another spikemesh. result : of a point, JSON. files : name -> bytes, where the worker could not put them
    into the sweep's folder itself. seconds, worker, traceback : for people; no part of the table.
    """

    status: str
    error: str = ""
    result: str = ""
    missing: tuple[Ref, ...] = ()
    files: dict[str, bytes] | None = None
    seconds: float = 0.0
    worker: str = ""
    traceback: str = ""


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values, equal text. Floats as ``repr`` gives them, exact."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of a JSON-ready value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Version of spikemesh and digest of all code that can change a number: results of other code are other results."""
    import spikemesh

    package = Path(spikemesh.__file__).parent
    found = hashlib.sha256(spikemesh.__version__.encode())
    files = [file for room in ROOMS for file in sorted((package / room).rglob("*.py"))]
    files += [Path(__file__).with_name(name) for name in ("making.py", "measuring.py")]
    for file in files:
        found.update(str(file.relative_to(package)).encode())
        found.update(file.read_bytes())
    return found.hexdigest()
