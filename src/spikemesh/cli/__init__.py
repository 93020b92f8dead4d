"""The command line: a thin skin over the package."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main", "run_script"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0 good, 1 a check failed, 2 bad input (named in one line)."""
    from spikemesh.cli.app import run_app

    return run_app(list(sys.argv[1:] if argv is None else argv))


def run_script(path: str) -> int:
    """What a scenario script does when it is started by itself: ``spikemesh run`` with this script and its arguments."""
    return main(["run", path, *sys.argv[1:]])
