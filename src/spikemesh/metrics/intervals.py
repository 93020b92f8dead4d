"""How far a share or a mean measured on a few samples can be trusted: 95 % intervals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["mean_interval", "paired_difference", "wilson_interval"]

Z95 = 1.959963984540054


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """95 % score interval of a proportion (Wilson, JASA 22, 1927): (low, high). (0, 1) for n = 0.

    Raises
    ------
    ValueError
        unless 0 <= successes <= n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"successes must lie between 0 and n: {successes} of {n}")
    if n == 0:
        return 0.0, 1.0
    p, z2 = successes / n, Z95 * Z95
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    # the ends are exact where rounding would leave 1e-17
    return (0.0 if successes == 0 else middle - half), (1.0 if successes == n else middle + half)


def mean_interval(values: ArrayLike) -> tuple[float, float, float]:
    """Mean of ``values`` (n,) with Student's 95 % interval: (mean, low, high); both ends NaN for a single value.

    Raises
    ------
    ValueError
        unless values are flat and at least one.
    """
    of = np.asarray(values, np.float64)
    if of.ndim != 1 or not len(of):
        raise ValueError(f"values must be flat and at least one: {of.shape}")
    mean = float(of.mean())
    if len(of) < 2:
        return mean, math.nan, math.nan
    from scipy.special import stdtrit

    half = float(stdtrit(len(of) - 1, 0.975)) * float(of.std(ddof=1)) / math.sqrt(len(of))
    return mean, mean - half, mean + half


def paired_difference(right_a: ArrayLike, right_b: ArrayLike) -> tuple[float, float, float]:
    """Accuracy of a minus accuracy of b on the same samples, with its 95 % interval: (difference, low, high).

    Newcombe's square-and-add interval for paired proportions (Statistics in Medicine 17, 1998, p. 2635, method 10): the
    Wilson intervals of both, joined by the correlation of the answers.

    Parameters
    ----------
    right_a, right_b : (n,) booleans, whether each sample was answered right.

    Raises
    ------
    ValueError
        unless both are flat and of one length above 0.
    """
    a, b = np.asarray(right_a, bool), np.asarray(right_b, bool)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError(f"answers must be flat and of one length above 0: {a.shape} and {b.shape}")
    n = len(a)
    both, only_a, only_b = int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum())
    neither = n - both - only_a - only_b
    p_a, p_b = (both + only_a) / n, (both + only_b) / n
    low_a, high_a = wilson_interval(both + only_a, n)
    low_b, high_b = wilson_interval(both + only_b, n)
    phi = _correlation(both, only_a, only_b, neither)
    difference = (only_a - only_b) / n
    down = _joined(p_a - low_a, high_b - p_b, phi)
    up = _joined(high_a - p_a, p_b - low_b, phi)
    return difference, difference - down, difference + up


def _correlation(both: int, only_a: int, only_b: int, neither: int) -> float:
    """phi of the 2 x 2 table, drawn towards 0 by the method's continuity correction where it is positive."""
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if margins == 0:
        return 0.0
    cross = float(both * neither - only_a * only_b)
    if cross > 0:
        cross = max(cross - (both + only_a + only_b + neither) / 2, 0.0)
    return cross / math.sqrt(margins)


def _joined(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(one * one - 2 * phi * one * other + other * other, 0.0))
