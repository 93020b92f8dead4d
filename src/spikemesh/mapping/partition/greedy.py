"""Greedy packing of neurons into clusters under both limits. Numba; tests hold plain-Python twins against it."""

from __future__ import annotations

import numpy as np
from numba import njit

from spikemesh.mapping.partition.lists import count_shared

__all__ = ["fullest_first", "next_fit", "split", "stream", "take_best"]


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
def fullest_first(order, feed_ptr, feed, capacity, axons, n_sources):  # type: ignore[no-untyped-def]
    """Each neuron in ``order`` goes to the fullest cluster (rows and columns in use) that it fits, or to a new one.

    Ties go to the lower cluster. Rows are counted where ``axons`` limits them. Returns (n,) int64, clusters numbered from 0.

    Only clusters that have rows in common with a neuron are looked at one by one; each source knows which it feeds. Among all
    others rows decide, so they wait in one heap for each number of rows, the fullest on top. An entry goes stale when its
    cluster grows, and is dropped when it comes to the top.
    """
    n = len(order)
    part = np.full(n, -1, np.int64)
    size, rows, shared = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    limited = axons <= n_sources
    reached = np.full(n_sources if limited else 1, -1, np.int64)  # last entry of a source's list of clusters
    before, fed = np.empty(len(feed) if limited else 1, np.int64), np.empty(len(feed) if limited else 1, np.int32)
    top = np.full(axons + 1 if limited else 1, -1, np.int64)
    key, child, sibling = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    near = np.empty(n, np.int64)
    opened, entries, widest = 0, 0, 0
    for k in range(n):
        v = order[k]
        need = feed_ptr[v + 1] - feed_ptr[v] if limited else 0
        found = count_shared(feed_ptr[v], feed_ptr[v] + need, feed, reached, before, fed, shared, near)
        best, score = -1, np.int64(-1)
        for i in range(found):
            c = near[i]
            s = rows[c] + size[c]
            fits = size[c] < capacity and rows[c] + need - shared[c] <= axons
            if fits and (s > score or (s == score and c < best)):
                best, score = c, s
        for r in range(min(axons - need, widest) if limited else 0, -1, -1):
            if r + capacity - 1 < score:
                break
            while top[r] >= 0:
                c = key[top[r]] % n
                if rows[c] == r and capacity - size[c] == key[top[r]] // n:
                    break
                top[r] = _without_top(top[r], key, child, sibling)
            if top[r] >= 0:
                c = key[top[r]] % n
                if r + size[c] > score or (r + size[c] == score and c < best):
                    best, score = c, r + size[c]
        if best < 0:
            best = opened
            opened += 1
        known = shared[best] > 0
        rows[best] += need - shared[best]
        for i in range(found):
            shared[near[i]] = 0
        for e in range(feed_ptr[v], feed_ptr[v] + need):
            at = reached[feed[e]] if known else -1
            while at >= 0 and fed[at] != best:
                at = before[at]
            if at < 0:
                fed[entries], before[entries] = best, reached[feed[e]]
                reached[feed[e]] = entries
                entries += 1
        part[v] = best
        size[best] += 1
        widest = max(widest, rows[best])
        if size[best] < capacity:
            key[k], child[k], sibling[k] = (capacity - size[best]) * n + best, -1, -1
            top[rows[best]] = _meld(top[rows[best]], k, key, child, sibling)
    return part


@njit(cache=True)
def _meld(a, b, key, child, sibling):  # type: ignore[no-untyped-def]
    """The root of two pairing heaps made one; -1 is an empty one. Least key on top."""
    if a < 0 or b < 0:
        return max(a, b)
    if key[b] < key[a]:
        a, b = b, a
    sibling[b] = child[a]
    child[a] = b
    return a


@njit(cache=True)
def _without_top(root, key, child, sibling):  # type: ignore[no-untyped-def]
    """The root of a pairing heap after its top is gone: children melded two by two, then into one from the last."""
    pairs, a = -1, child[root]
    while a >= 0:
        b = sibling[a]
        ahead = sibling[b] if b >= 0 else -1
        sibling[a] = -1
        if b >= 0:
            sibling[b] = -1
        both = _meld(a, b, key, child, sibling)
        sibling[both] = pairs
        pairs, a = both, ahead
    root = -1
    while pairs >= 0:
        ahead = sibling[pairs]
        sibling[pairs] = -1
        root = _meld(root, pairs, key, child, sibling)
        pairs = ahead
    return root


@njit(cache=True)
def stream(order, feed_ptr, feed, ptr, neighbour, weight, capacity, axons, n_sources, opened, spike_gain):  # type: ignore[no-untyped-def]
    """Each neuron in ``order`` goes to the cluster of EdgeMap's best score that it fits, or to a new one where it fits none.

    Score: ``spike_gain`` * (weight to neurons in the cluster) - ((s + 1)**2 - s**2), s = neurons already there. Ties go to the
    lower cluster; ``opened`` clusters are open from the start.

    ptr, neighbour, weight : symmetric graph. Returns (n,) int64, clusters numbered from 0.

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
    near = np.empty(n + opened, np.int64)
    entries = 0
    for k in range(n):
        v = order[k]
        need = feed_ptr[v + 1] - feed_ptr[v]
        found = count_shared(feed_ptr[v], feed_ptr[v + 1], feed, head, link, fed, shared, near) if limited else 0
        for e in range(ptr[v], ptr[v + 1]):
            if part[neighbour[e]] >= 0:
                local[part[neighbour[e]]] += weight[e]
        best, score = -1, -np.inf
        for c in range(opened):
            if size[c] < capacity and (not limited or rows[c] + need - shared[c] <= axons):
                s = spike_gain * local[c] - (2.0 * size[c] + 1.0)
                if s > score:
                    best, score = c, s
        if best < 0:
            best = opened
            opened += 1
        new = need - shared[best] if limited else 0
        known = shared[best] > 0
        for i in range(found):
            shared[near[i]] = 0
        if limited:
            for e in range(feed_ptr[v], feed_ptr[v + 1]):
                at = head[feed[e]] if known else -1
                while at >= 0 and fed[at] != best:
                    at = link[at]
                if at < 0:
                    fed[entries], link[entries] = best, head[feed[e]]
                    head[feed[e]] = entries
                    entries += 1
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
