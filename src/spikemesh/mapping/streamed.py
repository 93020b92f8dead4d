"""The measures of a partition without a list of synapses, for networks of hundreds of millions of them.

Packets and rows come from target sets (:mod:`spikemesh.network.targets`): neurons that share their targets reach the same clusters,
so a set is looked at once. Weights are summed connectivity by connectivity, from kernels and windows. What is held at any time
grows with the neurons, the clusters reached by the sets and the traffic between clusters, never with the synapses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.network import Connectivity, Convolution, Dense, SpikingNetwork

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["count_targets", "reached_clusters", "rows_of_clusters", "traffic_between", "weight_sums"]

MOST_TRAFFIC = 500_000_000
"""Pairs of clusters that exchange packets, beyond which the traffic matrix would need more than 6 GB."""


def reached_clusters(
    network: SpikingNetwork, part: NDArray[np.int32], n_clusters: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """(ptr (n_sets + 1,), cluster): the distinct clusters that hold a target of each of ``network.target_sets``."""
    sets = network.target_sets
    return _reach(sets.ptr, sets.first, sets.length, part, n_clusters)


@njit(cache=True)
def _reach(ptr, first, length, part, n_clusters):  # type: ignore[no-untyped-def]
    found = np.zeros(len(ptr), np.int64)
    cluster = np.empty(0, np.int32)
    for _ in range(2):  # to count, then to fill: a list that grows would need twice the memory
        seen = np.full(n_clusters, -1, np.int64)
        at = 0
        for s in range(len(ptr) - 1):
            for r in range(ptr[s], ptr[s + 1]):
                for j in range(first[r], first[r] + length[r]):
                    c = part[j]
                    if c >= 0 and seen[c] != s:
                        seen[c] = s
                        if at < len(cluster):
                            cluster[at] = c
                        at += 1
            found[s + 1] = at
        if len(cluster) == 0:
            cluster = np.empty(at, np.int32)
    return found, cluster


def rows_of_clusters(
    network: SpikingNetwork, reached: tuple[NDArray[np.int64], NDArray[np.int32]], n_clusters: int
) -> NDArray[np.int64]:
    """(n_clusters,) distinct presynaptic neurons that feed each cluster; ``reached`` is of :func:`reached_clusters`."""
    own = network.target_sets.set_of_neuron
    members = np.bincount(own[own >= 0], minlength=network.target_sets.n_sets)
    rows = np.bincount(reached[1], np.repeat(members, np.diff(reached[0])), n_clusters)
    return np.rint(rows).astype(np.int64)


def traffic_between(
    network: SpikingNetwork,
    rates: NDArray[np.float64],
    part: NDArray[np.int32],
    reached: tuple[NDArray[np.int64], NDArray[np.int32]],
    n_clusters: int,
) -> csr_array:
    """(n_clusters, n_clusters) packets/s from cluster to cluster, nothing on the diagonal and no zeros.

    reached : of :func:`reached_clusters`.

    Raises
    ------
    MappingError
        where more than 500 million pairs of clusters exchange packets.
    """
    import scipy.sparse

    sets = network.target_sets
    sends = np.flatnonzero((part >= 0) & (sets.set_of_neuron >= 0) & (rates > 0))
    order = sends[np.lexsort((sets.set_of_neuron[sends], part[sends]))]
    cluster, own = part[order], sets.set_of_neuron[order]
    new = np.ones(len(order), bool)
    new[1:] = (cluster[1:] != cluster[:-1]) | (own[1:] != own[:-1])
    starts = np.flatnonzero(new)
    rate = np.add.reduceat(rates[order], starts) if len(starts) else np.empty(0)
    source, of_set = cluster[starts], own[starts]
    rows = np.searchsorted(source, np.arange(n_clusters + 1)).astype(np.int64)
    indptr = _count_pairs(rows, of_set, *reached, n_clusters)
    if indptr[-1] > MOST_TRAFFIC:
        raise MappingError(
            f"{int(indptr[-1])} pairs of the {n_clusters} clusters exchange packets, too many to hold; a method that keeps "
            "neighbours together, such as 'auto' or 'pacman', leaves far fewer"
        )
    index, packets = _fill_pairs(rows, of_set, rate, *reached, indptr)
    return scipy.sparse.csr_array((packets, index, indptr), (n_clusters, n_clusters))


@njit(cache=True)
def _count_pairs(rows, of_set, ptr, cluster, n_clusters):  # type: ignore[no-untyped-def]
    indptr = np.zeros(n_clusters + 1, np.int64)
    seen = np.full(n_clusters, -1, np.int64)
    for a in range(n_clusters):
        seen[a] = a
        count = 0
        for p in range(rows[a], rows[a + 1]):
            for e in range(ptr[of_set[p]], ptr[of_set[p] + 1]):
                if seen[cluster[e]] != a:
                    seen[cluster[e]] = a
                    count += 1
        indptr[a + 1] = indptr[a] + count
    return indptr


@njit(cache=True)
def _fill_pairs(rows, of_set, rate, ptr, cluster, indptr):  # type: ignore[no-untyped-def]
    n_clusters = len(indptr) - 1
    index = np.empty(indptr[-1], np.int32)
    packets = np.empty(indptr[-1])
    sum_of = np.zeros(n_clusters)
    for a in range(n_clusters):
        at = indptr[a]
        for p in range(rows[a], rows[a + 1]):
            for e in range(ptr[of_set[p]], ptr[of_set[p] + 1]):
                c = cluster[e]
                if c != a:
                    if sum_of[c] == 0.0:
                        index[at] = c
                        at += 1
                    sum_of[c] += rate[p]
        row = index[indptr[a] : indptr[a + 1]]
        row.sort()
        for e in range(indptr[a], indptr[a + 1]):
            packets[e] = sum_of[index[e]]
            sum_of[index[e]] = 0.0
    return index, packets


def count_targets(network: SpikingNetwork, on_chip: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """(n_neurons,) distinct targets of each neuron other than itself, counting those ``on_chip`` where it is given."""
    sets = network.target_sets
    held = np.ones(network.n_neurons, bool) if on_chip is None else on_chip
    return _count_targets(sets.set_of_neuron, sets.ptr, sets.first, sets.length, held)


@njit(cache=True)
def _count_targets(set_of_neuron, ptr, first, length, held):  # type: ignore[no-untyped-def]
    n, n_sets = len(set_of_neuron), len(ptr) - 1
    of_set = np.zeros(n_sets, np.int64)
    seen = np.full(n, -1, np.int64)
    for s in range(n_sets):
        for r in range(ptr[s], ptr[s + 1]):
            for j in range(first[r], first[r] + length[r]):
                if held[j] and seen[j] != s:
                    seen[j] = s
                    of_set[s] += 1
    count = np.zeros(n, np.int64)
    for i in range(n):
        s = set_of_neuron[i]
        if s < 0:
            continue
        count[i] = of_set[s]
        if held[i]:
            for r in range(ptr[s], ptr[s + 1]):
                if first[r] <= i < first[r] + length[r]:
                    count[i] -= 1
                    break
    return count


def weight_sums(
    network: SpikingNetwork, rates: NDArray[np.float64], part: NDArray[np.int32], weighting: str
) -> tuple[float, float]:
    """(InterW, IntraW) as :func:`spikemesh.mapping.measure.measure` has them; ``weighting`` is one of ``WEIGHTINGS``."""
    by_rate = weighting in ("rate_weight", "rate", "signed")
    total, inside = 0.0, 0.0
    for p in network.projections:
        c = p.connectivity
        pre, post = slice(p.pre_start, p.pre_start + c.n_pre), slice(p.post_start, p.post_start + c.n_post)
        factor = rates[pre] if by_rate else np.ones(c.n_pre)
        t, i = _sums(c, factor, part[pre], part[post], weighting)
        total += t
        inside += i
    inter = total - inside
    if weighting != "signed" and inter < 1e-12 * total:
        inter = 0.0  # what rounding leaves where every synapse lies inside
    return inter, inside


def _value(weight: NDArray[np.floating], weighting: str) -> NDArray[np.floating]:
    if weighting in ("rate", "count"):
        return np.ones_like(weight)
    return weight if weighting == "signed" else np.abs(weight)


def _sums(
    c: Connectivity, factor: NDArray[np.float64], pre: NDArray[np.int32], post: NDArray[np.int32], weighting: str
) -> tuple[float, float]:
    """(all, inside a cluster) of factor * weight over the synapses of one connectivity."""
    if isinstance(c, Dense):
        value = _value(c.weight, weighting)
        members = np.argsort(post, kind="stable")
        return float(factor @ value.sum(axis=1, dtype=np.float64)), _dense_inside(value, factor, pre, post[members], members)
    if isinstance(c, Convolution):
        return _convolution_sums(c, factor, pre, post, weighting)
    edges = c.edges()
    omega = factor[edges.pre] * _value(edges.weight, weighting)
    same = (pre[edges.pre] == post[edges.post]) & (pre[edges.pre] >= 0)
    return float(omega.sum()), float(omega[same].sum())


@njit(cache=True)
def _dense_inside(value, factor, pre, held, members):  # type: ignore[no-untyped-def]
    """``held``: the clusters of the targets, ascending; ``members``: the targets in that order."""
    inside = 0.0
    for i in range(len(pre)):
        if pre[i] >= 0:
            for k in range(np.searchsorted(held, pre[i]), len(held)):
                if held[k] != pre[i]:
                    break
                inside += factor[i] * value[i, members[k]]
    return inside


def _convolution_sums(
    c: Convolution, factor: NDArray[np.float64], pre: NDArray[np.int32], post: NDArray[np.int32], weighting: str
) -> tuple[float, float]:
    value = _value(c.kernel, weighting)
    each_in, each_out = c.kernel.shape[2], c.channels_out // c.groups
    by_group = value.reshape(*value.shape[:3], c.groups, each_out).sum(axis=4, dtype=np.float64)
    factor, pre = factor.reshape(-1, c.channels_in), pre.reshape(-1, c.channels_in)
    post = post.reshape(-1, c.channels_out)
    spans = pre.min(axis=1), pre.max(axis=1), post.min(axis=1), post.max(axis=1)
    total, inside = 0.0, 0.0
    for ky, kx, i, o in c.window.taps():
        sent = factor[i].sum(axis=0).reshape(c.groups, each_in)
        total += float((sent * by_group[ky, kx].T).sum())
        inside += _tap_inside(value[ky, kx], factor, pre, post, *spans, i, o, each_in, each_out)
    return total, inside


@njit(cache=True)
def _tap_inside(value, factor, pre, post, pre_lo, pre_hi, post_lo, post_hi, into, out, each_in, each_out):  # type: ignore[no-untyped-def]
    """Over the position pairs of one tap; two positions whose clusters lie apart in number share none."""
    inside = 0.0
    for m in range(len(into)):
        i, o = into[m], out[m]
        if pre_hi[i] < post_lo[o] or post_hi[o] < pre_lo[i]:
            continue
        for ch in range(pre.shape[1]):
            a = pre[i, ch]
            if a >= 0:
                f = ch // each_in * each_out
                for k in range(f, f + each_out):
                    if post[o, k] == a:
                        inside += factor[i, ch] * value[ch % each_in, k]
    return inside
