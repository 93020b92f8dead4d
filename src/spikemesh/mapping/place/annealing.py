"""Simulated annealing of the placement: random swaps and moves, priced by walking the neighbours of the two clusters."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.place.draws import below, next_state, start_state, unit
from spikemesh.mapping.place.problem import PlaceProblem
from spikemesh.mapping.place.registry import placer

__all__ = ["sa", "swap_change"]


@placer("sa", paper="Li et al., SNEAP: a fast and efficient toolchain for mapping large-scale SNNs onto NoC, GLSVLSI 2020")
def sa(
    problem: PlaceProblem,
    *,
    proposals_per_cluster: int = 1000,
    hot: float = 0.3,
    cold: float = 0.001,
    levels: int = 100,
) -> NDArray[np.int64]:
    """Annealing from a random placement; a cluster trades places with another or moves to a free tile.

    The paper states neither schedule nor length; these are ours. Temperatures fall geometrically from ``hot`` to ``cold``,
    in units of the mean change of cost over random proposals, then to 0; each of the ``levels`` has an equal share of the
    proposals. The cheapest placement seen at the end of a level is returned.
    """
    if proposals_per_cluster < 1 or levels < 1 or not 0 < cold <= hot:
        raise MappingError(
            "placer 'sa' needs proposals_per_cluster >= 1, levels >= 1 and 0 < cold <= hot, not "
            f"{proposals_per_cluster!r}, {levels!r}, {cold!r}, {hot!r}"
        )
    rng = problem.rng()
    at = rng.permutation(problem.n)[: problem.k]
    moves = -(-proposals_per_cluster * problem.k // (levels + 1))
    seed = int(rng.integers(1 << 62))
    return problem.tiles[_swap_anneal(*problem.exchange, at, problem.tile_x, problem.tile_y, hot, cold, levels, moves, seed)]


@njit(cache=True)
def swap_change(indptr, neighbour, weight, at, tile_x, tile_y, u, v, t):  # type: ignore[no-untyped-def]
    """Change of cost when cluster u goes to usable tile t, and v, the cluster there (-1: none), to u's; O(degree).

    at (k,) int64: index into the usable tiles of each cluster; tile_x, tile_y (n,): their coordinates.
    """
    s = at[u]
    xs, ys, xt, yt = tile_x[s], tile_y[s], tile_x[t], tile_y[t]
    change = 0.0
    for e in range(indptr[u], indptr[u + 1]):
        w = neighbour[e]
        if w != v:  # the distance of the two that trade stays
            x, y = tile_x[at[w]], tile_y[at[w]]
            change += weight[e] * (abs(xt - x) + abs(yt - y) - abs(xs - x) - abs(ys - y))
    if v >= 0:
        for e in range(indptr[v], indptr[v + 1]):
            w = neighbour[e]
            if w != u:
                x, y = tile_x[at[w]], tile_y[at[w]]
                change += weight[e] * (abs(xs - x) + abs(ys - y) - abs(xt - x) - abs(yt - y))
    return change


@njit(cache=True)
def _swap_anneal(indptr, neighbour, weight, at, tile_x, tile_y, hot, cold, levels, moves, seed):  # type: ignore[no-untyped-def]
    """(k,) index into the usable tiles of each cluster."""
    k, n = len(at), len(tile_x)
    here = np.full(n, -1, np.int64)
    for u in range(k):
        here[at[u]] = u
    s = start_state(seed)
    trials, unit_change = 10 * k, 0.0
    for _ in range(trials):
        s = next_state(s)
        u = below(s, k)
        s = next_state(s)
        t = below(s, n)
        if t != at[u]:
            unit_change += abs(swap_change(indptr, neighbour, weight, at, tile_x, tile_y, u, here[t], t)) / trials
    cost, best_cost, best = 0.0, 0.0, at.copy()
    for level in range(levels + 1):
        temperature = unit_change * hot * (cold / hot) ** (level / levels) if level < levels else 0.0
        for _ in range(moves):
            s = next_state(s)
            u = below(s, k)
            s = next_state(s)
            t = below(s, n)
            if t == at[u]:
                continue
            v = here[t]
            change = swap_change(indptr, neighbour, weight, at, tile_x, tile_y, u, v, t)
            if change > 0.0:
                s = next_state(s)
                if change > -temperature * math.log(unit(s)):
                    continue
            cost += change
            here[at[u]] = v
            if v >= 0:
                at[v] = at[u]
            at[u], here[t] = t, u
        if cost < best_cost:
            best_cost = cost
            best[:] = at
    return best
