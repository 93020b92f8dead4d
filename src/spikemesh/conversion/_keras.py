"""The one place where Keras and TensorFlow are imported: quietly, late, and with a clear error where they are missing."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

from spikemesh.errors import ConversionError

__all__ = ["keras"]

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "GLOG_minloglevel": "3", "ABSL_MIN_LOG_LEVEL": "3"}


def keras() -> Any:
    """The ``keras`` package, imported on first use (some seconds) without TensorFlow's chatter.

    Raises
    ------
    ConversionError
        where Keras 3 or its backend cannot be imported.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        with _stderr_muted():
            import keras as package
    except ImportError as reason:
        raise ConversionError(f"Keras cannot be imported: {reason}; install keras>=3 and tensorflow") from reason
    # its hints on tf.function are for those who write it
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if int(package.__version__.split(".")[0]) < 3:
        raise ConversionError(f"Keras 3 is needed, not {package.__version__}")
    return package


@contextlib.contextmanager
def _stderr_muted() -> Iterator[None]:
    """Send file descriptor 2 to nowhere: TensorFlow's C++ greets on it before any log level is read."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # no stderr at all, as under pythonw
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
