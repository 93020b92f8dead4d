"""The result of a recipe: the network as mapped, its clusters, and the tile of each."""

from __future__ import annotations

import math
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.hardware import Hardware
from spikemesh.network import SpikingNetwork

if TYPE_CHECKING:
    import networkx

__all__ = ["Axons", "Mapping", "PassRecord"]


@dataclass(frozen=True)
class PassRecord:
    """What one pass of a recipe did: its name, its parameters, its seconds, and what it measured."""

    name: str
    parameters: Dict[str, Any]
    seconds: float
    measures: Dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Axons:
    """The rows of all crossbars: one entry for each (presynaptic neuron, cluster) joined by a synapse.

    Sorted by (neuron, cluster). Entry k stands for ``synapses[order[starts[k]:starts[k + 1]]]`` of the network.
    neuron, cluster: (n_axons,) int32; starts: (n_axons + 1,) int64; order: (n_synapses,) int64.
    """

    neuron: NDArray[np.int32]
    cluster: NDArray[np.int32]
    starts: NDArray[np.int64]
    order: NDArray[np.int64]

    @property
    def n_synapses(self) -> NDArray[np.int64]:
        """(n_axons,) synapses, that is crosspoints in use, on each row."""
        return np.diff(self.starts)

    @classmethod
    def of(cls, network: SpikingNetwork, assignment: NDArray[np.int32]) -> Axons:
        """Rows that ``assignment`` needs; synapses onto a neuron that is off chip (-1) need none."""
        pre = network.synapses.pre
        cluster = assignment[network.synapses.post]
        order = np.lexsort((cluster, pre))
        order = order[cluster[order] >= 0]
        p, c = pre[order], cluster[order]
        new = np.ones(len(order), bool)
        new[1:] = (p[1:] != p[:-1]) | (c[1:] != c[:-1])
        first = np.flatnonzero(new)
        starts = np.append(first, len(order)).astype(np.int64)
        return cls(p[first].astype(np.int32), c[first].astype(np.int32), starts, order.astype(np.int64))


@dataclass(frozen=True, eq=False)
class Mapping:
    """A network on a chip.

    network : as the chip runs it (dropped synapses gone, weights at the crossbar's bits).
    hardware : the chip, its mesh sized.
    assignment : (n_neurons,) int32, cluster of each neuron; -1 for input neurons kept off chip.
    tile_of_cluster : (n_clusters,) int32, tile index y * cols + x of each cluster; no two clusters share one.
    recipe, seed, trail : how it was made; ``trail`` has one record a pass.
    original_synapses : (n_synapses,) bool or None: synapses that were in the network before decomposition; None = all.
    """

    network: SpikingNetwork
    hardware: Hardware
    assignment: NDArray[np.int32]
    tile_of_cluster: NDArray[np.int32]
    recipe: str = "custom"
    seed: int = 0
    trail: tuple[PassRecord, ...] = ()
    original_synapses: NDArray[np.bool_] | None = None

    @property
    def n_clusters(self) -> int:
        return len(self.tile_of_cluster)

    @property
    def n_crossbars(self) -> int:
        """Crossbars used: one a cluster."""
        return self.n_clusters

    @cached_property
    def axons(self) -> Axons:
        """The rows of all crossbars."""
        return Axons.of(self.network, self.assignment)

    @cached_property
    def tile_of_neuron(self) -> NDArray[np.int32]:
        """(n_neurons,) tile of each neuron; -1 off chip."""
        tiles = np.append(self.tile_of_cluster, np.int32(-1))
        return tiles[self.assignment].astype(np.int32)

    @cached_property
    def neurons_per_cluster(self) -> NDArray[np.int64]:
        """(n_clusters,) columns in use."""
        return np.bincount(self.assignment[self.assignment >= 0], minlength=self.n_clusters).astype(np.int64)

    @cached_property
    def rows_per_cluster(self) -> NDArray[np.int64]:
        """(n_clusters,) distinct presynaptic axons, that is rows in use."""
        if self.network.is_streamed:
            from spikemesh.mapping.streamed import reached_clusters, rows_of_clusters

            reached = reached_clusters(self.network, self.assignment, self.n_clusters)
            return rows_of_clusters(self.network, reached, self.n_clusters)
        return np.bincount(self.axons.cluster, minlength=self.n_clusters).astype(np.int64)

    @cached_property
    def crosspoints_per_cluster(self) -> NDArray[np.int64]:
        """(n_clusters,) synapses held, one crosspoint each."""
        held = self.assignment >= 0
        counts = np.bincount(self.assignment[held], self.network.fan_in()[held], self.n_clusters)
        return counts.astype(np.int64)

    @property
    def columns_available(self) -> NDArray[np.int64]:
        """(n_clusters,) columns of each crossbar used; its own where n_out is inf."""
        n_out = self.hardware.crossbar.n_out
        return self.neurons_per_cluster if math.isinf(n_out) else np.full(self.n_clusters, int(n_out), np.int64)

    @property
    def rows_available(self) -> NDArray[np.int64]:
        """(n_clusters,) rows of each crossbar used; those in use where n_in is inf (design, section 3)."""
        n_in = self.hardware.crossbar.n_in
        return self.rows_per_cluster if math.isinf(n_in) else np.full(self.n_clusters, int(n_in), np.int64)

    @property
    def neuron_utilisation(self) -> float:
        """Neurons used / (crossbars used * n_out)."""
        return float(self.neurons_per_cluster.sum() / max(self.columns_available.sum(), 1))

    @property
    def synapse_utilisation(self) -> float:
        """Crosspoints in use / (crossbars used * n_in * n_out)."""
        return float(self.crosspoints_per_cluster.sum() / max((self.rows_available * self.columns_available).sum(), 1))

    @property
    def synapse_utilisation_original(self) -> float:
        """As ``synapse_utilisation`` without the links between the units of a decomposed neuron."""
        if self.original_synapses is None:
            return self.synapse_utilisation
        kept = int(self.original_synapses[self.axons.order].sum())
        return float(kept / max((self.rows_available * self.columns_available).sum(), 1))

    def to_networkx(self, rates_hz: ArrayLike | None = None) -> networkx.DiGraph:
        """Clusters and the packets between them, as a directed graph.

        Nodes are clusters with ``tile``, ``x``, ``y``, ``neurons``, ``rows`` and ``crosspoints``; edges carry ``packets_per_s``
        (at 1 Hz a neuron without rates) and ``hops``, the Manhattan distance of the two tiles.
        """
        import networkx as nx

        from spikemesh.mapping.measure import measure

        cols = self.hardware.cols
        graph = nx.DiGraph(name=f"{self.network.name}, {self.recipe}")
        held = zip(self.neurons_per_cluster, self.rows_per_cluster, self.crosspoints_per_cluster, strict=True)
        for cluster, (neurons, rows, crosspoints) in enumerate(held):
            tile = int(self.tile_of_cluster[cluster])
            place = {"tile": tile, "x": tile % cols, "y": tile // cols}
            graph.add_node(cluster, **place, neurons=int(neurons), rows=int(rows), crosspoints=int(crosspoints))
        capacity = self.hardware.crossbar.n_out
        traffic = measure(self.network, rates_hz, self.assignment, capacity, n_clusters=self.n_clusters).traffic.tocoo()
        for a, b, packets in zip(traffic.row.tolist(), traffic.col.tolist(), traffic.data.tolist(), strict=True):
            here, there = graph.nodes[a], graph.nodes[b]
            hops = abs(here["x"] - there["x"]) + abs(here["y"] - there["y"])
            graph.add_edge(a, b, packets_per_s=packets, hops=hops)
        return graph
