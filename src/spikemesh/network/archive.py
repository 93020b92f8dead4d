"""Arrays and a JSON header in one .npz file, written whole or not at all, read without trust.

An archive is an ordinary .npz: ``numpy.load`` opens it. The member ``header`` holds UTF-8 JSON as uint8 with the entries
``format`` (what the file is), ``version`` and ``arrays`` (names of the other members, so that none can be lost unnoticed).
Nothing is ever unpickled.
"""

from __future__ import annotations

import io
import json
import math
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import SpikemeshError

__all__ = ["Archive", "is_finite", "read_arrays", "replacing", "write_archive"]

HEADER = "header"


@contextmanager
def replacing(path: Path, error: type[SpikemeshError]) -> Iterator[io.BufferedWriter]:
    """A binary file under a temporary name beside ``path`` that takes its place when the block ends well."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    except OSError as problem:
        raise error(f"{path}: cannot be written: {problem.strerror}") from None
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        # mkstemp's files are private; the result gets the permissions that any new file would get
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o666 & ~mask)
        partial.replace(path)
    except OSError as problem:
        raise error(f"{path}: cannot be written: {problem.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)


def write_archive(
    path: str | Path, header: Mapping[str, Any], arrays: Mapping[str, NDArray], error: type[SpikemeshError]
) -> None:
    """Writes header and arrays; ``error`` is raised where the file system refuses. Same content, same bytes."""
    text = json.dumps({**header, "arrays": sorted(arrays)}, sort_keys=True, allow_nan=False).encode()
    members = {HEADER: np.frombuffer(text, np.uint8), **arrays}
    with replacing(Path(path), error) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, values in members.items():
            # the date is fixed by ZipInfo's default, so that equal content gives equal files
            with archive.open(_info(name), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(values), allow_pickle=False)


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(f"{name}.npy")
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def is_finite(value: Any) -> bool:
    """Whether it is a number, neither infinite nor NaN, and no whole number too large for a float."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -sys.float_info.max <= value <= sys.float_info.max


class Archive:
    """An archive that was read: the header's values and the arrays, handed out checked.

    Every problem becomes one ``error`` that names the file and the key. What nobody asked for is refused at the end by
    :meth:`finish`, so that a file of another kind or a newer version is not half understood.
    """

    def __init__(self, path: str | Path, kind: str, version: int, error: type[SpikemeshError]) -> None:
        self.path, self.error = Path(path), error
        self._arrays = _members(self.path, f"{kind} file", error)
        if HEADER not in self._arrays:
            self.fail(HEADER, f"is missing: this is not a {kind} file")
        try:
            header = json.loads(self._arrays.pop(HEADER).astype(np.uint8).tobytes().decode())
        except (ValueError, RecursionError, TypeError):
            self.fail(HEADER, "is not JSON")
        if not isinstance(header, dict):
            self.fail(HEADER, "is not a JSON object")
        self._header: dict[str, Any] = header
        found = self._header.pop("format", None)
        if found != kind:
            self.fail("format", f"is {found!r}, not {kind!r}")
        number = self.integer("version", least=1)
        if number > version:
            self.fail("version", f"is {number}; this spikemesh reads up to {version}: a newer one wrote the file")
        if self._take("arrays") != sorted(self._arrays):
            self.fail("arrays", f"names other arrays than the file holds: {', '.join(sorted(self._arrays))}")

    def fail(self, key: str, what: str) -> NoReturn:
        raise self.error(f"{self.path}: {key} {what}")

    def _take(self, key: str) -> Any:
        if key not in self._header:
            self.fail(key, "is missing from the header")
        return self._header.pop(key)

    def text(self, key: str) -> str:
        return self.as_text(key, self._take(key))

    def integer(self, key: str, least: int = 0) -> int:
        return self.as_integer(key, self._take(key), least)

    def number(self, key: str) -> float:
        value = self._take(key)
        if not is_finite(value):
            self.fail(key, f"must be a number, not {value!r}")
        return float(value)

    def listing(self, key: str, keys: set[str]) -> list[dict[str, Any]]:
        """A list of objects that all have exactly these keys."""
        value = self._take(key)
        if not isinstance(value, list) or not all(isinstance(v, dict) and set(v) == keys for v in value):
            self.fail(key, f"must be a list of objects with the keys {', '.join(sorted(keys))}")
        return value

    def as_text(self, key: str, value: Any) -> str:
        if not isinstance(value, str):
            self.fail(key, f"must be a text, not {value!r}")
        return value

    def as_integer(self, key: str, value: Any, least: int = 0) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**62:
            self.fail(key, f"must be a whole number of at least {least}, not {value!r}")
        return value

    def as_integers(self, key: str, value: Any, n: int | None = None, least: int = 0) -> tuple[int, ...]:
        if not isinstance(value, list) or (n is not None and len(value) != n):
            self.fail(key, f"must be a list of {n or 'some'} whole numbers, not {value!r}")
        return tuple(self.as_integer(key, v, least) for v in value)

    def has(self, key: str) -> bool:
        """Whether there is an array of this name."""
        return key in self._arrays

    def array(self, key: str, kinds: str, ndim: int) -> NDArray:
        """An array whose dtype is of one of ``kinds`` ("i" integers, "f" floats) and that has ``ndim`` axes."""
        if key not in self._arrays:
            self.fail(key, "is missing")
        values = self._arrays.pop(key)
        if values.dtype.kind not in kinds or values.ndim != ndim:
            wanted = " or ".join({"i": "integers", "f": "floats"}[k] for k in kinds)
            self.fail(key, f"must hold {wanted} on {ndim} axes, not {values.dtype} of shape {values.shape}")
        return values

    def finish(self) -> None:
        """Refuses whatever is left."""
        left = [*self._header, *self._arrays]
        if left:
            self.fail(left[0], "is not known here")


def read_arrays(path: str | Path, names: Sequence[str], error: type[SpikemeshError]) -> dict[str, NDArray]:
    """Arrays of numbers from any .npz file, or the one array of a .npy file, by name.

    Raises
    ------
    ``error`` for a file that is missing, damaged, or lacks one of ``names``; for arrays of anything but numbers.
    """
    path = Path(path)
    if path.suffix == ".npy":
        with _told(path, ".npy file", error):
            found = dict.fromkeys(names, _parse(path.read_bytes(), fortran_too=True))
    else:
        found = _members(path, ".npz file", error, names)
    for name in names:
        if name not in found:
            raise error(f"{path}: holds no array named {name!r}; {', '.join(names)} needed")
        if found[name].dtype.kind not in "biuf":
            raise error(f"{path}: {name} must hold numbers, not {found[name].dtype}")
    return found


def _members(path: Path, kind: str, error: type[SpikemeshError], wanted: Sequence[str] | None = None) -> dict[str, NDArray]:
    """All arrays of an archive, or only those ``wanted``, which other tools may have written in Fortran's order."""
    arrays = {}
    with _told(path, kind, error), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(set(names)) < len(names):
            raise error(f"{path}: holds two members of one name")
        for name in names:
            short = name.removesuffix(".npy")
            if wanted is None or short in wanted:
                # reading a member whole checks its sum before a single value is believed
                arrays[short] = _parse(archive.read(name), fortran_too=wanted is not None)
    return arrays


@contextmanager
def _told(path: Path, kind: str, error: type[SpikemeshError]) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise error(f"{path}: there is no such file") from None
    except OSError as problem:
        raise error(f"{path}: cannot be read: {problem.strerror or problem}") from None
    except SpikemeshError:
        raise
    except Exception as problem:
        # zipfile and numpy raise many kinds of errors on damaged bytes; all of them mean this
        said = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise error(f"{path}: is not a whole {kind}, it may be truncated: {said}") from None


def _parse(member: bytes, fortran_too: bool = False) -> NDArray:
    """The array of a .npy member, in native byte order. Never an object array."""
    stream = io.BytesIO(member)
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, fortran, dtype = read[version](stream)
    if dtype.hasobject:
        raise ValueError("an array of Python objects")
    count = math.prod(shape)
    if (fortran and not fortran_too) or stream.tell() + count * dtype.itemsize != len(member):
        raise ValueError(f"an array of shape {shape} in {len(member)} bytes")
    values = np.frombuffer(member, dtype, count, stream.tell()).reshape(shape, order="F" if fortran else "C")
    return values.astype(dtype.newbyteorder("="))
