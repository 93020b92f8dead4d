"""Sweeps: axes that cross and zip, computed once, on any number of workers, and never lost."""

from spikemesh.scenario.sweep.axes import Axis, Product, Sweep, Zip
from spikemesh.scenario.sweep.description import SweepDescription, load_sweep, sweep_of
from spikemesh.scenario.sweep.run import SweepResult, read_sweep, run_sweep

__all__ = [
    "Axis",
    "Product",
    "Sweep",
    "SweepDescription",
    "SweepResult",
    "Zip",
    "load_sweep",
    "read_sweep",
    "run_sweep",
    "sweep_of",
]
