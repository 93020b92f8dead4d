"""Greedy packing of neurons into clusters under both limits. Numba; tests hold plain-Python twins against it."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["BY_SPIKES", "BY_USE", "next_fit", "split", "stream", "take_best"]

BY_USE, BY_SPIKES = 0, 1
"""How :func:`stream` chooses among the clusters that a neuron fits: the fullest one, or EdgeMap's score."""


@njit(cache=True)
def next_fit(order, feed_ptr, feed, capacity, axons, n_sources):  # type: ignore[no-untyped-def]
    """Neurons in ``order`` go to the open cluster; where either limit would break, a new one opens.

    Returns (len(order),) int64, the cluster of each neuron in that order, numbered from 0.
    order : int64 neurons; feed_ptr (n + 1,) int64, feed: distinct sources of each neuron; n_sources: how many there are.
    """
    part = np.empty(len(order), np.int64)
    seen = np.full(n_sources, -1, np.int32)  # last cluster that has a row for this source
    cluster, size, rows = 0, 0, 0
    for k in range(len(order)):
        v = order[k]
        new = 0
        for e in range(feed_ptr[v], feed_ptr[v + 1]):
            new += seen[feed[e]] != cluster
        if size > 0 and (size >= capacity or rows + new > axons):
            cluster, size, rows = cluster + 1, 0, 0
            new = feed_ptr[v + 1] - feed_ptr[v]
        for e in range(feed_ptr[v], feed_ptr[v + 1]):
            seen[feed[e]] = cluster
        part[k] = cluster
        size += 1
        rows += new
    return part


@njit(cache=True)
def stream(order, feed_ptr, feed, ptr, neighbour, weight, capacity, axons, n_sources, opened, how, spike_gain):  # type: ignore[no-untyped-def]
    """Each neuron in ``order`` goes to the best cluster that it fits, or to a new one where it fits none.

    BY_USE: the fullest cluster (rows and columns in use). BY_SPIKES: the largest ``spike_gain`` * (weight to neurons in the
    cluster) - ((s + 1)**2 - s**2), s = neurons already there; ``opened`` clusters are open from the start. Ties go to the
    lower cluster.

    ptr, neighbour, weight : symmetric graph, read by BY_SPIKES alone. Returns (n,) int64, clusters numbered from 0.

    Rows that a neuron shares with a cluster are counted through lists of the clusters that each source already feeds.
    """
    n = len(order)
    part = np.full(n, -1, np.int64)
    size, rows = np.zeros(n + opened, np.int64), np.zeros(n + opened, np.int64)
    shared = np.zeros(n + opened, np.int64)
    local = np.zeros(n + opened)
    limited = axons <= n_sources
    head = np.full(n_sources, -1, np.int64)
    link = np.empty(len(feed) if limited else 1, np.int64)
    fed = np.empty(len(feed) if limited else 1, np.int64)
    entries = 0
    for k in range(n):
        v = order[k]
        need = feed_ptr[v + 1] - feed_ptr[v]
        if limited:
            for e in range(feed_ptr[v], feed_ptr[v + 1]):
                at = head[feed[e]]
                while at >= 0:
                    shared[fed[at]] += 1
                    at = link[at]
        if how == BY_SPIKES:
            for e in range(ptr[v], ptr[v + 1]):
                if part[neighbour[e]] >= 0:
                    local[part[neighbour[e]]] += weight[e]
        best, score = -1, -np.inf
        for c in range(opened):
            if size[c] < capacity and (not limited or rows[c] + need - shared[c] <= axons):
                s = rows[c] + size[c] + 0.0 if how == BY_USE else spike_gain * local[c] - (2.0 * size[c] + 1.0)
                if s > score:
                    best, score = c, s
        if best < 0:
            best = opened
            opened += 1
        new = need - shared[best] if limited else 0
        if limited:
            for e in range(feed_ptr[v], feed_ptr[v + 1]):
                at = head[feed[e]]
                held = False
                while at >= 0:
                    shared[fed[at]] = 0
                    held = held or fed[at] == best
                    at = link[at]
                if not held:
                    fed[entries], link[entries] = best, head[feed[e]]
                    head[feed[e]] = entries
                    entries += 1
        if how == BY_SPIKES:
            for e in range(ptr[v], ptr[v + 1]):
                if part[neighbour[e]] >= 0:
                    local[part[neighbour[e]]] = 0.0
        part[v] = best
        size[best] += 1
        rows[best] += new
    return part


@njit(cache=True)
def split(members, feed_ptr, feed, ptr, neighbour, weight, capacity, axons, n_sources, n):  # type: ignore[no-untyped-def]
    """Cuts one cluster that is too large into parts that fit, keeping heavy synapses together.

    A part starts with the neuron that needs most rows and takes, as long as one fits, the neuron with the largest weight to
    it, ties by fewest new rows, then by index. Returns (len(members),) int64, parts numbered from 0.
    """
    count = len(members)
    part = np.full(count, -1, np.int64)
    slot = np.full(n, -1, np.int64)
    for k in range(count):
        slot[members[k]] = k
    seen = np.full(n_sources, -1, np.int64)
    tie = np.empty(count)
    cluster, left = 0, count
    while left > 0:
        tie[:] = 0.0
        size, rows = 0, 0
        while True:
            best, best_tie, best_new = -1, -np.inf, 0
            for k in range(count):
                if part[k] >= 0:
                    continue
                v = members[k]
                new = 0
                for e in range(feed_ptr[v], feed_ptr[v + 1]):
                    new += seen[feed[e]] != cluster
                if size == 0:
                    if best < 0 or new > best_new:
                        best, best_new = k, new
                elif size < capacity and rows + new <= axons and (tie[k] > best_tie or (tie[k] == best_tie and new < best_new)):
                    best, best_tie, best_new = k, tie[k], new
            if best < 0:
                break
            v = members[best]
            part[best] = cluster
            left -= 1
            size += 1
            rows += best_new
            for e in range(feed_ptr[v], feed_ptr[v + 1]):
                seen[feed[e]] = cluster
            for e in range(ptr[v], ptr[v + 1]):
                if slot[neighbour[e]] >= 0:
                    tie[slot[neighbour[e]]] += weight[e]
        cluster += 1
    return part


@njit(cache=True)
def take_best(score, order, capacity):  # type: ignore[no-untyped-def]
    """(n,) int64: each neuron in ``order`` takes the cluster of its largest ``score`` (n, k) that has room; ties go lower."""
    n, k = score.shape
    part = np.empty(n, np.int64)
    room = np.full(k, capacity, np.int64)
    for v in order:
        best = -1
        for c in range(k):
            if room[c] > 0 and (best < 0 or score[v, c] > score[v, best]):
                best = c
        part[v] = best
        room[best] -= 1
    return part
