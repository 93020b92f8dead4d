"""How late spikes arrive, and what the mesh does to their timing (design, section 3).

All three look at remote rows alone: a spike that stays on its tile never meets the mesh. Rows that a cut run never read
are left out; ``undelivered`` counts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikemesh.simulation.record import RunRecord

__all__ = ["Disorder", "Distortion", "Latency", "isi_distortion", "latency", "spike_disorder"]

NAN = float("nan")


@dataclass(frozen=True)
class Latency:
    """row_read - fired over all remote rows, in cycles; times ``cycle_ns`` in ns. NaN where no spike crossed the mesh.

    ``parts_mean_cycles``: encoder (encoded - fired), source_queue (injected - encoded), network (local grant - injected),
    ejection (delivered - local grant), crossbar (row_read - delivered); they add up to the mean.
    Percentiles interpolate between neighbouring latencies.
    """

    n: int
    undelivered: int
    cycle_ns: float
    mean_cycles: float
    p50_cycles: float
    p95_cycles: float
    p99_cycles: float
    max_cycles: float
    parts_mean_cycles: dict[str, float]

    @property
    def mean_ns(self) -> float:
        return self.mean_cycles * self.cycle_ns

    @property
    def p50_ns(self) -> float:
        return self.p50_cycles * self.cycle_ns

    @property
    def p95_ns(self) -> float:
        return self.p95_cycles * self.cycle_ns

    @property
    def p99_ns(self) -> float:
        return self.p99_cycles * self.cycle_ns

    @property
    def max_ns(self) -> float:
        return self.max_cycles * self.cycle_ns


def latency(record: RunRecord) -> Latency:
    """Mean, percentiles, maximum and parts of the latency of remote spikes."""
    read = record.row_read >= 0
    stages = [record.fired, record.encoded, record.injected, record.granted, record.delivered, record.row_read]
    n = int(read.sum())
    names = ("encoder", "source_queue", "network", "ejection", "crossbar")
    totals = [int(stage[read].sum()) for stage in stages]
    parts = {name: (later - earlier) / n if n else NAN for name, earlier, later in zip(names, totals, totals[1:], strict=False)}
    cycles = (record.row_read - record.fired)[read]
    p50, p95, p99 = np.percentile(cycles, (50, 95, 99)) if n else (NAN, NAN, NAN)
    return Latency(
        n=n,
        undelivered=len(read) - n,
        cycle_ns=record.hardware.noc.cycle_ns,
        mean_cycles=int(cycles.sum()) / n if n else NAN,
        p50_cycles=float(p50),
        p95_cycles=float(p95),
        p99_cycles=float(p99),
        max_cycles=float(cycles.max()) if n else NAN,
        parts_mean_cycles=parts,
    )


@dataclass(frozen=True)
class Distortion:
    """abs(change of an inter-spike interval) between firing and reading, in cycles. NaN without intervals."""

    n_intervals: int
    mean_cycles: float
    max_cycles: float


def isi_distortion(record: RunRecord) -> Distortion:
    """For each (neuron, destination tile), abs((row_read_k - row_read_k-1) - (fired_k - fired_k-1)), within samples.

    Spikes are numbered in the order in which they fired. Unlike the release of SpiNeMap, which keeps the last interval
    alone, all of them count.
    """
    read = np.flatnonzero(record.row_read >= 0)
    # rows come sorted by (sample, fired), and stay so inside each pair
    pair = record.neuron[read].astype(np.int64) * record.chip.n_tiles + record.destination[read]
    order = read[_order(pair, np.arange(len(read)))]
    neuron, tile, sample = record.neuron[order], record.destination[order], record.sample[order]
    follows = (neuron[1:] == neuron[:-1]) & (tile[1:] == tile[:-1]) & (sample[1:] == sample[:-1])
    change = np.abs(np.diff(record.row_read[order]) - np.diff(record.fired[order]))[follows]
    n = len(change)
    return Distortion(n, int(change.sum()) / n if n else NAN, float(change.max()) if n else NAN)


@dataclass(frozen=True, eq=False)
class Disorder:
    """Remote spikes fired strictly before one that their tile had already read.

    read : (n_tiles,) int64, remote spikes that each tile read. overtaken : (n_tiles,) int64, those of them out of order.
    """

    read: NDArray[np.int64]
    overtaken: NDArray[np.int64]

    @property
    def share(self) -> float:
        """Over all tiles; NaN where nothing was read."""
        return int(self.overtaken.sum()) / int(self.read.sum()) if self.read.any() else NAN

    @property
    def per_tile(self) -> NDArray[np.float64]:
        """(n_tiles,) shares, NaN for tiles that no remote spike reached."""
        return np.divide(self.overtaken, self.read, out=np.full(len(self.read), NAN), where=self.read > 0)

    @property
    def worst(self) -> float:
        """The highest share of a tile; NaN where nothing was read."""
        return float(np.nanmax(self.per_tile)) if self.read.any() else NAN


def pooled_disorder(parts: Sequence[Disorder]) -> Disorder:
    """The disorder of several runs on one mesh together, as samples of one run count together."""
    return Disorder(np.sum([part.read for part in parts], axis=0), np.sum([part.overtaken for part in parts], axis=0))


def spike_disorder(record: RunRecord) -> Disorder:
    """Spike disorder in reading order: by row_read, ties by (delivered, neuron); within a tile and a sample."""
    read = np.flatnonzero(record.row_read >= 0)
    tile, sample, fired = record.destination[read], record.sample[read], record.fired[read]
    cycle, delivered, neuron = record.row_read[read], record.delivered[read], record.neuron[read]
    place = tile.astype(np.int64) * record.n_samples + sample
    order = _order(place, cycle, delivered, neuron)
    tile, fired = tile[order], fired[order]
    opens = np.diff(place[order], prepend=-1) != 0
    overtaken = fired < _latest_before(fired, opens)
    n_tiles = record.chip.n_tiles
    return Disorder(np.bincount(tile, minlength=n_tiles), np.bincount(tile[overtaken], minlength=n_tiles))


def _order(first: NDArray[np.int64], *then: NDArray[np.integer]) -> NDArray[np.int64]:
    """As ``np.lexsort`` with ``first`` as the first key; keys are not negative.

    Where the first two fit 63 bits together, one sort of their joint key, and a second one of its ties alone, are several
    times faster.
    """
    if not len(first):
        return np.empty(0, np.int64)
    span = int(then[0].max()) + 1
    if (int(first.max()) + 1) * span < 2**63:
        joined = first * span + then[0]
        order = np.argsort(joined)
        tied = np.diff(joined[order]) == 0
        tied = np.append(tied, False) | np.append(False, tied)
        if tied.any():
            among = order[tied]
            order[tied] = among[np.lexsort((among, *(key[among] for key in then[:0:-1]), joined[among]))]
        return order
    return np.lexsort((*then[::-1], first))


def _latest_before(fired: NDArray[np.int64], opens: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Highest ``fired`` among the earlier entries of the same group, -1 for a group's first; ``opens`` marks firsts.

    One running maximum serves all groups: each is lifted above the one before it.
    """
    if not len(fired):
        return fired.copy()
    group, span = np.cumsum(opens) - 1, int(fired.max()) + 1
    if len(fired) * span >= 2**63:  # cycles that would overflow when lifted are replaced by their ranks
        values, rank = np.unique(fired, return_inverse=True)
        return np.where(opens, -1, values[_latest_before(rank, opens)])
    latest = np.empty_like(fired)
    latest[1:] = (np.maximum.accumulate(fired + group * span) - group * span)[:-1]
    latest[opens] = -1
    return latest
