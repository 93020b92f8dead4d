"""Which task comes next: stages before what needs them, and what the first points need first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from spikemesh.scenario.sweep.store import Store
from spikemesh.scenario.sweep.tasks import POINT, Ref, Task

__all__ = ["Schedule"]


class Schedule:
    """Tasks that wait for stages, and tasks that are ready.

    points : for each pending point, its stages in order and the point itself. Stages that the store has are not made again.
    """

    def __init__(self, points: Iterable[Sequence[Task]], store: Store) -> None:
        self.store = store
        self.tasks: dict[Ref, Task] = {}
        self.rank: dict[Ref, int] = {}
        self.waits: dict[Ref, set[Ref]] = {}
        self.dependents: dict[Ref, list[Ref]] = {}
        self.ready: list[tuple[int, Ref]] = []
        for tasks in points:
            for task in tasks:
                if task.ref not in self.tasks:
                    self.rank[task.ref] = len(self.rank)
                    self.tasks[task.ref] = task
            self.want(tasks[-1])

    def want(self, task: Task) -> None:
        """Plans a task, with whatever stages it needs that are not there."""
        absent = {ref for ref in task.needs if not self.store.has(ref)}
        self.waits[task.ref] = absent
        for ref in sorted(absent):
            waiting = self.dependents.setdefault(ref, [])
            if task.ref not in waiting:
                waiting.append(task.ref)
            if ref not in self.waits:
                self.want(self.tasks[ref])
        if not absent:
            heapq.heappush(self.ready, (self.rank[task.ref], task.ref))

    def pop(self) -> Task:
        """The ready task that comes first."""
        return self.tasks[heapq.heappop(self.ready)[1]]

    def made(self, ref: Ref) -> None:
        """A stage is there: what waited for it alone is ready."""
        self.waits.pop(ref, None)
        for waiting in self.dependents.pop(ref, []):
            left = self.waits.get(waiting)
            if left is not None and ref in left:
                left.discard(ref)
                if not left:
                    heapq.heappush(self.ready, (self.rank[waiting], waiting))

    def cannot(self, ref: Ref) -> list[Task]:
        """A stage cannot be made; gives up all that needs it and returns the points among that."""
        self.waits.pop(ref, None)
        if ref[0] == POINT:
            return [self.tasks[ref]]
        lost = []
        for waiting in self.dependents.pop(ref, []):
            if waiting in self.waits:
                lost += self.cannot(waiting)
        return lost
