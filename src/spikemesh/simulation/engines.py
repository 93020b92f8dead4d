"""The engines by name: the SimPy reference, and its compiled twin for what would take it too long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from spikemesh.errors import SimulationError
from spikemesh.simulation.program import Chip, Flow, Session, Traffic

__all__ = ["ENGINES", "SIMPY_WORK", "Engine", "engine_named"]

ENGINES = ("auto", "simpy", "compiled")
"""What ``engine=`` may be."""

SIMPY_WORK = 200_000
"""Up to this many rows and link hops, a few seconds, "auto" takes the reference."""

MODULES = {"simpy": "spikemesh.simulation.reference", "compiled": "spikemesh.simulation.compiled.engine"}


class EngineModule(Protocol):
    """What a module must offer to be an engine."""

    def run(self, chip: Chip, traffic: Traffic, *, max_cycles: int | None = None) -> Flow: ...
    def Session(self, chip: Chip) -> Session: ...


@dataclass(frozen=True)
class Engine:
    """An engine: ``name`` is "simpy" or "compiled"; both give the same cycles."""

    name: str

    @property
    def module(self) -> EngineModule:
        return cast(EngineModule, import_module(MODULES[self.name]))

    def run(self, chip: Chip, traffic: Traffic, max_cycles: int | None = None) -> Flow:
        """One independent run on an empty chip."""
        return self.module.run(chip, traffic, max_cycles=max_cycles)

    def session(self, chip: Chip) -> Session:
        """An empty chip that runs piece by piece."""
        return self.module.Session(chip)


def engine_named(name: str, work: Callable[[], int]) -> Engine:
    """The engine called ``name``; "auto" is SimPy while ``work()`` (rows and link hops) stays within ``SIMPY_WORK``.

    Raises
    ------
    SimulationError
        for an unknown name.
    """
    if name not in ENGINES:
        raise SimulationError(f"engine must be one of {', '.join(ENGINES)}, not {name!r}")
    if name == "auto":
        name = "simpy" if work() <= SIMPY_WORK else "compiled"
    return Engine(name)
