"""Packs chains of fan-in-of-two units the way SpiNeMap's public code packs crossbars, several units of a neuron in one.

Every neuron offers its pending inputs to the crossbars, fullest first. What fits (inputs that have a row already, and new
ones while there are free rows) becomes one unit there, merged from consecutive fan-in-of-two units; its partial sum is
carried on and needs a row in the next crossbar. Where nothing fits, a crossbar is opened.

A crossbar filled with input rows to the last has no row for anybody's partial sum, and the chains of other neurons pass it
by. So some rows may be held back for carried sums; several shares are tried and the packing of fewest crossbars is kept.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.decompose.packing import Packing, compact
from spikemesh.mapping.decompose.shapes import ORDERS
from spikemesh.mapping.decompose.units import Units, incoming
from spikemesh.mapping.partition.lists import append, detach
from spikemesh.network import SpikingNetwork

__all__ = ["SHARES", "pack_fit"]

SHARES = (1.0, 0.75, 0.5)
"""Shares of a crossbar's rows that inputs may take; the rest is for carried sums."""
KINDS = 3
"""Of crossbars that take new inputs: two or more, and at least one beside a partial sum; one; one, and no partial sum."""
STAMP = (1 << 40) - 1
"""The bits of a key that say when a crossbar got its last unit; those above say how full it is."""
NONE = np.iinfo(np.int64).max
"""A key that is later than all."""
CLOSED = -1
"""Stands for the shared rows of a crossbar without a free column."""


def pack_fit(
    network: SpikingNetwork,
    n_in: int,
    n_out: int,
    *,
    on_chip: NDArray[np.bool_] | None = None,
    order: str = "natural",
    shares: tuple[float, ...] = SHARES,
) -> Packing:
    """Chains of units, one crossbar after another (section II of the decomposition paper, as its public code packs).

    Parameters
    ----------
    network : without parallel synapses. n_in, n_out : rows and columns of a crossbar.
    on_chip : (n_neurons,) bool; neurons off the chip take rows and no column. All by default.
    order : "natural": a crossbar takes whichever pending inputs fit, as the public code does. "sign": positive ones first, and
        only from the head of the list, so that the order of equation 1 holds and nothing is lost.
    shares : of the rows that inputs may take, all tried.

    Raises
    ------
    MappingError
        for a crossbar that has no room for a unit, an order that does not exist, no shares, or parallel synapses.
    """
    if n_in < 2 or n_out < 1:
        raise MappingError(f"a crossbar of {n_in} x {n_out} has no room for a unit of two inputs")
    if order not in ORDERS:
        raise MappingError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    held = np.ones(network.n_neurons, bool) if on_chip is None else on_chip
    found = incoming(network)
    synapse = found.order
    if _repeats(found.starts, network.synapses.pre[synapse]):
        raise MappingError(f"{network.name} has parallel synapses, which need one crosspoint together: merge them first")
    if order == "sign":
        post = np.repeat(np.arange(network.n_neurons), found.fan_in)
        negative = network.synapses.weight[synapse] < 0
        synapse = synapse[np.argsort(2 * post + negative, kind="stable")]
    source = network.synapses.pre[synapse]
    neurons = np.flatnonzero(held & (found.fan_in > 0))
    best: Packing | None = None
    for share in shares:
        rows = max(min(int(share * n_in), n_in), 2)
        unit, clusters = _pack(neurons, found.starts, source, network.n_neurons, n_in, n_out, rows, order == "sign")
        units, cluster = _chains(network, neurons, found.starts, synapse, unit, clusters, order)
        packed = Packing(units, compact(network, units, cluster, held, n_in, n_out, only_idle=True))
        if best is None or packed.n_clusters < best.n_clusters:
            best = packed
    if best is None:
        raise MappingError("shares must name at least one share of the rows")
    return best


@njit(cache=True)
def _pack(neurons, starts, source, n_sources, n_in, n_out, input_rows, in_order):  # type: ignore[no-untyped-def]
    """(place of each input in its neuron's chain, from 0; clusters of the chains' units, neuron after neuron).

    Every unit goes to the crossbar of least key among those that take some of its inputs: the fullest, of equals the one that
    has been so full for longest. Those with rows for new inputs wait in rings. The others have rows for inputs of the neuron
    already, and while its chain grows they change in one way only: they lose pending inputs. So they are counted for the first
    unit and sorted for the second, and no unit goes back. In order, only those with rows for the next inputs come into question.
    """
    unit = np.full(len(source), -1, np.int32)
    clusters = np.empty(len(source), np.int32)  # by unit made
    made, opened, limit = 0, 0, 1024
    rows, taken, size = np.zeros(limit, np.int32), np.zeros(limit, np.int32), np.zeros(limit, np.int32)
    shared, touched = np.zeros(limit, np.int32), np.empty(limit, np.int32)
    key = np.empty(limit, np.int64)
    of_row = np.empty(limit * input_rows, np.int32)  # sources of each crossbar's input rows
    span = n_in + n_out + 1
    after, before = np.arange(KINDS * span + limit), np.arange(KINDS * span + limit)  # rings, then crossbars
    fullest = np.full(KINDS, -1, np.int64)
    base = _rooms(neurons, starts, source, n_sources)  # crossbars of each source are held[base[s] : base[s] + count[s]]
    count, held = np.zeros(n_sources, np.int32), np.empty(base[n_sources], np.int32)
    waits = np.full(n_sources, -1, np.int64)  # where in the list of the neuron's inputs a pending one is
    mark = np.full(n_sources, -1, np.int64)
    later = np.empty(0, np.int64)
    for v in neurons:
        begin, last = starts[v], starts[v + 1]
        for e in range(begin, last):
            waits[source[e]] = e
        pending, place, asked = last - begin, 0, 0
        while pending > 0:
            carry = 1 if place > 0 else 0
            least = 1 if carry else min(pending, 2)  # inputs that make a unit worth while
            best = _first_ring(after, fullest, span, key, carry, pending)
            if in_order or place == 0:
                until = begin + least if in_order else last  # in order, those at the head decide whether anything fits
                near = touched[: _touch(source[begin:until], base, held, count, shared, touched)]
                best = min(best, _first_near(near, shared, key, rows, taken, n_in - carry, input_rows, least))
            else:
                if place == 1:
                    later = _sums_only(near, key, rows, taken, n_in, input_rows)
                while asked < len(later) and later[asked] < best:
                    c = clusters[later[asked] & STAMP]
                    if _waiting(of_row[c * input_rows : c * input_rows + taken[c]], waits):
                        best = later[asked]
                    asked += 1
            if best < NONE:
                c = clusters[best & STAMP]
                detach(KINDS * span + c, after, before)
            else:
                c = opened
                if opened == limit:
                    limit *= 2
                    rows, taken, size = _longer(rows, limit), _longer(taken, limit), _longer(size, limit)
                    shared, touched = _longer(shared, limit), _longer(touched, limit)
                    key, of_row = _longer(key, limit), _longer(of_row, limit * input_rows)
                    after, before = _longer(after, KINDS * span + limit), _longer(before, KINDS * span + limit)
                after[KINDS * span + c] = before[KINDS * span + c] = KINDS * span + c
                opened += 1
            mine = of_row[c * input_rows : (c + 1) * input_rows]
            for s in mine[: taken[c]]:
                mark[s] = made
                if not in_order and waits[s] >= 0:
                    unit[waits[s]], waits[s] = place, -1
                    pending -= 1
            fresh = max(min(n_in - rows[c] - carry, input_rows - taken[c]), 0)
            while pending > 0:
                s = source[begin]
                if waits[s] >= 0:
                    if mark[s] != made:
                        if fresh == 0:
                            break
                        fresh -= 1
                        held[base[s] + count[s]], mine[taken[c]] = c, s
                        count[s] += 1
                        taken[c] += 1
                        rows[c] += 1
                    unit[begin], waits[s] = place, -1
                    pending -= 1
                begin += 1
            rows[c] += carry
            size[c] += 1
            fill = rows[c] + size[c]
            clusters[made], key[c] = c, made - fill * (STAMP + 1)
            if size[c] == n_out:
                shared[c] = CLOSED
            else:
                _wait(KINDS * span + c, n_in - rows[c], input_rows - taken[c], fill, span, fullest, after, before)
            made += 1
            place += 1
    return unit, clusters[:made].copy()


@njit(cache=True)
def _repeats(starts, source):  # type: ignore[no-untyped-def]
    """Whether a neuron has a source twice, its inputs in order of their sources."""
    for v in range(len(starts) - 1):
        for e in range(starts[v] + 1, starts[v + 1]):
            if source[e] == source[e - 1]:
                return True
    return False


@njit(cache=True)
def _rooms(neurons, starts, source, n_sources):  # type: ignore[no-untyped-def]
    """(n_sources + 1,) int64: where the crossbars of each source begin; it has at most one for each input it is."""
    base = np.zeros(n_sources + 1, np.int64)
    for v in neurons:
        for s in source[starts[v] : starts[v + 1]]:
            base[s + 1] += 1
    return np.cumsum(base)


@njit(cache=True)
def _touch(sources, base, held, count, shared, touched):  # type: ignore[no-untyped-def]
    """Counts in ``shared`` how many of the sources have a row in each crossbar, and says how many it wrote to ``touched``."""
    n = 0
    for s in sources:
        i, end = base[s], base[s] + count[s]
        while i < end:
            c = held[i]
            if shared[c] == CLOSED:  # for good, so it is never asked again
                end -= 1
                held[i] = held[end]
                continue
            if shared[c] == 0:
                touched[n] = c
                n += 1
            shared[c] += 1
            i += 1
        count[s] = end - base[s]
    return n


@njit(cache=True)
def _first_near(near, shared, key, rows, taken, free_rows, input_rows, least):  # type: ignore[no-untyped-def]
    """The least key of the crossbars that take ``least`` of the inputs counted in ``shared``, NONE without one; forgets counts.

    free_rows : of an empty crossbar that takes no partial sum but the one that is carried.
    """
    best = NONE
    for c in near:
        new = min(free_rows - rows[c], input_rows - taken[c])
        if new >= 0 and shared[c] + new >= least:
            best = min(best, key[c])
        shared[c] = 0
    return best


@njit(cache=True)
def _sums_only(near, key, rows, taken, n_in, input_rows):  # type: ignore[no-untyped-def]
    """Sorted keys of the crossbars that have a row for a partial sum and, with it, none for a new input."""
    keys = np.empty(len(near), np.int64)
    n = 0
    for c in near:
        if min(n_in - rows[c] - 1, input_rows - taken[c]) == 0:
            keys[n] = key[c]
            n += 1
    return np.sort(keys[:n])


@njit(cache=True)
def _waiting(sources, waits):  # type: ignore[no-untyped-def]
    """Whether one of the sources is a pending input."""
    at = 0
    while at < len(sources) and waits[sources[at]] < 0:
        at += 1
    return at < len(sources)


@njit(cache=True)
def _wait(u, free, left, fill, span, fullest, after, before):  # type: ignore[no-untyped-def]
    """Puts a crossbar's item u into the ring of its kind and fill, if it has rows for new inputs. left : of ``free`` rows."""
    if free <= 0 or left <= 0:
        return
    kind = 2 if free == 1 else 1 if left == 1 else 0
    append(u, kind * span + fill, after, before)
    fullest[kind] = max(fullest[kind], fill)


@njit(cache=True)
def _first_ring(after, fullest, span, key, carry, pending):  # type: ignore[no-untyped-def]
    """The least key of the crossbars that take new inputs, NONE without one."""
    best = NONE
    for kind in range(KINDS):
        if (kind == 1 and not carry and pending > 1) or (kind == 2 and (carry or pending > 1)):
            continue  # one new input makes no unit
        while fullest[kind] >= 0 and after[kind * span + fullest[kind]] == kind * span + fullest[kind]:
            fullest[kind] -= 1
        if fullest[kind] >= 0:
            best = min(best, key[after[kind * span + fullest[kind]] - KINDS * span])
    return best


@njit(cache=True)
def _longer(values, length):  # type: ignore[no-untyped-def]
    more = np.zeros(length, values.dtype)
    more[: len(values)] = values
    return more


def _chains(
    network: SpikingNetwork,
    neurons: NDArray[np.int64],
    starts: NDArray[np.int64],
    synapse: NDArray[np.integer],
    unit: NDArray[np.int32],
    clusters: NDArray[np.int32],
    order: str,
) -> tuple[Units, NDArray[np.int32]]:
    """The last unit of each chain is its root. ``unit`` and ``clusters`` as :func:`_pack` gives them."""
    n = network.n_neurons
    extra, of_synapse = _ends(starts, synapse, unit)
    base = n + np.concatenate([[0], np.cumsum(extra)])[:-1]
    neuron = np.repeat(np.arange(n), extra)
    place = np.arange(len(neuron)) - (base[neuron] - n)
    parent = np.where(place + 1 < extra[neuron], base[neuron] + place + 1, neuron)
    of_bias = np.arange(n)
    if order == "sign":
        early = (network.bias > 0) & (extra > 0)
        of_bias[early] = base[early]
    roots = np.arange(n, dtype=np.int32)
    units = Units(
        np.concatenate([roots, neuron.astype(np.int32)]),
        np.concatenate([np.full(n, -1, np.int32), parent.astype(np.int32)]),
        of_synapse,
        of_bias.astype(np.int32),
    )
    cluster = np.full(units.n_units, -1, np.int32)
    last = np.zeros(len(clusters), bool)
    last[np.cumsum(extra[neurons] + 1) - 1] = True
    cluster[neurons], cluster[n:] = clusters[last], clusters[~last]
    return units, cluster


@njit(cache=True)
def _ends(starts, synapse, unit):  # type: ignore[no-untyped-def]
    """(units of each neuron below its root; the unit in which each synapse ends), units numbered neuron after neuron."""
    n = len(starts) - 1
    extra, of_synapse = np.zeros(n, np.int64), np.empty(len(synapse), np.int32)
    base = n
    for v in range(n):
        for e in range(starts[v], starts[v + 1]):
            extra[v] = max(extra[v], unit[e])
        for e in range(starts[v], starts[v + 1]):
            of_synapse[synapse[e]] = v if unit[e] < 0 or unit[e] == extra[v] else base + unit[e]
        base += extra[v]
    return extra, of_synapse
