"""Kernighan-Lin over pairs of clusters, compiled. Kernighan and Lin, Bell System Technical Journal 49 (2), 1970.

A pair of clusters {A, B} is improved by passes. A pass exchanges one neuron of A with one of B at a time, always the
exchange of largest gain among those not yet exchanged, also where that gain is negative, until all are exchanged; then only
the first exchanges are kept, as many as have the largest total gain. Passes end when no total gain is positive.

Only weights inside and between the two clusters enter a gain: what the two share with a third cluster stays cut whichever
of the two a neuron is in.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.partition.problem import PartitionProblem

__all__ = ["improve_pairs"]

MOST_BYTES = 8 << 30


def improve_pairs(
    problem: PartitionProblem,
    part: NDArray[np.integer],
    graph: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]],
    members: NDArray[np.integer],
    passes: int,
    sweeps: int,
) -> None:
    """Improves every two clusters that hold ``members``, in place.

    No cluster outgrows the largest of them, and none that keeps the row limit comes to break it.

    Parameters
    ----------
    part : (n,) integers, changed in place. The clusters of ``members`` must hold no other neuron.
    graph : (indptr, neighbour, weight) of the symmetric graph whose cut is to shrink.
    members : neurons of the clusters to pair up, ascending.
    passes : of Kernighan-Lin at most, on one pair.
    sweeps : over all pairs at most; a pair is visited again only after one of its clusters has changed.

    Raises
    ------
    MappingError
        where the working tables, 16 bytes a neuron and column, would not fit 8 GiB.
    """
    clusters, local = np.unique(part[members], return_inverse=True)
    sizes = np.bincount(local)
    width = int(sizes.max())
    need = 16 * len(clusters) * width * width
    if need > MOST_BYTES:
        raise MappingError(
            f"Kernighan-Lin over clusters of {width} neurons needs {need / 2**30:.1f} GiB here, above 8: "
            "use a smaller capacity or another method"
        )
    order = np.argsort(local, kind="stable")
    slot = np.arange(len(members)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    slots = np.full((len(clusters), width), -1, np.int32)  # -1: the dummy neuron that makes sizes equal
    slots[local[order], slot] = members[order]
    feed_ptr, feed = problem.feeders if problem.axons is not None else (np.zeros(1, np.int64), np.zeros(0, np.int32))
    lowest = float(graph[2].min(initial=0.0))
    _sweep(slots, *graph, problem.n, feed_ptr, feed, problem.n_sources, problem.axons or 0, lowest, passes, sweeps)
    for k, cluster in enumerate(clusters):
        held = slots[k]
        part[held[held >= 0]] = cluster


@njit(cache=True)
def _sweep(slots, ptr, neighbour, weight, n, feed_ptr, feed, n_sources, axons, lowest, passes, sweeps):  # type: ignore[no-untyped-def]
    """Pairs (i, j), i < j, in order. ``slots`` (k, width): neurons of each cluster, -1 for a dummy; changed in place.

    ``inner[c]`` holds the weights among the slots of cluster c; ``to[v, a]`` the weight between neuron v and slot a of the
    cluster at hand, so that the weights across a pair are a few short rows of a table instead of a search.
    """
    k, width = slots.shape
    home, place, inner = _tables(slots, ptr, neighbour, weight, n)
    to = np.zeros((place.max() + 1, width))
    touched = np.zeros(k, np.bool_)
    changed = np.zeros(k, np.int64)  # when a cluster last changed: a running number of visits
    stamp, stamps = np.full(n_sources, -1, np.int64), 0
    pairs = np.int64(k) * (k - 1) // 2
    for sweep in range(sweeps):
        any_gain = False
        visit = sweep * pairs
        for i in range(k - 1):
            touched[:] = False
            for a in range(width):
                _load(slots[i, a], a, 1.0, ptr, neighbour, weight, place, to)
                _touch(slots[i, a], ptr, neighbour, home, touched)
            for j in range(i + 1, k):
                visit += 1
                if sweep > 0 and max(changed[i], changed[j]) <= visit - pairs:
                    continue
                if lowest >= 0.0 and not touched[j]:
                    continue  # nothing is cut between the two
                before = slots[i].copy()
                # members and as many dummies as make the two equal: small clusters stay small problems
                at_i, at_j = _taking_part(slots[i], slots[j])
                w = len(at_i)
                one, two, cross = slots[i][at_i], slots[j][at_j], np.zeros((w, w))
                for b in range(w):
                    for a in range(w):
                        cross[a, b] = to[place[two[b]], at_i[a]] if two[b] >= 0 else 0.0
                in_one, in_two = _gather(inner[i], at_i), _gather(inner[j], at_j)
                gained, stamps = _improve(one, two, in_one, in_two, cross, lowest, passes, feed_ptr, feed, stamp, stamps, axons)
                if not gained:
                    continue
                _scatter(one, in_one, at_i, slots[i], inner[i])
                _scatter(two, in_two, at_j, slots[j], inner[j])
                any_gain = True
                changed[i] = changed[j] = visit
                for a in range(width):
                    for c in (i, j):
                        if slots[c, a] >= 0:
                            home[slots[c, a]] = c
                for a in range(width):
                    if slots[i, a] != before[a]:
                        _load(before[a], a, 0.0, ptr, neighbour, weight, place, to)
                        _load(slots[i, a], a, 1.0, ptr, neighbour, weight, place, to)
                        _touch(slots[i, a], ptr, neighbour, home, touched)
            for a in range(width):
                _load(slots[i, a], a, 0.0, ptr, neighbour, weight, place, to)
        if not any_gain:
            break


@njit(cache=True)
def _tables(slots, ptr, neighbour, weight, n):  # type: ignore[no-untyped-def]
    """(cluster of each neuron, its number among those in slots, weights inside each cluster); -1 for other neurons."""
    k, width = slots.shape
    home, place, spot = np.full(n, -1, np.int32), np.full(n, -1, np.int32), np.zeros(n, np.int32)
    inner = np.zeros((k, width, width))
    count = 0
    for c in range(k):
        for a in range(width):
            if slots[c, a] >= 0:
                home[slots[c, a]], spot[slots[c, a]], place[slots[c, a]] = c, a, count
                count += 1
    for c in range(k):
        for a in range(width):
            u = slots[c, a]
            if u >= 0:
                for e in range(ptr[u], ptr[u + 1]):
                    if home[neighbour[e]] == c:
                        inner[c, a, spot[neighbour[e]]] = weight[e]
    return home, place, inner


@njit(cache=True)
def _taking_part(one, two):  # type: ignore[no-untyped-def]
    """Slots of two clusters that exchange: the members of each, then dummies up to the size of the larger."""
    w = max((one >= 0).sum(), (two >= 0).sum())
    at = np.empty((2, w), np.int64)
    for side in range(2):
        slots = one if side == 0 else two
        count = 0
        for dummies in (False, True):
            for a in range(len(slots)):
                if count < w and (slots[a] < 0) == dummies:
                    at[side, count] = a
                    count += 1
    return at[0], at[1]


@njit(cache=True)
def _gather(table, at):  # type: ignore[no-untyped-def]
    """table[at][:, at]."""
    out = np.empty((len(at), len(at)))
    for a in range(len(at)):
        for b in range(len(at)):
            out[a, b] = table[at[a], at[b]]
    return out


@njit(cache=True)
def _scatter(members, weights, at, slots, table):  # type: ignore[no-untyped-def]
    """Puts the members and their weights back into the slots ``at``."""
    for a in range(len(at)):
        slots[at[a]] = members[a]
        for b in range(len(at)):
            table[at[a], at[b]] = weights[a, b]


@njit(cache=True)
def _load(u, a, factor, ptr, neighbour, weight, place, to):  # type: ignore[no-untyped-def]
    """Writes slot ``a``, held by neuron ``u``, into the table, or clears it (factor 0)."""
    if u >= 0:
        for e in range(ptr[u], ptr[u + 1]):
            p = place[neighbour[e]]
            if p >= 0:
                to[p, a] = factor * weight[e]


@njit(cache=True)
def _touch(u, ptr, neighbour, home, touched):  # type: ignore[no-untyped-def]
    """Marks the clusters that hold a neighbour of ``u``."""
    if u >= 0:
        for e in range(ptr[u], ptr[u + 1]):
            c = home[neighbour[e]]
            if c >= 0:
                touched[c] = True


@njit(cache=True)
def _improve(one, two, in_one, in_two, cross, lowest, passes, feed_ptr, feed, stamp, stamps, axons):  # type: ignore[no-untyped-def]
    """Kernighan-Lin on one pair: changes both clusters and their tables; returns (whether it gained, stamps used)."""
    width = len(one)
    d_one, d_two = np.empty(width), np.empty(width)
    order_one, order_two = np.empty(width, np.int64), np.empty(width, np.int64)
    take_one, take_two = np.empty(width, np.int64), np.empty(width, np.int64)
    total = np.empty(width)
    slack = -2.0 * min(lowest, 0.0)
    gained = False
    for _ in range(passes):
        back = cross.T.copy()  # both ways along rows: the updates below are long and straight
        for a in range(width):
            d_one[a] = cross[a].sum() - in_one[a].sum()
            d_two[a] = back[a].sum() - in_two[a].sum()
            order_one[a] = order_two[a] = a
        scale = np.abs(d_one).sum() + np.abs(d_two).sum()
        running = 0.0
        for step in range(width):
            left = width - step
            _sort(order_one, d_one, left)
            _sort(order_two, d_two, left)
            best, x, y = -np.inf, 0, 0
            for p in range(left):
                a = order_one[p]
                if d_one[a] + d_two[order_two[0]] + slack <= best:
                    break
                for q in range(left):
                    b = order_two[q]
                    if d_one[a] + d_two[b] + slack <= best:
                        break
                    gain = d_one[a] + d_two[b] - 2.0 * cross[a, b]
                    if gain > best:
                        best, x, y = gain, p, q
            a, b = order_one[x], order_two[y]
            take_one[step], take_two[step] = a, b
            running += best
            total[step] = running
            for p in range(x, left - 1):
                order_one[p] = order_one[p + 1]
            for q in range(y, left - 1):
                order_two[q] = order_two[q + 1]
            for r in range(width):  # also of those exchanged already, which nobody asks again
                d_one[r] += 2.0 * (in_one[a, r] - back[b, r])
            for r in range(width):
                d_two[r] += 2.0 * (in_two[b, r] - cross[a, r])
        keep = int(total.argmax())
        if total[keep] <= 1e-12 * scale:
            break
        for step in range(keep + 1):
            _exchange(one, two, in_one, in_two, cross, take_one[step], take_two[step])
        if axons > 0:
            stamps += 2
            if max(_rows(one, feed_ptr, feed, stamp, stamps - 1), _rows(two, feed_ptr, feed, stamp, stamps)) > axons:
                for step in range(keep, -1, -1):
                    _exchange(one, two, in_one, in_two, cross, take_one[step], take_two[step])
                break
        gained = True
    return gained, stamps


@njit(cache=True)
def _sort(order, value, left):  # type: ignore[no-untyped-def]
    """Insertion sort of ``order[:left]`` by descending value, ties by index; the order is nearly right already."""
    for p in range(1, left):
        a = order[p]
        q = p
        while q > 0 and (value[order[q - 1]] < value[a] or (value[order[q - 1]] == value[a] and order[q - 1] > a)):
            order[q] = order[q - 1]
            q -= 1
        order[q] = a


@njit(cache=True)
def _exchange(one, two, in_one, in_two, cross, a, b):  # type: ignore[no-untyped-def]
    """Neuron in slot ``a`` of one cluster and neuron in slot ``b`` of the other change places, and so do their weights."""
    one[a], two[b] = two[b], one[a]
    for s in range(len(one)):
        if s != a:
            w = in_one[a, s]
            in_one[a, s] = in_one[s, a] = cross[s, b]
            cross[s, b] = w
        if s != b:
            w = in_two[b, s]
            in_two[b, s] = in_two[s, b] = cross[a, s]
            cross[a, s] = w


@njit(cache=True)
def _rows(slots, feed_ptr, feed, stamp, mark):  # type: ignore[no-untyped-def]
    """Distinct sources that feed the neurons in ``slots``."""
    rows = 0
    for v in slots:
        if v >= 0:
            for e in range(feed_ptr[v], feed_ptr[v + 1]):
                if stamp[feed[e]] != mark:
                    stamp[feed[e]] = mark
                    rows += 1
    return rows
