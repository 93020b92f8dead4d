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


@pytest.mark.parametrize("content", [None, "x = 1\n"])
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


def test_options_that_are_wrong_are_spikemesh_errors():
    with pytest.raises(SpikemeshError, match="--seed"):
        argument_parser("x", None).parse_args(["--seed", "one"])


def test_unknown_kind_is_named():
    with pytest.raises(SpikemeshError, match="hardware"):
        available("hardwares")
    assert all(isinstance(name, str) for kind in ("hardware", "recipes") for name in available(kind))
