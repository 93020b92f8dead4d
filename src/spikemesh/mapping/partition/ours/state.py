"""A partition with a hard cap, as the annealers keep it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["State"]


@dataclass
class State:
    """members (K, capacity) int32 and part (K * capacity,) int32; empty slots are vertices numbered from n up."""

    members: NDArray[np.int32]
    part: NDArray[np.int32]
    n: int

    @staticmethod
    def of(part: NDArray[np.integer], n_clusters: int, capacity: int) -> State:
        """From the cluster of each vertex, at most ``capacity`` to a cluster."""
        free = capacity - np.bincount(part, minlength=n_clusters)
        full = np.concatenate([part, np.repeat(np.arange(n_clusters), free)]).astype(np.int32)
        members = np.argsort(full, kind="stable").astype(np.int32).reshape(n_clusters, capacity)
        return State(members, full, len(part))

    @staticmethod
    def anchored(part: NDArray[np.integer], n_clusters: int, places: int, first: int) -> State:
        """As ``of`` with ``places`` columns and one more, for the vertices numbered from ``first`` up, one a cluster at most."""
        inner = State.of(part[:first], n_clusters, places)
        last = np.full(n_clusters, -1, np.int64)
        last[part[first:]] = np.arange(first, len(part))
        empty = last < 0
        last[empty] = len(part) + n_clusters * places - first + np.arange(empty.sum())
        columns = np.where(inner.members < first, inner.members, inner.members + (len(part) - first))
        members = np.column_stack([columns, last]).astype(np.int32)
        full = np.empty(members.size, np.int32)
        full[members] = np.arange(n_clusters, dtype=np.int32)[:, None]
        return State(members, full, len(part))

    @property
    def assignment(self) -> NDArray[np.int32]:
        """(n,) cluster of each vertex."""
        return self.part[: self.n]

    @property
    def shape(self) -> tuple[int, int]:
        return self.members.shape[0], self.members.shape[1]
