"""Neurons without a cluster, put where they save most packets. Numba."""

from __future__ import annotations

import numpy as np
from numba import njit

from spikemesh.mapping.partition.ours.nets import Nets  # noqa: F401  (the type of ``nets``)

__all__ = ["best_homes"]

WIDE = 4096
"""Targets of a group that are looked at; a wider one sits in so many clusters that it tells nothing."""


@njit(cache=True)
def best_homes(nets, part, room, loose, keep):  # type: ignore[no-untyped-def]
    """(saving, home): the ``keep`` clusters with room in which each of the ``loose`` vertices saves most packets.

    A vertex that joins a cluster saves the rate of those of its groups that the cluster receives already, the rate
    of the members that send to it, and its own rate in groups that the cluster receives.

    part (n,) int32, -1 for loose vertices; room (K,) int64. home (len(loose), keep) int32, -1 where there are fewer.
    """
    n_clusters = len(room)
    saving = np.zeros((len(loose), keep))
    home = np.full((len(loose), keep), -1, np.int32)
    score = np.zeros(n_clusters)
    met = np.empty(n_clusters, np.int32)
    of_vertex = np.full(n_clusters, -1, np.int64)
    of_group = np.full(n_clusters, -1, np.int64)
    stamp = 0
    for i in range(len(loose)):
        v = loose[i]
        n_met = 0
        n_in = nets.in_ptr[v + 1] - nets.in_ptr[v]
        for e in range(n_in + nets.out_ptr[v + 1] - nets.out_ptr[v]):
            incoming = e < n_in
            if incoming:
                g = nets.in_group[nets.in_ptr[v] + e]
                gain = nets.rate[g]
            else:
                g = nets.out_group[nets.out_ptr[v] + e - n_in]
                gain = nets.out_rate[nets.out_ptr[v] + e - n_in]
            stamp += 1
            for f in range(nets.pin_ptr[g], min(nets.pin_ptr[g + 1], nets.pin_ptr[g] + WIDE)):
                c = part[nets.pin[f]]
                if c >= 0 and room[c] > 0 and of_group[c] != stamp:
                    of_group[c] = stamp
                    if of_vertex[c] != i:
                        of_vertex[c] = i
                        score[c] = 0.0
                        met[n_met] = c
                        n_met += 1
                    score[c] += gain
            if not incoming:
                continue
            for f in range(nets.sender_ptr[g], min(nets.sender_ptr[g + 1], nets.sender_ptr[g] + WIDE)):
                w = nets.sender[f]
                c = part[w]
                if c >= 0 and room[c] > 0 and of_group[c] != stamp:
                    if of_vertex[c] != i:
                        of_vertex[c] = i
                        score[c] = 0.0
                        met[n_met] = c
                        n_met += 1
                    for k in range(nets.out_ptr[w], nets.out_ptr[w + 1]):
                        if nets.out_group[k] == g:
                            score[c] += nets.out_rate[k]
        for k in range(n_met):  # insertion into a short sorted list
            c = met[k]
            at = keep
            while at > 0 and score[c] > saving[i, at - 1]:
                at -= 1
            for j in range(keep - 1, at, -1):
                saving[i, j], home[i, j] = saving[i, j - 1], home[i, j - 1]
            if at < keep:
                saving[i, at], home[i, at] = score[c], c
    return saving, home


@njit(cache=True)
def take_homes(order, saving, home, part, room, loose):  # type: ignore[no-untyped-def]
    """Walks the flat (loose vertex, rank) pairs in ``order`` and settles each vertex in its first home with room."""
    keep = home.shape[1]
    for p in order:
        i, c = p // keep, home[p // keep, p % keep]
        if c >= 0 and part[loose[i]] < 0 and room[c] > 0 and saving[i, p % keep] > 0.0:
            part[loose[i]] = c
            room[c] -= 1
