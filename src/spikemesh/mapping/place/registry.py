"""Placement methods by name: what each is called, where it comes from, which options it takes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from spikemesh.errors import MappingError
from spikemesh.mapping.method import Method, Run, options_of, suggestion

__all__ = ["Placer", "available_placers", "find_placer", "placer"]

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


class Placer(Method):
    """A placement method: ``run(problem, **options)`` returns (k,) integers, the tile of each cluster."""

    kind = "placer"


def placer(name: str, *, paper: str) -> Callable[[Run], Run]:
    """Registers ``run(problem, *, option=default, ...)`` under a name, for ``place(method=name)`` and for recipes."""

    def register(run: Run) -> Run:
        _registered[name] = Placer(name, run, paper, options_of(run))
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
