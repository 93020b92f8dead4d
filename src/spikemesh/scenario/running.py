"""Finds a scenario script and runs its ``main``."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from spikemesh.errors import SpikemeshError
from spikemesh.scenario.catalogue import available, unknown_name

__all__ = ["CheckFailed", "argument_parser", "load_scenario", "run_scenario"]


class CheckFailed(Exception):
    """A stated expectation of a scenario does not hold; the command line exits with 1."""


def load_scenario(name_or_path: str) -> ModuleType:
    """The module of a shipped scenario (by name) or of a user's script (by path).

    Raises
    ------
    SpikemeshError
        where there is no such scenario, or the script has no ``main(argv)``.
    """
    path = Path(name_or_path)
    if path.suffix != ".py":
        from spikemesh.shipped import shipped_path

        known = available("scenarios")
        if name_or_path.replace("_", "-") not in known:
            raise SpikemeshError(unknown_name("scenario", name_or_path, known))
        path = shipped_path("scenarios", name_or_path.replace("-", "_"))
    if not path.is_file():
        raise SpikemeshError(f"{path}: no such scenario script")
    module_name = f"spikemesh_scenario_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise SpikemeshError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # so that dataclasses and worker processes find it
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        if error.filename and Path(error.filename) != path:
            raise  # of a module that the script imports
        raise SpikemeshError(f"{path}{f', line {error.lineno}' if error.lineno else ''}: {error.msg}") from None
    if not callable(getattr(module, "main", None)):
        raise SpikemeshError(f"{path}: a scenario needs a function main(argv)")
    return module


def run_scenario(name_or_path: str, argv: Sequence[str] = ()) -> int:
    """Runs a scenario's ``main(argv)``; returns its exit code: 0 good, 1 a stated expectation does not hold.

    With ``--baseline`` among ``argv`` what the scenario wrote is held against stored results, whatever the scenario.
    """
    from spikemesh.scenario.guarding import Guard

    module = load_scenario(name_or_path)
    guard, words = Guard.of_words(argv)
    code = 0
    with guard:
        try:
            code = int(module.main(words) or 0)
        except CheckFailed as failed:
            print(f"check failed: {failed}", file=sys.stderr)
            code = 1
    return guard.judged(code)


GUARD_OPTIONS = (
    ("--baseline", "PATH", "hold the results against stored ones: a results folder, its table.csv, or --json output"),
    ("--margin", "SHARE", "how much worse a number may be (default 0.01); COLUMN=SHARE for some columns; may be given again"),
)


class _TakenBefore(argparse.Action):
    """An option that `spikemesh run` takes before the scenario sees it; shown in the help, refused anywhere else."""

    def __init__(self, option_strings: Sequence[str], dest: str, **others: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, default=argparse.SUPPRESS, **others)

    def __call__(self, *_: Any) -> None:
        raise SpikemeshError(f"{self.option_strings[0]}: run the scenario by `spikemesh run` to hold it against stored results")


class _Parser(argparse.ArgumentParser):
    """argparse whose complaint is one line and exit code 2, as everywhere in spikemesh."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise SpikemeshError(f"{self.prog}: {message}")


def argument_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The options that mean the same in every scenario; a scenario adds its own."""
    parser = _Parser(
        prog=f"spikemesh run {name}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a small version for CI")
    parser.add_argument("--full", action="store_true", help="the whole study")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of every random choice (default 0)")
    parser.add_argument("--engine", choices=("auto", "simpy", "compiled"), default="auto", help="which engine runs the mesh")
    parser.add_argument("--out", metavar="DIR", help="results folder (default: results/<scenario>/<time>)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON on standard output")
    for option, metavar, text in GUARD_OPTIONS:
        parser.add_argument(option, metavar=metavar, action=_TakenBefore, help=text)
    return parser
