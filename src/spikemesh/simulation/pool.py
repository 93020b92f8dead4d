"""Independent pieces of work on several processes, their results in order."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from spikemesh.errors import SimulationError

__all__ = ["check_workers", "in_order"]

Result = TypeVar("Result")

WORKER: dict[str, Callable[[int], Any]] = {}


def check_workers(workers: int) -> None:
    if workers < 1:
        raise SimulationError(f"workers must be at least 1, not {workers}")


def in_order(task: Callable[[int], Result], n: int, workers: int, chunk: int | None = None) -> Iterator[Result]:
    """``task(0)`` to ``task(n - 1)`` as they are done, in this order.

    task : must not depend on which calls came before; sent once to each worker. workers : processes; with one, the caller's
    own. chunk : tasks that a worker takes at once, by default a quarter of its share.
    """
    if workers == 1 or n < 2:
        yield from map(task, range(n))
        return
    # a fresh interpreter each: forking a process in which TensorFlow runs threads may hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, n), context, _initialize, (task,)) as pool:
        yield from pool.map(_call, range(n), chunksize=chunk or max(1, n // (4 * workers)))


def _initialize(task: Callable[[int], Any]) -> None:
    WORKER["task"] = task


def _call(number: int) -> Any:
    return WORKER["task"](number)
