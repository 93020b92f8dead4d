"""Fills one cluster after another in a given order. Numba; the test holds a plain-Python twin against it."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["next_fit"]


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
