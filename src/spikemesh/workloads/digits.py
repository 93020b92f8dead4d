"""A small network for a first run: scikit-learn's 8x8 digits, trained in seconds, with every kind of layer that the GPA
paper's flow supports (section III-A): convolution, batch normalisation, average pooling, dropout, flattening, dense."""

from spikemesh.workloads.catalogue import Workload
from spikemesh.workloads.topology import Conv, Fc, Pool, Topology
from spikemesh.workloads.training import Recipe

__all__ = ["WORKLOADS"]

WORKLOADS = (
    Workload.layered(
        "digits_cnn",
        Topology((8, 8, 1), (Conv(8, 3, normalise=True), Pool(), Conv(16, 2), Fc(10, dropout=0.2))),
        source="spikemesh",
        verdict="own: no paper has it",
        table="-",
        neurons=498,
        synapses=5568,
        dataset="digits",
        recipe=Recipe(epochs=40, batch_size=32, learning_rate=4e-3),
    ),
)
