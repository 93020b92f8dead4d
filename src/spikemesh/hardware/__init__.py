"""What a chip is: mesh, crossbars, routers, costs, and where each number comes from."""

from spikemesh.hardware.description import Hardware
from spikemesh.hardware.load import available_hardware, load_hardware
from spikemesh.hardware.sections import CONFIDENCE, Crossbar, Energy, Mesh, Noc, Power, Source, Time
from spikemesh.hardware.topology import mesh_graph, xy_path

__all__ = [
    "CONFIDENCE",
    "Crossbar",
    "Energy",
    "Hardware",
    "Mesh",
    "Noc",
    "Power",
    "Source",
    "Time",
    "available_hardware",
    "load_hardware",
    "mesh_graph",
    "xy_path",
]
