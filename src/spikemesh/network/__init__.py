"""The network as a graph, its spikes, and their storage. Knows nobody but numpy."""

from spikemesh.network.connectivity import Connectivity, Convolution, Dense, Edges, OneToOne, Pooling, Sparse, Window
from spikemesh.network.network import Layer, Projection, SpikingNetwork
from spikemesh.network.storage import load_network, load_trace
from spikemesh.network.trace import SpikeTrace
from spikemesh.network.weighting import WEIGHTINGS, edge_weights

__all__ = [
    "WEIGHTINGS",
    "Connectivity",
    "Convolution",
    "Dense",
    "Edges",
    "Layer",
    "OneToOne",
    "Pooling",
    "Projection",
    "Sparse",
    "SpikeTrace",
    "SpikingNetwork",
    "Window",
    "edge_weights",
    "load_network",
    "load_trace",
]
