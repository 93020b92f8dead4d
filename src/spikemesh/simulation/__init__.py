"""Lowering, the SimPy reference, its compiled twin, and the record of a run."""

from spikemesh.simulation.record import RunRecord
from spikemesh.simulation.simulate import simulate
from spikemesh.simulation.traffic import TrafficResult, simulate_traffic

__all__ = ["RunRecord", "TrafficResult", "simulate", "simulate_traffic"]
