"""What is going on, on standard error: one line a stage, a bar for long work where a person is watching."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["Progress"]


class Progress:
    """Reports stages and steps to standard error; ``quiet`` reports nothing.

    Bars appear only on a terminal, so that a log file or CI sees one line a stage.
    """

    def __init__(self, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.quiet = quiet
        self.stream = sys.stderr if stream is None else stream
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        """One line, with the seconds since the start."""
        if not self.quiet:
            print(f"[{time.monotonic() - self.started:6.1f} s] {text}", file=self.stream, flush=True)

    @contextmanager
    def bar(self, text: str, total: int) -> Iterator[Advance]:
        """A bar of ``total`` steps with the time left; yields a function that advances it."""
        self.say(text)
        if self.quiet or not self.stream.isatty() or total < 2:
            yield Advance(None, None)
            return
        from rich.console import Console
        from rich.progress import Progress as Bars

        with Bars(console=Console(file=self.stream), transient=True) as bars:
            task = bars.add_task(text, total=total)
            yield Advance(bars, task)


class Advance:
    """Call it once a finished step."""

    def __init__(self, bars: object, task: object) -> None:
        self._bars, self._task = bars, task

    def __call__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.advance(self._task)  # type: ignore[attr-defined]
