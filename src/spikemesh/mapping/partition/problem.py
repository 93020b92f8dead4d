"""What every partitioner reads: the SNN graph as flat arrays, and the limits of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.network import SpikingNetwork, edge_weights
from spikemesh.network.network import LISTABLE_SYNAPSES

__all__ = ["PartitionProblem"]


@dataclass(frozen=True, eq=False)
class PartitionProblem:
    """Assign ``n`` neurons to clusters of at most ``capacity`` neurons fed by at most ``axons`` distinct neurons.

    Neurons 0 .. n - 1 are to be assigned. Where inputs stay off the chip (``map_inputs = false``), sources n .. n_sources - 1
    are those inputs: they feed clusters and so take rows, but belong to none. Otherwise n_sources = n. Both keep the order
    of the network, and ``neuron_ids`` gives their indices there.

    n, n_sources : neurons to assign, and neurons that send.
    rates : (n_sources,) float64, Hz.
    capacity : neurons that fit in one cluster.
    axons : distinct presynaptic neurons that one cluster may have, its own members included; None for no limit.
    n_clusters : clusters to make, ceil(n / capacity) by default; more only where ``axons`` forces them.
    seed : for ``numpy.random.default_rng``.
    neuron_ids : (n_sources,) int64, index in the network.
    layer_of_neuron : (n,) int32, index into ``layer_shapes`` and ``network.layers``.
    weighting : of ``omega``, one of :data:`spikemesh.network.WEIGHTINGS`.

    Synapses are listed when a method first asks for ``indptr``, ``post`` or ``omega``, so that methods that do without them
    take networks of any size.
    """

    network: SpikingNetwork
    n: int
    n_sources: int
    rates: NDArray[np.float64]
    capacity: int
    axons: int | None
    n_clusters: int
    seed: int
    neuron_ids: NDArray[np.int64]
    layer_of_neuron: NDArray[np.int32]
    weighting: str = "rate_weight"

    @staticmethod
    def of(
        network: SpikingNetwork,
        rates: NDArray[np.float64],
        weighting: str,
        capacity: int,
        axons: int | None,
        n_clusters: int,
        seed: int,
        on_chip: NDArray[np.bool_] | None = None,
    ) -> PartitionProblem:
        """The problem of a network; ``on_chip`` (n_neurons,) bool marks the neurons to assign, None for all."""
        ids = np.arange(network.n_neurons)
        n = network.n_neurons
        if on_chip is not None and not on_chip.all():
            n = int(on_chip.sum())
            ids = np.concatenate([np.flatnonzero(on_chip), np.flatnonzero(~on_chip)])
        return PartitionProblem(
            network=network,
            n=n,
            n_sources=len(ids),
            rates=rates[ids],
            capacity=capacity,
            axons=axons,
            n_clusters=n_clusters,
            seed=seed,
            neuron_ids=ids.astype(np.int64),
            layer_of_neuron=network.layer_of_neuron[ids[:n]],
            weighting=weighting,
        )

    @cached_property
    def _listed(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """(indptr, post, omega)."""
        network = self.network
        if network.n_synapses > LISTABLE_SYNAPSES:
            raise MappingError(
                f"{network.name} has {network.n_synapses} synapses, too many to list one by one, which this request needs; "
                "the partitioners 'auto' (objective 'packets'), 'pacman' and 'random' without a limit on rows need no list"
            )
        rates = np.empty(network.n_neurons)
        rates[self.neuron_ids] = self.rates
        synapses, indptr, post = network.synapses, network.indptr, network.synapses.post
        omega = edge_weights(network, rates, self.weighting)
        if self.n < network.n_neurons:
            number = np.empty(network.n_neurons, np.int32)
            number[self.neuron_ids] = np.arange(network.n_neurons, dtype=np.int32)
            pick = np.flatnonzero(number[post] < self.n)  # a synapse onto a neuron off the chip needs no crossbar
            pick = pick[np.argsort(number[synapses.pre[pick]], kind="stable")]
            counts = np.bincount(number[synapses.pre[pick]], minlength=self.n_sources)
            indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
            omega, post = omega[pick], number[post[pick]]
        return indptr, np.ascontiguousarray(post), omega

    @property
    def indptr(self) -> NDArray[np.int64]:
        """(n_sources + 1,): the targets of source i are post[indptr[i]:indptr[i + 1]], ascending.

        Parallel synapses and self-loops stay.
        """
        return self._listed[0]

    @property
    def post(self) -> NDArray[np.int32]:
        """(n_synapses,) target of each synapse."""
        return self._listed[1]

    @property
    def omega(self) -> NDArray[np.float64]:
        """(n_synapses,) weight of each synapse in the SNN graph, rate * abs(weight) by default."""
        return self._listed[2]

    @property
    def layer_shapes(self) -> tuple[tuple[int, ...], ...]:
        """(height, width, channels) or (units,) of each layer of the network."""
        return tuple(layer.shape for layer in self.network.layers)

    @property
    def n_synapses(self) -> int:
        return len(self.post)

    @property
    def fill(self) -> int:
        """Neurons to fill a cluster with: ``capacity``, or fewer where more clusters are asked for than that needs."""
        least = -(-self.n // self.capacity)
        return self.capacity if self.n_clusters <= least else -(-self.n // self.n_clusters)

    @property
    def axon_limit(self) -> int:
        """``axons``, or a number that no cluster can reach: what compiled code compares with."""
        return self.n_sources + 1 if self.axons is None else self.axons

    def rng(self) -> np.random.Generator:
        """A fresh generator from the problem's seed."""
        return np.random.default_rng(self.seed)

    @cached_property
    def pre(self) -> NDArray[np.int32]:
        """(n_synapses,) source of each synapse."""
        return np.repeat(np.arange(self.n_sources, dtype=np.int32), np.diff(self.indptr))

    @cached_property
    def incoming(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
        """(indptr (n + 1,), sources (n_synapses,) ascending in each row, index of the synapse in ``post``)."""
        import scipy.sparse

        m = self.n_synapses
        forward = scipy.sparse.csr_array((np.arange(m), self.post, self.indptr), (self.n_sources, self.n))
        backward = forward.tocsc()  # a stable counting sort; parallel synapses stay apart
        return backward.indptr.astype(np.int64), backward.indices.astype(np.int32), backward.data.astype(np.int64)

    @cached_property
    def feeders(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """(indptr (n + 1,), distinct sources of each neuron): the rows that a neuron needs."""
        indptr, sources, _ = self.incoming
        first = np.ones(len(sources), bool)
        first[1:] = sources[1:] != sources[:-1]
        first[indptr[:-1][np.diff(indptr) > 0]] = True
        starts = np.concatenate([[0], np.cumsum(first)])[indptr].astype(np.int64)
        return starts, sources[first]

    @cached_property
    def targets(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """(indptr (n_sources + 1,), distinct targets of each source, itself included where it has a self-loop)."""
        first = np.ones(len(self.post), bool)
        first[1:] = self.post[1:] != self.post[:-1]
        first[self.indptr[:-1][np.diff(self.indptr) > 0]] = True
        starts = np.concatenate([[0], np.cumsum(first)])[self.indptr].astype(np.int64)
        return starts, self.post[first]

    @cached_property
    def undirected(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """(indptr (n + 1,), neighbour, omega) of the symmetric graph over the neurons to assign.

        Opposite and parallel synapses add up; self-loops, and synapses from off the chip, which no partition can cut or
        keep, are left out. Neighbours ascend in each row.
        """
        return self.undirected_of(self.omega)

    def undirected_of(self, weight: NDArray[np.float64]) -> tuple[NDArray, NDArray, NDArray]:
        """As ``undirected``, with another weight (n_synapses,) on the synapses."""
        import scipy.sparse

        inside = slice(0, int(self.indptr[self.n]))  # from neurons to assign; sources off the chip come last
        post, w = self.post[inside], weight[inside]
        loops = self.pre[inside] == post
        graph = scipy.sparse.csr_array((w, post, self.indptr[: self.n + 1]), (self.n, self.n), copy=True)
        if loops.any():
            keep = ~loops
            starts = np.concatenate([[0], np.cumsum(keep)])[self.indptr[: self.n + 1]]
            graph = scipy.sparse.csr_array((w[keep], post[keep], starts), (self.n, self.n))
        graph.sum_duplicates()
        graph = (graph + graph.T.tocsr()).tocsr()
        graph.sort_indices()
        return graph.indptr.astype(np.int64), graph.indices.astype(np.int32), graph.data.astype(np.float64)

    def layers(self) -> Iterator[NDArray[np.int64]]:
        """The neurons of each layer of the network that are to be assigned, empty layers left out."""
        for k in range(len(self.network.layers)):
            members = np.flatnonzero(self.layer_of_neuron == k)
            if len(members):
                yield members
