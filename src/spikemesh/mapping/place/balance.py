"""Compiled local search of the link loads: every packet's route is kept on the mesh, and a swap re-routes those it moves.

Loads live in ``loads`` (4, rows * cols) float64, packets/s that leave each tile east, west, north, south under XY routing,
x first. The busiest link is a poor guide, since few swaps touch it, so the search lowers the 16-norm of all loads, which is
near the largest one and feels every link that comes close to it.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from spikemesh.mapping.place.draws import below, next_state, start_state, unit
from spikemesh.mapping.place.slopes import exchanged, price, trade

__all__ = ["POWER", "add_route", "anneal_loads", "lay_routes", "reroute"]

POWER = 16
STRETCH = 0.01  # relative growth of the hop cost beyond which no swap is priced: the norm never pays for it
_LOW16, _SHIFT16 = np.uint64(0xFFFF), np.uint64(16)


@njit(cache=True)
def _power(a):  # type: ignore[no-untyped-def]
    """a ** POWER."""
    a *= a
    a *= a
    a *= a
    return a * a


@njit(cache=True)
def add_route(loads, cols, xs, ys, xd, yd, packets):  # type: ignore[no-untyped-def]
    """Puts ``packets`` (negative: takes them off) on the route; returns the change of the sum of powers."""
    change = 0.0
    port, step = (0, 1) if xd > xs else (1, -1)
    for x in range(xs, xd, step):
        old = loads[port, ys * cols + x]
        loads[port, ys * cols + x] = old + packets
        change += _power(old + packets) - _power(old)
    port, step = (3, 1) if yd > ys else (2, -1)
    for y in range(ys, yd, step):
        old = loads[port, y * cols + xd]
        loads[port, y * cols + xd] = old + packets
        change += _power(old + packets) - _power(old)
    return change


@njit(cache=True)
def lay_routes(indptr, to, packets, x, y, loads, cols):  # type: ignore[no-untyped-def]
    """Fills ``loads`` with all routes of the directed traffic; returns the sum of powers and the hop cost."""
    loads[:] = 0.0
    powers, hops = 0.0, 0.0
    for u in range(len(x)):
        for e in range(indptr[u], indptr[u + 1]):
            v = to[e]
            powers += add_route(loads, cols, x[u], y[u], x[v], y[v], packets[e])
            hops += packets[e] * (abs(x[u] - x[v]) + abs(y[u] - y[v]))
    return powers, hops


@njit(cache=True)
def reroute(out_ptr, out_to, out_packets, in_ptr, in_from, in_packets, x, y, loads, cols, u, v, sign):  # type: ignore[no-untyped-def]
    """Lays (``sign`` 1) or takes off (-1) every route of u and of v (-1: none), once each; returns the change of powers."""
    change = 0.0
    for turn in range(2):
        a, other = (u, -1) if turn == 0 else (v, u)
        if a < 0:
            continue
        for e in range(out_ptr[a], out_ptr[a + 1]):
            b = out_to[e]
            if b != other:
                change += add_route(loads, cols, x[a], y[a], x[b], y[b], sign * out_packets[e])
        for e in range(in_ptr[a], in_ptr[a + 1]):
            b = in_from[e]
            if b != other:
                change += add_route(loads, cols, x[b], y[b], x[a], y[a], sign * in_packets[e])
    return change


@njit(cache=True)
def _stand(x, y, u, v, xu, yu, xv, yv):  # type: ignore[no-untyped-def]
    """Puts u on (xu, yu) and v (-1: none) on (xv, yv), coordinates alone."""
    x[u], y[u] = xu, yu
    if v >= 0:
        x[v], y[v] = xv, yv


@njit(cache=True)
def anneal_loads(  # type: ignore[no-untyped-def]
    indptr, neighbour, weight, slopes, out_ptr, out_to, out_packets, in_ptr, in_from, in_packets,
    x, y, grid, cols, rows, hop_share, hot, cold, window, narrow, levels, moves, seed,
):  # fmt: skip
    """Swap annealing in place on log(16-norm of the loads) + hop_share * log(hop cost); otherwise as ``slopes.anneal``.

    ``slopes`` is the slope table of x, y. Traffic comes in units of the busiest link's load, so that no power overflows.
    """
    k = len(x)
    s = start_state(seed)
    loads = np.zeros((4, rows * cols))
    for level in range(levels + 1):
        powers, hops = lay_routes(out_ptr, out_to, out_packets, x, y, loads, cols)  # anew: rounding does not build up
        progress = level / levels
        temperature = hot * (cold / hot) ** progress if level < levels else 0.0
        r = max(1, int(window * (narrow / window) ** progress + 0.5))
        for _ in range(moves):
            s = next_state(s)
            u = below(s, k)
            xu, yu = x[u], y[u]
            west, north = max(0, xu - r), max(0, yu - r)
            width, height = min(cols - 1, xu + r) - west + 1, min(rows - 1, yu + r) - north + 1
            xv = west + ((np.int64(s & _LOW16) * width) >> 16)
            yv = north + ((np.int64((s >> _SHIFT16) & _LOW16) * height) >> 16)
            v = grid[yv * cols + xv]
            if v == -2 or v == u:
                continue
            s = next_state(s)
            allowed = -temperature * math.log(unit(s))
            longer = price(slopes, cols, u, v if v >= 0 else k, xu, yu, xv, yv)
            if v >= 0:
                longer += 2.0 * exchanged(indptr, neighbour, weight, u, v) * (abs(xu - xv) + abs(yu - yv))
            longer /= hops
            if hop_share * longer > allowed + STRETCH:
                continue
            after = powers + reroute(out_ptr, out_to, out_packets, in_ptr, in_from, in_packets, x, y, loads, cols, u, v, -1.0)
            _stand(x, y, u, v, xv, yv, xu, yu)
            after += reroute(out_ptr, out_to, out_packets, in_ptr, in_from, in_packets, x, y, loads, cols, u, v, 1.0)
            if after < 1e-9 * powers:  # so much went that rounding is all that is left
                after, _ = lay_routes(out_ptr, out_to, out_packets, x, y, loads, cols)
            if math.log(after / powers) / POWER + hop_share * math.log1p(longer) > allowed:
                reroute(out_ptr, out_to, out_packets, in_ptr, in_from, in_packets, x, y, loads, cols, u, v, -1.0)
                _stand(x, y, u, v, xu, yu, xv, yv)
                reroute(out_ptr, out_to, out_packets, in_ptr, in_from, in_packets, x, y, loads, cols, u, v, 1.0)
                continue
            powers = after
            hops *= 1.0 + longer
            _stand(x, y, u, v, xu, yu, xv, yv)
            trade(indptr, neighbour, weight, slopes, x, y, grid, cols, u, v if v >= 0 else k, xv, yv)
