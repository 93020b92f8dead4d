"""Recipes: pipelines of passes in TOML files, by shipped name or by path.

    description = "what it is"

    [[passes]]
    pass = "partition"          # a built-in pass, or a user's: "my_pass.py:Cluster", relative to this file
    method = "snn-gpa"          # the options of the pass

A user's pass is Python code that runs when its recipe is loaded; load recipes that you trust.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, TypeAdapter, ValidationError

from spikemesh.errors import DescriptionError, MappingError
from spikemesh.mapping.partition.registry import find_partitioner, suggestion
from spikemesh.mapping.passes import BUILT_IN, Pass, Pipeline, built_in_pass
from spikemesh.mapping.stages import PartitionPass, PlacePass
from spikemesh.shipped import shipped_names, shipped_path

__all__ = ["Recipe", "available_recipes", "load_recipe"]


@dataclass(frozen=True)
class Recipe:
    """A recipe: its name, what it is, its passes. ``source`` is the file it was read from."""

    name: str
    description: str
    pipeline: Pipeline
    source: str = "given"


class _File(BaseModel):
    """What a recipe file may hold."""

    model_config = ConfigDict(extra="forbid", strict=True)

    description: str = ""
    passes: list[dict[str, Any]] = Field(min_length=1)


def available_recipes() -> list[str]:
    """Names of the recipes that ship with spikemesh, sorted."""
    return shipped_names("mapping")


def load_recipe(name_or_path: str | Path) -> Recipe:
    """A recipe by shipped name (``available_recipes()``) or by the path of a TOML file.

    Raises
    ------
    DescriptionError
        for a name that does not ship, a file that cannot be read, an unknown key, pass or option, a value of another type;
        it names file, key and value, and what is allowed.
    """
    path = _find(name_or_path)
    content = _read(path)
    try:
        parsed = _File.model_validate(content)
    except ValidationError as error:
        raise _described(path, error) from None
    steps = tuple(_step(path, k, dict(table)) for k, table in enumerate(parsed.passes))
    return Recipe(path.stem, parsed.description, Pipeline(steps, path.stem), str(path))


def _find(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    if not text or "\0" in text:
        raise DescriptionError("recipe", "", "must be a shipped name or the path of a TOML file", text)
    path = Path(text)
    if path.suffix == ".toml" and (path.is_file() or path.name != text or path.stem not in available_recipes()):
        return path
    if path.name != text:
        raise DescriptionError(path, "", "a recipe file ends in .toml")
    return shipped_path("mapping", path.stem if path.suffix == ".toml" else text)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError:
        raise DescriptionError(path, "", "there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DescriptionError(path, "", f"cannot be read: {error}") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise DescriptionError(path, "", f"is not valid TOML: {error}") from None


_ALLOWED = {"description": "must be a text", "passes": "must be a list of [[passes]] tables, at least one"}


def _described(path: Path, error: ValidationError) -> DescriptionError:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        hint = suggestion(key, _ALLOWED)
        return DescriptionError(path, key, f"unknown key{hint}; allowed are {', '.join(_ALLOWED)}", first["input"])
    allowed = _ALLOWED.get(str(first["loc"][0]), "is not valid here")
    if first["type"] == "missing":
        return DescriptionError(path, key, f"is missing: {allowed}")
    return DescriptionError(path, key, allowed, first["input"])


def _step(path: Path, k: int, table: dict[str, Any]) -> Pass:
    key = f"passes[{k}]"
    named = table.pop("pass", None)
    if not isinstance(named, str):
        raise DescriptionError(path, f"{key}.pass", f"must name a pass: {', '.join(BUILT_IN)}, or file.py:Class", named)
    cls = _users_pass(path, f"{key}.pass", named) if ".py:" in named else _built_in(path, f"{key}.pass", named)
    fields = [field.name for field in dataclasses.fields(cls) if field.init]  # type: ignore[arg-type]
    for option, value in table.items():
        if option not in fields:
            raise DescriptionError(
                path,
                f"{key}.{option}",
                f"unknown option of pass {named!r}{suggestion(option, fields)}; it has: {', '.join(fields) or 'none'}",
                value,
            )
    step = _validated(path, key, cls, table)
    if isinstance(step, PartitionPass):
        _method_exists(path, key, step)
    if isinstance(step, PlacePass):
        _placer_exists(path, key, step)
    return step


def _built_in(path: Path, key: str, named: str) -> type:
    if named not in BUILT_IN:
        raise DescriptionError(
            path, key, f"unknown pass{suggestion(named, BUILT_IN)}; there are: {', '.join(BUILT_IN)}, or file.py:Class", named
        )
    return built_in_pass(named)


def _validated(path: Path, key: str, cls: type, options: dict[str, Any]) -> Pass:
    hints = get_type_hints(cls)
    given = {name: _typed(path, f"{key}.{name}", hints[name], value) for name, value in options.items()}
    for field in dataclasses.fields(cls):
        if field.init and field.name not in given and _required(field):
            raise DescriptionError(path, f"{key}.{field.name}", "this option is required and missing")
    try:
        return cls(**given)
    except (TypeError, ValueError, MappingError) as error:
        raise DescriptionError(path, key, str(error), options) from None


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _typed(path: Path, key: str, hint: Any, value: Any) -> Any:
    """The value as its option's annotation has it; a number is no text and a text no number."""
    try:
        # an array of TOML is a list, whatever sequence the option wants
        return TypeAdapter(hint).validate_python(value, strict=not isinstance(value, list | dict))
    except ValidationError as error:
        raise DescriptionError(path, key, error.errors(include_url=False)[0]["msg"], value) from None
    except PydanticUserError:
        return value  # a type that nothing can be said about; its pass will tell


def _method_exists(path: Path, key: str, step: PartitionPass) -> None:
    from spikemesh.mapping.partition.partition import EFFORTS, OBJECTIVES

    for option, value, allowed in (
        ("objective", step.objective, OBJECTIVES),
        ("effort", step.effort, EFFORTS),
    ):
        if value not in allowed:
            raise DescriptionError(
                path, f"{key}.{option}", f"must be one of {', '.join(allowed)}{suggestion(value, allowed)}", value
            )
    try:
        find_partitioner(step.method).checked_options(step.options)
    except MappingError as error:
        raise DescriptionError(path, f"{key}.method", str(error), step.method) from None


def _placer_exists(path: Path, key: str, step: PlacePass) -> None:
    from spikemesh.mapping.place import OBJECTIVES, find_placer

    if step.objective not in OBJECTIVES:
        hint = suggestion(step.objective, OBJECTIVES)
        raise DescriptionError(path, f"{key}.objective", f"must be one of {', '.join(OBJECTIVES)}{hint}", step.objective)
    try:
        find_placer(step.method).checked_options(step.options)
    except MappingError as error:
        raise DescriptionError(path, f"{key}.method", str(error), step.method) from None


def _users_pass(path: Path, key: str, named: str) -> type:
    file, _, cls_name = named.rpartition(":")
    target = path.parent / file
    if not target.is_file():
        raise DescriptionError(path, key, f"there is no file {target}", named)
    module = _load_module(target, path, key, named)
    cls = getattr(module, cls_name, None)
    if not isinstance(cls, type):
        raise DescriptionError(path, key, f"{target.name} has no class {cls_name!r}", named)
    missing = [part for part in ("reads", "writes", "run") if not hasattr(cls, part)]
    if missing or not dataclasses.is_dataclass(cls) or not vars(cls)["__dataclass_params__"].frozen:
        what = f"lacks {', '.join(missing)}" if missing else "is no frozen dataclass"
        raise DescriptionError(path, key, f"{cls_name} {what}; a pass is a frozen dataclass with reads, writes and run", named)
    return cls


def _load_module(target: Path, path: Path, key: str, named: str) -> ModuleType:
    name = f"spikemesh_user_pass_{target.stem}"
    spec = importlib.util.spec_from_file_location(name, target)
    if spec is None or spec.loader is None:
        raise DescriptionError(path, key, f"{target} is not a Python file", named)
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module  # dataclasses look their module up while the file runs
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise DescriptionError(path, key, f"{target} fails to load: {type(error).__name__}: {error}", named) from error
    return module
