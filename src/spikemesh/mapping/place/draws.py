"""Random numbers for compiled code: a 64-bit xorshift whose stream is the same on every machine and in every release."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["below", "next_state", "start_state", "unit"]

_A, _B, _C = np.uint64(13), np.uint64(7), np.uint64(17)
_HALF, _TOP53 = np.uint64(32), np.uint64(11)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True)
def next_state(s):  # type: ignore[no-untyped-def]
    """The state after ``s`` (uint64, never 0); the state itself is the random number (Marsaglia 2003)."""
    s ^= s << _A
    s ^= s >> _B
    s ^= s << _C
    return s


@njit(cache=True)
def start_state(seed):  # type: ignore[no-untyped-def]
    """A state from any seed >= 0; the first draws after it look unlike those of the seeds beside it."""
    s = (np.uint64(seed) + np.uint64(1)) * _SPREAD
    if s == np.uint64(0):
        s = _SPREAD
    for _ in range(8):
        s = next_state(s)
    return s


@njit(cache=True)
def below(s, n):  # type: ignore[no-untyped-def]
    """An integer in 0 .. n - 1 from the upper half of a state."""
    return np.int64(((s >> _HALF) * np.uint64(n)) >> _HALF)


@njit(cache=True)
def unit(s):  # type: ignore[no-untyped-def]
    """A float in (0, 1] from a state."""
    return (np.float64(s >> _TOP53) + 1.0) * (1.0 / 9007199254740992.0)
