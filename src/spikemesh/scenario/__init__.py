"""Scenarios: what is asked of a chip, run from data to results folder."""

from spikemesh.scenario.catalogue import KINDS, available
from spikemesh.scenario.progress import Progress
from spikemesh.scenario.running import CheckFailed, argument_parser, load_scenario, run_scenario

__all__ = [
    "KINDS",
    "CheckFailed",
    "Progress",
    "argument_parser",
    "available",
    "load_scenario",
    "run_scenario",
]
