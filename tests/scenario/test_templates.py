import tomllib

import pytest

from spikemesh.errors import DescriptionError, SpikemeshError
from spikemesh.hardware import load_hardware
from spikemesh.hardware.sections import KEYS
from spikemesh.mapping.recipe import load_recipe
from spikemesh.report import read_folder
from spikemesh.scenario import run_scenario
from spikemesh.scenario.templates import KINDS, write_template


def test_a_new_chip_is_the_one_it_is_modelled_on_and_names_every_key(tmp_path):
    file = write_template("hardware", "mine", tmp_path)
    chip, model = load_hardware(file), load_hardware("mesh-45nm")
    told = {"name": "mine", "description": "what the chip is"}
    assert chip.parameters() == model.parameters() | told
    text = file.read_text()
    assert all(f"\n{key.rpartition('.')[2]} =" in text or f"\n# {key.rpartition('.')[2]} =" in text for key in KEYS)


def test_the_keys_that_are_commented_out_show_their_defaults(tmp_path):
    file = write_template("hardware", "mine", tmp_path)
    before = load_hardware(file)
    lines = [
        line[2:] if line.startswith("# ") and " = " in line and ";" not in line else line
        for line in file.read_text().splitlines()
    ]
    body = "\n".join(line for line in lines if not line.endswith("="))
    assert len(tomllib.loads(body)["energy"]) > len(tomllib.loads(file.read_text())["energy"])
    file.write_text(body)
    assert load_hardware(file).parameters() == before.parameters()


def test_a_new_recipe_is_auto(tmp_path):
    recipe = load_recipe(write_template("recipe", "mine", tmp_path))
    assert recipe.pipeline.steps == load_recipe("auto").pipeline.steps
    assert recipe.name == "mine"


def test_a_new_scenario_runs(tmp_path, capsys):
    file = write_template("scenario", "mine", tmp_path)
    assert run_scenario(str(file), ["--quick", "--out", str(tmp_path / "out")]) == 0
    assert len(read_folder(tmp_path / "out").table) == 4
    assert "pacman" in capsys.readouterr().out


def test_nothing_is_overwritten(tmp_path):
    file = write_template("recipe", "mine", tmp_path)
    file.write_text("precious")
    with pytest.raises(DescriptionError, match="is there already"):
        write_template("recipe", "mine", tmp_path)
    assert file.read_text() == "precious"


@pytest.mark.parametrize(
    ("kind", "name"), [("chip", "x"), ("recipe", "../x"), ("recipe", ""), ("scenario", "a b"), ("hardware", 'x"')]
)
def test_an_odd_name_or_kind_is_refused(tmp_path, kind, name):
    with pytest.raises(SpikemeshError):
        write_template(kind, name, tmp_path)
    assert not list(tmp_path.iterdir())
    assert sorted(KINDS) == ["hardware", "recipe", "scenario"]
