"""Swaps priced in constant time: the compiled local search of ``auto``, with the slope tables it stands on.

Manhattan distance splits into x and y, so the cost of cluster u at (x, y), all others staying, is f_u(x) + h_u(y), each
convex and linear between columns (rows). ``slopes[u, j]`` is f_u(j + 1) - f_u(j): the packets/s u exchanges with clusters at
columns <= j, less those it exchanges with clusters beyond; ``slopes[u, cols + j]`` is the same for rows. A move is priced by
summing the slopes it crosses, whatever the number of neighbours, and is carried out by adding twice the exchanged packets
to the slopes that it crosses in the rows of u's neighbours.

Arrays, by one name everywhere: indptr (k + 1,), neighbour, weight: the symmetric exchange graph; x, y (k,) int64: tile of
each cluster; grid (rows * cols,) int64: cluster on each tile, -1 free, -2 blocked; slopes (k + 1, cols + rows) float64, whose
last row stays zero and stands for a free tile.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from spikemesh.mapping.place.draws import below, next_state, start_state, unit

__all__ = ["anneal", "descend", "exchanged", "price", "relocate", "slope_table", "swap_pairs", "tensions", "trade", "valley"]

_LOW16, _SHIFT16, _COIN = np.uint64(0xFFFF), np.uint64(16), np.uint64(1 << 32)


@njit(cache=True)
def slope_table(indptr, neighbour, weight, x, y, cols, rows):  # type: ignore[no-untyped-def]
    """(k + 1, cols + rows) slopes of the placement x, y."""
    k = len(x)
    slopes = np.zeros((k + 1, cols + rows))
    for u in range(k):
        total = 0.0
        for e in range(indptr[u], indptr[u + 1]):
            v = neighbour[e]
            total += weight[e]
            slopes[u, x[v]] += 2.0 * weight[e]
            slopes[u, cols + y[v]] += 2.0 * weight[e]
        running = -total
        for j in range(cols):
            running += slopes[u, j]
            slopes[u, j] = running
        running = -total
        for j in range(cols, cols + rows):
            running += slopes[u, j]
            slopes[u, j] = running
    return slopes


@njit(cache=True)
def exchanged(indptr, neighbour, weight, u, v):  # type: ignore[no-untyped-def]
    """Packets/s between u and v."""
    lo, end = indptr[u], indptr[u + 1]
    hi = end
    while lo < hi:
        middle = (lo + hi) >> 1
        if neighbour[middle] < v:
            lo = middle + 1
        else:
            hi = middle
    return weight[lo] if lo < end and neighbour[lo] == v else 0.0


@njit(cache=True)
def price(slopes, cols, u, v, xu, yu, xv, yv):  # type: ignore[no-untyped-def]
    """Change of cost when u at (xu, yu) and v at (xv, yv) trade tiles, short of 2 * exchanged(u, v) * their distance.

    v = k (the row of zeros) where the tile is free. Never above the true change.
    """
    change = 0.0
    for j in range(xu, xv):
        change += slopes[u, j] - slopes[v, j]
    for j in range(xv, xu):
        change -= slopes[u, j] - slopes[v, j]
    for j in range(cols + yu, cols + yv):
        change += slopes[u, j] - slopes[v, j]
    for j in range(cols + yv, cols + yu):
        change -= slopes[u, j] - slopes[v, j]
    return change


@njit(cache=True)
def relocate(indptr, neighbour, weight, slopes, cols, u, x0, y0, x1, y1):  # type: ignore[no-untyped-def]
    """Brings the slopes of u's neighbours up to date with its move from (x0, y0) to (x1, y1)."""
    for e in range(indptr[u], indptr[u + 1]):
        v = neighbour[e]
        twice = 2.0 * weight[e]
        for j in range(x0, x1):
            slopes[v, j] -= twice
        for j in range(x1, x0):
            slopes[v, j] += twice
        for j in range(cols + y0, cols + y1):
            slopes[v, j] -= twice
        for j in range(cols + y1, cols + y0):
            slopes[v, j] += twice


@njit(cache=True)
def trade(indptr, neighbour, weight, slopes, x, y, grid, cols, u, v, xv, yv):  # type: ignore[no-untyped-def]
    """Swaps u with v, or moves it to the free tile (xv, yv) where v = k."""
    k, xu, yu = len(x), x[u], y[u]
    relocate(indptr, neighbour, weight, slopes, cols, u, xu, yu, xv, yv)
    x[u], y[u] = xv, yv
    grid[yv * cols + xv] = u
    if v < k:
        relocate(indptr, neighbour, weight, slopes, cols, v, xv, yv, xu, yu)
        x[v], y[v] = xu, yu
        grid[yu * cols + xu] = v
    else:
        grid[yu * cols + xu] = -1


@njit(cache=True)
def valley(slope, cells):  # type: ignore[no-untyped-def]
    """The first cell beyond which a convex function of these slopes does not fall any more."""
    lo, hi = 0, cells - 1
    while lo < hi:
        middle = (lo + hi) >> 1
        if slope[middle] >= 0.0:
            hi = middle
        else:
            lo = middle + 1
    return lo


@njit(cache=True)
def anneal(  # type: ignore[no-untyped-def]
    indptr, neighbour, weight, slopes, x, y, grid, cols, rows, hot, cold, window, narrow, levels, work, seed
):
    """Swap annealing in place: ``levels`` temperatures from ``hot`` down to ``cold``, then 0, of ``work`` each.

    A proposal is 1 of work; carrying it out 2 more, and 1 for every 16 neighbours whose slopes change: about their times.

    A proposal trades a random cluster with a tile at most r columns and r rows away; r falls from ``window`` to ``narrow``
    with the temperature (the range limit of Betz and Rose, VPR, FPL 1997). Every second tile is any of them, the others lie
    on or beside the way to where the cluster would stand best. Returns the change of cost.
    """
    k = len(x)
    s = start_state(seed)
    change = 0.0
    for level in range(levels + 1):
        progress = level / levels
        temperature = hot * (cold / hot) ** progress if level < levels else 0.0
        r = max(1, int(window * (narrow / window) ** progress + 0.5))
        hopeless = 16.0 * temperature  # accepted once in nine million times: not worth a logarithm
        spent = 0
        while spent < work:
            spent += 1
            s = next_state(s)
            u = below(s, k)
            xu, yu = x[u], y[u]
            middle_x, middle_y, reach = xu, yu, r
            if s & _COIN:
                middle_x = min(max(valley(slopes[u, :cols], cols), xu - r), xu + r)
                middle_y = min(max(valley(slopes[u, cols:], rows), yu - r), yu + r)
                reach = 1
            west, north = max(0, middle_x - reach), max(0, middle_y - reach)
            width = min(cols - 1, middle_x + reach) - west + 1
            height = min(rows - 1, middle_y + reach) - north + 1
            xv = west + ((np.int64(s & _LOW16) * width) >> 16)
            yv = north + ((np.int64((s >> _SHIFT16) & _LOW16) * height) >> 16)
            v = grid[yv * cols + xv]
            if v == -2 or v == u:
                continue
            if v == -1:
                v = k
            d = price(slopes, cols, u, v, xu, yu, xv, yv)
            allowed = 0.0
            if d > 0.0:
                if d >= hopeless:
                    continue
                s = next_state(s)
                allowed = -temperature * math.log(unit(s))
                if d > allowed:
                    continue
            if v < k:
                d += 2.0 * exchanged(indptr, neighbour, weight, u, v) * (abs(xu - xv) + abs(yu - yv))
                if d > allowed:
                    continue
            change += d
            spent += 2 + ((indptr[u + 1] - indptr[u]) >> 4)
            if v < k:
                spent += (indptr[v + 1] - indptr[v]) >> 4
            trade(indptr, neighbour, weight, slopes, x, y, grid, cols, u, v, xv, yv)
    return change


@njit(cache=True)
def descend(indptr, neighbour, weight, slopes, x, y, grid, tiles, cols, rows, sweeps, tolerance):  # type: ignore[no-untyped-def]
    """Trades each cluster in turn with the tile where that pays most, until no trade pays or after ``sweeps`` rounds.

    tiles (n,) int64: usable tiles. A trade must gain more than ``tolerance``. Returns the change of cost; in place.
    """
    k = len(x)
    at_x, at_y = np.empty(cols), np.empty(rows)
    relief = np.zeros(k + 1)  # the most that a cluster can gain by its own move, wherever it goes
    change = 0.0
    for _ in range(sweeps):
        for u in range(k):
            _profile(slopes, cols, rows, u, x[u], y[u], at_x, at_y)
            relief[u] = -(at_x.min() + at_y.min())
        before = change
        for u in range(k):
            xu, yu = x[u], y[u]
            _profile(slopes, cols, rows, u, xu, yu, at_x, at_y)
            best, best_tile = -tolerance, -1
            for t in tiles:
                xv, yv = t % cols, t // cols
                v = grid[t]
                if v < 0:
                    v = k
                if at_x[xv] + at_y[yv] - relief[v] >= best or v == u:
                    continue
                d = price(slopes, cols, u, v, xu, yu, xv, yv)
                if d < best and v < k:
                    d += 2.0 * exchanged(indptr, neighbour, weight, u, v) * (abs(xu - xv) + abs(yu - yv))
                if d < best:
                    best, best_tile = d, t
            if best_tile >= 0:
                v = grid[best_tile]
                change += best
                xv, yv = best_tile % cols, best_tile // cols
                trade(indptr, neighbour, weight, slopes, x, y, grid, cols, u, v if v >= 0 else k, xv, yv)
        if change == before:
            break
    return change


@njit(cache=True)
def _profile(slopes, cols, rows, u, xu, yu, at_x, at_y):  # type: ignore[no-untyped-def]
    """Cost of u at each column and at each row, less that at its own, into ``at_x`` (cols,) and ``at_y`` (rows,)."""
    at_x[xu] = 0.0
    for j in range(xu, cols - 1):
        at_x[j + 1] = at_x[j] + slopes[u, j]
    for j in range(xu - 1, -1, -1):
        at_x[j] = at_x[j + 1] - slopes[u, j]
    at_y[yu] = 0.0
    for j in range(yu, rows - 1):
        at_y[j + 1] = at_y[j] + slopes[u, cols + j]
    for j in range(yu - 1, -1, -1):
        at_y[j] = at_y[j + 1] - slopes[u, cols + j]


@njit(cache=True)
def tensions(indptr, neighbour, weight, slopes, grid, first, second, cols, k):  # type: ignore[no-untyped-def]
    """(pairs,) cost saved by trading what stands on neighbour tiles ``first`` and ``second`` (flat indices of ``grid``)."""
    saved = np.zeros(len(first))
    for i in range(len(first)):
        u, v = grid[first[i]], grid[second[i]]
        if u < 0 and v < 0:
            continue
        u, v = (u if u >= 0 else k), (v if v >= 0 else k)
        here, there = first[i], second[i]
        saved[i] = -price(slopes, cols, u, v, here % cols, here // cols, there % cols, there // cols)
        if u < k and v < k:
            saved[i] -= 2.0 * exchanged(indptr, neighbour, weight, u, v)
    return saved


@njit(cache=True)
def swap_pairs(indptr, neighbour, weight, slopes, x, y, grid, first, second, cols, tolerance):  # type: ignore[no-untyped-def]
    """Trades pairs of neighbour tiles in turn, each only if that still saves more than ``tolerance``; in place."""
    k = len(x)
    for i in range(len(first)):
        pair = slice(i, i + 1)
        if tensions(indptr, neighbour, weight, slopes, grid, first[pair], second[pair], cols, k)[0] <= tolerance:
            continue
        a, b = (first[i], second[i]) if grid[first[i]] >= 0 else (second[i], first[i])
        v = grid[b]
        trade(indptr, neighbour, weight, slopes, x, y, grid, cols, grid[a], v if v >= 0 else k, b % cols, b // cols)
