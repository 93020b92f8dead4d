"""Exact percentiles of values that come in batches and are never held together.

Weight normalisation (Rueckauer et al. 2017, section 2.2.2) asks for a high percentile of all non-zero activations of a layer.
The GPA paper met its price: the whole activation tensor at once. Here the values stream past several times. Each pass
fixes further leading bits of the two order statistics around the percentile with a histogram, so that memory is one
batch and a table of bins, and the result is the number that ``np.percentile`` finds on everything together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError

__all__ = ["Percentile", "StreamingPercentile", "streaming_percentile"]

MOST_BITS = 16
MOST_BINS = 1 << 19
"""Bins of all streams together: 4 MB of counts, and twice that after the first pass."""


@dataclass(frozen=True, eq=False)
class Percentile:
    """The percentile of each stream and what was counted on the way; arrays are (n_streams,).

    value : float64, NaN where a stream had no non-zero value. seen : values, zeros included. counted : non-zero values.
    above : non-zero values strictly greater than ``value``. least, most : smallest and largest non-zero value.
    """

    value: NDArray[np.float64]
    seen: NDArray[np.int64]
    counted: NDArray[np.int64]
    above: NDArray[np.int64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]


class StreamingPercentile:
    """The ``percentile`` of the non-zero values of several streams, found in a few passes over the same batches.

    Call ``add`` with every batch, then ``end_pass``; repeat until it returns True; then ask for ``result``.

    Parameters
    ----------
    n_streams : streams counted apart; the last axis of a batch. With 1 every value counts for the one stream.
    percentile : in [0, 100].
    dtype : float32 or float64, of the values.
    """

    def __init__(self, n_streams: int, percentile: float, dtype: np.dtype | type = np.float32) -> None:
        if not 0 <= percentile <= 100:
            raise ValueError(f"percentile must lie in [0, 100], not {percentile}")
        self.n_streams = n_streams
        self.quantile = percentile / 100
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise ValueError(f"values must be float32 or float64, not {self.dtype}")
        self.width = 8 * self.dtype.itemsize
        self.unsigned = np.dtype(f"u{self.dtype.itemsize}")
        self.bits = min(MOST_BITS, max(int(np.log2(MOST_BINS / n_streams)), 8))
        self.left = self.width  # bits of the key not yet fixed
        self.prefix = np.zeros((2, n_streams), np.uint64)  # of the lower and the upper order statistic
        self.below = np.zeros((2, n_streams), np.int64)
        self.rank = np.zeros((2, n_streams), np.int64)
        self.gamma = np.zeros(n_streams)
        self.seen = np.zeros(n_streams, np.int64)
        self.counted = np.zeros(n_streams, np.int64)
        self.least = np.full(n_streams, np.inf)
        self.most = np.full(n_streams, -np.inf)
        self._open()

    def _open(self) -> None:
        self.take = min(self.bits, self.left)
        tables = 1 if self.left == self.width else 2
        self.counts = np.zeros((tables, self.n_streams << self.take), np.int64)
        self.first = self.left == self.width

    def add(self, values: NDArray[np.floating]) -> None:
        """Count one batch: (..., n_streams), or any shape where there is one stream.

        Raises
        ------
        DataError
            where a value is NaN or infinite.
        """
        flat = np.ascontiguousarray(values, self.dtype).reshape(-1, self.n_streams)
        if not np.isfinite(flat).all():
            raise DataError("an activation is NaN or infinite")
        keep = flat != 0
        picked = flat[keep]
        streams = np.nonzero(keep)[1] if self.n_streams > 1 else None
        if self.first:
            self.seen += len(flat)
            self.counted += keep.sum(axis=0)
            self.least = np.minimum(self.least, flat.min(axis=0, where=keep, initial=np.inf))
            self.most = np.maximum(self.most, flat.max(axis=0, where=keep, initial=-np.inf))
        keys = _ordered(picked, self.unsigned)
        slot = (keys >> (self.left - self.take)).astype(np.int64)
        if self.first:
            self._count(0, slot, streams)
            return
        done = keys >> self.left
        slot &= (1 << self.take) - 1
        for which in (0, 1):
            prefix = self.prefix[which].astype(self.unsigned)
            hits = done == (prefix[0] if streams is None else prefix[streams])
            self._count(which, slot[hits], None if streams is None else streams[hits])

    def _count(self, table: int, slot: NDArray[np.int64], streams: NDArray[np.int64] | None) -> None:
        if streams is not None:
            slot = slot + (streams << self.take)
        self.counts[table] += np.bincount(slot, minlength=self.counts.shape[1])

    def end_pass(self) -> bool:
        """Fix the next bits; True when nothing is left to learn.

        Raises
        ------
        DataError
            where this pass brought other values than the first.
        """
        if self.first:
            self._rank()
        tables = self.counts.reshape(-1, self.n_streams, 1 << self.take)
        for which in (0, 1):
            table = tables[min(which, len(tables) - 1)]
            running = table.cumsum(axis=1)
            wanted = self.rank[which] - self.below[which]
            digit = (running <= wanted[:, None]).sum(axis=1)
            short = (digit >= table.shape[1]) & (self.counted > 0)
            if short.any():
                raise DataError("the batches differ from pass to pass; give the same ones each time")
            digit = np.minimum(digit, table.shape[1] - 1)
            at = np.arange(self.n_streams)
            self.below[which] += running[at, digit] - table[at, digit]
            self.prefix[which] = (self.prefix[which] << np.uint64(self.take)) | digit.astype(np.uint64)
            if self.left == self.take:
                self._note_equals(which, table[at, digit])
        self.left -= self.take
        if self.left == 0 or not self.counted.any():
            return True
        self._open()
        return False

    def _rank(self) -> None:
        last = np.maximum(self.counted - 1, 0)
        virtual = last * self.quantile
        low = np.minimum(np.floor(virtual).astype(np.int64), last)
        self.rank = np.stack([low, np.minimum(low + 1, last)])
        self.gamma = virtual - low
        self.equal = np.zeros((2, self.n_streams), np.int64)

    def _note_equals(self, which: int, equal: NDArray[np.int64]) -> None:
        self.equal[which] = equal

    def result(self) -> Percentile:
        """The percentiles; only after ``end_pass`` has returned True."""
        none = self.counted == 0
        low, high = (
            _value(self.prefix[w].astype(self.unsigned), self.dtype).astype(np.float64) if self.left == 0 else self.gamma
            for w in (0, 1)
        )
        value = np.where(self.gamma >= 0.5, high - (high - low) * (1 - self.gamma), low + (high - low) * self.gamma)
        upper = value >= high
        above = self.counted - np.where(upper, self.below[1] + self.equal[1], self.below[0] + self.equal[0])
        return Percentile(
            np.where(none, np.nan, value), self.seen, self.counted, np.where(none, 0, above), self.least, self.most
        )


def streaming_percentile(
    batches: Callable[[], Iterable[NDArray[np.floating]]], percentile: float, *, dtype: np.dtype | type = np.float32
) -> Percentile:
    """The percentile of all non-zero values of ``batches()``, which is called once a pass.

    Equals ``np.percentile(x[x != 0].astype(float), percentile)`` with ``x`` everything that one pass yields.
    """
    stream = StreamingPercentile(1, percentile, dtype)
    done = False
    while not done:
        for batch in batches():
            stream.add(batch)
        done = stream.end_pass()
    return stream.result()


def _ordered(values: NDArray[np.floating], unsigned: np.dtype) -> NDArray[np.unsignedinteger]:
    """Unsigned integers in the order of the floats: flip all bits of the negative, the sign of the others."""
    raw = values.view(unsigned)
    sign = unsigned.type(1 << (8 * unsigned.itemsize - 1))
    return np.where(raw & sign, ~raw, raw | sign)


def _value(keys: NDArray[np.unsignedinteger], dtype: np.dtype) -> NDArray[np.floating]:
    sign = keys.dtype.type(1 << (8 * keys.dtype.itemsize - 1))
    return np.where(keys & sign, keys & ~sign, ~keys).astype(keys.dtype).view(dtype)
