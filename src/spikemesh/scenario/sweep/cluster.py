"""The same tasks on a Dask cluster that the user already has."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from spikemesh.errors import SpikemeshError
from spikemesh.scenario.sweep.store import Site
from spikemesh.scenario.sweep.tasks import Outcome, Task, code_digest
from spikemesh.scenario.sweep.work import perform
from spikemesh.scenario.sweep.workers import Sent

__all__ = ["Cluster"]

AHEAD = 2
"""Tasks submitted for each thread of the cluster: enough that no worker waits for this process, few enough to stay in order."""
PATIENCE_S = 60.0
"""How long to wait for a worker where there is none."""
LOOK_S = 5.0
"""How often to look whether there is one."""


class Cluster:
    """A Dask scheduler's workers. They need spikemesh, not the sweep's folder: what a worker cannot see is sent to it, and
    what it makes comes back.

    A task whose worker dies is given to another one by the scheduler; one that keeps killing workers fails.

    Raises
    ------
    SpikemeshError
        where the package, the scheduler or every worker is missing.
    """

    def __init__(self, scheduler: str, site: Site, records: bool) -> None:
        try:
            import distributed
        except ImportError:
            raise SpikemeshError("--scheduler needs the package distributed: pip install 'spikemesh[distributed]'") from None
        self.scheduler, self.site, self.records = scheduler, site, records
        try:
            self.client = distributed.Client(scheduler, timeout=f"{PATIENCE_S / 2:g}s", set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise SpikemeshError(f"--scheduler {scheduler}: no Dask scheduler answers there ({error})") from None
        try:
            self.client.wait_for_workers(1, timeout=PATIENCE_S)
        except TimeoutError:
            self.client.close()
            raise SpikemeshError(f"--scheduler {scheduler}: the scheduler has no workers") from None
        self.running: dict[Any, Task] = {}
        self.holders: dict[str, list[str] | None] = {}
        self.submitted = 0

    @property
    def room(self) -> int:
        threads = sum(self.client.nthreads().values())
        return max(1, AHEAD * threads) - len(self.running)

    def submit(self, task: Task, sent: Sent | None = None) -> None:
        # a key of its own each time: the scheduler must not answer from what it remembers of an earlier attempt
        self.submitted += 1
        where = self.holders.pop(task.address, None) if sent else None
        future = self.client.submit(
            perform,
            task,
            self.site,
            code_digest(),
            self.records,
            sent,
            key=f"spikemesh-{task.kind}-{task.address[:16]}-{self.submitted}",
            pure=False,
            workers=where,
            allow_other_workers=where is not None,
        )
        self.running[future] = task

    def next(self) -> list[tuple[Task, Outcome]]:
        done = self._wait()
        ended = []
        for future in [future for future in self.running if future in done]:
            task, outcome = self.running.pop(future), self._outcome(future)
            if outcome.status == "missing":
                self.holders[task.address] = self._holder(future)
            ended.append((task, outcome))
        return ended

    def _wait(self) -> set[Any]:
        """Futures that have ended, at least one; a SpikemeshError once the cluster has been without workers for a while."""
        from distributed import wait

        deserted = None
        while True:
            try:
                with self.client.as_current():
                    return wait(list(self.running), timeout=LOOK_S, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                now = time.monotonic()
                deserted = None if self.client.nthreads() else deserted or now
            if deserted is not None and now - deserted > PATIENCE_S:
                raise SpikemeshError(f"--scheduler {self.scheduler}: all workers are gone; start the sweep again to go on")

    def _holder(self, future: Any) -> list[str] | None:
        """The worker that a task ran on; None where it has gone meanwhile."""
        return next((list(workers) for workers in self.client.who_has([future]).values() if workers), None)

    def _outcome(self, future: Any) -> Outcome:
        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker:
            return Outcome("failed", error="WorkerLost: one worker after the other died over it (killed, or out of memory)")
        except Exception as error:  # perform raises nothing: what arrives here is the cluster's own trouble
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise SpikemeshError(f"--scheduler {self.scheduler}: {reason}; start the sweep again to go on") from error

    def close(self) -> None:
        with contextlib.suppress(Exception):  # a cluster that is gone cannot be told
            self.client.cancel(list(self.running))
            self.client.close()
        self.running.clear()
