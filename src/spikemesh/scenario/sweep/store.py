"""Stages on disk: a folder each, named by its address, there whole or not at all.

    stages/<kind>/<address>/...     what the stage made
    stages/token                    tells workers that they see this very folder

A stage is written under a name of its own and renamed. Two workers that make the same one do not meet: the second finds the
first one's and drops its own, and both are equal.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spikemesh.errors import SpikemeshError
from spikemesh.network.archive import replacing
from spikemesh.scenario.sweep.tasks import Ref

__all__ = ["Site", "Store"]

LOCAL_STAGES = "SPIKEMESH_SWEEP_STAGES"
"""Environment variable: a folder for stages on a worker that does not see the sweep's own, or would rather not."""


@dataclass(frozen=True)
class Site:
    """Where a sweep is: its folder as its own process sees it, and the token that lies there."""

    folder: str
    token: str

    @property
    def stages(self) -> Path:
        return Path(self.folder) / "stages"

    @property
    def records(self) -> Path:
        return Path(self.folder) / "records"

    def is_here(self) -> bool:
        """Whether this process sees that folder: the same file system, or the same machine."""
        if os.environ.get(LOCAL_STAGES):
            return False
        try:
            return (self.stages / "token").read_text(encoding="utf-8") == self.token
        except OSError:
            return False

    def store(self) -> Store:
        """The stages to use here: the sweep's own, else copies of them in a folder of this machine."""
        if self.is_here():
            return Store(self.stages)
        from spikemesh.workloads.training import cache_directory

        chosen = os.environ.get(LOCAL_STAGES)
        return Store((Path(chosen) if chosen else cache_directory() / "sweep-stages") / self.token)

    @classmethod
    def at(cls, folder: Path) -> Site:
        """The site of a folder, its token made on the first call."""
        file = folder / "stages" / "token"
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.is_file():
            with replacing(file, SpikemeshError) as out:
                out.write(secrets.token_hex(16).encode())
        return cls(str(folder.resolve()), file.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Store:
    """The stages under one folder."""

    root: Path

    def path(self, ref: Ref) -> Path:
        kind, address = ref
        return self.root / kind / address

    def has(self, ref: Ref) -> bool:
        return self.path(ref).is_dir()

    @contextmanager
    def making(self, ref: Ref) -> Iterator[Path]:
        """An empty folder that becomes the stage when the block ends well."""
        partial = self.root / "partial" / f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        partial.mkdir(parents=True)
        try:
            yield partial
            final = self.path(ref)
            final.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.rename(final)
            except OSError:
                if not final.is_dir():  # else another worker was first, with the same content
                    raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def drop(self, ref: Ref) -> None:
        """Removes a stage, in one step as others see it."""
        gone = self.root / "partial" / f"dropped-{secrets.token_hex(8)}"
        gone.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            self.path(ref).rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def sweep_up(self) -> None:
        """Removes what killed workers left half-made."""
        shutil.rmtree(self.root / "partial", ignore_errors=True)

    def pack(self, ref: Ref) -> dict[str, bytes]:
        """A stage as name -> bytes, to be sent to another machine."""
        return {file.name: file.read_bytes() for file in sorted(self.path(ref).iterdir())}

    def unpack(self, ref: Ref, files: dict[str, bytes]) -> None:
        """A stage from another machine, unless it is here already."""
        if self.has(ref):
            return
        with self.making(ref) as folder:
            for name, content in files.items():
                (folder / name).write_bytes(content)
