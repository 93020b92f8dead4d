"""From a network to a chip: legalise, partition into clusters, place on tiles, check.

Names are loaded when asked for, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Axons": "mapping",
    "Mapping": "mapping",
    "Measure": "measure",
    "Partition": "partition",
    "PartitionProblem": "partition",
    "PassRecord": "mapping",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
