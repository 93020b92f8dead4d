"""Reads ``recipe * (pitch + router)``: names of axes, ``*``, ``+`` and parentheses, and nothing else.

sum     = product { "+" product }
product = part { "*" part }
part    = name | "(" sum ")"
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from spikemesh.errors import DescriptionError
from spikemesh.scenario.sweep.axes import Sweep

__all__ = ["parse_axes"]

TOKEN = re.compile(r"\s*(?:([\w.-]+)|([*+()]))")
DEEPEST = 100
"""Parentheses inside parentheses; far more than a sweep can use, far less than Python's stack holds."""


def parse_axes(text: str, axes: Mapping[str, Sweep], source: object = "sweep", key: str = "sweep.axes") -> Sweep:
    """The sweep that an expression over named axes stands for.

    Parameters
    ----------
    axes : name -> axis. Each name is used once: a second use would set its key twice.
    source, key : what errors name.

    Raises
    ------
    DescriptionError
        for an unknown name, a missing operand or parenthesis, axes that cannot be joined, or an axis left out.
    """
    parser = _Parser(text, axes, source, key)
    try:
        sweep = parser.whole()
    except DescriptionError as error:
        if error.source == source:
            raise
        raise DescriptionError(source, key, f"{error.key}: {error.allowed}", text) from None
    left_out = [name for name in axes if name not in parser.used]
    if left_out:
        raise DescriptionError(source, key, f"leaves out axis {left_out[0]!r}; use every [axis.*] table or remove it", text)
    return sweep


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, text: str, axes: Mapping[str, Sweep], source: object, key: str) -> None:
        self.text, self.axes, self.source, self.key = text, axes, source, key
        self.used: list[str] = []
        self.tokens = self._split()
        self.at = 0

    def _split(self) -> list[str]:
        tokens, end = [], len(self.text.rstrip())
        position = 0
        while position < end:
            match = TOKEN.match(self.text, position)
            if match is None:
                raise self.refuse(f"does not know {self.text[position:].strip()[0]!r}; it has names, *, + and parentheses")
            tokens.append(match[1] or match[2])
            position = match.end()
        return tokens

    def refuse(self, what: str) -> DescriptionError:
        return DescriptionError(self.source, self.key, what, self.text)

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def whole(self) -> Sweep:
        sweep = self.sum(0)
        if self.next:
            raise self.refuse(f"has {self.next!r} where *, + or the end must stand")
        return sweep

    def sum(self, depth: int) -> Sweep:
        sweep = self.product(depth)
        while self.next == "+":
            self.at += 1
            sweep = sweep + self.product(depth)
        return sweep

    def product(self, depth: int) -> Sweep:
        sweep = self.part(depth)
        while self.next == "*":
            self.at += 1
            sweep = sweep * self.part(depth)
        return sweep

    def part(self, depth: int) -> Sweep:
        token = self.next
        self.at += 1
        if token == "(":
            if depth == DEEPEST:
                raise self.refuse(f"nests parentheses more than {DEEPEST} deep")
            sweep = self.sum(depth + 1)
            if self.next != ")":
                raise self.refuse("lacks a closing parenthesis")
            self.at += 1
            return sweep
        if token in ("", "*", "+", ")"):
            raise self.refuse(f"has {token!r} where an axis must stand" if token else "ends where an axis must stand")
        if token not in self.axes:
            raise self.refuse(f"names axis {token!r}; there are {', '.join(self.axes) or 'none'}")
        if token in self.used:
            raise self.refuse(f"names axis {token!r} twice")
        self.used.append(token)
        return self.axes[token]
