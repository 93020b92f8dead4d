"""When the flits of a run crossed which link, rebuilt from its record: routes are XY, so start and end say the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikemesh.simulation import RunRecord

__all__ = ["LoadOverTime", "load_over_time"]

MOST_BINS = 60
MOST_NUMBERS = 100_000


@dataclass(frozen=True, eq=False)
class LoadOverTime:
    """Flits over each link, bin by bin, over all samples.

    first_step : (n_bins,) int64, the step of its sample with which each bin begins; the last one lasts to the end.
    flits : (n_bins, n_tiles, 4) int64, flits sent east, west, north, south.
    """

    first_step: NDArray[np.int64]
    flits: NDArray[np.int64]


def load_over_time(record: RunRecord, most_bins: int = MOST_BINS) -> LoadOverTime:
    """Counts each packet's flits on all links of its way, in the step in which it was injected.

    Bins are whole steps, as many as fit into ``most_bins`` and 100,000 numbers for a page. Packets that were never delivered
    are left out; in a run that drained the bins add up to ``record.link_flits``.
    """
    cols, rows = record.chip.cols, record.chip.rows
    most = max(1, min(most_bins, MOST_NUMBERS // (4 * cols * rows)))
    n_steps = max(record.n_steps, 1)
    each = -(-n_steps // most)
    n_bins = -(-n_steps // each)
    sent = np.flatnonzero(record.granted >= 0)
    step = np.minimum(record.injected[sent] // record.cycles_per_step, n_steps - 1)
    bins = step // each
    source, destination = record.source[sent].astype(np.int64), record.destination[sent].astype(np.int64)
    tree = record.hardware.noc.multicast == "tree"
    carrier = _packets(record.sample[sent], record.packet[sent]) if tree else np.arange(len(sent))
    flits = np.zeros((n_bins, rows, cols, 4), np.int64)
    _along_rows(flits, carrier, bins, source, destination)
    _along_columns(flits, carrier, bins, source, destination)
    return LoadOverTime(np.arange(n_bins) * each, flits.reshape(n_bins, rows * cols, 4) * record.hardware.flits_per_packet)


def _packets(sample: NDArray, packet: NDArray) -> NDArray[np.int64]:
    """A number for each packet of the run: rows of one packet stand together."""
    new = (np.diff(sample, prepend=-1) != 0) | (np.diff(packet, prepend=-1) != 0)
    return np.cumsum(new) - 1


def _along_rows(flits: NDArray, carrier: NDArray, bins: NDArray, source: NDArray, destination: NDArray) -> None:
    """East and west: a packet goes along its source's row as far as its farthest destination on either side."""
    cols = flits.shape[2]
    _, first, of = np.unique(carrier, return_index=True, return_inverse=True)
    x = source[first] % cols
    for side, farthest in ((0, np.maximum), (1, np.minimum)):
        end = x.copy()
        farthest.at(end, of, destination % cols)
        _spread(flits[..., side], bins[first], source[first] // cols, x, end, axis=1)


def _along_columns(flits: NDArray, carrier: NDArray, bins: NDArray, source: NDArray, destination: NDArray) -> None:
    """North and south: in each column that it leaves the row for, as far as the farthest destination there."""
    cols = flits.shape[2]
    column = destination % cols
    _, first, of = np.unique(carrier * cols + column, return_index=True, return_inverse=True)
    y = source[first] // cols
    for side, farthest in ((3, np.maximum), (2, np.minimum)):
        end = y.copy()
        farthest.at(end, of, destination // cols)
        _spread(flits[..., side], bins[first], column[first], y, end, axis=0)


def _spread(flits: NDArray, bins: NDArray, line: NDArray, start: NDArray, end: NDArray, axis: int) -> None:
    """Adds 1 to every router that sends on the way from ``start`` to ``end``, which it does not leave any more.

    flits : (n_bins, rows, cols). line : the row (axis 1) or column (axis 0) of each way. Sums of ends of intervals: as much
    work as there are packets, however long their ways.
    """
    low, high = np.minimum(start, end), np.maximum(start, end)
    shift = (end < start).astype(np.int64)  # towards lower numbers the routers low + 1 ... high send
    n_bins, rows, cols = flits.shape
    lines, length = (rows, cols) if axis == 1 else (cols, rows)  # ways along a row, ways along a column
    edges = np.zeros((n_bins, lines, length + 1), np.int64)
    np.add.at(edges, (bins, line, low + shift), 1)
    np.add.at(edges, (bins, line, high + shift), -1)
    sums = np.cumsum(edges, axis=2)[:, :, :length]
    flits += sums if axis == 1 else sums.transpose(0, 2, 1)
