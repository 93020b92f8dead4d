"""Passes and pipelines of them.

A pass is a frozen dataclass whose fields are its options. It declares what it ``reads`` and ``writes`` (names from
``state.FIELDS``), and ``run(state)`` returns a new state. :func:`apply` runs one pass, holds it to what it declared, and
leaves a record on the trail. A pipeline is a pass, so pipelines nest.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, ClassVar, Protocol, runtime_checkable

from spikemesh.errors import MappingError
from spikemesh.mapping.mapping import PassRecord
from spikemesh.mapping.state import FIELDS, MappingState

__all__ = ["BUILT_IN", "Pass", "Pipeline", "apply", "built_in_pass", "pass_name"]

BUILT_IN = {
    "decompose": "decompose.passes:Decompose",
    "drop": "legalisation:Drop",
    "quantise": "legalisation:Quantise",
    "partition": "stages:PartitionPass",
    "place": "stages:PlacePass",
    "check": "stages:CheckPass",
}
"""Passes that a recipe can name, and where each is; a module is loaded when its pass is used."""


@runtime_checkable
class Pass(Protocol):
    """One step of a recipe."""

    reads: ClassVar[tuple[str, ...]]
    writes: ClassVar[tuple[str, ...]]

    def run(self, state: MappingState) -> MappingState:
        """The state after this step."""
        ...


def built_in_pass(name: str) -> type[Pass]:
    """The class of a built-in pass."""
    module, _, cls = BUILT_IN[name].partition(":")
    return getattr(import_module(f"spikemesh.mapping.{module}"), cls)


def pass_name(step: Pass) -> str:
    """What the trail calls a pass: its ``name``, else its class."""
    return str(getattr(step, "name", type(step).__name__))


def apply(step: Pass, state: MappingState) -> MappingState:
    """Runs one pass and records it on the trail: its options, seconds, and every cost before and after.

    Raises
    ------
    MappingError
        where the pass reads what nothing has written yet, changes what it did not declare, or returns no state.
    """
    name = pass_name(step)
    for field in step.reads:
        if getattr(state, field) is None:
            raise MappingError(f"pass {name!r} reads {field}, which no earlier pass has written")
    start = time.perf_counter()
    after = step.run(state)
    seconds = time.perf_counter() - start
    if not isinstance(after, MappingState):
        raise MappingError(f"pass {name!r} must return a MappingState, not {type(after).__name__}")
    if isinstance(step, Pipeline):
        return after  # its passes have recorded themselves
    for field in FIELDS:
        if getattr(after, field) is not getattr(state, field) and field not in step.writes:
            if getattr(after, field) is None and field in ("partition", "tile_of_cluster"):
                continue  # a new network or new clusters invalidate what was built on the old ones
            raise MappingError(f"pass {name!r} changed {field} but declares only writes = {step.writes}")
    measures = {f"{k}_before": v for k, v in state.costs.items()} | {f"{k}_after": v for k, v in after.costs.items()}
    measures |= after.measured
    return replace(after, trail=(*state.trail, PassRecord(name, _parameters(step), seconds, measures)), measured={})


def _parameters(step: Pass) -> dict[str, Any]:
    if not dataclasses.is_dataclass(step):
        return {}
    return {field.name: getattr(step, field.name) for field in dataclasses.fields(step)}


@dataclass(frozen=True)
class Pipeline:
    """Passes one after another; itself a pass."""

    steps: tuple[Pass, ...]
    name: str = "pipeline"

    @property
    def reads(self) -> tuple[str, ...]:  # type: ignore[override]
        """What the first passes need that no earlier one of them writes."""
        needed: list[str] = []
        written: set[str] = set()
        for step in self.steps:
            needed += [field for field in step.reads if field not in written and field not in needed]
            written.update(step.writes)
        return tuple(needed)

    @property
    def writes(self) -> tuple[str, ...]:  # type: ignore[override]
        """What any of its passes writes."""
        return tuple(field for field in FIELDS if any(field in step.writes for step in self.steps))

    def run(self, state: MappingState) -> MappingState:
        for step in self.steps:
            state = apply(step, state)
        return state

    def split_before(self, field: str) -> tuple[Pipeline, Pipeline]:
        """The passes before the first one that writes ``field``, and the rest."""
        at = next((k for k, step in enumerate(self.steps) if field in step.writes), len(self.steps))
        return Pipeline(self.steps[:at], self.name), Pipeline(self.steps[at:], self.name)
