"""Brings a partition back under its limits at least cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.problem import PartitionProblem

__all__ = ["rows_of_clusters"]


def rows_of_clusters(problem: PartitionProblem, part: NDArray[np.integer]) -> NDArray[np.int64]:
    """(n_clusters,) distinct sources that feed each cluster of ``part`` (n,)."""
    import scipy.sparse

    k = int(part.max(initial=-1)) + 1
    feed_ptr, feed = problem.feeders
    needs = scipy.sparse.csr_array((np.ones(len(feed)), feed, feed_ptr), (problem.n, problem.n_sources))
    members = scipy.sparse.csr_array((np.ones(problem.n), part, np.arange(problem.n + 1)), (problem.n, k))
    return np.diff((members.T.tocsr() @ needs).tocsr().indptr).astype(np.int64)
