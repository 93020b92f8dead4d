"""How neurons fall into units: which unit takes each synapse, and which unit each partial sum feeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.network import SpikingNetwork

__all__ = ["Incoming", "Units", "incoming", "whole"]


@dataclass(frozen=True, eq=False)
class Units:
    """A forest of units, one tree a neuron. Unit i < n_neurons is the root of neuron i: it sends what the neuron sent.

    neuron : (n_units,) int32, the neuron that each unit is a part of; 0 .. n_neurons - 1, then ascending.
    parent : (n_units,) int32, the unit that receives each unit's partial sum; -1 for roots.
    of_synapse : (n_synapses,) int32, the unit in which each synapse of the network ends, in the order of its ``synapses``.
    of_bias : (n_neurons,) int32, the unit that receives each neuron's bias current.
    """

    neuron: NDArray[np.int32]
    parent: NDArray[np.int32]
    of_synapse: NDArray[np.int32]
    of_bias: NDArray[np.int32]

    @property
    def n_units(self) -> int:
        return len(self.neuron)

    @property
    def n_neurons(self) -> int:
        return len(self.of_bias)

    @property
    def n_links(self) -> int:
        """Synapses between units of one neuron, one for every unit that is no root."""
        return self.n_units - self.n_neurons

    @cached_property
    def fan_in(self) -> NDArray[np.int64]:
        """(n_units,) synapses and partial sums that end in each unit."""
        links = np.bincount(self.parent[self.n_neurons :], minlength=self.n_units)
        return np.bincount(self.of_synapse, minlength=self.n_units) + links

    @cached_property
    def distance(self) -> NDArray[np.int32]:
        """(n_units,) links between each unit and the root of its neuron."""
        distance = (self.parent >= 0).astype(np.int32)
        ahead = np.where(self.parent >= 0, self.parent, np.arange(self.n_units))
        for _ in range(32):  # every round doubles how far each unit has looked
            if not distance[ahead].any():
                return distance
            distance += distance[ahead]
            ahead = ahead[ahead]
        raise MappingError("the units of some neuron form a loop")

    @cached_property
    def depth(self) -> NDArray[np.int32]:
        """(n_neurons,) units that a spike passes at most on its way through each neuron; 1 where it is whole."""
        depth = np.ones(self.n_neurons, np.int32)
        np.maximum.at(depth, self.neuron, self.distance + 1)
        return depth

    @cached_property
    def levels(self) -> list[NDArray[np.int64]]:
        """Units by their distance from the root, farthest first; no unit comes before those that feed it."""
        order = np.argsort(-self.distance, kind="stable")
        cuts = np.flatnonzero(np.diff(self.distance[order])) + 1
        return np.split(order, cuts)

    def sum_up(self, own: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_units, ...) sum of ``own`` over each unit and all units below it."""
        total = own.copy()
        for level in self.levels[:-1]:
            np.add.at(total, self.parent[level], total[level])
        return total

    def check(self, network: SpikingNetwork) -> None:
        """A MappingError unless every synapse ends in a unit of its own neuron, and every unit leads to its root."""
        n = network.n_neurons
        if self.n_neurons != n or len(self.of_synapse) != network.n_synapses or len(self.parent) != self.n_units:
            raise MappingError(
                f"these units are not of {network.name}: {self.n_neurons} neurons, {len(self.of_synapse)} synapses"
            )
        below = self.parent[n:]
        if (self.neuron[:n] != np.arange(n)).any() or (np.diff(self.neuron[n:]) < 0).any():
            raise MappingError("unit i must be the root of neuron i, and the other units must follow in order of their neurons")
        if (self.parent[:n] != -1).any() or (below < 0).any() or (below >= self.n_units).any():
            raise MappingError("roots feed no unit; every other unit feeds one")
        for what, units, neurons in (
            ("partial sum", below, self.neuron[n:]),
            ("synapse", self.of_synapse, network.synapses.post),
            ("bias", self.of_bias, np.arange(n)),
        ):
            if (self.neuron[units] != neurons).any():
                raise MappingError(f"a {what} ends in a unit of another neuron")
        _ = self.distance  # raises where units form a loop


@dataclass(frozen=True, eq=False)
class Incoming:
    """A network's synapses by the neuron in which they end.

    order : (n_synapses,) indices into ``network.synapses``; those of neuron i are order[starts[i]:starts[i + 1]].
    """

    order: NDArray[np.integer]
    starts: NDArray[np.int64]

    @property
    def fan_in(self) -> NDArray[np.int64]:
        return np.diff(self.starts)


def incoming(network: SpikingNetwork) -> Incoming:
    """Synapses by postsynaptic neuron, then by presynaptic one."""
    import scipy.sparse

    m, n = network.n_synapses, network.n_neurons
    numbers: NDArray[Any] = np.arange(m, dtype=np.int32 if m < np.iinfo(np.int32).max else np.int64)
    forward: Any = scipy.sparse.csr_array((numbers, network.synapses.post, network.indptr), (n, n))
    backward = forward.tocsc()  # a stable counting sort
    return Incoming(backward.data, backward.indptr.astype(np.int64))


def whole(network: SpikingNetwork) -> Units:
    """Every neuron one unit."""
    ids = np.arange(network.n_neurons, dtype=np.int32)
    return Units(ids, np.full(network.n_neurons, -1, np.int32), network.synapses.post, ids)
