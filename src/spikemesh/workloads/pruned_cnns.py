"""LeNet and HeartClass of the decomposition paper, Table I: dense networks, pruned by magnitude to the table's synapses.

The neuron column is not claimed: the paper's LeNet has three times the neurons of any LeNet, its HeartClass topology is
recalled from the paper that introduced it (82x82 images, two convolutions of 16 maps, 256 and 6 units), kernel size guessed.
It is trained on pictures of single heartbeats in five classes (normal, supraventricular, ventricular, fusion, other), so one of
its six outputs has no class; nine tenths of its weights are pruned with retraining, the rest by magnitude.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikemesh.workloads.catalogue import Workload
from spikemesh.workloads.mnist import LENET
from spikemesh.workloads.topology import Conv, Fc, Pool, Topology
from spikemesh.workloads.training import Recipe

if TYPE_CHECKING:
    from spikemesh.workloads.outcome import Outcome, Progress
    from spikemesh.workloads.prepare import Prepared

__all__ = ["WORKLOADS"]


def _heartbeats(prepared: Prepared, n: int | None, seed: int, progress: Progress) -> Outcome:
    from spikemesh.workloads.outcome import classification

    notes = (
        "training and test beats are of different patients; intervals count beats as independent, which beats of three "
        "patients are not; the ANN is the one before pruning",
    )
    return classification(prepared, n, progress, drawn=True, notes=notes)  # the file has one patient after the other


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
        verdict="stand-in: recalled topology, pruned to the table's synapses; neurons 0.5 % below the table",
        table="153,730 / 1,049,249",
        neurons=152_890,
        synapses=1_049_249,
        dataset="ecg-beats",
        recipe=Recipe(epochs=5, batch_size=64, learning_rate=1e-3),
        prune_to=1_049_249,
        prune_share=0.9,
        run=_heartbeats,
    ),
)
