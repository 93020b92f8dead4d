"""The kinds of value a chip description holds, each with the sentence that says what is allowed.

Bounds are wide; they keep products of in-range values finite and cycles inside int64.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator
from pydantic_core import PydanticCustomError

__all__ = ["AutoOrWhole", "Blocked", "WholeOrInf", "number", "special", "whole"]

MOST_WHOLE = 1_000_000
MOST_NUMBER = 1e9
LEAST_POSITIVE = 1e-6
LONGEST_SIDE = 1024


def refusal(allowed: str) -> PydanticCustomError:
    """An error whose context carries what would have been accepted."""
    return PydanticCustomError("refused", "{allowed}", {"allowed": allowed})


def whole(default: Any, meaning: str, least: int = 0, most: int = MOST_WHOLE) -> Any:
    """A whole number in [least, most]; ``default`` may be ... (required) or None (may be absent)."""
    allowed = f"must be a whole number from {least} to {most}"
    return Field(default, strict=True, ge=least, le=most, description=meaning, json_schema_extra={"allowed": allowed})


def number(default: Any, meaning: str, positive: bool = False) -> Any:
    """A finite number in [0, 1e9], or [1e-6, 1e9] where it must be positive."""
    least = LEAST_POSITIVE if positive else 0.0
    allowed = f"must be a number from {least:g} to {MOST_NUMBER:g}"
    return Field(
        default,
        strict=True,
        ge=least,
        le=MOST_NUMBER,
        allow_inf_nan=False,
        description=meaning,
        json_schema_extra={"allowed": allowed},
    )


def special(default: Any, meaning: str, allowed: str) -> Any:
    """A value with a rule of its own."""
    return Field(default, description=meaning, json_schema_extra={"allowed": allowed})


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


INF_ALLOWED = f'must be a whole number from 1 to {MOST_WHOLE} or "inf"'
AUTO_ALLOWED = f'must be a whole number from 1 to {LONGEST_SIDE} or "auto"'
BLOCKED_ALLOWED = "must be a list of [x, y] pairs of whole numbers >= 0, none twice"


def _whole_or_inf(value: Any) -> int | float:
    if value == "inf" or (isinstance(value, float) and value == math.inf):
        return math.inf
    if is_whole(value) and 1 <= value <= MOST_WHOLE:
        return int(value)
    raise refusal(INF_ALLOWED)


def _whole_or_auto(value: Any) -> int | str:
    if value == "auto" or (is_whole(value) and 1 <= value <= LONGEST_SIDE):
        return value
    raise refusal(AUTO_ALLOWED)


def _blocked(value: Any) -> tuple[tuple[int, int], ...]:
    if not isinstance(value, list | tuple):
        raise refusal(BLOCKED_ALLOWED)
    tiles = []
    for pair in value:
        fits = isinstance(pair, list | tuple) and len(pair) == 2 and all(is_whole(v) and v >= 0 for v in pair)
        if not fits:
            raise refusal(BLOCKED_ALLOWED)
        tiles.append((int(pair[0]), int(pair[1])))
    if len(set(tiles)) < len(tiles):
        raise refusal(BLOCKED_ALLOWED)
    return tuple(sorted(tiles, key=lambda tile: (tile[1], tile[0])))


WholeOrInf = Annotated[int | float, PlainValidator(_whole_or_inf)]
AutoOrWhole = Annotated[int | Literal["auto"], PlainValidator(_whole_or_auto)]
Blocked = Annotated[tuple[tuple[int, int], ...], PlainValidator(_blocked)]
