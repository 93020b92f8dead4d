"""Runs a sweep: plans its points, computes what is not there, and writes the table.

    FOLDER/sweep.sqlite    the table as it grows, one row a run (see ``table``)
    FOLDER/table.csv       the finished table, in the order of the points
    FOLDER/records/        with records = true: every packet of a run, <address>.parquet
    FOLDER/stages/         what points share; may be deleted, and is then made again where it is needed

Everything is named by a digest of what it depends on. So a sweep that was killed goes on where it stopped, one that grew
computes what is new, and the table is the same however often it was interrupted and however many workers there were.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikemesh.errors import DataError, DescriptionError, SpikemeshError
from spikemesh.network.archive import replacing
from spikemesh.scenario.progress import Progress
from spikemesh.scenario.sweep.axes import Sweep
from spikemesh.scenario.sweep.description import SweepDescription, load_sweep, sweep_of
from spikemesh.scenario.sweep.resolve import Resolver, refused_address
from spikemesh.scenario.sweep.schedule import Schedule
from spikemesh.scenario.sweep.store import Site, Store
from spikemesh.scenario.sweep.table import RunTable
from spikemesh.scenario.sweep.tasks import POINT, Outcome, Task
from spikemesh.scenario.sweep.workers import Here, Processes, Workers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SweepResult", "read_sweep", "run_sweep"]

QUIET_S = 5.0
"""Between two lines of progress where no terminal shows a bar."""
ROUNDS = 5
"""How often a task may find a stage unreadable before it is given up."""


@dataclass(frozen=True, eq=False)
class SweepResult:
    """A finished sweep.

    table : one row a point, in order: number, what the axes set, status ("done" or "failed"), error, then every measure.
    computed, reused : runs computed now and known before; points that mean the same are one run. failed : points without a
    result.
    """

    folder: Path
    table: pd.DataFrame
    computed: int
    reused: int
    failed: int


def run_sweep(
    sweep: SweepDescription | Sweep | str | Path,
    point: Mapping[str, Any] | None = None,
    *,
    out: str | Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    records: bool | None = None,
    retry: bool = False,
    progress: Progress | None = None,
) -> SweepResult:
    """Computes every point of a sweep that has not been computed yet.

    Parameters
    ----------
    sweep : axes, a description, or the path of a TOML file (or the name of a shipped one).
    point : with axes only: what holds at every point, key -> value; ``docs/sweeps.md`` lists the keys.
    out : the sweep's folder, ``results/sweeps/<name>`` by default. The same folder again goes on where it stopped.
    workers : local processes, one a core by default; 0 computes in this process. A script needs the usual
        ``if __name__ == "__main__":`` guard for more than 0. The table does not depend on it.
    scheduler : address of a Dask scheduler ("tcp://host:8786") whose workers compute instead of local processes.
    records : whether every packet of every point is kept, in Parquet; by default as the description says.
    retry : computes failed points again.

    Returns
    -------
    SweepResult. A point that fails is in its table with its error; the others go on.

    Raises
    ------
    DescriptionError
        for a sweep that cannot be used. Nothing has run then.
    DataError
        for a folder that holds something else, or whose sweep is running.
    SpikemeshError
        where a package, the scheduler or its workers are missing.
    """
    described = _described(sweep, point)
    described = described if records is None else replace(described, records=records)
    if described.records:
        from spikemesh.scenario.sweep.measuring import check_parquet

        check_parquet()
    if workers is not None and (workers < 0 or scheduler is not None):
        what = "cannot stand beside a scheduler" if scheduler is not None else "must be at least 0"
        raise DescriptionError("sweep", "workers", what, workers)
    folder = Path(out) if out is not None else Path("results") / "sweeps" / described.name
    with _own(folder):
        run = _Run(described, folder, progress or Progress(quiet=True))
        try:
            run.plan(retry)
            run.compute(_cores() if workers is None else workers, scheduler)
            return run.finish()
        finally:
            run.table.close()


def read_sweep(folder: str | Path) -> pd.DataFrame:
    """The table of a sweep's folder as it is now, also while it runs; points that have not run are "pending".

    Raises
    ------
    DataError
        where there is no sweep.
    """
    with opened(folder) as table:
        return table.frame(table.keys())


@contextmanager
def opened(source: str | Path) -> Iterator[RunTable]:
    """The table of a sweep's folder, or of its sweep.sqlite, to read from. A DataError where there is none."""
    path = Path(source)
    path = path / "sweep.sqlite" if path.is_dir() else path
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    table = RunTable(path, make=False)
    try:
        yield table
    finally:
        table.close()


def _described(sweep: SweepDescription | Sweep | str | Path, point: Mapping[str, Any] | None) -> SweepDescription:
    if isinstance(sweep, Sweep):
        return sweep_of(sweep, point)
    if point is not None:
        raise DescriptionError("sweep", "point", "belongs to axes; a description has its own", dict(point))
    return sweep if isinstance(sweep, SweepDescription) else load_sweep(sweep)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _own(folder: Path) -> Iterator[None]:
    """The folder, for this process alone: a lock that ends with the process, however it ends."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / "sweep.lock").is_file()):
        raise DescriptionError("--out", "", "must be a new folder or an earlier sweep's", str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "sweep.lock").open("w")
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error.strerror}") from None
    with lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # no such locks here; two sweeps in one folder then waste work, and break nothing
        except BlockingIOError:
            raise DataError(f"{folder}: another sweep is running there") from None
        yield


class _Run:
    """One run of a sweep in its folder."""

    def __init__(self, described: SweepDescription, folder: Path, progress: Progress) -> None:
        self.described, self.folder, self.progress = described, folder, progress
        self.site = Site.at(folder)
        self.store = Store(self.site.stages)
        self.store.sweep_up()
        self.table = RunTable(folder / "sweep.sqlite")
        self.number: dict[str, int] = {}
        self.points: dict[str, dict[str, Any]] = {}
        self.pending: list[list[Task]] = []
        self.total = self.reused = self.computed = 0
        self.advance: Callable[[], object] = lambda: None
        self.said = time.monotonic()
        self.rounds: dict[str, int] = {}

    # --- planning -------------------------------------------------------------------------------------------------

    def plan(self, retry: bool) -> None:
        """Gives every point its address and finds those that have no result yet."""
        points = list(self.described.points())
        resolver = Resolver(self.described.folder, self.store.root / "passes")
        tasks: dict[str, list[Task]] = {}
        refused: dict[str, str] = {}
        addresses = []
        for point in points:
            try:
                needed = resolver.tasks(point)
                address = needed[-1].address
                tasks.setdefault(address, [*needed[:-1], replace(needed[-1], where={"point": point})])
            except SpikemeshError as error:
                text = f"{type(error).__name__}: {error}"
                address = refused_address(point, text)
                refused[address] = text
            addresses.append(address)
        self._all_refused(points, addresses, refused)
        for number, address in enumerate(addresses):
            self.number.setdefault(address, number)
            self.points.setdefault(address, points[number])
        self.table.plan(addresses, points, self.described.keys)
        known = self.table.finished()
        again = [a for a in self.number if (retry and known.get(a) == "failed") or (known.get(a) == "done" and self._lacks(a))]
        self.table.forget(again)
        self.total, self.reused = len(self.number), len(known) - len(again)
        self.pending = [tasks[a] for a in self.number if a in tasks and (a not in known or a in again)]
        for address, text in refused.items():
            if address not in known or address in again:
                self._record(address, Outcome("failed", error=text))

    def _all_refused(self, points: list[dict[str, Any]], addresses: list[str], refused: dict[str, str]) -> None:
        """A sweep of which no point can run is a mistake in it, not a result."""
        if len(refused) == len(set(addresses)):
            raise DescriptionError(self.described.source, "", f"no point can run; the first: {refused[addresses[0]]}")

    def _lacks(self, address: str) -> bool:
        """Whether a finished point's packets are wanted and not there."""
        return self.described.records and not (self.site.records / f"{address}.parquet").is_file()

    # --- computing ------------------------------------------------------------------------------------------------

    def compute(self, workers: int, scheduler: str | None) -> None:
        """Performs what is pending, wherever that is."""
        self.progress.say(f"{self.described.name}: {len(self.described)} points, {self.reused} of {self.total} known")
        if not self.pending:
            return
        schedule = Schedule(self.pending, self.store)
        crew = self._crew(workers, scheduler)
        with self.progress.bar(f"computing {len(self.pending)} points", len(self.pending)) as advance:
            self.advance = advance
            try:
                self._work(schedule, crew)
            finally:
                crew.close()

    def _crew(self, workers: int, scheduler: str | None) -> Workers:
        if scheduler is not None:
            from spikemesh.scenario.sweep.cluster import Cluster

            return Cluster(scheduler, self.site, self.described.records)
        if workers == 0:
            return Here(self.site, self.described.records)
        return Processes(workers, self.site, self.described.records)

    def _work(self, schedule: Schedule, crew: Workers) -> None:
        given = Here(self.site, self.described.records)  # files that the user named are read here, where they are
        running = 0
        while schedule.ready or running:
            while schedule.ready and crew.room > 0:
                task = schedule.pop()
                if "file" in task.spec:
                    given.submit(task)
                    self._ended(*given.next()[0], schedule, crew)
                    continue
                crew.submit(task)
                running += 1
            if running:
                for task, outcome in crew.next():
                    running += self._ended(task, outcome, schedule, crew) - 1

    def _ended(self, task: Task, outcome: Outcome, schedule: Schedule, crew: Workers) -> int:
        """Books what became of a task; returns how many tasks that put to work again."""
        if outcome.status == "foreign":
            raise SpikemeshError(
                f"worker {outcome.worker} runs another spikemesh than this process: install the same there, or, if its code "
                "was edited meanwhile, start the sweep again"
            )
        if outcome.status == "missing":
            return self._missing(task, outcome, schedule, crew)
        if outcome.status == "failed":
            for point in schedule.cannot(task.ref):
                self._record(point.address, outcome)
            return 0
        if task.kind == POINT:
            for name, content in (outcome.files or {}).items():
                self.site.records.mkdir(exist_ok=True)
                with replacing(self.site.records / name, SpikemeshError) as file:
                    file.write(content)
            self._record(task.address, outcome)
        elif outcome.files is not None:
            self.store.unpack(task.ref, outcome.files)
        schedule.made(task.ref)
        return 0

    def _missing(self, task: Task, outcome: Outcome, schedule: Schedule, crew: Workers) -> int:
        """A worker could not read a stage: hands it over, or has it made again where it is damaged or gone."""
        rounds = self.rounds[task.address] = self.rounds.get(task.address, 0) + 1
        if rounds > ROUNDS:
            kinds = ", ".join(kind for kind, _ in outcome.missing)
            lost = Outcome("failed", error=f"StageLost: its {kinds} cannot be read back, although it was made {ROUNDS} times")
            for point in schedule.cannot(task.ref):
                self._record(point.address, lost)
            return 0
        if all(self.store.has(ref) for ref in outcome.missing):
            crew.submit(task, {ref: self.store.pack(ref) for ref in outcome.missing})
            return 1
        schedule.want(task)
        return 0

    def _record(self, address: str, outcome: Outcome) -> None:
        self.table.record(address, self.number[address], self.points[address], outcome)
        self.computed += 1
        self.advance()
        done = f"{self.reused + self.computed} of {self.total} points"
        if outcome.status == "failed":
            self.progress.say(f"{done}; point {self.number[address]} failed: {outcome.error}")
        elif not self.progress.stream.isatty() and time.monotonic() - self.said > QUIET_S:  # a terminal has the bar
            self.progress.say(done)
            self.said = time.monotonic()

    # --- the end --------------------------------------------------------------------------------------------------

    def finish(self) -> SweepResult:
        """Writes the CSV and gathers the result."""
        frame = self.table.frame(self.described.keys)
        with replacing(self.folder / "table.csv", DataError) as file:
            file.write(frame.to_csv(index=False, lineterminator="\n").encode())
        failed = int((frame["status"] == "failed").sum())
        self.progress.say(f"{self.folder}: {len(frame)} points, {failed} failed")
        return SweepResult(self.folder, frame, self.computed, self.reused, failed)
