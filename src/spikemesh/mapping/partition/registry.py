"""Partitioning methods by name: what each is called, where it comes from, which options it takes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from spikemesh.errors import MappingError
from spikemesh.mapping.method import Method, Run, options_of, suggestion

__all__ = ["Partitioner", "available_partitioners", "find_partitioner", "partitioner", "suggestion"]

_HOME = {
    "auto": "auto",
    "random": "random_cut",
    "pacman": "pacman",
    "snn-gpa": "snn_gpa",
    "spinemap": "spinemap",
    "spinemap-released": "spinemap",
    "neutrams": "neutrams",
    "edgemap": "edgemap",
    "overlap": "overlap",
    "sneap": "sneap",
    "psopart": "psopart",
    "metis": "metis",
    "mt-kahypar": "mt_kahypar",
}
"""Built-in methods and the module of this package that registers each; a module is loaded when one of its names is used."""

_NEEDS = {"metis": "pymetis", "mt-kahypar": "mtkahypar"}
"""Methods that an optional package provides."""

_registered: dict[str, Partitioner] = {}


class Partitioner(Method):
    """A partitioning method: ``run(problem, **options)`` returns (n,) integers, the cluster of each neuron."""

    kind = "partitioner"


def partitioner(name: str, *, paper: str) -> Callable[[Run], Run]:
    """Registers ``run(problem, *, option=default, ...)`` under a name, for ``partition(method=name)`` and for recipes."""

    def register(run: Run) -> Run:
        _registered[name] = Partitioner(name, run, paper, options_of(run))
        return run

    return register


def available_partitioners() -> list[str]:
    """Names that ``partition(method=...)`` takes here, sorted; "auto" and methods of optional packages that are installed."""
    return sorted(name for name in {*_HOME, *_registered} if name not in _NEEDS or find_spec(_NEEDS[name]))


def find_partitioner(name: str) -> Partitioner:
    """The method of that name; a MappingError with the nearest name where there is none."""
    needed = _NEEDS.get(name)
    if needed and not find_spec(needed):
        raise MappingError(f"partitioner {name!r} needs the package {needed}: pip install {needed}")
    if name not in _registered and name in _HOME:
        import_module(f"spikemesh.mapping.partition.{_HOME[name]}")
    if name not in _registered:
        known = available_partitioners()
        raise MappingError(f"unknown partitioner {name!r}{suggestion(name, known)}; there are: {', '.join(known)}")
    return _registered[name]
