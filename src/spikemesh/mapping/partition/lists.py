"""Lists threaded through arrays, as numba kernels: each item is in one list at most and knows its neighbours there."""

from __future__ import annotations

from numba import njit

__all__ = ["append", "count_shared", "detach", "enter", "leave"]


@njit(cache=True)
def enter(u, c, first, after, before):  # type: ignore[no-untyped-def]
    """Puts item u at the head of list c. first : of each list; after, before : of each item; -1 for none."""
    after[u], before[u] = first[c], -1
    if first[c] >= 0:
        before[first[c]] = u
    first[c] = u


@njit(cache=True)
def leave(u, c, first, after, before):  # type: ignore[no-untyped-def]
    """Takes item u out of list c."""
    if before[u] >= 0:
        after[before[u]] = after[u]
    else:
        first[c] = after[u]
    if after[u] >= 0:
        before[after[u]] = before[u]


@njit(cache=True)
def count_shared(begin, end, sources, first, after, of, shared, near):  # type: ignore[no-untyped-def]
    """Counts in ``shared`` how many of sources[begin:end] each cluster has a row for; writes those to ``near``, says how many.

    first : of each source's list; after : of each item, -1 for none; of : the cluster that an item stands for.
    """
    found = 0
    for e in range(begin, end):
        item = first[sources[e]]
        while item >= 0:
            c = of[item]
            if shared[c] == 0:
                near[found] = c
                found += 1
            shared[c] += 1
            item = after[item]
    return found


@njit(cache=True)
def append(u, ring, after, before):  # type: ignore[no-untyped-def]
    """Puts item u at the end of a ring. after, before : of each item and each ring, which are alone as their own neighbours."""
    last = before[ring]
    after[last], before[u] = u, last
    after[u], before[ring] = ring, u


@njit(cache=True)
def detach(u, after, before):  # type: ignore[no-untyped-def]
    """Takes item u out of its ring; nothing happens to one that is alone."""
    after[before[u]], before[after[u]] = after[u], before[u]
    after[u], before[u] = u, u
