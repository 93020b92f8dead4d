"""What a point of a sweep says: every key, its default, and what is allowed.

network, trace            what runs                        network.weights, network.seed     how it comes about
samples, duration_ms,
encoding, seed            what it is shown
recipe                    how it is mapped                 recipe.<pass>.<option>            an option of one of its passes
map_inputs, weighting
hardware, mesh, pitch_mm  where it runs                    hardware.<section>.<key>          any key of the description
acceleration, engine,
late, accuracy,
max_cycles                how it runs
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from spikemesh.network import WEIGHTINGS
from spikemesh.network.dynamics import ENCODINGS
from spikemesh.simulation.closed_loop import LATE_POLICIES
from spikemesh.simulation.engines import ENGINES

__all__ = ["DEFAULTS", "allowed_keys", "checked", "full_point"]

Accept = Callable[[Any], Any]


@dataclass(frozen=True)
class _Key:
    default: Any
    allowed: str
    accept: Accept


def _refuse(_: Any) -> Any:
    raise ValueError


def _whole(default: int | None, least: int) -> _Key:
    def accept(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**62:
            raise ValueError
        return value

    return _Key(default, f"must be a whole number of at least {least}", accept)


def _number(default: float | None) -> _Key:
    def accept(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise ValueError
        return float(value)

    return _Key(default, "must be a positive number", accept)


def _text(default: str | None, allowed: str) -> _Key:
    def accept(value: Any) -> str:
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError
        return value

    return _Key(default, allowed, accept)


def _choice(default: str, choices: Iterable[str]) -> _Key:
    names = tuple(choices)
    return _Key(default, f"must be one of {', '.join(names)}", lambda value: value if value in names else _refuse(value))


def _flag(default: bool) -> _Key:
    return _Key(default, "must be true or false", lambda value: value if isinstance(value, bool) else _refuse(value))


def _mesh(value: Any) -> Any:
    """[cols, rows], or "auto"."""
    if value == "auto":
        return value
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError
    return [_whole(None, 1).accept(v) for v in value]


KEYS: dict[str, _Key] = {
    "network": _text(None, "must be a workload's name or the path of a network file (.npz)"),
    "network.weights": _choice("auto", ("auto", "trained", "drawn")),
    "network.seed": _whole(None, 0),
    "trace": _text(None, "must be the path of a spike trace (.npz)"),
    "samples": _whole(10, 1),
    "duration_ms": _number(100.0),
    "encoding": _choice("constant", ENCODINGS),
    "seed": _whole(0, 0),
    "recipe": _text("auto", "must be a shipped recipe's name or the path of a TOML file"),
    "map_inputs": _flag(True),
    "weighting": _choice("rate_weight", WEIGHTINGS),
    "hardware": _text("dynap-se", "must be a shipped chip's name or the path of a TOML file"),
    "mesh": _Key(None, 'must be [cols, rows], two whole numbers of at least 1, or "auto"', _mesh),
    "pitch_mm": _number(None),
    "acceleration": _number(1.0),
    "engine": _choice("auto", ENGINES),
    "late": _choice("next-step", LATE_POLICIES),
    "accuracy": _flag(True),
    "max_cycles": _whole(None, 1),
}
"""Key -> its default and what is allowed; the order is that of every point."""

DEFAULTS: dict[str, Any] = {name: key.default for name, key in KEYS.items()}


def allowed_keys() -> str:
    """Every key, in words."""
    return f"{', '.join(KEYS)}, hardware.<section>.<key> and recipe.<pass>.<option>"


def checked(key: str, value: Any) -> tuple[Any, str | None]:
    """(value as a point keeps it, None), or (value, what would be allowed) where it is refused.

    Whether a recipe has the option that ``recipe.<pass>.<option>`` names is for the recipe to say.
    """
    if key in KEYS:
        try:
            return KEYS[key].accept(value), None
        except (ValueError, TypeError):
            return value, KEYS[key].allowed
    if key.startswith("hardware."):
        return _hardware_value(key.removeprefix("hardware."), value)
    if key.startswith("recipe.") and len(key.split(".")) >= 3 and all(key.split(".")):
        return value, None
    close = difflib.get_close_matches(key, KEYS, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return value, f"unknown key {key!r}; {hint}allowed are {allowed_keys()}"


def _hardware_value(dotted: str, value: Any) -> tuple[Any, str | None]:
    """A value of the chip's description, held to its field alone; what must agree with what is checked point by point."""
    from typing import Annotated

    from pydantic import TypeAdapter, ValidationError

    from spikemesh.hardware.sections import KEYS as described
    from spikemesh.hardware.sections import SECTIONS

    if dotted not in described:
        close = difflib.get_close_matches(dotted, described, 1)
        hint = f"; did you mean 'hardware.{close[0]}'?" if close else f"; write hardware.<{'|'.join(SECTIONS)}>.<key>"
        return value, f"no chip description has the key {dotted!r}{hint}"
    section, _, name = dotted.partition(".")
    field = SECTIONS[section].model_fields[name]
    try:
        held: Any = Annotated[(field.annotation, *field.metadata)]  # type: ignore[misc]
        TypeAdapter(held).validate_python(value)
    except ValidationError:
        extra = field.json_schema_extra
        return value, str(extra["allowed"]) if isinstance(extra, dict) else "is not a valid value here"
    return value, None


def full_point(values: dict[str, Any]) -> dict[str, Any]:
    """``values`` with every default filled in, keys in their order, dotted ones of chip and recipe last.

    A trace file has its samples, its duration and its encoding: those keys are None beside it.
    """
    point = {**DEFAULTS, **{key: value for key, value in values.items() if key in KEYS}}
    if point["trace"] is not None:
        point |= {"samples": None, "duration_ms": None, "encoding": None}
    if point["network.seed"] is None:
        point["network.seed"] = point["seed"]
    return point | {key: values[key] for key in sorted(values) if key not in KEYS}
