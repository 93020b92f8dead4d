"""A sweep computes what its parts compute, each thing once, and says what went wrong."""

import json
import sqlite3
import time

import numpy as np
import pytest

from spikemesh.errors import DataError, DescriptionError
from spikemesh.hardware import load_hardware
from spikemesh.mapping import legalise, map_network
from spikemesh.metrics import metrics
from spikemesh.network import load_network, load_trace
from spikemesh.scenario import available
from spikemesh.scenario.sweep import Axis, making, read_sweep, run_sweep, sweep_of
from spikemesh.simulation import simulate
from spikemesh.spiking import run_brian2


@pytest.fixture
def made(monkeypatch):
    """Kinds of the stages that are made in this process, in order."""
    kinds: list[str] = []
    original = making.make

    def counting(task, shelf, folder):
        kinds.append(task.kind)
        original(task, shelf, folder)

    monkeypatch.setattr(making, "make", counting)
    return kinds


def rows_of(folder) -> list:
    """Everything that equal sweeps agree in."""
    with sqlite3.connect(folder / "sweep.sqlite") as database:
        return [list(database.execute(f"SELECT * FROM {t} ORDER BY 1")) for t in ("points", "runs")]


def test_a_row_is_what_mapping_and_simulating_give(sweep_folder):
    result = run_sweep(sweep_folder / "sweep.toml", out=sweep_folder / "out", workers=0)
    assert (result.computed, result.reused, result.failed) == (12, 0, 0)
    net, trace = load_network(sweep_folder / "net.npz"), load_trace(sweep_folder / "trace.npz")
    for row in result.table.to_dict("records"):
        chip = load_hardware(
            sweep_folder / "chip.toml",
            pitch_mm=row["pitch_mm"],
            overrides={"noc.router_cycles": row["hardware.noc.router_cycles"]},
        )
        mapped = map_network(net, trace, chip, recipe=row["recipe"], seed=row["seed"])
        for name, value in metrics(simulate(mapped, trace)).items():
            assert np.array_equal(row[name], value, equal_nan=True), name
        assert (row["mesh_cols"], row["mesh_rows"]) == (mapped.hardware.cols, mapped.hardware.rows)


@pytest.mark.parametrize("recipe", [name for name in available("recipes") if not name.startswith("decomposed")])
def test_shared_stages_change_nothing(sweep_folder, recipe):
    """Stages see only what they say they depend on; the mapping is that of the whole chip all the same."""
    point = {"network": "net.npz", "trace": "trace.npz", "hardware": "chip.toml"}
    sweep = Axis("recipe", [recipe]) * Axis("mesh", [[4, 4], "auto"])
    described = sweep_of(sweep, point, folder=sweep_folder)
    table = run_sweep(described, out=sweep_folder / "out", workers=0).table
    net, trace = load_network(sweep_folder / "net.npz"), load_trace(sweep_folder / "trace.npz")
    for row, mesh in zip(table.to_dict("records"), [(4, 4), None], strict=True):
        mapped = map_network(net, trace, load_hardware(sweep_folder / "chip.toml", mesh=mesh), recipe=recipe)
        expected = metrics(simulate(mapped, trace))
        assert {name: row[name] for name in expected.index} == pytest.approx(dict(expected), nan_ok=True, rel=0, abs=0)


def test_a_workload_is_prepared_fired_and_judged(tmp_path):
    """Rows are dropped on a chip of 32 rows, and what is left fires again."""
    point = {"network": "digits_cnn", "network.weights": "drawn", "samples": 2, "duration_ms": 20, "hardware": "gpa-grid"}
    sweep = Axis("hardware.crossbar.n_in", ["inf", 32]) * Axis("acceleration", [1, 20000])
    table = run_sweep(sweep, {**point, "recipe": "pacman", "mesh": "auto"}, out=tmp_path / "out", workers=0).table
    from spikemesh.workloads import prepare

    prepared = prepare("digits_cnn", weights="drawn")
    labels = prepared.dataset.y_test[:2]
    chip = load_hardware("gpa-grid", overrides={"crossbar.n_in": 32, "mesh.cols": "auto", "mesh.rows": "auto"})
    legal = legalise(prepared.network, chip)
    assert legal is not prepared.network
    trace = run_brian2(legal, prepared.inputs(2), duration_ms=20, labels=labels)
    expected = metrics(simulate(map_network(legal, trace, chip, recipe="pacman"), trace))
    row = table.iloc[2]
    assert {name: row[name] for name in expected.index} == pytest.approx(dict(expected), nan_ok=True, rel=0, abs=0)
    assert row["accuracy_mapped"] == trace.accuracy
    assert row["accuracy_snn"] == run_brian2(prepared.network, prepared.inputs(2), duration_ms=20, labels=labels).accuracy
    assert (table["late_share"] > 0).tolist() == [False, True, False, True]


def test_a_decomposed_network_fires_its_own_spikes(tmp_path):
    point = {"network": "digits_cnn", "network.weights": "drawn", "samples": 2, "duration_ms": 20, "hardware": "mesh-45nm"}
    chip = {"crossbar.n_in": 32, "crossbar.n_out": 32, "mesh.cols": "auto", "mesh.rows": "auto"}
    point |= {f"hardware.{key}": value for key, value in chip.items()}
    (row,) = run_sweep(Axis("recipe", ["decomposed"]), point, out=tmp_path / "out", workers=0).table.to_dict("records")
    from spikemesh.workloads import prepare

    prepared = prepare("digits_cnn", weights="drawn")
    trace = run_brian2(prepared.network, prepared.inputs(2), duration_ms=20, labels=prepared.dataset.y_test[:2])
    mapped = map_network(prepared.network, trace, load_hardware("mesh-45nm", overrides=chip), recipe="decomposed")
    assert mapped.network.n_neurons > prepared.network.n_neurons
    expected = metrics(simulate(mapped, run_brian2(mapped.network, prepared.inputs(2), duration_ms=20)))
    assert {name: row[name] for name in expected.index} == pytest.approx(dict(expected), nan_ok=True, rel=0, abs=0)
    assert row["synapse_utilisation_original"] < row["synapse_utilisation"]


def test_a_trace_file_cannot_drive_a_network_that_it_is_not_of(sweep_folder):
    point = {"network": "net.npz", "trace": "trace.npz", "hardware": "chip.toml"}
    described = sweep_of(Axis("recipe", ["decomposed", "pacman"]), point, folder=sweep_folder)
    table = run_sweep(described, out=sweep_folder / "out", workers=0).table
    assert table["status"].tolist() == ["failed", "done"]
    assert "the mapping's own network" in table["error"][0]


def test_a_finished_point_is_never_computed_twice(sweep_folder, made):
    file, out = sweep_folder / "sweep.toml", sweep_folder / "out"
    first = run_sweep(file, out=out, workers=0)
    assert {kind: made.count(kind) for kind in made} == {
        "network": 1,
        "trace": 1,
        "legal": 1 + 2,  # seeds: a pass may draw
        "clusters": 2 * 3,
        "placed": 2 * 3,
    }
    made.clear()
    again = run_sweep(file, out=out, workers=0)
    assert (again.computed, again.reused) == (0, 12)
    assert not made
    assert again.table.equals(first.table)
    file.write_text(file.read_text().replace("[0.1, 2.5]", "[0.1, 2.5, 4.0]").replace("[1, 3]", "[1, 3, 3]"))
    grown = run_sweep(file, out=out, workers=0)
    assert (grown.computed, grown.reused) == (6, 12)
    assert not made, "pitch and router change no stage"
    fresh = run_sweep(file, out=sweep_folder / "fresh", workers=0)
    assert fresh.table.equals(grown.table)
    assert rows_of(sweep_folder / "fresh") == rows_of(out)


def test_points_that_mean_the_same_run_once(sweep_folder):
    point = {"network": "net.npz", "trace": "trace.npz", "hardware": "chip.toml", "recipe": "random"}
    described = sweep_of(Axis("pitch_mm", [0.5, 2.0]) * Axis("hardware.noc.cycle_ns", [10, 10.0]), point, folder=sweep_folder)
    result = run_sweep(described, out=sweep_folder / "out", workers=0)
    assert result.computed == 2
    assert len(result.table) == 4
    assert result.table["number"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("file", "old", "new", "computed"),
    [
        ("chip.toml", "spike_pj = 2.0", "spike_pj = 3.0", 12),
        ("chip.toml", 'name = "small"', '# a remark\nname = "small"', 0),
        ("recipe.toml", 'method = "pacman"', 'method = "random"', 12),
        ("recipe.toml", "[[passes]]", "# a remark\n[[passes]]", 0),
        ("my_pass.py", "block = 2", "block = 3", 12),
    ],
)
def test_editing_a_file_makes_new_points_where_it_changes_them(sweep_folder, file, old, new, computed):
    passes = (
        '[[passes]]\npass = "my_pass.py:Cluster"\n'
        if file == "my_pass.py"
        else '[[passes]]\npass = "partition"\nmethod = "pacman"\n'
    )
    (sweep_folder / "recipe.toml").write_text('[[passes]]\npass = "drop"\n' + passes + '[[passes]]\npass = "place"\n')
    (sweep_folder / "my_pass.py").write_text(MY_PASS)
    sweep = sweep_folder / "sweep.toml"
    sweep.write_text(sweep.read_text().replace('"random", "pacman"', '"recipe.toml", "pacman"'))
    run_sweep(sweep, out=sweep_folder / "out", workers=0)
    target = sweep_folder / file
    assert old in target.read_text()
    target.write_text(target.read_text().replace(old, new))
    again = run_sweep(sweep, out=sweep_folder / "out", workers=0)
    assert again.computed == (computed if file == "chip.toml" else computed // 2)


MY_PASS = """
from dataclasses import dataclass
from typing import ClassVar
import numpy as np

@dataclass(frozen=True)
class Cluster:
    reads: ClassVar = ("network", "hardware")
    writes: ClassVar = ("partition",)
    block = 2

    def run(self, state):
        size = int(state.hardware.crossbar.n_out) - self.block
        return state.with_clusters(np.arange(state.network.n_neurons) // size)
"""


def test_a_failing_point_is_recorded_and_the_others_go_on(sweep_folder):
    point = {"network": "net.npz", "trace": "trace.npz", "hardware": "chip.toml"}
    sweep = Axis("mesh", [[4, 4], [1, 1]]) * Axis("acceleration", [1, 1e9, 2]) * Axis("recipe", ["pacman", "no-such"])
    described = sweep_of(sweep, point, folder=sweep_folder)
    result = run_sweep(described, out=sweep_folder / "out", workers=0)
    status = result.table["status"].tolist()
    assert status == ["done", "failed", "failed", "failed", "done", "failed"] + ["failed"] * 6
    errors = result.table["error"]
    assert "DescriptionError" in errors[1] and "no-such" in errors[1]
    assert "SimulationError" in errors[2] and "shorter than a cycle" in errors[2]
    assert "MappingError" in errors[6] and "1 x 1" in errors[6]
    assert result.table.loc[2, "latency_mean_cycles":].isna().all()
    again = run_sweep(described, out=sweep_folder / "out", workers=0)
    assert (again.computed, again.failed) == (0, 10)
    retried = run_sweep(described, out=sweep_folder / "out", workers=0, retry=True)
    assert retried.computed == 10
    assert retried.table.equals(result.table)


def test_an_option_of_a_pass_can_be_an_axis(sweep_folder):
    point = {"network": "net.npz", "trace": "trace.npz", "hardware": "chip.toml"}
    sweep = Axis("recipe.partition.method", ["pacman", "random", "pacmann"])
    described = sweep_of(sweep, {**point, "recipe": "auto"}, folder=sweep_folder)
    table = run_sweep(described, out=sweep_folder / "out", workers=0).table
    assert table["status"].tolist() == ["done", "done", "failed"]
    assert "recipe.partition.method" in table["error"][2] and "pacman" in table["error"][2]
    net, trace = load_network(sweep_folder / "net.npz"), load_trace(sweep_folder / "trace.npz")
    chip = load_hardware(sweep_folder / "chip.toml")
    pacman = map_network(net, trace, chip, recipe="pacman")
    assert table["packets_per_s"][0] == metrics(simulate(pacman, trace))["packets_per_s"]


def test_a_damaged_stage_is_made_again(sweep_folder, made):
    file, out = sweep_folder / "sweep.toml", sweep_folder / "out"
    first = run_sweep(file, out=out, workers=0)
    for kind in ("legal", "clusters", "placed"):
        for stage in (out / "stages" / kind).glob("*/*.npz"):
            stage.write_bytes(stage.read_bytes()[:40])
    from spikemesh.scenario.sweep.shelf import Shelf

    Shelf.kept.clear()
    (out / "sweep.sqlite").unlink()
    made.clear()
    again = run_sweep(file, out=out, workers=0)
    assert again.table.equals(first.table)
    assert {"legal", "clusters", "placed"} <= set(made)


def test_stages_may_be_deleted(sweep_folder):
    import shutil

    file, out = sweep_folder / "sweep.toml", sweep_folder / "out"
    first = run_sweep(file, out=out, workers=0)
    shutil.rmtree(out / "stages")
    file.write_text(file.read_text().replace("[0, 1, 2]", "[0, 1, 2, 3]"))
    again = run_sweep(file, out=out, workers=0)
    assert (again.computed, again.reused) == (4, 12)
    kept = again.table[again.table["seed"] < 3].drop(columns="number").reset_index(drop=True)
    assert kept.equals(first.table.drop(columns="number"))


def test_records_hold_every_packet(sweep_folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    file, out = sweep_folder / "sweep.toml", sweep_folder / "out"
    run_sweep(file, out=out, workers=0)
    assert not (out / "records").exists()
    file.write_text(file.read_text().replace("[sweep]", "[sweep]\nrecords = true"))
    result = run_sweep(file, out=out, workers=0)
    assert result.computed == 12, "packets were not kept before"
    files = sorted((out / "records").iterdir())
    assert len(files) == 12
    with sqlite3.connect(out / "sweep.sqlite") as database:
        address, text = database.execute("SELECT address, result FROM runs WHERE number = 4").fetchone()
    table, row = parquet.read_table(out / "records" / f"{address}.parquet"), json.loads(text)
    remote = table.filter(~np.asarray(table["own"]))
    assert len(remote) == row["deliveries"]
    assert len(table) == row["row_reads"]
    latency = np.asarray(remote["row_read"]) - np.asarray(remote["fired"])
    assert latency.mean() == row["latency_mean_cycles"]
    assert table.schema.metadata[b"spikemesh.cycle_ns"] == b"10.0"
    assert json.loads(table.schema.metadata[b"spikemesh.point"])["seed"] == 1
    first = files[0].read_bytes()
    files[0].unlink()
    assert run_sweep(file, out=out, workers=0).computed == 1, "a lost file is written again"
    assert files[0].read_bytes() == first


@pytest.mark.slow
def test_a_task_that_kills_its_workers_fails_and_the_others_go_on(sweep_folder, spikemesh_command):
    (sweep_folder / "deadly.toml").write_text('[[passes]]\npass = "deadly.py:Cluster"\n[[passes]]\npass = "place"\n')
    (sweep_folder / "deadly.py").write_text(
        "import os\nfrom dataclasses import dataclass\n@dataclass(frozen=True)\nclass Cluster:\n"
        "    reads = ('network',)\n    writes = ('partition',)\n    def run(self, state):\n        os._exit(1)\n"
    )
    file = sweep_folder / "sweep.toml"
    file.write_text(file.read_text().replace('"random"', '"deadly.toml"'))
    done = spikemesh_command("sweep", str(file), "--workers", "2", "--out", str(sweep_folder / "out"), "--json")
    assert done.returncode == 1, done.stderr
    table = json.loads(done.stdout)["table"]
    assert [row["status"] for row in table] == ["failed"] * 6 + ["done"] * 6
    assert all("WorkerLost: 3 worker processes" in row["error"] for row in table[:6])


def test_an_interrupted_brian2_run_is_not_kept(tmp_path):
    """Brian2 turns the first Ctrl-C into the end of its run: what it returns then is half a trace."""
    import os
    import signal
    import threading

    import brian2

    def interrupt() -> None:
        while not brian2.Network._globally_running:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    point = {"network": "digits_cnn", "network.weights": "drawn", "samples": 1, "duration_ms": 20000, "recipe": "pacman"}
    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_sweep(Axis("seed", [0]), point, out=tmp_path / "out", workers=0)
    thread.join()
    stages = sorted(path.parent.name for path in (tmp_path / "out" / "stages").glob("*/*") if path.is_dir())
    assert stages == ["network", "samples"]


def test_a_folder_belongs_to_one_sweep_at_a_time(sweep_folder):
    import fcntl

    file, out = sweep_folder / "sweep.toml", sweep_folder / "out"
    run_sweep(file, out=out, workers=0)
    with (out / "sweep.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another sweep"):
            run_sweep(file, out=out, workers=0)


def test_nothing_foreign_is_overwritten(sweep_folder):
    with pytest.raises(DescriptionError, match="new folder"):
        run_sweep(sweep_folder / "sweep.toml", out=sweep_folder, workers=0)
    out = sweep_folder / "out"
    run_sweep(sweep_folder / "sweep.toml", out=out, workers=0)
    (out / "sweep.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(DataError, match=r"sweep\.sqlite"):
        run_sweep(sweep_folder / "sweep.toml", out=out, workers=0)
    (out / "sweep.sqlite").unlink()
    with sqlite3.connect(out / "sweep.sqlite") as database:
        database.execute("CREATE TABLE shopping (item TEXT)")
    with pytest.raises(DataError, match="not the table of a sweep"):
        run_sweep(sweep_folder / "sweep.toml", out=out, workers=0)


def test_the_table_can_be_read_back_and_while_it_grows(sweep_folder):
    file, out = sweep_folder / "sweep.toml", sweep_folder / "out"
    result = run_sweep(file, out=out, workers=0)
    assert read_sweep(out).equals(result.table)
    with sqlite3.connect(out / "sweep.sqlite") as database:
        database.execute("DELETE FROM runs WHERE number = 5")
    assert read_sweep(out)["status"].tolist() == ["done"] * 5 + ["pending"] + ["done"] * 6
    with pytest.raises(DataError, match="no such file"):
        read_sweep(out / "elsewhere")


def test_any_number_of_workers_makes_the_same_table(sweep_folder, spikemesh_command):
    file = str(sweep_folder / "sweep.toml")
    for workers in ("1", "2"):
        done = spikemesh_command("sweep", file, "--workers", workers, "--out", str(sweep_folder / workers), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["computed"] == 12
    assert rows_of(sweep_folder / "1") == rows_of(sweep_folder / "2")
    assert (sweep_folder / "1" / "table.csv").read_bytes() == (sweep_folder / "2" / "table.csv").read_bytes()


def test_the_number_of_workers_is_checked(sweep_folder):
    with pytest.raises(DescriptionError, match="workers"):
        run_sweep(sweep_folder / "sweep.toml", out=sweep_folder / "out", workers=-1)


def test_the_command_line_says_when_points_failed(sweep_folder, spikemesh_command):
    file = sweep_folder / "sweep.toml"
    file.write_text(file.read_text().replace("[point]", "[point]\nacceleration = 1e9"))
    done = spikemesh_command("sweep", str(file), "--workers", "1", "--out", str(sweep_folder / "out"))
    assert done.returncode == 1
    assert "12 of 12 points; point" in done.stderr
    assert "shorter than a cycle" in done.stdout
