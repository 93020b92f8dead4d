"""Commented files to begin from: a chip, a recipe, a scenario.

The chip is written out key by key from the description's own rules, so that no key is missing and no comment is stale.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from spikemesh.errors import DescriptionError

__all__ = ["KINDS", "template", "write_template"]

KINDS = {"hardware": ".toml", "recipe": ".toml", "scenario": ".py"}
"""What there is a template of, and how its file ends."""
MODEL_CHIP = "mesh-45nm"
"""Its values fill the chip's template."""
FOLDER = Path(__file__).parent


def write_template(kind: str, name: str, folder: str | Path = ".") -> Path:
    """Writes NAME.toml or NAME.py into a folder and returns its path; never over a file that is there.

    Raises
    ------
    DescriptionError
        for an unknown kind, a name that cannot name a file, a file that is there, a folder that cannot be written.
    """
    if kind not in KINDS:
        raise DescriptionError("new", "KIND", f"must be one of {', '.join(KINDS)}", kind)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise DescriptionError("new", "NAME", "must be letters, digits, - and _, beginning with a letter or digit", name)
    path = Path(folder) / f"{name}{KINDS[kind]}"
    text = template(kind, name, path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise DescriptionError("new", "", "is there already; choose another name or --out", str(path)) from None
    except OSError as error:
        raise DescriptionError("new", "", f"cannot be written: {error.strerror}", str(path)) from None
    return path


def template(kind: str, name: str, file: str) -> str:
    """The text of a new file."""
    if kind == "hardware":
        return _chip(name, file)
    if kind == "recipe":
        from spikemesh.scenario.catalogue import available

        known = {what: ", ".join(available(what)) for what in ("partitioners", "placers")}
        return _filled("recipe.toml", name=name, file=file, **known)
    return _filled("scenario.py.txt", name=name, file=file)


def _filled(source: str, **words: str) -> str:
    """A template with its {words} exchanged; other braces are the file's own."""
    text = (FOLDER / source).read_text(encoding="utf-8")
    for key, word in words.items():
        text = text.replace(f"{{{key}}}", word)
    return text


def _chip(name: str, file: str) -> str:
    from spikemesh.hardware.sections import SECTIONS
    from spikemesh.shipped import shipped_path

    values = tomllib.loads(shipped_path("hardware", MODEL_CHIP).read_text(encoding="utf-8"))
    lines = [
        f"# {name}: a chip of crossbar tiles on a mesh. Every key is here; those behind a # have the default that they show.",
        f"# The values are those of {MODEL_CHIP}; put yours. docs/hardware.md says more.",
        "#",
        f"#     spikemesh simulate digits_cnn --hardware {file}",
        "",
        f'name = "{name}"',
        'description = "what the chip is"',
    ]
    for section, model in SECTIONS.items():
        lines += ["", f"[{section}]"]
        for key, field in model.model_fields.items():
            lines += _key(key, field, values.get(section, {}))
    lines += [
        "",
        "# Where each value comes from, and how far it can be trusted: READ, QUOTE, RUN, DERIVED, 2nd, EST or RECALL.",
        "# Reports name the weakest grade. Keys without an entry have none.",
        "[source]",
        f'"noc.cycle_ns" = {{ citation = "taken over from {MODEL_CHIP}", confidence = "EST" }}',
        "",
    ]
    return "\n".join(lines)


def _key(key: str, field: FieldInfo, values: dict[str, Any]) -> list[str]:
    """A comment, then the key with its value; commented out where the model chip leaves it at its default."""
    allowed = field.json_schema_extra["allowed"] if isinstance(field.json_schema_extra, dict) else ""
    comment = f"# {field.description}; {allowed}"
    if key in values:
        return [comment, f"{key} = {_toml(values[key])}"]
    default = None if field.default is PydanticUndefined else field.default
    shown = "" if default is None else _toml(default)
    return [comment, f"# {key} = {shown}".rstrip()]


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value == float("inf"):
        return '"inf"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)
