"""Pictures in folders, one folder a class, as image data sets are commonly handed on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError
from spikemesh.workloads.datasets import Dataset

__all__ = ["load_image_folder"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".webp")
TRAIN, TEST = ("train", "training"), ("test", "validation", "val")
TEST_SHARE = 0.2


def load_image_folder(
    folder: str | Path, shape: tuple[int, int, int], *, name: str | None = None, most: int | None = 50, seed: int = 0
) -> Dataset:
    """A data set from ``folder/<class>/<picture>``, or from ``folder/Training/<class>/...`` and ``folder/Test/<class>/...``.

    Parameters
    ----------
    folder : classes are numbered in alphabetical order. Halves may be called train or training, and test, validation or val, in
        any case. Without halves a fifth of each class, drawn by ``seed``, becomes the test half.
    shape : (height, width, channels) to which every picture is resized, bilinearly; 1 channel makes it grey.
    most : pictures of a class and half at most, drawn by ``seed``; None takes all, and all are held in memory at once.

    Raises
    ------
    DataError
        where there is no such folder, no picture, one that cannot be read, or classes differ between the halves.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    rng = np.random.default_rng(seed)
    halves = {p.name.lower(): p for p in root.iterdir() if p.is_dir()}
    train = next((halves[k] for k in TRAIN if k in halves), None)
    test = next((halves[k] for k in TEST if k in halves), None)
    if (train is None) != (test is None):
        raise DataError(f"{root}: a folder for training and one for test are needed, or folders of classes alone")
    if train is not None and test is not None:
        first, second = _classes(train), _classes(test)
        if list(first) != list(second):
            odd = sorted(set(first) ^ set(second))
            raise DataError(f"{root}: {', '.join(odd[:5])} stand in one half only; both need the same classes")
        chosen = [{k: _drawn(files, most, rng) for k, files in half.items()} for half in (first, second)]
    else:
        chosen = [{}, {}]
        for k, files in _classes(root).items():
            files = _drawn(files, None if most is None else round(most / (1 - TEST_SHARE)), rng)
            n_test = max(1, round(TEST_SHARE * len(files)))
            if len(files) < 2:
                raise DataError(f"{root / k}: one picture cannot be both in training and in test")
            chosen[0][k], chosen[1][k] = files[n_test:], files[:n_test]
    parts = [_read(half, shape) for half in chosen]
    order = rng.permutation(len(parts[0][1]))
    title = root.name if name is None else name
    return Dataset(
        title, parts[0][0][order], parts[0][1][order], *parts[1], f"pictures of {len(chosen[0])} classes in {root.name}"
    )


def _classes(root: Path) -> dict[str, list[Path]]:
    """Files of each class, sorted."""
    found = {
        p.name: sorted(f for f in p.iterdir() if f.suffix.lower() in SUFFIXES) for p in sorted(root.iterdir()) if p.is_dir()
    }
    found = {k: files for k, files in found.items() if files}
    if not found:
        raise DataError(f"{root}: holds no folder with pictures ({', '.join(SUFFIXES)})")
    return found


def _drawn(files: list[Path], most: int | None, rng: np.random.Generator) -> list[Path]:
    order = rng.permutation(len(files))
    return [files[k] for k in order[:most]]


def _read(half: dict[str, list[Path]], shape: tuple[int, int, int]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    from PIL import Image

    height, width, channels = shape
    n = sum(len(files) for files in half.values())
    x, y = np.empty((n, *shape), np.float32), np.empty(n, np.int64)
    at = 0
    for k, files in enumerate(half.values()):
        for file in files:
            try:
                with Image.open(file) as picture:
                    pixels = picture.convert("L" if channels == 1 else "RGB").resize((width, height), Image.Resampling.BILINEAR)
            except (OSError, ValueError, SyntaxError) as reason:
                raise DataError(f"{file}: cannot be read as a picture: {reason}") from reason
            x[at] = np.asarray(pixels, np.float32).reshape(height, width, channels) / 255
            y[at] = k
            at += 1
    return x, y
