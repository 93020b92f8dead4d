"""Growing arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.simulation.program import NOT_YET

__all__ = ["Columns"]


class Columns:
    """Arrays of one length that grow together; the spare room at their end doubles when it runs out.

    ``Columns(a=np.int64)`` has ``.n`` entries, the first ``n`` of the array ``.a``.
    """

    def __init__(self, **dtypes: Any) -> None:
        self.n = 0
        self._arrays: dict[str, NDArray[Any]] = {name: np.empty(0, dtype) for name, dtype in dtypes.items()}

    def __getattr__(self, name: str) -> NDArray[Any]:
        try:
            return self.__dict__["_arrays"][name]
        except KeyError:
            raise AttributeError(name) from None

    def extend(self, n: int, **values: Any) -> None:
        """Adds ``n`` entries; a column without a value is filled with ``NOT_YET``.

        The first entries are taken over without a copy where their type fits, and never written to.
        """
        end = self.n + n
        for name, array in self._arrays.items():
            value = values.get(name, NOT_YET)
            if self.n == 0 and np.ndim(value):
                self._arrays[name] = np.require(value, array.dtype, ["C", "A", "W"])
                continue
            if end > len(array):
                grown = np.empty(end if self.n == 0 else max(end, 2 * len(array)), array.dtype)
                grown[: self.n] = array[: self.n]
                self._arrays[name] = array = grown
            array[self.n : end] = value
        self.n = end

    def drop(self, n: int) -> None:
        """Forgets the first ``n`` entries."""
        for name, array in self._arrays.items():
            self._arrays[name] = array[n : self.n].copy()
        self.n -= n
