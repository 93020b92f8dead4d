"""A partition pass of your own, and how a recipe names it.

A pass is a frozen dataclass. Its fields are the options that a recipe may set; ``reads`` and ``writes`` say which parts of the
state it needs and which it makes; ``run`` returns a new state. The recipe ``my_recipe.toml`` beside this file uses it:

    [[passes]]
    pass = "my_pass.py:Cluster"     # looked up beside the recipe
    block = 2

Copy both files, change them, and map with ``spikemesh map NETWORK --recipe path/to/my_recipe.toml``.
"""

from dataclasses import dataclass

import numpy as np

from spikemesh.mapping import MappingState


@dataclass(frozen=True)
class Cluster:
    """Square blocks of pixels, all channels of a pixel together, layer after layer.

    Neurons of one block share most of their inputs in a convolutional network, so a spike reaches few clusters. A new
    cluster opens where the next neuron would take more columns or rows than the crossbar has.

    block : pixels along each side of a block.
    """

    name = "blocks"
    reads = ("network", "hardware")
    writes = ("partition",)
    block: int = 2

    def run(self, state: MappingState) -> MappingState:
        network, crossbar = state.network, state.hardware.crossbar
        by_target = np.argsort(network.synapses.post, kind="stable")
        inputs = np.split(network.synapses.pre[by_target], np.cumsum(network.fan_in())[:-1])
        assignment = np.full(network.n_neurons, -1)  # -1: off the chip
        cluster, columns, rows = 0, 0, set()
        for neuron in self.order(network):
            if network.is_input[neuron] and not state.map_inputs:
                continue
            wanted = rows.union(inputs[neuron].tolist())
            if columns and (columns >= crossbar.n_out or len(wanted) > crossbar.n_in):
                cluster, columns, wanted = cluster + 1, 0, set(inputs[neuron].tolist())
            assignment[neuron] = cluster
            columns, rows = columns + 1, wanted
        return state.with_clusters(assignment, method=self.name, block=self.block)

    def order(self, network) -> list[int]:
        """Neurons block after block; a layer that is no image keeps its order."""
        order = []
        for start, layer in zip(network.layer_starts.tolist(), network.layers, strict=False):
            index = np.arange(layer.size)
            if len(layer.shape) == 3:
                y, x, channel = np.unravel_index(index, layer.shape)
                index = np.lexsort((channel, x, y, x // self.block, y // self.block))
            order += (start + index).tolist()
        return order
