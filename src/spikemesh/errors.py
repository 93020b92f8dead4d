"""Every error that a user's input can cause, under one base class.

The command line prints the message of a :class:`SpikemeshError` as one line and exits with 2; anything else is a bug in
spikemesh and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "ConversionError",
    "DataError",
    "DescriptionError",
    "InfeasibleError",
    "MappingError",
    "NetworkError",
    "SimulationError",
    "SpikemeshError",
    "TraceError",
]


class SpikemeshError(Exception):
    """Base of every error that a user's input can cause."""


class DescriptionError(SpikemeshError):
    """A hardware, recipe, scenario or sweep description that cannot be used.

    Parameters
    ----------
    source : where the description came from: a file's path, a shipped name, or "overrides".
    key : dotted path of the offending key, for example ``noc.router_cycles``; "" where the whole file is meant.
    value : the value found; leave it out where there is none (an unreadable file).
    allowed : what would have been accepted, in words.
    """

    _no_value = object()

    def __init__(self, source: object, key: str, allowed: str, value: object = _no_value) -> None:
        where = f"{source}: {key}" if key else f"{source}"
        got = "" if value is self._no_value else f" = {value!r}"
        super().__init__(f"{where}{got}: {allowed}")
        self.source = source
        self.key = key
        self.value = None if value is self._no_value else value
        self.allowed = allowed


class NetworkError(SpikemeshError):
    """A spiking network whose parts contradict each other, or a network file that cannot be read."""


class TraceError(SpikemeshError):
    """A spike trace that does not fit its network, or a trace file that cannot be read."""


class ConversionError(SpikemeshError):
    """A Keras model that cannot be converted; the message names the layer, its index and what to do."""


class DataError(SpikemeshError):
    """A data set that is missing, truncated or not what its name says."""


class MappingError(SpikemeshError):
    """A mapping request that cannot be met: unknown method, impossible capacity, more clusters than tiles."""


class InfeasibleError(MappingError):
    """A mapping that breaks the limits of its chip.

    ``violations`` lists every one of them, one sentence each.
    """

    def __init__(self, violations: Sequence[str]) -> None:
        self.violations = list(violations)
        shown = "; ".join(self.violations[:5])
        rest = len(self.violations) - 5
        more = f"; and {rest} more" if rest > 0 else ""
        super().__init__(f"the mapping breaks {len(self.violations)} limit(s) of the chip: {shown}{more}")


class SimulationError(SpikemeshError):
    """A simulation request that makes no sense: unknown engine, a step shorter than a cycle, traffic off the mesh."""
