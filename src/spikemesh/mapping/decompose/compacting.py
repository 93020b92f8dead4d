"""Makes a packing need fewer crossbars: joins half-empty ones, then empties what can be emptied. Numba; flat arrays."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["dissolve", "join", "rows_of_clusters"]


@njit(cache=True)
def rows_of_clusters(order, cluster_ptr, feed_ptr, feed, n_sources):  # type: ignore[no-untyped-def]
    """(row_ptr (k + 1,), rows): distinct sources of each cluster; its members are order[cluster_ptr[c]:cluster_ptr[c + 1]]."""
    k = len(cluster_ptr) - 1
    seen = np.full(n_sources, -1, np.int32)
    row_ptr = np.zeros(k + 1, np.int64)
    for c in range(k):
        count = 0
        for i in range(cluster_ptr[c], cluster_ptr[c + 1]):
            for e in range(feed_ptr[order[i]], feed_ptr[order[i] + 1]):
                if seen[feed[e]] != c:
                    seen[feed[e]] = c
                    count += 1
        row_ptr[c + 1] = row_ptr[c] + count
    rows = np.empty(row_ptr[k], np.int32)
    seen[:] = -1
    for c in range(k):
        at = row_ptr[c]
        for i in range(cluster_ptr[c], cluster_ptr[c + 1]):
            for e in range(feed_ptr[order[i]], feed_ptr[order[i] + 1]):
                if seen[feed[e]] != c:
                    seen[feed[e]] = c
                    rows[at] = feed[e]
                    at += 1
    return row_ptr, rows


@njit(cache=True)
def join(row_ptr, rows, sizes, order, n_in, n_out, n_sources, sharing):  # type: ignore[no-untyped-def]
    """(k,) int64, the crossbar that each cluster joins: first fit in ``order``.

    sharing : rows that a cluster has in common with a crossbar count once; finding them takes its time in large packings.
    """
    k = len(sizes)
    home = np.full(k, -1, np.int64)
    bin_rows, bin_size = np.zeros(k, np.int64), np.zeros(k, np.int64)
    open_bins = np.empty(k, np.int64)
    n_open, bins = 0, 0
    head = np.full(k, -1, np.int64)  # clusters in each crossbar, as a list
    link = np.full(k, -1, np.int64)
    stamp = np.full(n_sources, -1, np.int64)
    for number in range(k):
        c = order[number]
        mine = row_ptr[c + 1] - row_ptr[c]
        for e in range(row_ptr[c], row_ptr[c + 1]):
            stamp[rows[e]] = number
        found, new = -1, np.int64(0)
        for i in range(n_open):
            b = open_bins[i]
            if bin_size[b] + sizes[c] > n_out or max(bin_rows[b], mine) > n_in:
                continue
            shared = 0
            if sharing:
                d = head[b]
                while d >= 0:
                    for e in range(row_ptr[d], row_ptr[d + 1]):
                        if stamp[rows[e]] == number:
                            shared += 1
                            stamp[rows[e]] = -2  # another member may have the row too
                    d = link[d]
                for e in range(row_ptr[c], row_ptr[c + 1]):
                    stamp[rows[e]] = number
            if bin_rows[b] + mine - shared > n_in:
                continue
            found, new = b, mine - shared
            break
        if found < 0:
            found, new = bins, mine
            open_bins[n_open] = found
            n_open += 1
            bins += 1
        home[c] = found
        bin_rows[found] += new
        bin_size[found] += sizes[c]
        link[c] = head[found]
        head[found] = c
        if bin_size[found] >= n_out or (not sharing and bin_rows[found] >= n_in):
            for i in range(n_open):
                if open_bins[i] == found:
                    n_open -= 1
                    for j in range(i, n_open):
                        open_bins[j] = open_bins[j + 1]
                    break
    return home


def dissolve(
    part: NDArray[np.int64],
    feed_ptr: NDArray[np.int64],
    feed: NDArray[np.int32],
    n_in: int,
    n_out: int,
    rounds: int = 4,
) -> NDArray[np.int64]:
    """(n,) clusters with those emptied whose members all fit elsewhere, least filled first; numbers may have gaps.

    A member goes where it needs fewest new rows, ties to the fuller crossbar; members in need of most rows go first.
    """
    part = part.copy()
    n, k = len(part), int(part.max(initial=-1)) + 1
    needs = np.diff(feed_ptr)
    uses = np.zeros((k, n), np.uint16)
    rows = np.zeros(k, np.int64)
    _count_uses(part, feed_ptr, feed, uses, rows)
    size = np.bincount(part[part >= 0], minlength=k)
    for _ in range(rounds):
        emptied = 0
        for c in np.argsort(np.maximum(rows / n_in, size / n_out), kind="stable"):
            members = np.flatnonzero(part == c)
            members = members[np.argsort(-needs[members], kind="stable")]
            if len(members):
                emptied += _empty(c, members, part, feed_ptr, feed, uses, rows, size, n_in, n_out)
        if not emptied:
            break
    return part


@njit(cache=True)
def _count_uses(part, feed_ptr, feed, uses, rows):  # type: ignore[no-untyped-def]
    """uses[c, s]: members of cluster c that source s feeds; rows[c]: sources that feed it."""
    for v in range(len(part)):
        c = part[v]
        if c >= 0:
            for e in range(feed_ptr[v], feed_ptr[v + 1]):
                rows[c] += uses[c, feed[e]] == 0
                uses[c, feed[e]] += 1


@njit(cache=True)
def _empty(c, members, part, feed_ptr, feed, uses, rows, size, n_in, n_out):  # type: ignore[no-untyped-def]
    """Moves all members of cluster c elsewhere and returns True, or changes nothing."""
    went = np.full(len(members), -1, np.int64)
    good = True
    for i in range(len(members)):
        v = members[i]
        best, best_new = -1, 0
        for d in range(len(size)):
            if d == c or size[d] == 0 or size[d] >= n_out:
                continue
            most = n_in - rows[d]
            if best >= 0:
                most = min(most, best_new if rows[d] > rows[best] else best_new - 1)
            new = 0
            for e in range(feed_ptr[v], feed_ptr[v + 1]):
                new += uses[d, feed[e]] == 0
                if new > most:
                    break
            if new <= most:
                best, best_new = d, new
        if best < 0:
            good = False
            break
        went[i] = best
        size[best] += 1
        rows[best] += best_new
        for e in range(feed_ptr[v], feed_ptr[v + 1]):
            uses[best, feed[e]] += 1
    for i in range(len(members)):
        d, v = went[i], members[i]
        if d < 0:
            break
        if good:
            part[v] = d
            continue
        size[d] -= 1
        for e in range(feed_ptr[v], feed_ptr[v + 1]):
            uses[d, feed[e]] -= 1
            rows[d] -= uses[d, feed[e]] == 0
    if good:
        uses[c, :] = 0
        size[c], rows[c] = 0, 0
    return good
