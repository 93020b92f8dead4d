"""Spatial decomposition: neurons of many inputs become units of few, so that they fit crossbars and pack them densely."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikemesh.mapping.decompose.coding import Coding, CodingOptions, code
    from spikemesh.mapping.decompose.rates import fixed_point, sample_rates
    from spikemesh.mapping.decompose.shapes import chain, tree
    from spikemesh.mapping.decompose.transform import Decomposed, decompose, realise, with_units
    from spikemesh.mapping.decompose.units import Units, whole

_HOME = {
    "Coding": "coding",
    "CodingOptions": "coding",
    "Decomposed": "transform",
    "Units": "units",
    "chain": "shapes",
    "code": "coding",
    "decompose": "transform",
    "fixed_point": "rates",
    "realise": "transform",
    "sample_rates": "rates",
    "tree": "shapes",
    "whole": "units",
    "with_units": "transform",
}

__all__ = [
    "Coding",
    "CodingOptions",
    "Decomposed",
    "Units",
    "chain",
    "code",
    "decompose",
    "fixed_point",
    "realise",
    "sample_rates",
    "tree",
    "whole",
    "with_units",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
