"""Makes a packing need fewer crossbars: joins half-empty ones, then empties what can be emptied. Numba; flat arrays."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.mapping.partition.lists import count_shared, enter, leave

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
    """(n,) clusters with those emptied whose members all fit elsewhere; numbers may have gaps.

    Those of fewest members come first: combiners and pools, which fill the rows that blocks leave, take few columns and share
    no rows. A member goes where it needs fewest new rows, ties to the fuller crossbar; members in need of most rows go first.
    """
    part = part.copy()
    needs, n_sources = np.diff(feed_ptr), int(feed.max(initial=-1)) + 1
    k = int(part.max(initial=-1)) + 1
    for _ in range(rounds):
        placed = np.flatnonzero(part >= 0)
        members = placed[np.lexsort((-needs[placed], part[placed]))]
        size = np.bincount(part[placed], minlength=k)
        ptr = np.concatenate([[0], np.cumsum(size)])
        load = np.bincount(part[placed], needs[placed], k).astype(np.int64)
        row_ptr, rows = rows_of_clusters(members, ptr, feed_ptr, feed, n_sources)
        order = np.argsort(size, kind="stable")
        room = min(k * n_in, int(load.sum())) + int(load.max(initial=0))  # rows in use, and those of members on their way
        if not _empty_all(order, ptr, members, part, feed_ptr, feed, row_ptr, rows, room, n_sources, n_in, n_out):
            break
    return part


@njit(cache=True)
def _empty_all(order, ptr, members, part, feed_ptr, feed, row_ptr, rows, room, n_sources, n_in, n_out):  # type: ignore[no-untyped-def]
    """Empties clusters in ``order`` where all members fit elsewhere; writes ``part`` and returns how many.

    A node stands for a source in a cluster: ``uses`` of its members that it feeds. The nodes of a source make a list, which
    is short, so that clusters that share rows with a unit are found without looking at the others. Of those the one with
    fewest rows to spare is found in lists of clusters by their spare rows.
    """
    k = len(order)
    taken, size = np.diff(row_ptr), np.diff(ptr)
    head, link = np.full(n_sources, -1, np.int64), np.empty(room, np.int64)
    holder, uses = np.empty(room, np.int32), np.zeros(room, np.int32)
    for c in range(k):
        for at in range(row_ptr[c], row_ptr[c + 1]):
            holder[at] = c
            link[at] = head[rows[at]]
            head[rows[at]] = at
    for c in range(k):
        for i in range(ptr[c], ptr[c + 1]):
            for e in range(feed_ptr[members[i]], feed_ptr[members[i] + 1]):
                at = head[feed[e]]
                while holder[at] != c:
                    at = link[at]
                uses[at] += 1
    spare, spares = np.empty(room, np.int64), room - row_ptr[k]  # nodes not in use
    spare[:spares] = np.arange(row_ptr[k], room)

    first, listed = np.full(n_in + 1, -1, np.int64), np.full(k, -1, np.int64)
    after, before = np.full(k, -1, np.int64), np.full(k, -1, np.int64)
    for c in range(k):
        _list_again(c, taken, size, n_in, n_out, first, after, before, listed)
    shared, near = np.zeros(k, np.int64), np.empty(k, np.int64)
    went = np.empty(size.max() if k > 0 else 0, np.int64)
    emptied = 0
    for c in order:
        count = ptr[c + 1] - ptr[c]
        if count == 0 or size[c] != count:
            continue  # it has taken others in
        done = 0
        while done < count:
            v = members[ptr[c] + done]
            need = feed_ptr[v + 1] - feed_ptr[v]
            n_near = count_shared(feed_ptr[v], feed_ptr[v + 1], feed, head, link, holder, shared, near)
            best, least = -1, need
            for i in range(n_near):
                d = near[i]
                new = need - shared[d]
                shared[d] = 0
                if d == c or size[d] >= n_out or taken[d] + new > n_in:
                    continue
                if new < least or best < 0 or (new == least and (-taken[d], d) < (-taken[best], best)):
                    best, least = d, new
            if best < 0:
                for free in range(need, n_in + 1):
                    best = first[free]
                    if best == c:
                        best = after[c]
                    if best >= 0:
                        break
            if best < 0:
                break
            went[done] = best
            done += 1
            size[best] += 1
            for e in range(feed_ptr[v], feed_ptr[v + 1]):
                at = head[feed[e]]
                while at >= 0 and holder[at] != best:
                    at = link[at]
                if at < 0:
                    spares -= 1
                    at = spare[spares]
                    holder[at], uses[at], link[at] = best, 0, head[feed[e]]
                    head[feed[e]] = at
                    taken[best] += 1
                uses[at] += 1
            _list_again(best, taken, size, n_in, n_out, first, after, before, listed)
        for i in range(done):  # out of the old cluster, or back out of the new ones
            v = members[ptr[c] + i]
            gone = c if done == count else went[i]
            for e in range(feed_ptr[v], feed_ptr[v + 1]):
                at, last = head[feed[e]], -1
                while holder[at] != gone:
                    last, at = at, link[at]
                uses[at] -= 1
                if uses[at] == 0:
                    if last < 0:
                        head[feed[e]] = link[at]
                    else:
                        link[last] = link[at]
                    spare[spares] = at
                    spares += 1
                    taken[gone] -= 1
            size[gone] -= 1
            _list_again(gone, taken, size, n_in, n_out, first, after, before, listed)
            if done == count:
                part[v] = went[i]
        emptied += done == count
    return emptied


@njit(cache=True)
def _list_again(c, taken, size, n_in, n_out, first, after, before, listed):  # type: ignore[no-untyped-def]
    """Moves a cluster to the list of its spare rows; out of all lists where it is empty or has no column left."""
    to = n_in - taken[c] if 0 < size[c] < n_out else -1
    was = listed[c]
    if to == was:
        return
    if was >= 0:
        leave(c, was, first, after, before)
    listed[c] = to
    if to >= 0:
        enter(c, to, first, after, before)
