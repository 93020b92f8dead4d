"""Networks on MNIST: GPA paper, Tables I and II, and the perceptron of the decomposition paper, Table I.

Topologies recovered from the printed counts. LeNet_mnist_padded takes the digits with two zero pixels on every side (32x32).
CNN_mnist has no pooling: with it there would be 0.59 M synapses, not 1.61 M. The decomposition paper counts only neurons with
an outgoing synapse, hence 884 = 784 + 100 for DigitRecogMLP.
"""

from spikemesh.workloads.catalogue import Workload
from spikemesh.workloads.topology import Conv, Fc, Pool, Topology
from spikemesh.workloads.training import Recipe

__all__ = ["LENET", "WORKLOADS"]

LENET = (Conv(6, 5), Pool(), Conv(16, 5), Pool(), Fc(120), Fc(84), Fc(10))
EXACT = "exact: neurons and synapses equal the table"

WORKLOADS = (
    Workload.layered(
        "MLP_mnist",
        Topology((28, 28, 1), (Fc(256), Fc(10))),
        source="GPA paper, Tables I and II",
        verdict=EXACT,
        table="1,050 / 203,264",
        neurons=1050,
        synapses=203_264,
        dataset="mnist",
        recipe=Recipe(epochs=12, batch_size=256),
    ),
    Workload.layered(
        "LeNet_mnist",
        Topology((28, 28, 1), LENET),
        source="GPA paper, Tables I and II",
        verdict=EXACT,
        table="6,598 / 286,120",
        neurons=6598,
        synapses=286_120,
        dataset="mnist",
        recipe=Recipe(epochs=10, batch_size=128),
    ),
    Workload.layered(
        "LeNet_mnist_padded",
        Topology((32, 32, 1), LENET),
        source="GPA paper, Table II",
        verdict=EXACT,
        table="9,118 / 422,824",
        neurons=9118,
        synapses=422_824,
        dataset="mnist",
        margin=2,
        recipe=Recipe(epochs=8, batch_size=128),
    ),
    Workload.layered(
        "Zambrano_mnist",
        Topology((28, 28, 1), (Conv(12, 5), Pool(), Conv(64, 5), Pool(), Fc(10, dropout=0.3))),
        source="GPA paper, Tables I and II",
        verdict=EXACT,
        table="14,554 / 1,422,848",
        neurons=14_554,
        synapses=1_422_848,
        dataset="mnist",
        recipe=Recipe(epochs=9, batch_size=128),
    ),
    Workload.layered(
        "CNN_mnist",
        Topology((28, 28, 1), (Conv(16, 5), Fc(150, dropout=0.3), Fc(10))),
        source="GPA paper, Table I",
        verdict="digits: neurons and synapses equal all printed digits",
        table="0.01 M / 1.61 M",
        neurons=10_160,
        synapses=1_614_300,
        dataset="mnist",
        recipe=Recipe(epochs=6, batch_size=256),
    ),
    Workload.layered(
        "DigitRecogMLP",
        Topology((28, 28, 1), (Fc(100), Fc(10))),
        source="decomposition paper, Table I",
        verdict="exact: synapses equal the table, and so do the neurons with an outgoing synapse, which it counts",
        table="884 / 79,400",
        neurons=894,
        synapses=79_400,
        dataset="mnist",
        recipe=Recipe(epochs=12, batch_size=256),
    ),
)
