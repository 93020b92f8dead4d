"""What a partition costs: weight kept inside clusters, weight cut, and packets that the mesh must carry.

Synapses and packets are different things. A cut synapse counts in InterW however many of its neighbours are cut with it;
a spike crosses the mesh once for each *other* cluster that holds a target of its neuron, and is fanned out there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import MappingError
from spikemesh.network import WEIGHTINGS, SpikingNetwork, edge_weights
from spikemesh.network.weighting import checked_rates

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Measure", "distinct_targets", "measure", "rates_or_ones"]


@dataclass(frozen=True, eq=False)
class Measure:
    """What :func:`measure` found.

    inter_weight, intra_weight : sum of omega over synapses between / inside clusters; together the total.
    packets : packets/s on the mesh, sum of rate_i * (other clusters that hold a target of i), over neurons on the chip.
    packets_bound : packets/s that no partition of this capacity can go below.
    input_packets : packets/s that neurons off the chip send into clusters; they never cross the mesh.
    traffic : (n_clusters, n_clusters) sparse, packets/s from cluster a to cluster b; nothing on the diagonal.
    sizes : (n_clusters,) int64, neurons of each cluster.
    axon_counts : (n_clusters,) int64, distinct presynaptic neurons that feed each cluster, its own members included.
    """

    inter_weight: float
    intra_weight: float
    packets: float
    packets_bound: float
    input_packets: float
    traffic: csr_array
    sizes: NDArray[np.int64]
    axon_counts: NDArray[np.int64]

    @property
    def n_clusters(self) -> int:
        return len(self.sizes)

    @property
    def total_weight(self) -> float:
        """Sum of omega over all synapses, whatever the partition."""
        return self.inter_weight + self.intra_weight


def measure(
    network: SpikingNetwork,
    rates_hz: ArrayLike | None,
    assignment: ArrayLike,
    capacity: float,
    weighting: str = "rate_weight",
    n_clusters: int | None = None,
) -> Measure:
    """InterW, IntraW, packets and crossbar rows of any assignment of neurons to clusters.

    Parameters
    ----------
    rates_hz : (n_neurons,) firing rates; None counts every neuron at 1 Hz.
    assignment : (n_neurons,) integers, the cluster of each neuron, -1 for a neuron off the chip. A synapse from or to a
        neuron off the chip lies inside no cluster and counts in InterW.
    capacity : neurons that a cluster may hold (``math.inf`` for no limit); enters ``packets_bound`` alone.
    weighting : one of :data:`spikemesh.network.WEIGHTINGS`.
    n_clusters : by default the highest cluster + 1.

    Raises
    ------
    MappingError
        for an assignment of another length or type, a cluster outside 0 .. n_clusters - 1, a capacity under 1.
    """
    rates = rates_or_ones(network, rates_hz)
    part = checked_assignment(network, assignment)
    k = int(part.max(initial=-1)) + 1 if n_clusters is None else int(n_clusters)
    if part.max(initial=-1) >= k:
        raise MappingError(f"the assignment names cluster {int(part.max())}; there are {k}")
    if not capacity >= 1:
        raise MappingError(f"capacity must be at least 1 neuron, not {capacity!r}")
    if weighting not in WEIGHTINGS:
        raise MappingError(f"weighting must be one of {', '.join(WEIGHTINGS)}, not {weighting!r}")
    by_either = _streamed if network.is_streamed else _listed
    return by_either(network, rates, part, capacity, weighting, k)


def _listed(
    network: SpikingNetwork, rates: NDArray[np.float64], part: NDArray[np.int32], capacity: float, weighting: str, k: int
) -> Measure:
    """From the list of synapses, by the definitions."""
    import scipy.sparse

    synapses = network.synapses
    omega = edge_weights(network, rates, weighting)
    pre_cluster, post_cluster = part[synapses.pre], part[synapses.post]
    inside = (pre_cluster == post_cluster) & (pre_cluster >= 0)

    n, on_chip = network.n_neurons, part >= 0
    members = scipy.sparse.csr_array(
        (np.ones(int(on_chip.sum())), part[on_chip], np.concatenate([[0], np.cumsum(on_chip)])), (n, k)
    )
    outgoing = scipy.sparse.csr_array((np.ones(len(synapses)), synapses.post, network.indptr), (n, n))
    reached = (outgoing @ members).tocsr()  # (neuron, cluster): synapses; one entry each, so counting them is exact
    source = np.repeat(np.arange(n), np.diff(reached.indptr))
    leaves = part[source] != reached.indices
    sent = scipy.sparse.csr_array(
        (np.where(leaves & on_chip[source], rates[source], 0.0), reached.indices, reached.indptr), (n, k)
    )
    traffic = (members.T @ sent).tocsr()
    traffic.eliminate_zeros()
    traffic.sort_indices()

    return Measure(
        inter_weight=float(omega[~inside].sum()),
        intra_weight=float(omega[inside].sum()),
        packets=float(sent.data.sum()),
        packets_bound=_bound(rates, distinct_targets(network, on_chip), on_chip, capacity),
        input_packets=float(rates[source[~on_chip[source]]].sum()),
        traffic=traffic,
        sizes=np.bincount(part[on_chip], minlength=k).astype(np.int64),
        axon_counts=np.bincount(reached.indices, minlength=k).astype(np.int64),
    )


def _streamed(
    network: SpikingNetwork, rates: NDArray[np.float64], part: NDArray[np.int32], capacity: float, weighting: str, k: int
) -> Measure:
    """As :func:`_listed`, without a list of synapses; sums differ in their last digits alone."""
    from spikemesh.mapping.streamed import count_targets, reached_clusters, rows_of_clusters, traffic_between, weight_sums

    on_chip = part >= 0
    inter, intra = weight_sums(network, rates, part, weighting)
    reached = reached_clusters(network, part, k)
    traffic = traffic_between(network, rates, part, reached, k)
    own = network.target_sets.set_of_neuron
    off_chip = np.flatnonzero(~on_chip & (own >= 0))
    return Measure(
        inter_weight=inter,
        intra_weight=intra,
        packets=float(traffic.sum()),
        packets_bound=_bound(rates, count_targets(network, on_chip), on_chip, capacity),
        input_packets=float(rates[off_chip] @ np.diff(reached[0])[own[off_chip]]),
        traffic=traffic,
        sizes=np.bincount(part[on_chip], minlength=k).astype(np.int64),
        axon_counts=rows_of_clusters(network, reached, k),
    )


def _bound(rates: NDArray[np.float64], targets: NDArray[np.int64], on_chip: NDArray[np.bool_], capacity: float) -> float:
    """``packets_bound`` from the distinct other targets of each neuron."""
    if not math.isfinite(capacity):
        return 0.0
    clusters_needed = -(-(1 + targets) // int(capacity))
    return float((rates * (clusters_needed - 1))[on_chip].sum())


def distinct_targets(network: SpikingNetwork, on_chip: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """(n_neurons,) distinct targets of each neuron other than itself, counting those ``on_chip`` where it is given."""
    pre, post = network.synapses.pre, network.synapses.post
    first = np.ones(len(pre), bool)
    first[1:] = (pre[1:] != pre[:-1]) | (post[1:] != post[:-1])
    first &= pre != post
    if on_chip is not None:
        first &= on_chip[post]
    return np.bincount(pre[first], minlength=network.n_neurons).astype(np.int64)


def rates_or_ones(network: SpikingNetwork, rates_hz: ArrayLike | None) -> NDArray[np.float64]:
    """The rates, checked; 1 Hz for every neuron where none are known."""
    if rates_hz is None:
        return np.ones(network.n_neurons)
    return checked_rates(network, np.asarray(rates_hz, np.float64))


def checked_assignment(network: SpikingNetwork, assignment: ArrayLike) -> NDArray[np.int32]:
    """The assignment as (n_neurons,) int32; a MappingError where it is not one integer >= -1 a neuron."""
    part = np.asarray(assignment)
    if part.shape != (network.n_neurons,) or not np.issubdtype(part.dtype, np.integer):
        raise MappingError(
            f"an assignment is one integer a neuron: {part.dtype} of shape {part.shape} for {network.n_neurons} neurons"
        )
    if part.size and part.min() < -1:
        raise MappingError(f"an assignment names cluster {int(part.min())}; -1 means off the chip, 0 is the first")
    return part.astype(np.int32)
