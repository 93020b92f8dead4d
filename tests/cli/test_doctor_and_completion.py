import json
import os
import subprocess
import sys

import pytest

from spikemesh.cli import doctor, main


def test_doctor_says_what_is_there(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["problems"] == []
    assert found["data"]["digits"] is True
    assert found["versions"]["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert set(found["extras"]) >= {"distributed", "parquet", "metis", "kahypar"}
    assert main(["doctor"]) == 0
    assert "all is well" in capsys.readouterr().out


def test_doctor_names_what_is_wrong(monkeypatch, capsys):
    wanted = ["numpy<1", "no-such-package>=2", "scipy", "colorama; sys_platform == 'nowhere'"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: wanted)
    assert main(["doctor"]) == 1
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("problem:")]
    assert len(said) == 2
    assert "numpy" in said[0] and "no-such-package is not installed" in said[1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("spikemesh swe", {"sweep"}),
        ("spikemesh run grid", {"grid-pitch"}),
        ("spikemesh simulate x --hardware mesh-2", {"mesh-28nm"}),
        ("spikemesh map x --recipe snn", {"snn-gpa"}),
        ("spikemesh new ", {"hardware", "recipe", "scenario"}),
    ],
)
def test_the_shell_completes_commands_and_names(words, expected):
    completing = {"_SPIKEMESH_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    code = "import sys; sys.argv[0] = 'spikemesh'; from spikemesh.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **completing}, timeout=60, check=False
    )
    assert set(done.stdout.split()) == expected, done.stderr


def test_every_command_can_speak_json(capsys):
    from typer.main import get_command

    from spikemesh.cli.app import app

    commands = get_command(app).commands
    without = [name for name, command in commands.items() if not any("--json" in p.opts for p in command.params)]
    assert without == ["run"], "a scenario has its own"
    with pytest.raises(SystemExit):
        main(["run", "noc-validation", "--help"])
    assert "--json" in capsys.readouterr().out


def test_what_the_system_refuses_is_one_line(tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert (
        main(["traffic", "uniform", "--mesh", "2x2", "--rates", "0.1", "--cycles", "100", "--picture", str(blocked / "x.png")])
        == 2
    )
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("spikemesh:") and "Not a directory" in line


def test_a_wrong_word_gets_a_hint(capsys):
    assert main(["simulat"]) == 2
    line = capsys.readouterr().err.strip()
    assert "'simulate'" in line and "--help" in line


def test_too_little_memory_is_one_line(monkeypatch, capsys):
    import spikemesh.scenario.catalogue as catalogue

    def fail(_):
        raise MemoryError("Unable to allocate 16.0 TiB")

    monkeypatch.setattr(catalogue, "described", fail)
    assert main(["list", "hardware"]) == 2
    assert capsys.readouterr().err == "spikemesh: not enough memory: Unable to allocate 16.0 TiB\n"
