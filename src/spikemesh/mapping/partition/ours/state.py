"""A partition with a hard cap, as the annealers keep it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["State"]


@dataclass
class State:
    """A partition as the annealer keeps it: members (K, capacity) and part (K * capacity,), empty slots numbered from n up."""

    members: NDArray[np.int32]
    part: NDArray[np.int32]
    n: int

    @staticmethod
    def of(part: NDArray[np.integer], n_clusters: int, capacity: int) -> State:
        free = capacity - np.bincount(part, minlength=n_clusters)
        full = np.concatenate([part, np.repeat(np.arange(n_clusters), free)]).astype(np.int32)
        members = np.argsort(full, kind="stable").astype(np.int32).reshape(n_clusters, capacity)
        return State(members, full, len(part))

    @property
    def assignment(self) -> NDArray[np.int32]:
        """(n,) cluster of each vertex."""
        return self.part[: self.n]

    @property
    def shape(self) -> tuple[int, int]:
        return self.members.shape[0], self.members.shape[1]
