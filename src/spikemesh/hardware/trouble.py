"""From what pydantic found to one sentence: which file, which key, which value, what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from spikemesh.errors import DescriptionError
from spikemesh.hardware.description import Hardware
from spikemesh.hardware.sections import KEYS, SECTIONS, Source

__all__ = ["described", "overridden"]

TOP_LEVEL = ("name", "description", *SECTIONS, "source")


def described(error: ValidationError, source: object) -> DescriptionError:
    """The first thing that is wrong, as a DescriptionError; an unknown key comes before what it may have been meant for."""
    found = error.errors(include_url=False)
    first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
    path = [str(part) if str(part).isprintable() else repr(part) for part in first["loc"]]
    key, context = ".".join(path), first.get("ctx", {})
    value = short(first["input"])
    if first["type"] == "contradiction":
        return DescriptionError(source, context["key"], f"{context['allowed']} (found {context['value']})")
    if first["type"] == "extra_forbidden":
        return DescriptionError(source, key, unknown(path), value)
    if first["type"] == "missing":
        kind = "table" if len(path) == 1 and path[0] in SECTIONS else "key"
        return DescriptionError(source, key, f"this {kind} is required and missing{meaning(path)}")
    if first["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return DescriptionError(source, key, "must be a table of keys", value)
    return DescriptionError(source, key, allowed(path), value)


def short(value: Any) -> Any:
    """The value, or where it would fill the line the start of it."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print integers of thousands of digits
        return "a number of thousands of digits"
    return value if len(text) <= 80 else text[:77] + "..."


def allowed(path: list[str]) -> str:
    """The sentence of the field at ``path``, or a general one."""
    fields: Any = Hardware.model_fields
    if len(path) >= 2 and path[0] in SECTIONS:
        fields, path = SECTIONS[path[0]].model_fields, path[1:]
    elif len(path) >= 3 and path[0] == "source":
        # a citation's path is source, the dotted key, then citation or confidence
        fields, path = Source.model_fields, path[-1:]
    extra = getattr(fields.get(path[0]) if path else None, "json_schema_extra", None)
    return extra["allowed"] if isinstance(extra, dict) else "is not a valid value here"


def meaning(path: list[str]) -> str:
    fields = SECTIONS[path[0]].model_fields if len(path) == 2 and path[0] in SECTIONS else {}
    return f": {fields[path[1]].description}, {allowed(path)}" if path[-1] in fields else ""


def unknown(path: list[str]) -> str:
    """What to say of a key that no description has: the nearest one, the table it belongs to, or all there are."""
    *above, name = path
    here = list(SECTIONS[above[0]].model_fields) if above and above[0] in SECTIONS else list(TOP_LEVEL)
    if above and above[0] == "source":
        here = list(Source.model_fields)
    elsewhere = [key for key in KEYS if key.rpartition(".")[2] == name]
    if elsewhere:
        return f"unknown key; {name} belongs to [{elsewhere[0].partition('.')[0]}]"
    close = difflib.get_close_matches(name, here, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown key; {hint}allowed are {', '.join(here)}"


def overridden(hw: Hardware, overrides: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The description's content with ``overrides`` put in, and what its errors are to name."""
    content = hw.content()
    if not isinstance(overrides, Mapping):
        raise DescriptionError("overrides", "", "must be a dictionary of dotted keys", short(overrides))
    for dotted, value in overrides.items():
        if dotted not in KEYS and dotted not in ("name", "description"):
            raise DescriptionError("overrides", str(dotted), unknown_dotted(str(dotted)), short(value))
        section, _, key = dotted.rpartition(".")
        table = content.setdefault(section, {}) if section else content
        table[key] = value.item() if isinstance(value, np.generic) else value
        if value is None:
            del table[key]
        if content["source"].pop(dotted, None) is not None and is_same(hw, dotted, value):
            content["source"][dotted] = hw.source[dotted].model_dump()
    return content, f"{hw.name} with overrides" if overrides else hw.name


def is_same(hw: Hardware, dotted: str, value: Any) -> bool:
    """Whether an override repeats what the description says, which then keeps its source."""
    held = hw.parameters().get(dotted)
    return type(held) is type(value) and held == value


def unknown_dotted(dotted: str) -> str:
    section, _, name = dotted.partition(".")
    if dotted in SECTIONS:
        return f"names a whole table; override one key of it, such as {next(k for k in KEYS if k.startswith(dotted))!r}"
    if section in SECTIONS and name:
        return unknown([section, name])
    elsewhere = [key for key in KEYS if key.rpartition(".")[2] == dotted]
    close = elsewhere or difflib.get_close_matches(dotted, KEYS, 1)
    hint = f"did you mean {close[0]!r}?" if close else "write section.key, such as 'noc.router_cycles'"
    return f"unknown key; {hint}"
