"""LeNet and HeartClass of the decomposition paper, Table I: dense networks, pruned by magnitude to the table's synapses.

The neuron column is not claimed: the paper's LeNet has three times the neurons of any LeNet, its HeartClass topology is
recalled from the paper that introduced it (82x82 images, two convolutions of 16 maps, 256 and 6 units), kernel size guessed.
"""

from spikemesh.workloads.catalogue import Workload
from spikemesh.workloads.mnist import LENET
from spikemesh.workloads.topology import Conv, Fc, Pool, Topology
from spikemesh.workloads.training import Recipe

__all__ = ["WORKLOADS"]

WORKLOADS = (
    Workload.layered(
        "LeNet",
        Topology((28, 28, 1), LENET),
        source="decomposition paper, Table I",
        verdict="stand-in: LeNet on MNIST pruned to the table's synapses; the table has three times its neurons",
        table="20,602 / 282,936",
        neurons=6598,
        synapses=282_936,
        dataset="mnist",
        recipe=Recipe(epochs=10, batch_size=128),
        trained_as="LeNet_mnist",
        prune_to=282_936,
    ),
    Workload.layered(
        "HeartClass",
        Topology((82, 82, 1), (Conv(16, 5), Pool(), Conv(16, 5), Pool(), Fc(256), Fc(6))),
        source="decomposition paper, Table I",
        verdict="stand-in: recalled topology with drawn weights, pruned to the table's synapses; neurons 0.5 % below the table",
        table="153,730 / 1,049,249",
        neurons=152_890,
        synapses=1_049_249,
        prune_to=1_049_249,
    ),
)
