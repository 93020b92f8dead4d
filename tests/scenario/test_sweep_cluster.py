"""A sweep on a Dask cluster: a real scheduler and real workers, each a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spikemesh.errors import SpikemeshError
from spikemesh.scenario.sweep import run_sweep
from spikemesh.testing.sweeps import finished, look, same_sweep

pytest.importorskip("distributed")
PATIENCE_S = 180


class Cluster:
    """A scheduler, and workers as they are asked for; all end with the test."""

    def __init__(self, folder: Path, package: Path) -> None:
        self.folder, self.package, self.processes = folder, package, []
        self.file = folder / "scheduler.json"
        words = ["--port", "0", "--no-dashboard", "--scheduler-file", str(self.file)]
        self.run("distributed.cli.dask_scheduler", *words, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1")
        end = time.monotonic() + PATIENCE_S
        while not (self.file.exists() and self.file.read_text().strip().endswith("}")):
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.02)
        import json

        self.address = json.loads(self.file.read_text())["address"]

    def run(self, module: str, *words: str, **more: str) -> subprocess.Popen:
        environment = {**os.environ, "PYTHONPATH": str(self.package), **more}
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen([sys.executable, "-m", module, *words], env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def worker(self, **more: str) -> subprocess.Popen:
        words = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder)]
        return self.run("distributed.cli.dask_worker", "--scheduler-file", str(self.file), *words, **more)

    def wait_for(self, workers: int) -> None:
        """Until so many workers have told the scheduler of themselves."""
        end = time.monotonic() + PATIENCE_S
        while (self.folder / "log").read_text().count("Registered to") < workers:
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.02)

    def close(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path_factory, package_copy):
    made = Cluster(tmp_path_factory.mktemp("cluster"), package_copy)
    yield made
    made.close()


def start(folder: Path, package: Path, out: str, scheduler: str | None) -> subprocess.Popen:
    where = f"scheduler={scheduler!r}" if scheduler else "workers=0"
    code = (
        "from spikemesh.scenario.sweep import run_sweep\n"
        f"r = run_sweep({str(folder / 'sweep.toml')!r}, out={str(folder / out)!r}, {where})\n"
        "print(r.computed, r.reused, r.failed)"
    )
    environment = {**os.environ, "PYTHONPATH": str(package)}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_makes_the_same_table(sweep_folder, cluster, package_copy):
    file = sweep_folder / "sweep.toml"
    file.write_text(file.read_text().replace("values = [0, 1, 2]", f"values = {list(range(15))}"))
    assert finished(start(sweep_folder, package_copy, "here", None), PATIENCE_S) == [60, 0, 0]
    workers = [cluster.worker(), cluster.worker()]
    cluster.wait_for(2)
    process = start(sweep_folder, package_copy, "there", cluster.address)
    seen: set[int] = set()
    while process.poll() is None and len(seen) < 2:
        seen = {int(w.rpartition(":")[2]) for (w,) in look(sweep_folder / "there", "SELECT worker FROM timings")}
        time.sleep(0.005)
    assert seen == {worker.pid for worker in workers}, "both have finished a point"
    workers[0].send_signal(signal.SIGKILL)
    assert len(look(sweep_folder / "there", "SELECT 1 FROM runs")) < 60, "a worker was lost on the way"
    assert finished(process, PATIENCE_S) == [60, 0, 0]
    same_sweep(sweep_folder / "there", sweep_folder / "here")


@pytest.mark.slow
def test_workers_that_do_not_see_the_folder_get_what_they_need(sweep_folder, cluster, package_copy, tmp_path_factory):
    """Each worker keeps its stages in a folder of its own, as on a machine without shared files; packets come back too."""
    pytest.importorskip("pyarrow")
    file = sweep_folder / "sweep.toml"
    file.write_text(file.read_text().replace("[sweep]", "[sweep]\nrecords = true"))
    assert finished(start(sweep_folder, package_copy, "here", None), PATIENCE_S) == [12, 0, 0]
    own = [tmp_path_factory.mktemp("machine") for _ in range(2)]
    for folder in own:
        cluster.worker(SPIKEMESH_SWEEP_STAGES=str(folder))
    process = start(sweep_folder, package_copy, "there", cluster.address)
    assert finished(process, PATIENCE_S) == [12, 0, 0]
    same_sweep(sweep_folder / "there", sweep_folder / "here")
    here, there = ({f.name: f.read_bytes() for f in (sweep_folder / o / "records").iterdir()} for o in ("here", "there"))
    assert here == there
    for folder in own:
        assert list(folder.rglob("trace.npz")), "the worker kept what it was sent"


@pytest.mark.slow
def test_a_task_that_kills_every_worker_fails_and_the_others_go_on(sweep_folder, cluster, package_copy):
    passes = '[[passes]]\npass = "deadly.py:Cluster"\n[[passes]]\npass = "place"\n'
    (sweep_folder / "deadly.toml").write_text(passes)
    (sweep_folder / "deadly.py").write_text(
        "import os\nfrom dataclasses import dataclass\n@dataclass(frozen=True)\nclass Cluster:\n"
        "    reads = ('network',)\n    writes = ('partition',)\n    def run(self, state):\n        os._exit(1)\n"
    )
    file = sweep_folder / "sweep.toml"
    text = file.read_text().replace('["random", "pacman"]', '["deadly.toml", "pacman"]').replace("[0, 1, 2]", "[0]")
    file.write_text(text)
    for _ in range(5):
        cluster.worker()
    cluster.wait_for(5)
    assert finished(start(sweep_folder, package_copy, "there", cluster.address), PATIENCE_S) == [4, 0, 2]
    assert sum(process.poll() is not None for process in cluster.processes) == 4, "two tasks, two workers each"
    errors = look(sweep_folder / "there", "SELECT error FROM runs WHERE error IS NOT NULL")
    assert len(errors) == 2 and all("WorkerLost" in error for (error,) in errors)


@pytest.mark.slow
def test_a_cluster_without_workers_is_not_waited_for_forever(sweep_folder, cluster, monkeypatch):
    from spikemesh.scenario.sweep import cluster as module

    monkeypatch.setattr(module, "PATIENCE_S", 1.0)
    with pytest.raises(SpikemeshError, match="no workers"):
        run_sweep(sweep_folder / "sweep.toml", out=sweep_folder / "out", scheduler=cluster.address)


def test_a_scheduler_that_is_not_there_is_named(sweep_folder, monkeypatch):
    from spikemesh.scenario.sweep import cluster

    monkeypatch.setattr(cluster, "PATIENCE_S", 1.0)
    with pytest.raises(SpikemeshError, match=r"tcp://127\.0\.0\.1:9"):
        run_sweep(sweep_folder / "sweep.toml", out=sweep_folder / "out", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(SpikemeshError, match="beside a scheduler"):
        run_sweep(sweep_folder / "sweep.toml", out=sweep_folder / "out", workers=2, scheduler="tcp://127.0.0.1:9")
