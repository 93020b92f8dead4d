"""Simulated annealing of exchanges between clusters, under the number of packets. Numba.

Kirkpatrick, Gelatt and Vecchi, Science 220, 1983, on the folded hypergraph of :mod:`nets`. Every cluster has exactly ``capacity`` slots;
an empty one holds a vertex without groups, so that a move is an exchange too and the cap always holds. The change of an exchange is
exact.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from spikemesh.mapping.partition.ours.rng import advance, below, scatter, uniform

__all__ = ["anneal", "fill_tables"]


@njit(cache=True)
def fill_tables(nets, part, held, sent):  # type: ignore[no-untyped-def]
    """Adds up, for a partition, held[c, g] = targets of g in cluster c, and sent[c, g] = rate of the senders of g in c."""
    for v in range(len(nets.in_ptr) - 1):
        c = part[v]
        for e in range(nets.in_ptr[v], nets.in_ptr[v + 1]):
            held[c, nets.in_group[e]] += 1
        for e in range(nets.out_ptr[v], nets.out_ptr[v + 1]):
            sent[c, nets.out_group[e]] += nets.out_rate[e]


@njit(cache=True)
def change(nets, u, v, a, b, held, sent, mark, stamp):  # type: ignore[no-untyped-def]
    """(packets/s, rows of a, rows of b) that exchanging ``u`` of cluster a with ``v`` of cluster b adds.

    ``mark`` (G,) int64 holds, relative to 4 * stamp, 1 for groups that target v alone, 2 for u alone, 3 for both.
    """
    in_ptr, in_group, rate, rows = nets.in_ptr, nets.in_group, nets.rate, nets.rows
    base = 4 * stamp
    held_a, held_b, sent_a, sent_b = held[a], held[b], sent[a], sent[b]
    delta, rows_a, rows_b = 0.0, 0, 0
    for e in range(in_ptr[v], in_ptr[v + 1]):
        mark[in_group[e]] = base + 1
    for e in range(in_ptr[u], in_ptr[u + 1]):
        g = in_group[e]
        if mark[g] == base + 1:
            mark[g] = base + 3
            continue
        mark[g] = base + 2
        if held_a[g] == 1:
            delta -= rate[g] - sent_a[g]
            rows_a -= rows[g]
        if held_b[g] == 0:
            delta += rate[g] - sent_b[g]
            rows_b += rows[g]
    for e in range(in_ptr[v], in_ptr[v + 1]):
        g = in_group[e]
        if mark[g] == base + 3:
            continue
        if held_b[g] == 1:
            delta -= rate[g] - sent_b[g]
            rows_b -= rows[g]
        if held_a[g] == 0:
            delta += rate[g] - sent_a[g]
            rows_a += rows[g]
    # senders change cluster too: what counts is who holds a target after the exchange
    for e in range(nets.out_ptr[u], nets.out_ptr[u + 1]):
        g = nets.out_group[e]
        shift = mark[g] - base
        toward_a = 1 if shift == 1 else (-1 if shift == 2 else 0)
        if held_a[g] + toward_a > 0:
            delta += nets.out_rate[e]
        if held_b[g] - toward_a > 0:
            delta -= nets.out_rate[e]
    for e in range(nets.out_ptr[v], nets.out_ptr[v + 1]):
        g = nets.out_group[e]
        shift = mark[g] - base
        toward_a = 1 if shift == 1 else (-1 if shift == 2 else 0)
        if held_b[g] - toward_a > 0:
            delta += nets.out_rate[e]
        if held_a[g] + toward_a > 0:
            delta -= nets.out_rate[e]
    return delta, rows_a, rows_b


@njit(cache=True)
def carry(nets, u, a, b, held, sent):  # type: ignore[no-untyped-def]
    """Takes ``u`` from cluster a to cluster b in both tables."""
    for e in range(nets.in_ptr[u], nets.in_ptr[u + 1]):
        held[a, nets.in_group[e]] -= 1
        held[b, nets.in_group[e]] += 1
    for e in range(nets.out_ptr[u], nets.out_ptr[u + 1]):
        sent[a, nets.out_group[e]] -= nets.out_rate[e]
        sent[b, nets.out_group[e]] += nets.out_rate[e]


@njit(cache=True)
def anneal(nets, members, free, part, held, sent, used, row_limit, n_steps, hot, cold, seed):  # type: ignore[no-untyped-def]
    """``n_steps`` proposals while the temperature falls geometrically from ``hot`` to ``cold`` packets/s.

    A proposal takes a random vertex u, one of its groups, a cluster that holds a vertex of that group (one time in K + 1 any
    cluster), and exchanges u with a random slot there. Returns the packets/s added in all; changes ``members``, ``part``,
    ``held``, ``sent`` and ``used``.

    members : (K, capacity) int32, vertices in each cluster; numbers from n up are empty slots, with empty lists in nets.
    free : only the first ``free`` columns of ``members`` are exchanged.
    part : (K * capacity,) int32. held (K, G) unsigned int, sent (K, G) float64: see :func:`fill_tables`.
    used : (K,) int64 rows in use; an exchange may not bring a cluster over ``row_limit``, nor further over it.
    """
    n_clusters, capacity = members.shape
    n = n_clusters * capacity
    slot = np.empty(n, np.int32)
    for c in range(n_clusters):
        for k in range(capacity):
            slot[members[c, k]] = k
    mark = np.zeros(len(nets.rate), np.int64)
    in_ptr, out_ptr = nets.in_ptr, nets.out_ptr
    total, accepted = 0.0, 0
    x = scatter(np.uint64(seed)) | np.uint64(1)
    cooling = (cold / hot) ** (1024.0 / max(n_steps, 1024))
    heat = hot / cooling
    for step in range(n_steps):
        if step % 1024 == 0:
            heat *= cooling
        x = advance(x)
        u = below(x, n)
        n_in, n_out = in_ptr[u + 1] - in_ptr[u], out_ptr[u + 1] - out_ptr[u]
        if n_in + n_out == 0 or slot[u] >= free:
            continue
        x = advance(x)
        k = below(x, n_in + n_out)
        g = nets.in_group[in_ptr[u] + k] if k < n_in else nets.out_group[out_ptr[u] + k - n_in]
        n_senders = nets.sender_ptr[g + 1] - nets.sender_ptr[g]
        x = advance(x)
        if k < n_in and n_senders > 0 and uniform(x) < 0.25:
            w = nets.sender[nets.sender_ptr[g] + below(x, n_senders)]
        else:
            w = nets.pin[nets.pin_ptr[g] + below(x, nets.pin_ptr[g + 1] - nets.pin_ptr[g])]
        a, b = part[u], part[w]
        x = advance(x)
        if below(x, n_clusters + 1) == 0:
            x = advance(x)
            b = below(x, n_clusters)
        if a == b:
            continue
        x = advance(x)
        v = members[b, below(x, free)]
        delta, rows_a, rows_b = change(nets, u, v, a, b, held, sent, mark, step + 1)
        if delta > 0.0 and delta > -heat * np.log(uniform(x)):
            continue
        if (rows_a > 0 and used[a] + rows_a > row_limit) or (rows_b > 0 and used[b] + rows_b > row_limit):
            continue
        total += delta
        accepted += 1
        used[a] += rows_a
        used[b] += rows_b
        carry(nets, u, a, b, held, sent)
        carry(nets, v, b, a, held, sent)
        members[a, slot[u]], members[b, slot[v]] = v, u
        slot[u], slot[v] = slot[v], slot[u]
        part[u], part[v] = b, a
    return total, accepted
