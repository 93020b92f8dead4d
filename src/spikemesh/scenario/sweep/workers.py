"""Processes of this machine that perform tasks, one task a process at a time."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from spikemesh.errors import SpikemeshError
from spikemesh.scenario.sweep.store import Site
from spikemesh.scenario.sweep.tasks import Outcome, Ref, Task, code_digest
from spikemesh.scenario.sweep.work import perform

__all__ = ["Here", "Processes", "Workers"]

ATTEMPTS = 3
"""How often a task may lose its worker before it is taken to be the cause."""

Sent = Mapping[Ref, dict[str, bytes]]
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Workers(Protocol):
    """Where tasks are performed."""

    @property
    def room(self) -> int:
        """How many more tasks can be taken now."""
        ...

    def submit(self, task: Task, sent: Sent | None = None) -> None:
        """Begins a task; ``sent``, stages to hand to the worker that said they are missing."""
        ...

    def next(self) -> list[tuple[Task, Outcome]]:
        """Waits until a task ends; all that have."""
        ...

    def close(self) -> None:
        """Ends the workers, whatever they are doing."""
        ...


class Here:
    """This very process: for notebooks and debuggers."""

    def __init__(self, site: Site, records: bool) -> None:
        self.site, self.records = site, records
        self.waiting: list[tuple[Task, Sent | None]] = []

    @property
    def room(self) -> int:
        return 1 - len(self.waiting)

    def submit(self, task: Task, sent: Sent | None = None) -> None:
        self.waiting.append((task, sent))

    def next(self) -> list[tuple[Task, Outcome]]:
        task, sent = self.waiting.pop()
        return [(task, perform(task, self.site, code_digest(), self.records, sent))]

    def close(self) -> None:
        self.waiting.clear()


@dataclass(eq=False)
class _Slot:
    """One process, as a pool of its own: when it dies, what it was doing is known."""

    executor: ProcessPoolExecutor
    began: Future[int]
    task: Task | None = None
    sent: Sent | None = None


@dataclass(eq=False)
class Processes:
    """``n`` processes. They start afresh (a fork of a process in which TensorFlow runs threads may hang), compute on one
    thread each, and end when this process does, even when it is killed."""

    n: int
    site: Site
    records: bool
    slots: list[_Slot] = field(default_factory=list)
    running: dict[Future[Outcome], _Slot] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)

    @property
    def room(self) -> int:
        return self.n - len(self.running)

    def submit(self, task: Task, sent: Sent | None = None) -> None:
        busy = list(self.running.values())
        slot = next((s for s in self.slots if s not in busy), None)
        with _one_thread():
            if slot is None:
                slot = _start()
                self.slots.append(slot)
            slot.task, slot.sent = task, sent
            future = slot.executor.submit(perform, task, self.site, code_digest(), self.records, sent)
        self.running[future] = slot

    def next(self) -> list[tuple[Task, Outcome]]:
        ended: list[tuple[Task, Outcome]] = []
        while not ended:
            done, _ = wait(self.running, return_when=FIRST_COMPLETED)
            for future in done:
                slot = self.running.pop(future)
                assert slot.task is not None
                try:
                    ended.append((slot.task, future.result()))
                except BrokenProcessPool:
                    ended += self._again(slot)
        return ended

    def _again(self, slot: _Slot) -> list[tuple[Task, Outcome]]:
        """Starts the task of a worker that died once more, on a fresh one; gives up on it where it keeps killing them."""
        assert slot.task is not None
        if not slot.began.done() or slot.began.exception() is not None:
            raise SpikemeshError(
                "worker processes cannot start: a script that runs a sweep needs the usual `if __name__ == '__main__':` "
                "around it; workers=0 computes in the script's own process"
            )
        self.slots.remove(slot)
        slot.executor.shutdown(wait=False)
        tries = self.attempts.get(slot.task.address, 0) + 1
        self.attempts[slot.task.address] = tries
        if tries < ATTEMPTS:
            self.submit(slot.task, slot.sent)
            return []
        lost = f"WorkerLost: {tries} worker processes died over it (killed, or out of memory)"
        return [(slot.task, Outcome("failed", error=lost))]

    def close(self) -> None:
        for slot in self.slots:
            processes = list((getattr(slot.executor, "_processes", None) or {}).values())
            slot.executor.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
        self.slots.clear()
        self.running.clear()


def _start() -> _Slot:
    executor = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_initialise)
    return _Slot(executor, executor.submit(os.getpid))


def _initialise() -> None:
    """A worker leaves Ctrl-C to the sweep's process, and ends when that process is gone."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # a terminal's Ctrl-C goes to the group; ignoring it is not enough, for Brian2 has a handler of its own
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that start meanwhile use one thread for linear algebra, unless the user says otherwise."""
    added = [name for name in ONE_THREAD if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
