"""Calibration samples, checked, in batches; and the scales that they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.conversion.graph import Graph, forward
from spikemesh.conversion.percentiles import Percentile, StreamingPercentile
from spikemesh.conversion.signals import Block
from spikemesh.errors import ConversionError, DataError

__all__ = ["Batches", "Calibrated", "calibrate"]


@dataclass(frozen=True, eq=False)
class Batches:
    """Calibration samples that can be walked through any number of times.

    source : an array (n, ...), a sequence of batches, or a function that returns an iterable of batches. shape : of one
    sample. batch_size : samples at a time where ``source`` is an array.
    """

    source: ArrayLike | Sequence[Any] | Callable[[], Iterable[Any]]
    shape: tuple[int, ...]
    batch_size: int

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        empty = True
        for batch in self._raw():
            yield self._checked(batch)
            empty = False
        if empty:
            raise ConversionError("the calibration data hold no sample")

    def _raw(self) -> Iterator[Any]:
        source: Any = self.source
        if callable(source):
            yield from source()
        elif isinstance(source, np.ndarray):
            for at in range(0, len(source), self.batch_size):
                yield source[at : at + self.batch_size]
        elif hasattr(source, "__len__") and hasattr(source, "__getitem__"):
            for k in range(len(source)):  # a Sequence or a Keras PyDataset: batches, perhaps with labels
                yield source[k]
        else:
            raise ConversionError(
                f"calibration must be an array, a sequence of batches or a function that returns batches, not "
                f"{type(source).__name__}; an iterator would be used up after the first of several passes"
            )

    def _checked(self, batch: Any) -> NDArray[np.float32]:
        if isinstance(batch, tuple):
            batch = batch[0]
        array = np.asarray(batch)
        if array.shape[1:] != self.shape and array.shape[1:] == (*self.shape, 1):
            array = array[..., 0]
        if array.shape[1:] != self.shape and (*array.shape[1:], 1) == self.shape:
            array = array[..., None]
        if array.ndim != len(self.shape) + 1 or array.shape[1:] != self.shape or not len(array):
            raise ConversionError(f"calibration samples have shape {array.shape[1:]}; the model takes {self.shape}")
        if array.dtype == object or not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
            raise ConversionError(f"calibration samples must be numbers, not {array.dtype}")
        array = array.astype(np.float32)
        least, most = float(array.min()), float(array.max())
        if not (least >= 0 and most <= 1):
            hint = "divide by 255" if most > 1 and least >= 0 else "scale them so that the least is 0 and the most is 1"
            raise ConversionError(
                f"calibration samples run from {least:g} to {most:g}; inputs are currents in [0, 1] a step: {hint}, "
                "and train the model on the same range"
            )
        return array


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What calibration found for one block: its percentile (per stream), the share of neurons never active, and the mean of
    its positive activations, NaN where there are none."""

    found: Percentile
    dead: float
    mean: float


def calibrate(
    graph: Graph,
    blocks: Sequence[Block],
    batches: Batches,
    percentile: float,
    by_channel: bool,
    replaced: dict[int, Any],
    bare: set[int],
) -> tuple[dict[int, Calibrated], int]:
    """Scales of every block that has a tensor of its own; (by block index, number of samples)."""
    mine = {k: p for k, p in enumerate(blocks) if k and p.key is not None}
    streams = {
        k: StreamingPercentile(
            p.shape[-1] if by_channel and len(p.shape) == 3 and not p.output else 1, 100.0 if p.output else percentile
        )
        for k, p in mine.items()
    }
    active = {k: np.zeros(p.size, bool) for k, p in mine.items()}
    total = {k: [0.0, 0] for k in mine}  # sum and number of the positive ones
    open_ones, n_samples, first = set(mine), 0, True
    while open_ones or first:
        wanted = {blocks[k].key for k in open_ones}
        for batch in batches:
            n_samples += len(batch) if first else 0
            for tensor, values in forward(graph, batch, wanted, replaced, bare):  # type: ignore[arg-type]
                for k in (k for k in mine if k in open_ones and mine[k].key == tensor):
                    part = _part(values, mine[k])
                    try:
                        streams[k].add(part)
                    except DataError as reason:
                        raise ConversionError(f"'{mine[k].name}': {reason} on the calibration data") from reason
                    if first:
                        positive = part > 0
                        active[k] |= (part != 0).reshape(len(part), -1).any(axis=0)
                        total[k][0] += float(part.sum(where=positive, dtype=np.float64))
                        total[k][1] += int(positive.sum())
        try:
            open_ones = {k for k in sorted(open_ones) if not streams[k].end_pass()}
        except DataError as reason:
            raise ConversionError(f"calibration: {reason}") from reason
        first = False
    found = {}
    for k, stream in streams.items():
        mean = total[k][0] / total[k][1] if total[k][1] else float("nan")
        found[k] = Calibrated(stream.result(), float(1 - active[k].mean()), mean)
    return found, n_samples


def _part(values: NDArray[np.floating], block: Block) -> NDArray[np.floating]:
    if block.channels is None:
        return values
    low, high = block.channels
    return values[..., low:high]
