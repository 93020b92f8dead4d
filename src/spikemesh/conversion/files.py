"""Keras models from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikemesh.conversion._keras import keras
from spikemesh.errors import ConversionError

__all__ = ["load_keras_model"]


def load_keras_model(path: str | Path) -> Any:
    """The Keras model of a ``.keras`` or ``.h5`` file, without its optimiser and without running code from the file.

    Raises
    ------
    ConversionError
        where the file is missing, truncated, no Keras model, or holds code (a Lambda layer) or classes of its own.
    """
    path = Path(path)
    if path.suffix not in (".keras", ".h5", ".hdf5"):
        raise ConversionError(f"{path}: a Keras model file ends in .keras or .h5")
    if not path.is_file():
        raise ConversionError(f"{path}: no such file")
    k = keras()
    try:
        return k.models.load_model(path, compile=False, safe_mode=True)
    except Exception as reason:  # Keras raises nearly every kind here; all of them mean that the file is no use
        first = str(reason).strip().splitlines()
        raise ConversionError(f"{path}: Keras cannot load this model: {first[0] if first else reason!r}") from reason
