"""Single heartbeats as pictures for HeartClass, which takes 82x82 pixels; patients of training and test are not the same.

A beat's 1.5 s of signal is drawn as a line of full brightness, its least and greatest value at the lower and upper edge. Beats
of one patient look alike, and some classes come from one patient alone, so that a random split would tell patients apart
instead of beats: the test half holds records 100, 202 and 223, the training half all the others.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError
from spikemesh.network.archive import read_arrays
from spikemesh.workloads.datasets import Dataset

__all__ = ["TEST_RECORDS", "draw", "read_beats"]

SIDE = 82
TEST_RECORDS = (100, 202, 223)
"""They hold beats of all classes that more than one patient has: normal, supraventricular and ventricular ones."""


def draw(signals: NDArray[np.floating], side: int = SIDE) -> NDArray[np.float32]:
    """(n, samples) -> (n, side, side, 1) pictures of each signal as a line, upper values in upper rows.

    Column c covers the samples around c * (samples - 1) / (side - 1); its pixels between the least and the greatest value from
    halfway to the column before to halfway to the one behind are 1, all others 0. A flat signal is a line in the middle.
    """
    low, high = signals.min(axis=1, keepdims=True), signals.max(axis=1, keepdims=True)
    span = np.where(high > low, high - low, 1)
    rows = np.where(high > low, (high - signals) / span, 0.5) * (side - 1)
    n = signals.shape[1]
    fine = np.linspace(-0.5, side - 0.5, 8 * side + 1) * (n - 1) / (side - 1)
    fine = np.clip(fine, 0, n - 1)
    left = np.minimum(fine.astype(int), n - 2)
    part = fine - left
    line = rows[:, left] * (1 - part) + rows[:, left + 1] * part
    within = np.stack([line[:, 8 * c : 8 * c + 9] for c in range(side)], axis=1)
    top, bottom = np.rint(within.min(axis=2)), np.rint(within.max(axis=2))
    row = np.arange(side)[None, :, None]
    return ((row >= top[:, None, :]) & (row <= bottom[:, None, :])).astype(np.float32)[..., None]


def read_beats(path: Path) -> Dataset:
    """The beats of an archive with x (n, samples) in mV, y (n,) classes 0..4 and record (n,).

    Raises
    ------
    DataError
        where the file is damaged, or lacks beats of either half.
    """
    stored = read_arrays(path, ("x", "y", "record"), DataError)
    x, y, record = (stored[key] for key in ("x", "y", "record"))
    if x.ndim != 2 or x.shape[1] < 2 or y.shape != (len(x),) or record.shape != (len(x),) or not np.isfinite(x).all():
        raise DataError(
            f"{path}: x must be finite, (n, samples), with n values in y and record: {x.shape}, {y.shape}, {record.shape}"
        )
    test = np.isin(record, TEST_RECORDS)
    if test.all() or not test.any():
        raise DataError(f"{path}: beats of records {TEST_RECORDS} and of others are needed, for test and training")
    pictures, y = draw(x), y.astype(np.int64)
    order = np.random.default_rng(0).permutation(np.flatnonzero(~test))  # calibration takes the first ones
    source = f"MIT-BIH Arrhythmia Database, beats of records {', '.join(map(str, TEST_RECORDS))} to test, of others to train"
    return Dataset("ecg-beats", pictures[order], y[order], pictures[test], y[test], source)
