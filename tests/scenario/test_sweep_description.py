"""Sweep files: what they say, and what is said of those that cannot be used."""

import json
from pathlib import Path

import pytest

from spikemesh.cli import main
from spikemesh.errors import DescriptionError
from spikemesh.scenario import available
from spikemesh.scenario.sweep import Axis, load_sweep, run_sweep, sweep_of
from spikemesh.scenario.sweep.keys import DEFAULTS
from spikemesh.shipped import shipped_folder

SHIPPED = sorted(path.stem for path in (shipped_folder("scenarios") / "sweeps").glob("*.toml"))
GOOD = '[point]\nnetwork = "digits_cnn"\n'


def test_a_file_crosses_and_zips(sweep_folder):
    made = load_sweep(sweep_folder / "sweep.toml")
    assert made.name == "sweep"
    assert len(made) == 12
    points = list(made.points())
    assert len(points) == 12
    assert [(p["recipe"], p["pitch_mm"], p["hardware.noc.router_cycles"], p["seed"]) for p in points[2:5]] == [
        ("random", 0.1, 1, 2),
        ("random", 2.5, 3, 0),
        ("random", 2.5, 3, 1),
    ]
    assert points[0]["samples"] is None, "a trace file has its own samples"
    assert points[0]["acceleration"] == 1.0, "defaults are filled in"


def test_without_an_expression_all_axes_cross_in_the_order_of_the_file(tmp_path):
    file = tmp_path / "two.toml"
    file.write_text(GOOD + "[axis.samples]\nvalues = [1, 2]\n[axis.seed]\nvalues = [5, 6, 7]\n")
    assert load_sweep(file).keys == ("samples", "seed")
    assert len(load_sweep(file)) == 6


def test_whole_numbers_and_fractions_make_the_same_point():
    a, b = (sweep_of(Axis("duration_ms", [value]), {"network": "digits_cnn"}) for value in (50, 50.0))
    assert json.dumps(list(a.points())) == json.dumps(list(b.points()))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_sweep_can_be_read_and_says_its_length(name, capsys):
    assert len(load_sweep(name)) > 1
    assert main(["sweep", name, "--dry-run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["points"] == len(found["table"]) == len(load_sweep(name))


def test_shipped_sweeps_are_no_scenarios():
    assert SHIPPED
    assert not set(SHIPPED) & set(available("scenarios"))


def test_dry_run_prints_points_and_their_number_and_makes_nothing(sweep_folder, capsys, monkeypatch):
    monkeypatch.chdir(sweep_folder)
    before = sorted(sweep_folder.iterdir())
    assert main(["sweep", "sweep.toml", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 13
    assert lines[0] == '0: recipe = "random", pitch_mm = 0.1, hardware.noc.router_cycles = 1, seed = 0'
    assert "12 points" in lines[-1]
    assert sorted(sweep_folder.iterdir()) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[sweep\n", ["not valid TOML"]),
        ("[swep]\n", ["swep", "sweep, point and axis"]),
        ("sweep = 1\n", ["sweep = 1", "table"]),
        ('[sweep]\naxis = "a"\n' + GOOD, ["sweep.axis", "axes"]),
        ("[sweep]\naxes = 3\n" + GOOD, ["sweep.axes = 3", "names of axes"]),
        ('[sweep]\nname = "a/b"\n' + GOOD, ["sweep.name = 'a/b'"]),
        ('[sweep]\nname = ".."\n' + GOOD, ["sweep.name = '..'"]),
        ('[sweep]\nrecords = "yes"\n' + GOOD, ["sweep.records = 'yes'", "true or false"]),
        ("[point]\nsamples = 3\n", ["point.network", "missing"]),
        (GOOD + "sampels = 3\n", ["point.sampels = 3", "did you mean 'samples'"]),
        (GOOD + "samples = 0\n", ["point.samples = 0", "at least 1"]),
        (GOOD + "samples = true\n", ["point.samples = True", "whole number"]),
        (GOOD + "duration_ms = inf\n", ["point.duration_ms = inf", "positive number"]),
        (GOOD + 'engine = "fast"\n', ["point.engine = 'fast'", "simpy"]),
        (GOOD + "mesh = [8]\n", ["point.mesh = [8]", "[cols, rows]"]),
        (GOOD + '"hardware.noc.router_cycle" = 1\n', ["noc.router_cycle", "hardware.noc.router_cycles"]),
        (GOOD + '"hardware.noc.router_cycles" = -1\n', ["router_cycles = -1", "whole number from 0"]),
        (GOOD + '"recipe.effort" = "fast"\n', ["recipe.effort", "recipe.<pass>.<option>"]),
        (GOOD + 'trace = "t.npz"\nsamples = 2\n', ["samples", "beside trace"]),
        (GOOD + "[axis]\nseed = 3\n", ["axis.seed.values = 3", "list"]),
        (GOOD + "[axis.seed]\n", ["axis.seed.values", "list"]),
        (GOOD + "[axis.seed]\nvalues = []\n", ["axis.seed.values", "at least one"]),
        (GOOD + "[axis.seed]\nvalue = [1]\nvalues = [1]\n", ["axis.seed.value", "key and values"]),
        (GOOD + '[axis.seed]\nvalues = [1, "two"]\n', ["axis.seed.values[1] = 'two'", "whole number"]),
        (GOOD + '[axis.s]\nkey = "seeds"\nvalues = [1]\n', ["seeds", "did you mean 'seed'"]),
        (GOOD + "seed = 1\n[axis.seed]\nvalues = [1]\n", ["point.seed = 1", "axis too"]),
        (GOOD + '[axis.a]\nkey = "seed"\nvalues = [1]\n[axis.b]\nkey = "seed"\nvalues = [2]\n', ["seed", "two axes"]),
        ('[sweep]\naxes = "seed"\n' + GOOD + "[axis.seed]\nvalues=[1]\n[axis.samples]\nvalues=[1]\n", ["leaves out"]),
    ],
)
def test_a_bad_file_is_one_line_that_names_file_key_and_value(tmp_path, capsys, text, words):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(DescriptionError) as refused:
        load_sweep(file)
    assert all(word in str(refused.value) for word in [str(file), *words]), str(refused.value)
    assert main(["sweep", str(file), "--out", str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_example_in_the_docs_is_a_sweep(tmp_path):
    page = Path(__file__).resolve().parents[2] / "docs" / "sweeps.md"
    text = page.read_text(encoding="utf-8")
    file = tmp_path / "docs.toml"
    file.write_text(text.partition("```toml\n")[2].partition("```")[0])
    described = load_sweep(file)
    assert f"= {len(described)} points" in text
    assert described.point["hardware.crossbar.n_in"] == 64
    assert all(f"`{key}`" in text for key in DEFAULTS)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DescriptionError, match=r"none\.toml"):
        load_sweep(tmp_path / "none.toml")
    with pytest.raises(DescriptionError, match="the sweeps that ship are late-spikes"):
        load_sweep("pich")


def test_too_many_points_are_refused_before_they_are_listed():
    sweep = Axis("seed", range(2000)) * Axis("samples", range(1, 2001))
    with pytest.raises(DescriptionError, match="4000000"):
        sweep_of(sweep, {"network": "digits_cnn"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('hardware = "chip.toml"', "no-such-chip"),
        ('values = ["random", "pacman"]', "no-such-recipe"),
        ('network = "net.npz"', "no-such-net.npz"),
        ('trace = "trace.npz"', "no-such-trace.npz"),
    ],
)
def test_a_sweep_of_which_no_point_can_run_is_bad_input(sweep_folder, change, words):
    file = sweep_folder / "sweep.toml"
    wrong = change.replace('"chip.toml"', f'"{words}"').replace('"random", "pacman"', f'"{words}"')
    wrong = wrong.replace('"net.npz"', f'"{words}"').replace('"trace.npz"', f'"{words}"')
    file.write_text(file.read_text().replace(change, wrong))
    with pytest.raises(DescriptionError, match=words) as refused:
        run_sweep(file, out=sweep_folder / "out", workers=0)
    assert str(file) in str(refused.value)


def test_points_and_descriptions_do_not_mix(sweep_folder):
    with pytest.raises(DescriptionError, match="belongs to axes"):
        run_sweep(sweep_folder / "sweep.toml", {"seed": 1}, out=sweep_folder / "out")


def test_paths_start_at_the_file_not_where_one_stands(sweep_folder, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    result = run_sweep(sweep_folder / "sweep.toml", workers=0)
    assert result.folder == Path("results/sweeps/sweep")
    assert result.failed == 0
