"""Lowering, the SimPy reference, its compiled twin, and the record of a run."""

from spikemesh.simulation.closed_loop import ClosedLoop, closed_loop
from spikemesh.simulation.record import RunRecord
from spikemesh.simulation.simulate import simulate, simulate_samples
from spikemesh.simulation.traffic import TrafficResult, simulate_traffic

__all__ = ["ClosedLoop", "RunRecord", "TrafficResult", "closed_loop", "simulate", "simulate_samples", "simulate_traffic"]
