import json
import re
from pathlib import Path

import numpy as np
import pytest

from spikemesh.cli import main
from spikemesh.network import SpikingNetwork
from spikemesh.spiking import run_brian2


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small layered network and its trace, as files."""
    rng = np.random.default_rng(3)
    pre, post = np.meshgrid(np.arange(12), np.arange(12, 18), indexing="ij")
    deep_pre, deep_post = np.meshgrid(np.arange(12, 18), np.arange(18, 21), indexing="ij")
    net = SpikingNetwork.from_edges(
        np.concatenate([pre.ravel(), deep_pre.ravel()]),
        np.concatenate([post.ravel(), deep_post.ravel()]),
        rng.uniform(0, 0.5, 12 * 6 + 6 * 3),
        layer_sizes=[12, 6, 3],
        name="small",
    )
    folder = tmp_path_factory.mktemp("net")
    net.save(folder / "net.npz")
    run_brian2(net, rng.random((2, 12)), duration_ms=20).save(folder / "trace.npz")
    return str(folder / "net.npz"), str(folder / "trace.npz")


def test_list_as_json_names_every_kind(capsys):
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"snn-gpa", "spinemap", "random", "pacman"} <= set(found["recipes"])
    assert {"dynap-se", "gpa-grid", "booksim-lean"} <= set(found["hardware"])
    assert "gpa-vs-spinemap" in found["scenarios"]
    assert {"digits_cnn", "MLP_mnist", "LeNet_mnist"} <= set(found["workloads"])


@pytest.mark.parametrize("kind", ["hardware", "recipes", "scenarios", "partitioners", "placers"])
def test_list_of_a_kind_says_what_each_is(kind, capsys):
    from spikemesh.scenario import available

    assert main(["list", kind]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == available(kind)
    assert all(len(line.split()) > 1 for line in lines)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["list", "chips"], ["chips", "hardware"]),
        (["run", "no-such-scenario"], ["no-such-scenario"]),
        (["run", "gpa-vs-spinemap", "--samples", "many"], ["--samples", "many"]),
        (["traffic", "uniform", "--mesh", "8by8"], ["--mesh", "8by8"]),
        (["traffic", "uniform", "--hardware", "no-such-chip"], ["no-such-chip"]),
        (["simulate", "missing.npz", "--trace", "missing.npz"], ["missing.npz"]),
        (["map", "no_such_net"], ["no_such_net"]),
        (["report", "no-such-folder"], ["no-such-folder"]),
        (["nonsense"], ["nonsense"]),
        (["convert", "model.keras"], ["--calibration"]),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(argv, words, capsys):
    assert main(argv) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in error if line.startswith("spikemesh:")]) == 1
    assert all(word in error[-1] for word in words)


def test_map_compares_recipes_on_a_network_file(files, capsys):
    net, trace = files
    assert (
        main(["map", net, "--trace", trace, "--hardware", "gpa-grid", "--recipe", "pacman", "--recipe", "snn-gpa", "--json"])
        == 0
    )
    rows = json.loads(capsys.readouterr().out)
    assert [row["recipe"] for row in rows] == ["pacman", "snn-gpa"]
    assert all(
        row["inter_weight"] + row["intra_weight"] == pytest.approx(rows[0]["inter_weight"] + rows[0]["intra_weight"])
        for row in rows
    )


def test_simulate_runs_a_trace_on_a_chip(files, capsys):
    net, trace = files
    assert (
        main(["simulate", net, "--trace", trace, "--hardware", "gpa-grid", "--recipe", "pacman", "--engine", "simpy", "--json"])
        == 0
    )
    (row,) = json.loads(capsys.readouterr().out)
    assert row["verdict"] == "drained"
    assert row["latency_mean_cycles"] > 0


def test_simulate_leaves_a_results_folder_that_can_be_compared(files, tmp_path, capsys):
    net, trace = files
    words = ["simulate", net, "--trace", trace, "--hardware", "gpa-grid", "--recipe", "pacman", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert 'class="steps"' in (tmp_path / "out" / "report.html").read_text()
    assert main(["compare", str(tmp_path / "out"), str(tmp_path / "out")]) == 0
    (tmp_path / "file.txt").write_text("mine")
    assert main([*words[:-1], str(tmp_path)]) == 2, "nothing foreign is overwritten"


def test_recipes_that_change_the_network_run_its_own_spikes(files, tmp_path, capsys):
    """On crossbars of 6 rows and columns one recipe drops inputs, the other splits neurons; both replay the trace's inputs."""
    net, trace = files
    small = tmp_path / "small.toml"
    text = (Path(__file__).parents[2] / "hardware" / "gpa-grid.toml").read_text(encoding="utf-8")
    small.write_text(re.sub(r"n_in = .*", "n_in = 6", re.sub(r"n_out = .*", "n_out = 6", text)), encoding="utf-8")
    words = [net, "--trace", trace, "--hardware", str(small), "--recipe", "pacman", "--recipe", "decomposed", "--json"]
    for command in ("map", "simulate"):
        assert main([command, *words]) == 0
        dropped, split = json.loads(capsys.readouterr().out)
        assert dropped["neurons"] == 21 < split["neurons"] and dropped["packets_per_s"] != split["packets_per_s"]
        assert dropped["crosspoints"] == 6 * 6 + 3 * 6 and split["crosspoints"] > 12 * 6 + 6 * 3


def test_compare_tells_regressions_by_its_exit_code(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("recipe,hop_cost\nauto,10\n")
    (tmp_path / "b.csv").write_text("recipe,hop_cost\nauto,12\n")
    words = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert main(["compare", *words, "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["regressions"]
    assert (found["column"], found["before"], found["now"]) == ("hop_cost", 10, 12)
    assert main(["compare", *words, "--margin", "0.5"]) == main(["compare", *reversed(words)]) == 0


def test_traffic_prints_a_curve_that_rises(capsys):
    words = ["traffic", "uniform", "--mesh", "4x4", "--rates", "0.05,0.3", "--cycles", "1000", "--json"]
    assert main(words) == 0
    low, high = json.loads(capsys.readouterr().out)
    assert low["latency_mean_cycles"] < high["latency_mean_cycles"]
