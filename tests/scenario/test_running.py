import subprocess
import sys

import pytest

from spikemesh.errors import SpikemeshError
from spikemesh.scenario import argument_parser, available, load_scenario, run_scenario

GOOD = "def main(argv):\n    return 0\n"
FAILS = "from spikemesh.scenario import CheckFailed\ndef main(argv):\n    raise CheckFailed('a packet is missing')\n"


def test_a_users_own_script_runs_by_path(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(GOOD)
    assert run_scenario(str(script)) == 0


def test_a_failed_check_is_exit_code_1_and_named(tmp_path, capsys):
    script = tmp_path / "fails.py"
    script.write_text(FAILS)
    assert run_scenario(str(script)) == 1
    assert "a packet is missing" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "x = 1\n", "def main(:\n", "x = '\0'"])
def test_a_script_without_main_is_refused(tmp_path, content):
    script = tmp_path / "odd.py"
    if content is not None:
        script.write_text(content)
    with pytest.raises(SpikemeshError, match=r"odd\.py"):
        load_scenario(str(script))


@pytest.mark.parametrize("name", available("scenarios"))
def test_every_shipped_scenario_loads_and_says_what_it_asks(name):
    module = load_scenario(name)
    assert module.__doc__ and "?" in module.__doc__
    with pytest.raises(SystemExit) as stop:
        module.main(["--help"])
    assert stop.value.code == 0


def test_a_script_started_by_itself_is_run_as_spikemesh_run_would():
    from spikemesh.shipped import shipped_path

    script = str(shipped_path("scenarios", "multicast"))
    for command in ([script], ["-m", "spikemesh", "run", script]):
        done = subprocess.run([sys.executable, *command, "--bogus"], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert done.stderr.splitlines() == ["spikemesh: spikemesh run multicast: unrecognized arguments: --bogus"]


def test_options_that_are_wrong_are_spikemesh_errors():
    with pytest.raises(SpikemeshError, match="--seed"):
        argument_parser("x", None).parse_args(["--seed", "one"])


def test_unknown_kind_is_named():
    with pytest.raises(SpikemeshError, match="hardware"):
        available("hardwares")
    assert all(isinstance(name, str) for kind in ("hardware", "recipes") for name in available(kind))


SCRIPT = """
import sys
import pandas as pd
from spikemesh.report import Results, new_folder, write_folder
from spikemesh.scenario import argument_parser

def main(argv):
    parser = argument_parser("mine", None)
    parser.add_argument("--cost", type=float, default=1.0)
    options = parser.parse_args(argv)
    table = pd.DataFrame({"recipe": ["auto"], "hop_cost": [options.cost]})
    write_folder(new_folder("mine", options.out), Results(table, {}), report=False)
"""


@pytest.fixture
def costly(tmp_path):
    """A scenario that costs what it is told; its results at a cost of 1 are in tmp_path/stored."""
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT)
    assert run_scenario(str(script), ["--out", str(tmp_path / "stored")]) == 0
    return str(script), tmp_path


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--cost", "1"], 0), (["--cost", "1.1"], 1), (["--cost", "1.1", "--margin", "0.2"], 0), (["--cost", "0.5"], 0)],
)
def test_any_scenario_can_be_held_against_stored_results(costly, words, code, capsys):
    script, folder = costly
    assert run_scenario(script, [*words, "--out", str(folder / "now"), "--baseline", str(folder / "stored")]) == code
    said = capsys.readouterr().out
    assert ("hop_cost" in said) == bool(code)
    assert f"{code} worse" in said


def test_a_baseline_is_read_before_anything_runs(costly):
    script, folder = costly
    with pytest.raises(SpikemeshError, match="nowhere"):
        run_scenario(script, ["--baseline", "nowhere", "--out", str(folder / "never")])
    assert not (folder / "never").exists()
    for words in (["--margin", "0.1"], ["--baseline"]):
        with pytest.raises(SpikemeshError, match=words[0]):
            run_scenario(script, words)


def test_a_scenario_run_without_spikemesh_run_refuses_a_baseline(costly):
    script, folder = costly
    with pytest.raises(SpikemeshError, match="spikemesh run"):
        load_scenario(script).main(["--baseline", str(folder / "stored")])
