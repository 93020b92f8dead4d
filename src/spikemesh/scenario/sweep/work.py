"""What a worker does: one task at a time, wherever it runs."""

from __future__ import annotations

import os
import socket
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace

from spikemesh.errors import SpikemeshError
from spikemesh.network.archive import replacing
from spikemesh.scenario.sweep.store import Site
from spikemesh.scenario.sweep.tasks import POINT, Outcome, Ref, Task, canonical, code_digest

__all__ = ["perform"]

ONE_AT_A_TIME = threading.Lock()
"""Brian2 and TensorFlow keep state for the process; a worker with several threads takes turns."""


def perform(
    task: Task, site: Site, code: str, records: bool = False, sent: Mapping[Ref, dict[str, bytes]] | None = None
) -> Outcome:
    """Makes a stage, or measures a point. Whatever goes wrong is in the outcome; nothing is raised.

    code : what the sweep's own process runs, see :func:`spikemesh.scenario.sweep.tasks.code_digest`.
    records : whether a point's packets are kept.
    sent : stages that this worker said it cannot see.
    """
    worker = f"{socket.gethostname()}:{os.getpid()}"
    if code_digest() != code:
        return Outcome("foreign", worker=worker)
    with ONE_AT_A_TIME:
        began = time.perf_counter()
        try:
            outcome = _perform(task, site, records, sent or {})
        except Exception as error:
            text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            outcome = Outcome("failed", error=text, traceback=traceback.format_exc())
        return replace(outcome, seconds=time.perf_counter() - began, worker=worker)


def _perform(task: Task, site: Site, records: bool, sent: Mapping[Ref, dict[str, bytes]]) -> Outcome:
    from spikemesh.scenario.sweep.making import make
    from spikemesh.scenario.sweep.shelf import Damaged, Shelf

    here = site.is_here()
    store = site.store()
    for ref, files in sent.items():
        store.unpack(ref, files)
    absent = tuple(ref for ref in task.needs if not store.has(ref))
    if absent:
        return Outcome("missing", missing=absent)
    try:
        if task.kind == POINT:
            return _point(task, site, Shelf(store), records, here)
        if not store.has(task.ref):
            with store.making(task.ref) as folder:
                make(task, Shelf(store), folder)
    except Damaged as damaged:
        store.drop(damaged.ref)
        return Outcome("missing", missing=(damaged.ref,))
    return Outcome("done", files=None if here else store.pack(task.ref))


def _point(task: Task, site: Site, shelf: object, records: bool, here: bool) -> Outcome:
    from spikemesh.scenario.sweep.measuring import measure, record_bytes

    row, record = measure(task, shelf)  # type: ignore[arg-type]
    if not records:
        return Outcome("done", result=row)
    name, content = f"{task.address}.parquet", record_bytes(record, canonical(task.where["point"]))
    if not here:
        return Outcome("done", result=row, files={name: content})
    site.records.mkdir(exist_ok=True)
    with replacing(site.records / name, SpikemeshError) as file:
        file.write(content)
    return Outcome("done", result=row)
