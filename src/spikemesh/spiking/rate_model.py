"""The rates that an integrate-and-fire network aims at: its activations as a network of ReLUs.

A neuron that receives a mean current c a step fires at rate max(0, c) a step, up to one (Rueckauer et al. 2017, sec. 2.2). The
activations of a converted network are those of its Keras model divided by each layer's scale, so a correlation between them and
spike rates is the correlation with the ANN (GPA paper, Fig. 2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.conversion.signals import apply
from spikemesh.errors import NetworkError
from spikemesh.network import Connectivity, Sparse, SpikingNetwork

__all__ = ["relu_activations"]


def relu_activations(network: SpikingNetwork, inputs: ArrayLike, *, clip_outputs: bool = True) -> NDArray[np.float64]:
    """(n_samples, n_neurons) activations x = max(0, W x + b), layer after layer; inputs are their own activation.

    Parameters
    ----------
    inputs : (n_samples, ...) in [0, 1], one value an input neuron.
    clip_outputs : whether outputs are ReLUs too; if not, theirs are the sums, which may be negative.

    Raises
    ------
    NetworkError
        where a synapse runs backwards or within a layer, or the inputs do not fit.
    """
    x = np.asarray(inputs, np.float64)
    x = x.reshape(len(x), -1)
    if x.shape[1] != len(network.input_ids):
        raise NetworkError(f"{x.shape[1]} values a sample for {len(network.input_ids)} input neurons")
    into = _into_layers(network)
    activations = np.zeros((len(x), network.n_neurons))
    activations[:, network.input_ids] = x
    starts = network.layer_starts
    clipped = np.ones(network.n_neurons, bool)
    if not clip_outputs:
        clipped[network.output_ids] = False
    for k in range(len(network.layers)):
        block = slice(starts[k], starts[k + 1])
        free = ~network.is_input[block]
        if not free.any():
            continue
        received = np.tile(network.bias[block], (len(x), 1))
        for at, until, pre, synapses in into[k]:
            received[:, at - starts[k] : until - starts[k]] += apply(synapses, activations[:, pre : pre + synapses.n_pre])
        np.maximum(received, 0.0, out=received, where=clipped[block])
        activations[:, block] = np.where(free, received, activations[:, block])
    return activations


Piece = tuple[int, int, int, Connectivity]
"""First postsynaptic neuron, the one after the last, first presynaptic neuron, synapses."""


def _into_layers(network: SpikingNetwork) -> list[list[Piece]]:
    """For each layer the pieces that end in it; projections over several layers are cut by the layer they end in."""
    layer, pieces = network.layer_of_neuron, []
    for p in network.projections:
        c = p.connectivity
        pre, post = layer[p.pre_start : p.pre_start + c.n_pre], layer[p.post_start : p.post_start + c.n_post]
        if post[0] == post[-1] and pre[-1] < post[0]:
            pieces.append((int(post[0]), p.post_start, p.post_start + c.n_post, p.pre_start, c))
            continue
        e = c.edges()
        if (pre[e.pre] >= post[e.post]).any():
            raise NetworkError(f"{network.name} is recurrent: its activations are no function of the layers before")
        for k in range(int(post[0]), int(post[-1]) + 1):
            at, until = (int(i) for i in np.searchsorted(post, [k, k + 1]))
            mine = (e.post >= at) & (e.post < until)
            part = Sparse.of(e.pre[mine], e.post[mine] - at, e.weight[mine], c.n_pre, until - at)
            pieces.append((k, p.post_start + at, p.post_start + until, p.pre_start, part))
    into: list[list[Piece]] = [[] for _ in network.layers]
    for k, *piece in pieces:
        into[k].append(tuple(piece))  # type: ignore[arg-type]
    return into
