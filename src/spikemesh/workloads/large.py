"""The networks of the papers that are too large to train here: weights are drawn, no synapse is listed.

GPA paper, Table I: AlexNet_mnist, AlexNet_CatsVsDogs, CNN_CatsVsDogs, CNN_Fruits360. Decomposition paper, Table I:
AlexNet, VGG16. The papers name no layers; each topology is the known network nearest to the printed counts or, where
none is near, one that was found by search and that nothing else supports. The decomposition paper's counts are those
of pruned networks; ours are not pruned.

The networks of pictures train when asked to (weights="trained") where a folder of their pictures is at hand, and take a .keras
file of a trained model too: see ``prepare``. No accuracy is claimed for them.

AlexNet_mnist can be asked for with weights="trained": its last layer is fitted to digits enlarged to 224x224, its hidden layers
are drawn.
"""

from spikemesh.workloads.catalogue import Workload
from spikemesh.workloads.readout import ReadoutRecipe
from spikemesh.workloads.topology import Conv, Fc, Pool, Topology
from spikemesh.workloads.training import Recipe

__all__ = ["WORKLOADS"]

ALEX = (
    Conv(96, 11, stride=4),
    Pool(3),
    Conv(256, 5, "same"),
    Pool(3),
    Conv(384, 3, "same"),
    Conv(384, 3, "same"),
    Conv(256, 3, "same"),
    Pool(3),
    Fc(4096),
    Fc(4096),
)
ALEX_STRIDED = (*ALEX[:2], Conv(256, 5, "same", stride=4), *ALEX[3:], Fc(1000), Fc(2))
CATS = (
    *(Conv(32, 3, "same"), Pool(), Conv(64, 3, "same"), Conv(64, 3, "same"), Pool()),
    *(Conv(128, 3, "same"), Pool(), Conv(128, 3, "same"), Conv(128, 3, "same"), Pool()),
    *(Conv(128, 3, "same"), Pool(), Fc(256), Fc(128), Fc(2)),
)
FRUITS: tuple[Conv | Pool, ...] = sum(((Conv(f, 5, "same"), Pool()) for f in (16, 32, 64, 128)), ())
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
VGG16: tuple[Conv | Pool, ...] = sum(((*[Conv(f, 3, "same")] * n, Pool()) for f, n in BLOCKS), ())

WORKLOADS = (
    Workload.layered(
        "AlexNet_mnist",
        Topology((224, 224, 1), (*ALEX, Fc(10))),
        source="GPA paper, Table I",
        verdict="stand-in: standard AlexNet on 224x224x1, neurons 2.9 % and synapses 7.6 % below the table",
        table="0.79 M / 923.45 M",
        neurons=766_986,
        synapses=853_496_832,
        dataset="mnist-224",
        recipe=ReadoutRecipe(),
        auto=False,
    ),
    Workload.layered(
        "AlexNet_CatsVsDogs",
        Topology((224, 224, 3), ALEX_STRIDED),
        source="GPA paper, Table I",
        verdict="stand-in: AlexNet with stride 4 in its second convolution, synapses within 1 % (standard: six times)",
        table="0.53 M / 165.01 M",
        neurons=528_874,
        synapses=166_172_624,
        dataset="cats-and-dogs@224",
        recipe=Recipe(epochs=10, batch_size=32, learning_rate=1e-3),
        auto=False,
    ),
    Workload.layered(
        "CNN_CatsVsDogs",
        Topology((150, 150, 3), CATS),
        source="GPA paper, Table I",
        verdict="stand-in: found by search; its counts fit (neurons without the input), nothing else supports it",
        table="2.03 M / 522.82 M",
        neurons=2_097_934,
        synapses=522_819_712,
        dataset="cats-and-dogs@150",
        recipe=Recipe(epochs=10, batch_size=32, learning_rate=1e-3),
        auto=False,
    ),
    Workload.layered(
        "CNN_Fruits360",
        Topology((100, 100, 3), (*FRUITS, Fc(150), Fc(131))),
        source="GPA paper, Table I",
        verdict="stand-in: four convolutions as published for its data, and a dense layer chosen to fit the digits",
        table="0.40 M / 96.09 M",
        neurons=402_537,
        synapses=96_091_906,
        dataset="fruits-360",
        recipe=Recipe(epochs=10, batch_size=32, learning_rate=1e-3),
        auto=False,
    ),
    Workload.layered(
        "AlexNet",
        Topology((227, 227, 3), (*ALEX, Fc(10))),
        source="decomposition paper, Table I",
        verdict="stand-in: standard AlexNet, not pruned; the table's counts are of a pruned network and fit no AlexNet",
        table="230,443 / 38,730,222",
        neurons=935_333,
        synapses=1_041_077_120,
    ),
    Workload.layered(
        "VGG16",
        Topology((32, 32, 3), (*VGG16, Fc(4096), Fc(4096), Fc(10))),
        source="decomposition paper, Table I",
        verdict="stand-in: VGG16 on 32x32x3, not pruned; the table has more neurons than that",
        table="554,059 / 99,080,704",
        neurons=318_986,
        synapses=266_349_312,
    ),
)
