"""Partitioning methods by name: what each is called, where it comes from, which options it takes."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.partition.problem import PartitionProblem

__all__ = ["Partitioner", "available_partitioners", "find_partitioner", "partitioner", "suggestion"]

Run = Callable[..., NDArray[np.integer]]

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


@dataclass(frozen=True)
class Partitioner:
    """A partitioning method.

    run : ``run(problem, **options)`` returns (n,) integers, the cluster of each neuron.
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
                    f"partitioner {self.name!r} has no option {name!r}{suggestion(name, self.options)}; it has: {known}"
                )
        return {**self.options, **options}

    def __call__(self, problem: PartitionProblem, **options: Any) -> NDArray[np.integer]:
        return self.run(problem, **self.checked_options(options))


def partitioner(name: str, *, paper: str) -> Callable[[Run], Run]:
    """Registers ``run(problem, *, option=default, ...)`` under a name, for ``partition(method=name)`` and for recipes."""

    def register(run: Run) -> Run:
        options = {p.name: p.default for p in inspect.signature(run).parameters.values() if p.kind is p.KEYWORD_ONLY}
        _registered[name] = Partitioner(name, run, paper, options)
        return run

    return register


def available_partitioners() -> list[str]:
    """Names that ``partition(method=...)`` takes here, sorted; "auto" and methods of optional packages that are installed."""
    built_in = {name for name in _HOME if name not in _NEEDS or find_spec(_NEEDS[name])}
    return sorted({*built_in, *_registered})


def find_partitioner(name: str) -> Partitioner:
    """The method of that name; a MappingError with the nearest name where there is none."""
    if name not in _registered and name in _HOME:
        needed = _NEEDS.get(name)
        if needed and not find_spec(needed):
            raise MappingError(f"partitioner {name!r} needs the package {needed}: pip install {needed}")
        import_module(f"spikemesh.mapping.partition.{_HOME[name]}")
    if name not in _registered:
        known = available_partitioners()
        raise MappingError(f"unknown partitioner {name!r}{suggestion(name, known)}; there are: {', '.join(known)}")
    return _registered[name]


def suggestion(name: object, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` where a known name is close, else nothing."""
    near = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""
