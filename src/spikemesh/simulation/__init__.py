"""Lowering, the SimPy reference, its compiled twin, and the record of a run."""

from spikemesh.simulation.closed_loop import ClosedLoop, closed_loop
from spikemesh.simulation.record import RunRecord
from spikemesh.simulation.simulate import simulate
from spikemesh.simulation.traffic import TrafficResult, simulate_traffic

__all__ = ["ClosedLoop", "RunRecord", "TrafficResult", "closed_loop", "simulate", "simulate_traffic"]
