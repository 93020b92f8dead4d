"""Recipes as values: passes with all their options, as JSON knows them, so that equal recipes are equal and any machine can
rebuild them."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from spikemesh.errors import DescriptionError, MappingError, SpikemeshError
from spikemesh.mapping.partition.registry import find_partitioner
from spikemesh.mapping.passes import Pass, built_in_pass, pass_name
from spikemesh.mapping.recipe import Recipe, load_recipe
from spikemesh.mapping.stages import PartitionPass, PlacePass
from spikemesh.network.archive import replacing

__all__ = ["SweptPass", "cuts", "only_built_in", "rebuilt", "swept_passes"]

SweptPass = dict[str, Any]
"""``{"pass": name, "options": {...}}``; a user's pass has ``file``, ``class`` and ``code``, the file's text, beside them."""


def swept_passes(path: str | Path, options: Mapping[str, Any]) -> list[SweptPass]:
    """The passes of a recipe, by name or path, with some options set.

    options : "<pass>.<option>" -> value, for every pass of that name; "<pass>.options.<name>" reaches a method's own.

    Raises
    ------
    DescriptionError
        for a recipe that cannot be used, and for options that it does not have.
    """
    recipe = load_recipe(path)
    file = Path(recipe.source)
    named = [table["pass"] for table in tomllib.loads(file.read_text(encoding="utf-8"))["passes"]]
    described = []
    for name, step in zip(named, _with_options(recipe, options), strict=True):
        entry: SweptPass = {"pass": pass_name(step), "options": TypeAdapter(type(step)).dump_python(step, mode="json")}
        beside, colon, cls = name.rpartition(":")
        if colon:
            code = (file.parent / beside).read_text(encoding="utf-8")
            entry |= {"file": Path(beside).name, "class": cls, "code": code}
        described.append(entry)
    return described


def only_built_in(passes: Sequence[SweptPass]) -> bool:
    """Whether all are spikemesh's own, which read no more of a chip than its crossbars and its mesh."""
    return all("code" not in entry for entry in passes)


def cuts(steps: Sequence[Pass]) -> tuple[int, int]:
    """Index of the first pass that makes clusters, and of the first that places them."""
    places = next((k for k, step in enumerate(steps) if "tile_of_cluster" in step.writes), len(steps))
    clusters = next((k for k, step in enumerate(steps) if "partition" in step.writes), len(steps))
    return min(clusters, places), places


def rebuilt(passes: Sequence[SweptPass], folder: Path) -> list[Pass]:
    """The passes, ready to run; a user's file is kept in ``folder`` under a name that holds its digest."""
    return [TypeAdapter(_class(entry, folder)).validate_python(entry["options"]) for entry in passes]


def _class(entry: SweptPass, folder: Path) -> type:
    if "code" not in entry:
        return built_in_pass(entry["pass"])
    digest = hashlib.sha256(entry["code"].encode()).hexdigest()[:16]
    name = f"spikemesh_swept_pass_{Path(entry['file']).stem}_{digest}"
    if name not in sys.modules:
        path = folder / f"{Path(entry['file']).stem}-{digest}.py"
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(path, SpikemeshError) as file:
                file.write(entry["code"].encode())
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None  # the name ends in .py
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up while the file runs
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return getattr(sys.modules[name], entry["class"])


def _with_options(recipe: Recipe, options: Mapping[str, Any]) -> list[Pass]:
    """The recipe's passes with some options set, held to their types again."""
    steps = list(recipe.pipeline.steps)
    for dotted, value in options.items():
        named, _, rest = dotted.partition(".")
        found = [k for k, step in enumerate(steps) if pass_name(step) == named]
        if not found:
            known = ", ".join(dict.fromkeys(pass_name(step) for step in steps))
            raise DescriptionError(recipe.source, f"recipe.{dotted}", f"it has no pass {named!r}; it has {known}", value)
        for k in found:
            steps[k] = _with_option(recipe, steps[k], f"recipe.{dotted}", rest, value)
    return steps


def _with_option(recipe: Recipe, step: Pass, key: str, option: str, value: Any) -> Pass:
    held = {f.name: getattr(step, f.name) for f in dataclasses.fields(step) if f.init}  # type: ignore[arg-type]
    outer, dot, inner = option.partition(".")
    if outer not in held or (dot and not isinstance(held[outer], dict)):
        raise DescriptionError(recipe.source, key, f"pass {pass_name(step)!r} has {', '.join(held) or 'no options'}", value)
    held[outer] = {**held[outer], inner: value} if dot else value
    try:
        made = TypeAdapter(type(step)).validate_python(held)
        _names_exist(made)
    except ValidationError as error:
        raise DescriptionError(recipe.source, key, error.errors(include_url=False)[0]["msg"], value) from None
    except (MappingError, TypeError, ValueError) as error:
        raise DescriptionError(recipe.source, key, str(error), value) from None
    return made


def _names_exist(step: Pass) -> None:
    """A MappingError where a built-in pass names a method, or an option of it, that there is none of."""
    if isinstance(step, PartitionPass):
        find_partitioner(step.method).checked_options(step.options)
    if isinstance(step, PlacePass):
        from spikemesh.mapping.place import find_placer

        find_placer(step.method).checked_options(step.options)
