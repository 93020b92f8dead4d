"""The synthetic network of the GPA paper, section IV-A: three layers, 4,000 neurons, 3.75 M synapses.

Two dense pairs a-b-c with a + b + c = 4000 and (a + c) * b = 3.75 M have b = 1500 (or 2500); how a + c = 2500 is
split is not said and changes neither count. We split it evenly.
"""

from spikemesh.workloads.catalogue import Workload
from spikemesh.workloads.topology import Fc, Topology

__all__ = ["WORKLOADS"]

WORKLOADS = (
    Workload.layered(
        "synthetic_4k",
        Topology((1250,), (Fc(1500), Fc(1250))),
        source="GPA paper, Table II",
        verdict="exact: neurons and synapses equal the table; the split of the outer layers is ours, its weights are drawn",
        table="4,000 / 3,750,000",
        neurons=4000,
        synapses=3_750_000,
    ),
)
