"""Placement methods by name: what each is called, where it comes from, which options it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.partition.registry import suggestion
from spikemesh.mapping.place.problem import PlaceProblem

__all__ = ["Placer", "available_placers", "find_placer", "placer"]

Run = Callable[..., NDArray[np.integer]]

_HOME = {
    "auto": "auto",
    "force-directed": "force_directed",
    "greedy": "greedy",
    "hilbert": "hilbert",
    "id-order": "id_order",
    "pso": "swarm",
    "random": "random_tiles",
    "sa": "annealing",
    "spectral": "spectral",
}
"""Built-in methods and the module of this package that registers each; a module is loaded when one of its names is used."""

_registered: dict[str, Placer] = {}


@dataclass(frozen=True)
class Placer:
    """A placement method.

    run : ``run(problem, **options)`` returns (k,) integers, the tile of each cluster.
    paper : where the method comes from.
    options : names and defaults of its keyword-only parameters.
    """

    name: str
    run: Run
    paper: str
    options: dict[str, Any]

    @property
    def summary(self) -> str:
        """First line of its docstring."""
        return (inspect.getdoc(self.run) or "").partition("\n")[0]

    def checked_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Every option with its value; a MappingError for one that the method does not have."""
        for name in options:
            if name not in self.options:
                known = ", ".join(self.options) or "none"
                raise MappingError(
                    f"placer {self.name!r} has no option {name!r}{suggestion(name, self.options)}; it has: {known}"
                )
        return {**self.options, **options}

    def __call__(self, problem: PlaceProblem, **options: Any) -> NDArray[np.integer]:
        return self.run(problem, **self.checked_options(options))


def placer(name: str, *, paper: str) -> Callable[[Run], Run]:
    """Registers ``run(problem, *, option=default, ...)`` under a name, for ``place(method=name)`` and for recipes."""

    def register(run: Run) -> Run:
        options = {p.name: p.default for p in inspect.signature(run).parameters.values() if p.kind is p.KEYWORD_ONLY}
        _registered[name] = Placer(name, run, paper, options)
        return run

    return register


def available_placers() -> list[str]:
    """Names that ``place(method=...)`` takes here, sorted; :func:`find_placer` tells the paper and the options of each."""
    return sorted({*_HOME, *_registered})


def find_placer(name: str) -> Placer:
    """The method of that name; a MappingError with the nearest name where there is none."""
    if name not in _registered and name in _HOME:
        import_module(f"spikemesh.mapping.place.{_HOME[name]}")
    if name not in _registered:
        known = available_placers()
        raise MappingError(f"unknown placer {name!r}{suggestion(name, known)}; there are: {', '.join(known)}")
    return _registered[name]
