"""Sweeps as values: axes that cross (``*``) and zip (``+``), their length known before anything runs.

    sweep = Axis("recipe", ["pacman", "auto"]) * (Axis("pitch_mm", [0.1, 1.0]) + Axis("hardware.noc.router_cycles", [0, 2]))
    len(sweep)    # 4
    list(sweep)   # [{"recipe": "pacman", "pitch_mm": 0.1, "hardware.noc.router_cycles": 0}, ...]

``*`` binds before ``+``, as in arithmetic. The last axis of a product changes fastest.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikemesh.errors import DescriptionError

__all__ = ["Axis", "Product", "Sweep", "Zip"]


class Sweep(ABC):
    """A finite sequence of points; each is a dictionary of the same keys."""

    @property
    @abstractmethod
    def keys(self) -> tuple[str, ...]:
        """What is set at every point, in the order of the axes."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many points there are; ``len`` says the same up to the largest index that Python knows."""

    @abstractmethod
    def __iter__(self) -> Iterator[dict[str, Any]]: ...

    def __len__(self) -> int:
        return self.size

    def __mul__(self, other: Sweep) -> Sweep:
        """Every point of this sweep with every point of the other one."""
        if not isinstance(other, Sweep):
            return NotImplemented
        return Product((*_parts(self, Product), *_parts(other, Product)))

    def __add__(self, other: Sweep) -> Sweep:
        """Point k of this sweep with point k of the other one, which must be as long."""
        if not isinstance(other, Sweep):
            return NotImplemented
        return Zip((*_parts(self, Zip), *_parts(other, Zip)))


@dataclass(frozen=True)
class Axis(Sweep):
    """One key and the values that it takes, in order.

    Raises
    ------
    DescriptionError
        where there are no values, or the key is empty.
    """

    key: str
    values: tuple[Any, ...]

    def __init__(self, key: str, values: Iterable[Any]) -> None:
        if not isinstance(key, str) or not key:
            raise DescriptionError("sweep", "axis", "a key must be a text that is not empty", key)
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            raise DescriptionError("sweep", key, "an axis needs a list of values", values)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "values", tuple(_plain(value) for value in values))
        if not self.values:
            raise DescriptionError("sweep", key, "an axis needs at least one value", [])

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key,)

    @property
    def size(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return ({self.key: value} for value in self.values)


@dataclass(frozen=True)
class Product(Sweep):
    """Every combination of the factors' points; without factors, one point that sets nothing."""

    factors: tuple[Sweep, ...]

    def __post_init__(self) -> None:
        _distinct(self.factors)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key for factor in self.factors for key in factor.keys)

    @property
    def size(self) -> int:
        return math.prod(factor.size for factor in self.factors)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (_joined(parts) for parts in itertools.product(*self.factors))


@dataclass(frozen=True)
class Zip(Sweep):
    """The parts' points side by side; all parts are equally long.

    Raises
    ------
    DescriptionError
        where they are not.
    """

    parts: tuple[Sweep, ...]

    def __post_init__(self) -> None:
        _distinct(self.parts)
        if len({part.size for part in self.parts}) != 1:
            lengths = ", ".join(f"{' '.join(part.keys)}: {part.size}" for part in self.parts)
            raise DescriptionError("sweep", "+", f"axes that are zipped must be equally long ({lengths})")

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key for part in self.parts for key in part.keys)

    @property
    def size(self) -> int:
        return self.parts[0].size

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (_joined(parts) for parts in zip(*self.parts, strict=True))


def _parts(sweep: Sweep, kind: type[Product] | type[Zip]) -> tuple[Sweep, ...]:
    """The parts of a sweep of this kind, so that products of products and zips of zips stay flat."""
    if isinstance(sweep, Product) and kind is Product:
        return sweep.factors
    return sweep.parts if isinstance(sweep, Zip) and kind is Zip else (sweep,)


def _joined(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}


def _distinct(parts: tuple[Sweep, ...]) -> None:
    seen: set[str] = set()
    for key in (key for part in parts for key in part.keys):
        if key in seen:
            raise DescriptionError("sweep", key, "is set by two axes; a key can be on one")
        seen.add(key)


def _plain(value: Any) -> Any:
    """Numpy's numbers as Python's, paths as text, tuples as lists: what JSON knows."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value
