"""Runs of any length in bounded memory: histograms and link loads instead of a record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikemesh.simulation.compiled.engine import Session
from spikemesh.simulation.program import Chip, Traffic

__all__ = ["Histograms", "run_histogram"]

PARTS = {
    "latency": ("fired", "row_read"),
    "encoder": ("fired", "encoded"),
    "source_queue": ("encoded", "injected"),
    "network": ("injected", "granted"),
    "ejection": ("granted", "delivered"),
    "crossbar": ("delivered", "row_read"),
}
"""Each part of a remote row's way, from and to."""


@dataclass(frozen=True, eq=False)
class Histograms:
    """What is left of a long run.

    counts : for "latency" and each of its parts "encoder", "source_queue", "network", "ejection", "crossbar": (n_bins,)
        int64, remote rows that took 0, 1, 2 ... cycles; the last bin also holds everything longer.
    total : cycles summed over remote rows, exact, for each of the same names.
    longest : the most cycles that one of them took.
    n_rows, n_own : remote and own rows read.
    link_flits : (n_tiles, 4) int64, flits sent east, west, north, south.
    last_row_read : cycle of the last row read, -1 without any.
    cut : whether ``max_cycles`` ended the run before the last row was read; rows not read by then are not counted.
    """

    counts: dict[str, NDArray[np.int64]]
    total: dict[str, int]
    longest: dict[str, int]
    n_rows: int
    n_own: int
    link_flits: NDArray[np.int64]
    last_row_read: int
    cut: bool

    def mean(self, part: str = "latency") -> float:
        """Mean cycles of a part; NaN without rows."""
        return self.total[part] / self.n_rows if self.n_rows else float("nan")

    def percentile(self, q: float, part: str = "latency") -> float:
        """The smallest number of cycles that at least ``q`` percent of the rows do not exceed; NaN without rows.

        Infinite where it falls into the last bin, whose rows may have taken longer.
        """
        if not self.n_rows:
            return float("nan")
        reached = np.searchsorted(np.cumsum(self.counts[part]), np.ceil(q / 100 * self.n_rows))
        return float("inf") if reached >= len(self.counts[part]) - 1 else float(reached)


def run_histogram(chip: Chip, pieces: Iterable[Traffic], *, max_cycles: int | None = None, n_bins: int = 4096) -> Histograms:
    """Runs traffic that comes in pieces, and forgets each row once it is read.

    Memory is that of one piece and of the rows under way. A piece fires strictly after the piece before it.

    Raises
    ------
    SimulationError
        as :func:`spikemesh.simulation.compiled.engine.run`, and for pieces out of order.
    """
    session = Session(chip)
    counts = {part: np.zeros(n_bins, np.int64) for part in PARTS}
    total, longest = dict.fromkeys(PARTS, 0), dict.fromkeys(PARTS, 0)
    n_rows = n_own = n_pushed = 0
    last = -1

    def count(rows: dict[str, NDArray[np.int64]]) -> None:
        nonlocal n_rows, n_own, last
        n_rows += len(rows["row_read"])
        n_own += len(rows["own_row_read"])
        last = max(last, rows["row_read"].max(initial=-1), rows["own_row_read"].max(initial=-1))
        for part, (begin, end) in PARTS.items():
            took = rows[end] - rows[begin]
            counts[part] += np.bincount(np.minimum(took, n_bins - 1), minlength=n_bins)
            total[part] += int(took.sum())
            longest[part] = max(longest[part], int(took.max(initial=0)))

    for piece in pieces:
        session.push(piece)
        latest = max([int(fired[-1]) for fired in (piece.fired, piece.own_fired) if len(fired)], default=-1)
        n_pushed += piece.n_rows + len(piece.own_fired)
        session.advance(latest if max_cycles is None else min(latest, max_cycles))
        count(session.forget_read())
    session.advance(max_cycles)
    count(session.read_rows())
    return Histograms(
        counts=counts,
        total=total,
        longest=longest,
        n_rows=n_rows,
        n_own=n_own,
        link_flits=session.link_flits,
        last_row_read=int(last),
        cut=n_rows + n_own < n_pushed,
    )
