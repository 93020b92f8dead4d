"""Roots whose partial sums fit no single crossbar, and combiner crossbars filled to the last row."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.mapping.decompose.carving import NO_CROSSBAR
from spikemesh.mapping.decompose.units import Units

__all__ = ["deepen", "fill_rows", "stream"]


def deepen(
    units: Units, cluster: NDArray[np.int32], n_clusters: int, n_in: int, negative: NDArray[np.bool_]
) -> tuple[Units, NDArray[np.int32]]:
    """Puts units between a root and its partial sums where there are more of them than rows.

    negative : (n_units,) bool; units of the two kinds meet in the root alone.
    """
    n = units.n_neurons
    tall = np.flatnonzero(cluster[:n] == NO_CROSSBAR)
    if not len(tall):
        return units, cluster
    below_of: dict[int, list[int]] = {int(v): [] for v in tall}
    for u in range(n, units.n_units):
        if int(units.parent[u]) in below_of:
            below_of[int(units.parent[u])].append(u)
    parents, kinds, clusters = units.parent.tolist(), negative.tolist(), cluster.tolist()
    neurons = units.neuron.tolist()
    for v, below in below_of.items():
        while len(below) > n_in:
            upper = []
            for kind in (False, True):
                mine = [u for u in below if kinds[u] == kind]
                for first in range(0, len(mine), n_in):
                    some = mine[first : first + n_in]
                    if len(some) > 1:
                        for u in some:
                            parents[u] = len(parents)
                        some = [len(parents)]
                        parents.append(v)
                        kinds.append(kind)
                        neurons.append(v)
                        clusters.append(n_clusters)
                        n_clusters += 1
                    upper += some
            below = upper
        clusters[v] = n_clusters
        n_clusters += 1
    neuron, parent, place = (np.array(x, np.int32) for x in (neurons, parents, clusters))
    return _renumbered(n, neuron, parent, place, units)


def stream(units: Units, cluster: NDArray[np.int32], n_in: int, n_out: int) -> tuple[Units, NDArray[np.int32]]:
    """Fills combiners to the last row: a root that finds too few rows left leaves a unit there and goes to the next one.

    Combiners are the crossbars whose units are roots that take partial sums alone. A unit in between costs one row and one
    step; where that saves no crossbar, nothing changes.
    """
    n, k = units.n_neurons, int(cluster.max(initial=-1)) + 1
    sums = np.bincount(units.parent[n:], minlength=units.n_units)
    combines = (np.arange(units.n_units) < n) & (cluster >= 0) & (sums > 1) & (sums == units.fan_in)
    pure = np.ones(k, bool)
    pure[cluster[(cluster >= 0) & ~combines]] = False
    roots = np.flatnonzero(combines)
    roots = roots[pure[cluster[roots]]]
    if not len(roots):
        return units, cluster
    roots = roots[np.argsort(cluster[roots], kind="stable")]
    home, owner, size, place, opened = fill_rows(sums[roots], n_in, n_out)
    if opened >= len(np.unique(cluster[roots])):
        return units, cluster
    by_parent = n + np.argsort(units.parent[n:], kind="stable")
    starts = np.concatenate([[0], np.cumsum(sums)])
    of = roots[owner]
    parent = np.concatenate([units.parent, of]).astype(np.int32)
    taken = np.concatenate([[0], np.cumsum(size)])
    before = taken[:-1] - taken[np.searchsorted(owner, owner)]  # what units of the same root have taken already
    inner = np.repeat(np.arange(len(owner)), size)
    at = np.arange(int(size.sum())) - taken[inner]
    parent[by_parent[starts[of[inner]] + before[inner] + at]] = units.n_units + inner
    clusters = np.concatenate([cluster, k + place]).astype(np.int32)
    clusters[roots] = k + home
    return _renumbered(n, np.concatenate([units.neuron, of.astype(np.int32)]), parent, clusters, units)


@njit(cache=True)
def fill_rows(sums, n_in, n_out):  # type: ignore[no-untyped-def]
    """(crossbar of each root; owner, size and crossbar of each unit in between; crossbars), roots in the order given.

    sums : (roots,) partial sums of each, at most ``n_in``.
    """
    home = np.empty(len(sums), np.int64)
    owner, size, place = np.empty(len(sums), np.int64), np.empty(len(sums), np.int64), np.empty(len(sums), np.int64)
    made, opened = 0, 0
    rows, columns = 0, 0
    for v in range(len(sums)):
        left = sums[v]
        if opened == 0 or columns == 0:
            opened, rows, columns = opened + 1, n_in, n_out
        if left > rows:
            if rows >= 2:
                owner[made], size[made], place[made] = v, rows, opened - 1
                left += 1 - rows
                made += 1
            opened, rows, columns = opened + 1, n_in, n_out
        home[v] = opened - 1
        rows -= left
        columns -= 1
    return home, owner[:made].copy(), size[:made].copy(), place[:made].copy(), opened


def _renumbered(
    n: int, neuron: NDArray[np.int32], parent: NDArray[np.int32], cluster: NDArray[np.int32], units: Units
) -> tuple[Units, NDArray[np.int32]]:
    """The units in order of their neurons, roots first."""
    order = np.concatenate([np.arange(n), n + np.argsort(neuron[n:], kind="stable")])
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(len(order))
    parent = parent[order]
    parent = np.where(parent >= 0, number[parent], -1).astype(np.int32)
    return Units(neuron[order], parent, number[units.of_synapse], units.of_bias), cluster[order]
