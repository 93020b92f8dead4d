"""Whatever words the command line is given, it ends with an exit code and, where it refuses, one line."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikemesh.cli import main

COMMANDS = ["list", "convert", "map", "simulate", "traffic", "sweep", "compare", "new", "report", "run"]
OPTIONS = [
    *("--hardware", "--recipe", "--seed", "--engine", "--samples", "--duration-ms", "--json", "--mesh", "--rates", "--cycles"),
    *(
        "--trace",
        "--margin",
        "--baseline",
        "--acceleration",
        "--percentile",
        "--workers",
        "--dry-run",
        "--calibration",
        "--quick",
    ),
]
VALUES = [
    "-1",
    "0",
    "nan",
    "1e999",
    "",
    "none.npz",
    "none.toml",
    "none.csv",
    ".",
    "\0",
    "simpy",
    "8x8",
    "99999999x9",
    "a=b",
    "é",
    "-",
]
words = st.lists(st.one_of(st.sampled_from(OPTIONS), st.sampled_from(VALUES), st.text(max_size=3)), max_size=4)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.sampled_from(COMMANDS), st.text(max_size=4)), words)
def test_odd_words_are_refused_in_one_line(tmp_path, monkeypatch, capsys, command, others):
    monkeypatch.chdir(tmp_path)
    # nothing here names anything that exists, so that nothing runs for long
    first = ["no-such"] if command in ("run", "map", "simulate", "convert", "sweep", "traffic", "report") else []
    code = main([command, *first, *others])
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("spikemesh:")]
    assert code in (0, 2)
    assert len(said) == (1 if code == 2 else 0)
