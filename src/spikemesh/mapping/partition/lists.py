"""Lists threaded through arrays, as numba kernels: each item is in one list at most and knows its neighbours there."""

from __future__ import annotations

from numba import njit

__all__ = ["append", "detach", "enter", "leave"]


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
