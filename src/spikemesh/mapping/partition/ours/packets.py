"""Few packets: clusters grown from several starting points, the best of them annealed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.partition.ours.anneal_packets import anneal, fill_tables
from spikemesh.mapping.partition.ours.cores import core_start, fan_in, light_levels
from spikemesh.mapping.partition.ours.grow import grow
from spikemesh.mapping.partition.ours.nets import Nets, packets_of, restrict
from spikemesh.mapping.partition.ours.state import State

__all__ = ["fewest_packets"]

NO_LIMIT = 1 << 50
GROW_WORK = 2_000_000_000
"""Pins that one growth may visit."""
TABLE = 1 << 23
"""Entries of a (cluster, group) table that is annealed in one piece; more are annealed in windows of clusters."""


def with_empty_slots(nets: Nets, total: int) -> Nets:
    """``nets`` with vertices without groups added, ``total`` in all."""
    more = total - nets.n
    return nets._replace(
        in_ptr=np.append(nets.in_ptr, np.full(more, nets.in_ptr[-1])),
        out_ptr=np.append(nets.out_ptr, np.full(more, nets.out_ptr[-1])),
    )


def improve(
    nets: Nets, state: State, steps: int, hot: float, cold: float, seed: int, row_limit: int = NO_LIMIT
) -> float:
    """Anneals a partition in place; returns the packets/s added (negative: saved)."""
    n_clusters, capacity = state.shape
    if n_clusters < 2 or nets.n_groups == 0 or steps <= 0 or hot <= 0:  # hot is 0 where nobody fires
        return 0.0
    if n_clusters * nets.n_groups > TABLE:
        return _improve_windows(nets, state, steps, hot, cold, seed, row_limit)
    padded = with_empty_slots(nets, n_clusters * capacity)
    held = np.zeros((n_clusters, nets.n_groups), np.uint16 if capacity < 1 << 16 else np.uint32)
    sent = np.zeros((n_clusters, nets.n_groups))
    fill_tables(padded, state.part, held, sent)
    used = np.zeros(n_clusters, np.int64)
    if row_limit < NO_LIMIT:
        used[:] = (held > 0) @ nets.rows.astype(np.int64)
    added, _ = anneal(padded, state.members, state.part, held, sent, used, row_limit, steps, hot, cold, seed)
    return added


def _improve_windows(
    nets: Nets, state: State, steps: int, hot: float, cold: float, seed: int, row_limit: int, rounds: int = 2
) -> float:
    """Anneals runs of clusters on their own, which is exact: packets add up over clusters (see :mod:`nets`)."""
    n_clusters, capacity = state.shape
    width = 256
    added = 0.0
    for turn in range(rounds):
        starts = np.arange(-(turn % 2) * (width // 2), n_clusters, width)
        for w, start in enumerate(starts):
            clusters = np.arange(max(start, 0), min(start + width, n_clusters))
            slots = state.members[clusters].ravel()
            real = slots < state.n
            part = np.repeat(np.arange(len(clusters), dtype=np.int32), capacity)[real]
            inner = State.of(part, len(clusters), capacity)
            local = restrict(nets, slots[real])
            if len(clusters) * local.n_groups > 4 * TABLE or local.n_groups == 0:
                continue
            share = int(steps * len(clusters) / n_clusters / rounds)
            added += improve(local, inner, share, hot, cold, seed + 1000 * turn + w, row_limit)
            ids = np.concatenate([slots[real], slots[~real]])
            state.members[clusters] = ids[inner.members]
            state.part[ids] = clusters[inner.part]
    return added


def temperature(nets: Nets) -> float:
    """The unit of temperature: the mean rate of a neuron that sends."""
    return float(nets.rate.sum() / max(int(nets.rows.sum()), 1))


def starts(nets: Nets, capacity: int, n_clusters: int, row_limit: int) -> Iterator[NDArray[np.int32]]:
    """Partitions to improve, quickest first."""
    one = np.ones(nets.n, np.int32)
    for price, senders_too in ((0.9, False), (0.9, True), (0.98, True)):
        yield grow(nets, one, capacity, row_limit, price, 0.0, senders_too, GROW_WORK)
    for light in light_levels(fan_in(nets)):
        part = core_start(nets, light, capacity, n_clusters, row_limit, GROW_WORK)
        if part is not None:
            yield part


def fewest_packets(
    nets: Nets, capacity: int, n_clusters: int, effort: str, seed: int, row_limit: int | None = None
) -> NDArray[np.int32]:
    """(n,) int32 clusters of at most ``capacity`` vertices with few packets."""
    limit = NO_LIMIT if row_limit is None else row_limit
    unit = temperature(nets)
    best: State | None = None
    least = np.inf
    large = nets.n > 50_000
    for part in starts(nets, capacity, n_clusters, limit):
        state = State.of(part, max(n_clusters, int(part.max()) + 1), capacity)
        cost = packets_of(nets, part, state.shape[0])
        if not large:
            cost += improve(nets, state, 20 * nets.n, 0.3 * unit, 0.02 * unit, seed, limit)
        if cost < least:
            best, least = state, cost
    assert best is not None
    steps = min(200 * nets.n, 3_000_000) if effort == "fast" else 2000 * nets.n
    improve(nets, best, steps, 0.3 * unit, 0.02 * unit, seed, limit)
    return best.assignment.copy()
