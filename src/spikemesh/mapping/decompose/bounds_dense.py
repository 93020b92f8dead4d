"""How few crossbars a dense layer can possibly need, by a linear program over the rows that crossbars give to inputs."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np

__all__ = ["least_dense"]

KINDS = 3
"""Numbers of units of a neuron, from the least possible on, that are told apart; the last stands for all larger ones."""
CUTS = 8
"""Partial sums of a unit up to which it is counted how many such units a crossbar has the rows for."""


def least_dense(n_neurons: int, fan_in: int, n_in: int, n_out: int) -> int:
    """Crossbars that no packing of a dense layer of ``n_neurons`` with ``fan_in`` inputs each goes below.

    It is enough to look at packings in which a crossbar has at most one unit of a neuron: of two, the inputs of the one that
    is not above the other can be taken by the other, at no row more. Let y_s crossbars give s rows to inputs, n_u neurons have
    u units, and w_usq of these be in crossbars of s and take q partial sums, 0 <= q < u. Then

    - columns: sum_uq w_usq <= min(n_out, n_neurons) y_s, and sum_q w_usq <= u n_u;
    - rows: sum_uq floor(q / t) w_usq <= floor((n_in - s) / t) y_s for t = 1, 2, ...: in one crossbar, floors of parts are at
      most the floor of their sum;
    - a neuron's units: sum_sq w_usq = u n_u; every one but the root sends a sum, sum_sq q w_usq = (u - 1) n_u; they take all
      inputs, sum_sq s w_usq >= fan_in n_u; and u (n_in - 1) >= fan_in - 1;
    - an input has a row in ceil(n_neurons / n_out) crossbars: sum s y_s >= fan_in ceil(n_neurons / n_out).

    Neurons of many units are one kind, for which only totals are kept. The least sum of y_s, rounded up, is the bound.
    """
    fewest = max(-(-(fan_in - 1) // (n_in - 1)), 1)
    kinds, most = range(fewest, fewest + KINDS - 1), fewest + KINDS - 1
    every = range(n_in + 1)
    lp = _Program()
    for s in every:
        units = [(u, q) for u in kinds for q in range(min(u, n_in - s + 1))]
        lp.at_most([(("w", u, s, q), 1) for u, q in units] + [(("x", s), 1), (("y", s), -min(n_out, n_neurons))])
        lp.at_most([(("w", u, s, q), q) for u, q in units] + [(("z", s), 1), (("y", s), s - n_in)])
        for t in range(2, CUTS + 1):
            lp.at_most([(("w", u, s, q), q // t) for u, q in units if q >= t] + [(("y", s), -((n_in - s) // t))])
        for u in kinds:
            lp.at_most([(("w", v, s, q), 1) for v, q in units if v == u] + [(("n", u), -u)])
    for u in kinds:
        mine = [(s, q) for s in every for q in range(min(u, n_in - s + 1))]
        lp.equal([(("w", u, s, q), 1) for s, q in mine] + [(("n", u), -u)])
        lp.equal([(("w", u, s, q), q) for s, q in mine] + [(("n", u), 1 - u)])
        lp.at_most([(("w", u, s, q), -s) for s, q in mine] + [(("n", u), fan_in)])
    lp.at_most([(("x", s), -1) for s in every] + [(("n", most), most)])
    lp.equal([(("z", s), 1) for s in every] + [(("x", s), -1) for s in every] + [(("n", most), 1)])
    lp.at_most([(("x", s), -s) for s in every] + [(("n", most), fan_in)])
    lp.equal([(("n", u), 1) for u in (*kinds, most)], n_neurons)
    lp.at_most([(("y", s), -s) for s in every], -fan_in * -(-n_neurons // n_out))
    return math.ceil(lp.least([("y", s) for s in every]) - 1e-6)


class _Program:
    """A linear program with variables by name, none of them negative."""

    def __init__(self) -> None:
        self.number: dict[Hashable, int] = {}
        self.upper: tuple[list[Any], list[float]] = [], []
        self.exact: tuple[list[Any], list[float]] = [], []

    def at_most(self, terms: Iterable[tuple[Hashable, int]], limit: float = 0) -> None:
        self._add(self.upper, terms, limit)

    def equal(self, terms: Iterable[tuple[Hashable, int]], value: float = 0) -> None:
        self._add(self.exact, terms, value)

    def _add(self, to: tuple[list[Any], list[float]], terms: Iterable[tuple[Hashable, int]], limit: float) -> None:
        rows, limits = to
        rows += [(len(limits), self.number.setdefault(name, len(self.number)), factor) for name, factor in terms]
        limits.append(limit)

    def least(self, names: Iterable[Hashable]) -> float:
        """The least sum of the named variables."""
        from scipy.optimize import linprog
        from scipy.sparse import csr_array

        cost = np.zeros(len(self.number))
        cost[[self.number[name] for name in names]] = 1
        matrices: list[Any] = []
        for rows, limits in (self.upper, self.exact):
            row, column, factor = np.array(rows).T
            matrices.append(csr_array((factor.astype(float), (row, column)), (len(limits), len(cost))))
        found: Any = linprog(cost, A_ub=matrices[0], b_ub=self.upper[1], A_eq=matrices[1], b_eq=self.exact[1], method="highs")
        return float(found.fun)
