"""The rates that an integrate-and-fire network aims at: its activations as a network of ReLUs.

A neuron that receives a mean current c a step fires at rate max(0, c) a step, up to one (Rueckauer et al. 2017, sec. 2.2). The
activations of a converted network are those of its Keras model divided by each layer's scale, so a correlation between them and
spike rates is the correlation with the ANN (GPA paper, Fig. 2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import NetworkError
from spikemesh.network import SpikingNetwork

__all__ = ["relu_activations"]


def relu_activations(network: SpikingNetwork, inputs: ArrayLike) -> NDArray[np.float64]:
    """(n_samples, n_neurons) activations x = max(0, W x + b), layer after layer; inputs are their own activation.

    Parameters
    ----------
    inputs : (n_samples, ...) in [0, 1], one value an input neuron.

    Raises
    ------
    NetworkError
        where a synapse runs backwards or within a layer, or the inputs do not fit.
    """
    layer = network.layer_of_neuron
    synapses = network.synapses
    if (layer[synapses.pre] >= layer[synapses.post]).any():
        raise NetworkError(f"{network.name} is recurrent: its activations are no function of the layers before")
    x = np.asarray(inputs, np.float64)
    x = x.reshape(len(x), -1)
    if x.shape[1] != len(network.input_ids):
        raise NetworkError(f"{x.shape[1]} values a sample for {len(network.input_ids)} input neurons")
    into = network.to_scipy().T.tocsr()
    activations = np.zeros((network.n_neurons, len(x)))
    activations[network.input_ids] = x.T
    starts = network.layer_starts
    for k in range(len(network.layers)):
        block = np.arange(starts[k], starts[k + 1])
        block = block[~network.is_input[block]]
        if len(block):
            activations[block] = np.maximum(into[block] @ activations + network.bias[block, None], 0.0)
    return activations.T
