"""A sweep that is killed, at any time and as often as one likes, ends with the table of one that was not. Real processes,
real SIGKILL."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spikemesh.testing.sweeps import finished, look, same_sweep

PATIENCE_S = 120


def start(folder: Path, workers: int, out: str = "out") -> subprocess.Popen:
    """The sweep of a folder, in a process of its own."""
    code = (
        "import sys\nfrom spikemesh.scenario.sweep import run_sweep\n"
        "r = run_sweep(sys.argv[1], out=sys.argv[2], workers=int(sys.argv[3]))\nprint(r.computed, r.reused, r.failed)"
    )
    command = [sys.executable, "-c", code, str(folder / "sweep.toml"), str(folder / out), str(workers)]
    environment = {**os.environ, "PYTHONPATH": (folder / "package").read_text()}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def runs(out: Path) -> dict:
    return dict(look(out, "SELECT address, result FROM runs"))


def wait_for(condition, process: subprocess.Popen) -> bool:
    """Whether the condition came true before the process ended."""
    end = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.002)
    return False


@pytest.fixture(scope="module")
def calm_folder(fill_sweep_folder, package_copy, tmp_path_factory):
    """60 points, half of which fail; calm/ has the table of a sweep that nobody killed."""
    folder = fill_sweep_folder(tmp_path_factory.mktemp("sweep"))
    file = folder / "sweep.toml"
    text = file.read_text().replace("values = [0, 1, 2]", f"values = {list(range(15))}")
    file.write_text(text.replace('"random", "pacman"', '"random", "no-such"'))
    (folder / "package").write_text(str(package_copy))
    assert finished(start(folder, workers=0, out="calm"), PATIENCE_S) == [60, 0, 30]
    return folder


@pytest.fixture
def killed_folder(calm_folder, tmp_path):
    """As calm_folder; out/ is for a sweep that gets killed."""
    return shutil.copytree(calm_folder, tmp_path / "sweep")


def lengthen(folder: Path, points: int, failed: int) -> None:
    """More points, about two seconds of 400, so that kills come in time on any machine; calm/ again of a sweep that nobody killed."""
    file = folder / "sweep.toml"
    file.write_text(file.read_text().replace(str(list(range(15))), str(list(range(points // 4)))))
    shutil.rmtree(folder / "calm")
    assert finished(start(folder, workers=0, out="calm"), PATIENCE_S) == [points, 0, failed]


def test_killed_again_and_again_it_goes_on_where_it_stopped(killed_folder):
    out, kept, halfway = killed_folder / "out", {}, 0
    for rows in (1, 34, 47):
        process = start(killed_folder, workers=0)
        wait_for(lambda rows=rows: len(runs(out)) >= rows, process)
        process.kill()
        process.communicate()
        now = runs(out)
        assert kept.items() <= now.items(), "nothing that was finished is lost"
        halfway += 0 < len(now) < 60
        kept = now
    assert halfway, "no kill came in time to matter"
    computed, reused, failed = finished(start(killed_folder, workers=0), PATIENCE_S)
    assert (computed + reused, reused, failed) == (60, len(kept), 30)
    same_sweep(killed_folder / "out", killed_folder / "calm")


@pytest.mark.slow
def test_workers_end_with_a_killed_sweep_and_a_killed_worker_ends_nothing(killed_folder):
    file, out = killed_folder / "sweep.toml", killed_folder / "out"
    file.write_text(file.read_text().replace('"no-such"', '"pacman"'))
    lengthen(killed_folder, 400, 0)
    process = start(killed_folder, workers=2)
    assert wait_for(lambda: len(runs(out)) >= 5, process)
    children = children_of(process.pid)
    process.kill()
    process.communicate()
    assert len(children) >= 2
    end = time.monotonic() + PATIENCE_S
    while any(alive(pid) for pid in children) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(alive(pid) for pid in children)

    workers = "SELECT DISTINCT worker FROM timings WHERE worker != ''"
    first, before = pids(look(out, workers)), len(runs(out))
    process = start(killed_folder, workers=1)
    assert wait_for(lambda: len(pids(look(out, workers))) > len(first), process)
    (victim,) = set(pids(look(out, workers))) - set(first)
    os.kill(victim, signal.SIGKILL)
    assert len(runs(out)) < 400, "the worker was done before it could be killed"
    assert finished(process, PATIENCE_S) == [400 - before, before, 0]
    assert len(pids(look(out, workers))) > len(first) + 1, "another worker went on"
    same_sweep(killed_folder / "out", killed_folder / "calm")


def children_of(pid: int) -> list[int]:
    """Processes that a process started, by what Linux says of it."""
    found = [Path(f"/proc/{pid}/task/{task.name}/children") for task in Path(f"/proc/{pid}/task").iterdir()]
    return [int(word) for file in found for word in file.read_text().split()]


def pids(rows: list) -> list[int]:
    return [int(worker.rpartition(":")[2]) for (worker,) in rows]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_random_moments_many_times(killed_folder, seed):
    """Kills at any moment from the first breath on: while it starts, plans, makes stages, computes, or writes."""
    chance = random.Random(seed)
    lengthen(killed_folder, 400, 200)
    out, kept, kills = killed_folder / "out", {}, 0
    while kills < 12 and len(kept) < 400:
        process = start(killed_folder, workers=chance.choice([0, 1, 2]))
        if chance.random() < 0.4:
            time.sleep(chance.uniform(0, 2))
        else:
            target = len(kept) + chance.randint(0, 6)
            wait_for(lambda target=target: len(runs(out)) >= target, process)
            time.sleep(chance.uniform(0, 0.03))
        kills += process.poll() is None
        process.kill()
        process.communicate()
        now = runs(out)
        assert kept.items() <= now.items()
        kept = now
    assert kills >= 5
    computed, reused, failed = finished(start(killed_folder, workers=2), PATIENCE_S)
    assert (computed + reused, failed) == (400, 200)
    same_sweep(killed_folder / "out", killed_folder / "calm")
