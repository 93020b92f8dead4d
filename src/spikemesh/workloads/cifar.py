"""Networks on CIFAR-10: GPA paper, Table I.

The data at hand are a balanced subset of 12,000 images decoded from JPEG, so accuracies are not comparable with the
paper's. Rueckauer_Cifar10: the table prints 2.50 M synapses, but no network with 0.11 M neurons of this kind has so
few; this one has 25.0 M (49,152 of them in pooling), so a decimal point seems to be lost. It is trained only when asked
for: 260 s of processor time are too close to the three minutes on two cores that others have to keep.

CatsVsDogs_cifar tells the subset's cats from its dogs. It stands in for the CatsVsDogs networks of the same table, whose
pictures are not at hand and whose layers are not known: convolutions, pooling and two dense layers in their manner, at 32x32.
"""

from spikemesh.workloads.catalogue import Workload
from spikemesh.workloads.mnist import LENET
from spikemesh.workloads.topology import Conv, Fc, Pool, Topology
from spikemesh.workloads.training import Recipe

__all__ = ["WORKLOADS"]

RUECKAUER = (
    Conv(32, 3, "same"),
    Conv(32, 3, "same"),
    Pool(),
    Conv(64, 3, "same"),
    Conv(64, 3, "same"),
    Pool(),
    Fc(512, dropout=0.5),
    Fc(10),
)

CATS_SMALL = (
    *(Conv(16, 3, "same"), Pool(), Conv(32, 3, "same"), Pool(), Conv(64, 3, "same"), Pool()),
    *(Fc(64, dropout=0.5), Fc(2, dropout=0.3)),
)

WORKLOADS = (
    Workload.layered(
        "LeNet_Cifar10",
        Topology((32, 32, 3), LENET),
        source="GPA paper, Table I",
        verdict="digits: neurons and synapses equal all printed digits; trained on a subset of the data",
        table="0.01 M / 0.66 M",
        neurons=11_166,
        synapses=658_024,
        dataset="cifar10-subset",
        recipe=Recipe(epochs=20, batch_size=64, learning_rate=2e-3),
    ),
    Workload.layered(
        "Rueckauer_Cifar10",
        Topology((32, 32, 3), RUECKAUER),
        source="GPA paper, Table I",
        verdict="stand-in: neurons equal the printed digits, synapses are ten times the table's 2.50 M, which seems a misprint",
        table="0.11 M / 2.50 M",
        neurons=114_186,
        synapses=25_048_448,
        dataset="cifar10-subset",
        recipe=Recipe(epochs=15, batch_size=64, learning_rate=1e-3),
        auto=False,
    ),
    Workload.layered(
        "CatsVsDogs_cifar",
        Topology((32, 32, 3), CATS_SMALL),
        source="spikemesh, after GPA paper, Table I",
        verdict="own: cats and dogs of 32x32 pixels; no paper has it",
        table="-",
        neurons=38_978,
        synapses=2_593_088,
        dataset="cats-dogs",
        recipe=Recipe(epochs=20, batch_size=32, learning_rate=1e-3),
    ),
)
