"""Networks on MNIST: GPA paper, Tables I and II. Topologies recovered from the printed counts."""

from spikemesh.workloads.catalogue import Workload
from spikemesh.workloads.topology import Conv, Fc, Pool, Topology
from spikemesh.workloads.training import Recipe

__all__ = ["LENET", "WORKLOADS"]

LENET = (Conv(6, 5), Pool(), Conv(16, 5), Pool(), Fc(120), Fc(84), Fc(10))

WORKLOADS = (
    Workload.layered(
        "MLP_mnist",
        Topology((28, 28, 1), (Fc(256), Fc(10))),
        source="GPA paper, Tables I and II",
        verdict="exact: neurons and synapses equal the table",
        table="1,050 / 203,264",
        neurons=1050,
        synapses=203_264,
        dataset="mnist",
        recipe=Recipe(epochs=12, batch_size=256, learning_rate=2e-3),
    ),
    Workload.layered(
        "LeNet_mnist",
        Topology((28, 28, 1), LENET),
        source="GPA paper, Tables I and II",
        verdict="exact: neurons and synapses equal the table",
        table="6,598 / 286,120",
        neurons=6598,
        synapses=286_120,
        dataset="mnist",
        recipe=Recipe(epochs=10, batch_size=128, learning_rate=2e-3),
    ),
)
