"""A start from the structure of layered networks: twins first, then what fits around them.

*Twins* are vertices fed by the same groups: the channels of a pixel of a convolution, the neurons of a dense layer. A
cluster of twins receives each of its groups for the price of one neuron, so twins stay together, and clusters of whole
sets of twins come first. Neurons with few inputs (pooling units, input pixels) cost little wherever they are; they fill the free
slots, each where it saves most packets.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.mapping.partition.ours.fill import best_homes, take_homes
from spikemesh.mapping.partition.ours.grow import clusters
from spikemesh.mapping.partition.ours.nets import Nets, join, restrict
from spikemesh.mapping.partition.ours.rng import scatter

__all__ = ["core_start", "fan_in", "light_levels", "settle"]

HOMES = 16
"""Clusters kept as candidates of a loose vertex."""


@njit(cache=True)
def _feed_hash(in_ptr, in_group):  # type: ignore[no-untyped-def]
    """(n,) uint64, equal for vertices fed by the same groups."""
    key = np.zeros(len(in_ptr) - 1, np.uint64)
    for v in range(len(key)):
        for e in range(in_ptr[v], in_ptr[v + 1]):
            key[v] += scatter(np.uint64(in_group[e]))
    return key


def fan_in(nets: Nets) -> NDArray[np.int64]:
    """(n,) neurons that feed each vertex, silent ones left out where the nets leave them out."""
    total = np.concatenate([[0], np.cumsum(nets.rows[nets.in_group].astype(np.int64))])
    return total[nets.in_ptr[1:]] - total[nets.in_ptr[:-1]]


def light_levels(fed: NDArray[np.int64], most: int = 4) -> list[int]:
    """Fan-ins up to which neurons may count as light: the lower ends of the widest gaps between fan-ins, and 0."""
    levels = np.unique(fed)
    if len(levels) < 2:
        return []
    jump = (levels[1:] + 1.0) / (levels[:-1] + 1.0)
    widest = np.argsort(-jump, kind="stable")[:most]
    return sorted({int(levels[k]) for k in widest if jump[k] > 1.5})


def core_start(
    nets: Nets, light: int, price: float, capacity: int, n_clusters: int, row_limit: int
) -> NDArray[np.int32] | None:
    """(n,) int32 clusters with twins together, or None where their clusters alone exceed ``n_clusters``.

    light : vertices with at most this fan-in fill the slots left.
    """
    n = nets.n
    heavy = np.flatnonzero(fan_in(nets) > light)
    key = _feed_hash(nets.in_ptr, nets.in_group)[heavy]
    _, first, twin = np.unique(key, return_index=True, return_inverse=True)
    order = np.lexsort((heavy, twin))
    count = np.bincount(twin)
    rank = np.empty(len(heavy), np.int64)
    rank[order] = np.arange(len(heavy)) - np.repeat(np.cumsum(count) - count, count)
    _, unit = np.unique(first[twin] * (n + 1) + rank // capacity, return_inverse=True)  # by first neuron
    n_units = int(unit.max(initial=-1)) + 1
    if n_units == 0:
        return None
    sizes = np.bincount(unit)
    by_unit = heavy[np.argsort(unit, kind="stable")]
    units = join(nets, by_unit, np.concatenate([[0], np.cumsum(sizes)]))
    cores = clusters(
        units, capacity, price=price, senders_too=False, size=sizes.astype(np.int32), least_share=0.5, row_limit=row_limit
    )
    if cores.max() >= n_clusters:
        return None
    part = np.full(n, -1, np.int32)
    part[heavy] = cores[unit]
    settle(nets, part, capacity, n_clusters, row_limit)
    return part


def settle(nets: Nets, part: NDArray[np.int32], capacity: int, n_clusters: int, row_limit: int) -> None:
    """Gives every vertex of ``part`` that is -1 a cluster with room, in place."""
    loose = np.flatnonzero(part < 0)
    room = capacity - np.bincount(part[part >= 0], minlength=n_clusters)
    saving, home = best_homes(nets, part, room, loose, HOMES)
    take_homes(np.argsort(-saving, axis=None, kind="stable"), saving, home, part, room, loose)
    rest = np.flatnonzero(part < 0)
    if not len(rest):
        return
    # the others fill whole clusters of their own first, then whatever is left
    among = clusters(restrict(nets, rest), capacity, price=0.9, senders_too=True, row_limit=row_limit)
    by_room = np.argsort(-room, kind="stable")
    part[rest[np.argsort(among, kind="stable")]] = np.repeat(by_room, room[by_room])[: len(rest)]
