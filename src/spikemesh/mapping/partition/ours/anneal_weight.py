"""Simulated annealing of exchanges between clusters, under the weight kept inside them. Numba.

A table holds the weight between every cluster and every neuron, so that the change of an exchange is five numbers looked up and
one weight. As in :mod:`anneal_packets`, every cluster has exactly ``capacity`` slots and an empty one holds a neuron without synapses.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from spikemesh.mapping.partition.ours.rng import advance, below, scatter, uniform

__all__ = ["anneal", "between", "fill_table"]

NOISE = 4096


@njit(cache=True)
def fill_table(ptr, adj, weight, part, table):  # type: ignore[no-untyped-def]
    """Adds up table[c, v] = weight between cluster c and neuron v, of a symmetric CSR graph."""
    for u in range(len(ptr) - 1):
        row = table[part[u]]
        for e in range(ptr[u], ptr[u + 1]):
            row[adj[e]] += weight[e]


@njit(cache=True)
def between(ptr, adj, weight, u, v):  # type: ignore[no-untyped-def]
    """Weight between two neurons; neighbours ascend in each row."""
    low, high = ptr[u], ptr[u + 1]
    end = high
    while low < high:
        middle = (low + high) >> 1
        if adj[middle] < v:
            low = middle + 1
        else:
            high = middle
    return weight[low] if low < end and adj[low] == v else weight.dtype.type(0)


@njit(cache=True)
def anneal(ptr, adj, weight, members, part, table, n_steps, hot, cold, seed):  # type: ignore[no-untyped-def]
    """``n_steps`` proposals while the temperature falls geometrically from ``hot`` to ``cold`` (unit of the weights).

    A proposal takes a random neuron u, the heaviest of four of its neighbours, and the cluster b of that one (one time in K + 1 any
    cluster: parts of a network that are not connected change places too). Of the neurons of b it takes the v that fits b least and
    u's cluster best, blurred by noise of the temperature, or one time in capacity + 1 any of them (the best is often a neighbour of
    u, and to exchange those two brings nothing), and exchanges u and v with the probability of Metropolis. Returns the weight
    added inside clusters; changes ``members``, ``part`` and ``table``.

    ptr (n + 1,) int64, adj int32 ascending, weight float32 : symmetric graph, no self-loops; n = K * capacity, empty slots last.
    members : (K, capacity) int32; part : (n,) int32; table : (K, n) float32, see :func:`fill_table`.
    """
    n_clusters, capacity = members.shape
    n = n_clusters * capacity
    slot = np.empty(n, np.int32)
    for c in range(n_clusters):
        for k in range(capacity):
            slot[members[c, k]] = k
    x = scatter(np.uint64(seed)) | np.uint64(1)
    noise = np.empty(NOISE + capacity)
    for k in range(NOISE + capacity):
        x = advance(x)
        noise[k] = np.log(-np.log(uniform(x)))  # minus a Gumbel number: the smallest sum is a draw from Boltzmann's law
    total, accepted = 0.0, 0
    cooling = (cold / hot) ** (1024.0 / max(n_steps, 1024))
    heat = hot / cooling
    for step in range(n_steps):
        if step % 1024 == 0:
            heat *= cooling
        x = advance(x)
        u = below(x, n)
        first, degree = ptr[u], ptr[u + 1] - ptr[u]
        if degree == 0:
            continue
        best = first
        for k in range(4):
            x = advance(x)
            e = first + below(x, degree)
            if k == 0 or weight[e] > weight[best]:
                best = e
        a, b = part[u], part[adj[best]]
        x = advance(x)
        if below(x, n_clusters + 1) == 0:
            x = advance(x)
            b = below(x, n_clusters)
        if a == b:
            continue
        at_a, at_b, there = table[a], table[b], members[b]
        x = advance(x)
        shift = below(x, NOISE)
        v, least = there[below(x, capacity)], np.inf
        for k in range(0 if uniform(x) * (capacity + 1) < 1.0 else capacity):
            y = there[k]
            loss = at_b[y] - at_a[y] + heat * noise[shift + k]
            if loss < least:
                v, least = y, loss
        loss = np.float64(at_a[u]) - at_b[u] + at_b[v] - at_a[v]
        limit = -heat * np.log(uniform(x))
        if loss > limit:
            continue
        loss += 2.0 * between(ptr, adj, weight, u, v)
        if loss > limit:
            continue
        total -= loss
        accepted += 1
        for e in range(first, first + degree):
            at_a[adj[e]] -= weight[e]
            at_b[adj[e]] += weight[e]
        for e in range(ptr[v], ptr[v + 1]):
            at_b[adj[e]] -= weight[e]
            at_a[adj[e]] += weight[e]
        members[a, slot[u]], members[b, slot[v]] = v, u
        slot[u], slot[v] = slot[v], slot[u]
        part[u], part[v] = b, a
    return total, accepted
