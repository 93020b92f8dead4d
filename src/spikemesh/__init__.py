"""spikemesh: map spiking neural networks onto crossbar tiles and measure them on a discrete-event model of the chip.

    import spikemesh as sm

    net = sm.workload("digits_cnn")
    trace = sm.run_brian2(net, inputs, duration_ms=100)
    hw = sm.load_hardware("dynap-se")
    mapped = sm.map_network(net, trace, hw, recipe="snn-gpa")
    print(sm.metrics(sm.simulate(mapped, trace, hw)))

Names load when they are first used: importing spikemesh imports neither TensorFlow nor Brian2.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spikemesh.errors import SpikemeshError

if TYPE_CHECKING:
    from spikemesh.conversion import convert
    from spikemesh.hardware import Hardware, load_hardware
    from spikemesh.mapping import Mapping, map_network
    from spikemesh.mapping.partition import partition
    from spikemesh.mapping.place import place
    from spikemesh.metrics import metrics
    from spikemesh.network import SpikeTrace, SpikingNetwork, load_network, load_trace
    from spikemesh.scenario import available, run_scenario
    from spikemesh.scenario.zoo import evaluate_workload
    from spikemesh.simulation import RunRecord, closed_loop, simulate, simulate_traffic
    from spikemesh.spiking import replay, run_brian2, run_layered
    from spikemesh.workloads import workload

__version__ = "0.1.0"

_HOME = {
    "Hardware": "spikemesh.hardware",
    "Mapping": "spikemesh.mapping",
    "RunRecord": "spikemesh.simulation",
    "SpikeTrace": "spikemesh.network",
    "SpikingNetwork": "spikemesh.network",
    "available": "spikemesh.scenario",
    "closed_loop": "spikemesh.simulation",
    "convert": "spikemesh.conversion",
    "evaluate_workload": "spikemesh.scenario.zoo",
    "load_hardware": "spikemesh.hardware",
    "load_network": "spikemesh.network",
    "load_trace": "spikemesh.network",
    "map_network": "spikemesh.mapping",
    "metrics": "spikemesh.metrics",
    "partition": "spikemesh.mapping.partition",
    "place": "spikemesh.mapping.place",
    "replay": "spikemesh.spiking",
    "run_brian2": "spikemesh.spiking",
    "run_layered": "spikemesh.spiking",
    "run_scenario": "spikemesh.scenario",
    "simulate": "spikemesh.simulation",
    "simulate_samples": "spikemesh.simulation",
    "simulate_traffic": "spikemesh.simulation",
    "workload": "spikemesh.workloads",
}

__all__ = [
    "Hardware",
    "Mapping",
    "RunRecord",
    "SpikeTrace",
    "SpikemeshError",
    "SpikingNetwork",
    "__version__",
    "available",
    "closed_loop",
    "convert",
    "evaluate_workload",
    "load_hardware",
    "load_network",
    "load_trace",
    "map_network",
    "metrics",
    "partition",
    "place",
    "replay",
    "run_brian2",
    "run_layered",
    "run_scenario",
    "simulate",
    "simulate_samples",
    "simulate_traffic",
    "workload",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'spikemesh' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
