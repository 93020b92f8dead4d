"""The SNN graph without directions: the whole of it, or what lies among some neurons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Graph", "subgraph", "symmetric"]


class Graph(NamedTuple):
    """ptr (n + 1,) int64, adj int32 ascending in each row, weight float32: every edge in both rows, no self-loops."""

    ptr: NDArray[np.int64]
    adj: NDArray[np.int32]
    weight: NDArray[np.float32]

    @property
    def n(self) -> int:
        return len(self.ptr) - 1


def symmetric(indptr: NDArray[np.int64], post: NDArray[np.int32], omega: NDArray[np.float64], n: int) -> Graph:
    """Graph over neurons 0 .. n - 1: opposite and parallel synapses add up, self-loops are left out."""
    import scipy.sparse

    end = indptr[n]
    graph = scipy.sparse.csr_array((omega[:end].astype(np.float32), post[:end], indptr[: n + 1]), (n, n))
    graph = (graph + graph.T.tocsr()).tocsr()
    graph.setdiag(0)
    graph.eliminate_zeros()
    graph.sort_indices()
    return Graph(graph.indptr.astype(np.int64), graph.indices.astype(np.int32), graph.data)


@njit(cache=True)
def _subgraph(ptr, adj, weight, chosen, number):  # type: ignore[no-untyped-def]
    for k in range(len(chosen)):
        number[chosen[k]] = k
    new_ptr = np.zeros(len(chosen) + 1, np.int64)
    for k in range(len(chosen)):
        count = 0
        for e in range(ptr[chosen[k]], ptr[chosen[k] + 1]):
            count += number[adj[e]] >= 0
        new_ptr[k + 1] = new_ptr[k] + count
    new_adj = np.empty(new_ptr[-1], np.int32)
    new_weight = np.empty(new_ptr[-1], np.float32)
    at = 0
    for v in chosen:
        for e in range(ptr[v], ptr[v + 1]):
            if number[adj[e]] >= 0:
                new_adj[at] = number[adj[e]]
                new_weight[at] = weight[e]
                at += 1
    for v in chosen:
        number[v] = -1
    return new_ptr, new_adj, new_weight


def subgraph(graph: Graph, chosen: NDArray[np.integer], number: NDArray[np.int32]) -> Graph:
    """The edges among ``chosen`` (ascending), renumbered; ``number`` (n,) int32 all -1 is scratch space."""
    return Graph(*_subgraph(graph.ptr, graph.adj, graph.weight, chosen, number))
