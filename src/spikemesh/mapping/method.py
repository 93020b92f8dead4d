"""A method that a recipe names: what partitioners and placers have in common."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError

__all__ = ["Method", "Run", "options_of", "suggestion"]

Run = Callable[..., NDArray[np.integer]]


@dataclass(frozen=True)
class Method:
    """A registered function with its name and its options.

    run : ``run(problem, **options)`` returns integers, one for each neuron or cluster of the problem.
    paper : where the method comes from.
    options : names and defaults of its keyword-only parameters.
    """

    kind: ClassVar[str] = "method"

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
                    f"{self.kind} {self.name!r} has no option {name!r}{suggestion(name, self.options)}; it has: {known}"
                )
        return {**self.options, **options}

    def __call__(self, problem: Any, **options: Any) -> NDArray[np.integer]:
        return self.run(problem, **self.checked_options(options))


def options_of(run: Run) -> dict[str, Any]:
    """Names and defaults of the keyword-only parameters of a function."""
    return {p.name: p.default for p in inspect.signature(run).parameters.values() if p.kind is p.KEYWORD_ONLY}


def suggestion(name: object, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` where a known name is close, else nothing."""
    near = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""
