"""Random numbers inside compiled kernels: one 64-bit state, no global generator, the same on every machine.

Xorshift64* (Vigna, ACM TOMS 42 (4), 2016) for the stream, SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) to scatter seeds and to
hash.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["advance", "below", "scatter", "uniform"]

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@njit(cache=True)
def scatter(x):  # type: ignore[no-untyped-def]
    """A uint64 whose bits all depend on every bit of the uint64 ``x``; never 0 for two neighbouring ``x`` alike."""
    z = x + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def advance(x):  # type: ignore[no-untyped-def]
    """The state after ``x`` (not 0)."""
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    return x


@njit(cache=True)
def below(x, n):  # type: ignore[no-untyped-def]
    """int64 in [0, n) from the state ``x``; n under 2**32."""
    return np.int64((((x * np.uint64(2685821657736338717)) >> _HALF) * np.uint64(n)) >> _HALF)


@njit(cache=True)
def uniform(x):  # type: ignore[no-untyped-def]
    """float64 in (0, 1) from the low half of the state ``x``, so that one state serves ``below`` and ``uniform``."""
    return (np.float64((x * np.uint64(2685821657736338717)) & _LOW) + 0.5) * (1.0 / 4294967296.0)
