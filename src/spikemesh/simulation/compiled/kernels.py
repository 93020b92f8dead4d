"""The mesh, its encoders and its crossbars as numba kernels on flat arrays.

Numbering. A *place* is ``tile * 8 + port``: ports 0 to 4 are the input FIFO or the output of that port, port 5 is the
tile's source queue, which works like a FIFO whose only wish is the local input. Eight instead of six keeps both halves of
a place one shift or mask away. Events are places: below ``n_places`` "the packet at the front of this FIFO may ask now",
above "this output may try to grant again". Each of them is due at most once at a time, so a bucket of the calendar is a
list threaded through ``Mesh.later``, and the calendar never grows.

A cycle has three parts: packets that fire enter their source queues, events come due, outputs grant. Nothing that a grant
causes happens in its own cycle, so the order in which outputs are visited changes nothing.

A packet lives in a slot of a pool, and FIFOs are lists of slots, so an unlimited FIFO costs nothing until it is used.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Load", "Mesh", "Reads", "Timing", "advance", "encode", "read_rows"]

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Bits = NDArray[np.uint8]

NEXT, READY, ROUTE, ROW = range(4)
"""Columns of a slot. In a tree ROUTE and ROW are the first and the one past the last of the branch's rows."""

CYCLE, RELEASED, FREE, N_FREE, PENDING, LOGGED = range(6)
"""Entries of ``Mesh.clock``."""

DONE, NEEDS_SLOTS = range(2)
"""What :func:`advance` returns."""

SOURCE = 5
"""The port number of a tile's source queue."""

LEG, STEPS = 19, 0xFFFF
"""A route is two legs of 19 bits: 3 for the output, 16 for the links left. Nothing left is output 0, the local one."""

NEVER = 2**62
"""A cycle that does not come."""


class Timing(NamedTuple):
    """The chip's numbers that the mesh kernel needs."""

    router: int
    link_x: int
    link_y: int
    flits: int
    reuse: int  # cycles from a packet's last grant until its slot counts as free: flits + credit_cycles
    depth: int  # packets a FIFO holds, -1 without end
    tree: bool
    cols: int
    rows: int


class Mesh(NamedTuple):
    """Everything that lives from one cycle to the next. Arrays over places unless said otherwise."""

    clock: Int64  # (6,) CYCLE ... LOGGED
    head: Int32  # slot at the front of each FIFO, -1 when empty
    tail: Int32
    resume: Int64  # the cycle from which the next packet of this FIFO may ask
    asks: Bits  # tree: outputs that the packet at the front still waits for, one bit each
    state: Bits  # of each output: round robin pointer * 32 + one bit for each input that asks
    held: Int64  # cycle from which the output is free again
    down: Int32  # the FIFO that an output or source queue feeds
    feeder: Int32  # the event that retries what feeds this FIFO
    pushes: Int64  # packets that ever got a slot of this FIFO
    pops: Int64  # packets that ever left it
    freed: Int64  # (n_places, 2^k) cycle at which the slots of the latest leavers count as free
    starved: Bits  # whether the feeder waits for this FIFO's next packet to leave
    sent: Int64  # flits sent by each output
    wheel: Int32  # (2^k,) first event of each coming cycle, -1 when empty
    later: Int32  # (2 n_places,) the event after this one
    active: Int32  # outputs to look at in this cycle
    slots: Int64  # (n_slots, 4) NEXT ... ROW
    winner: Bits  # (256,) the input that an output in this state grants
    after: Bits  # (256,) the state after that grant


class Load(NamedTuple):
    """What has been pushed, over remote rows; ``order`` and ``spot`` are used in a tree only."""

    n_rows: int
    fired: Int64
    packet: Int64
    source: Int32
    destination: Int32
    order: Int64  # the rows, packet after packet, by column and then row of their destination
    spot: Int32  # column * mesh rows + row of the destination, in that order
    encoded: Int64
    injected: Int64
    granted: Int64
    log: Int64  # rows in the order of their local grant


@njit(cache=True)
def route_of(source: int, destination: int, cols: int) -> int:
    """The way from tile to tile, x first, as legs (see ``LEG``)."""
    dx = destination % cols - source % cols
    dy = destination // cols - source // cols
    route = 0
    if dy > 0:
        route = 4 | dy << 3
    elif dy < 0:
        route = 3 | -dy << 3
    if dx > 0:
        route = route << LEG | 1 | dx << 3
    elif dx < 0:
        route = route << LEG | 2 | -dx << 3
    return route


@njit(cache=True)
def branch(spot: Int32, low: int, high: int, at: int, side: int, port: int) -> tuple[int, int]:
    """The part of a branch's rows [low, high) that leaves router ``at`` (as a spot) by ``port``; ``side`` = mesh rows.

    In order of spot the rows of one packet fall into west, north, local, south, east.
    """
    column = at // side * side
    if port == 2:
        return low, lower_bound(spot, low, high, column)
    if port == 3:
        return lower_bound(spot, low, high, column), lower_bound(spot, low, high, at)
    if port == 0:
        return lower_bound(spot, low, high, at), lower_bound(spot, low, high, at + 1)
    if port == 4:
        return lower_bound(spot, low, high, at + 1), lower_bound(spot, low, high, column + side)
    return lower_bound(spot, low, high, column + side), high


@njit(cache=True)
def lower_bound(spot: Int32, low: int, high: int, value: int) -> int:
    """First index in [low, high) whose spot is at least ``value``, else ``high``."""
    while low < high:
        middle = (low + high) >> 1
        if spot[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
def outputs_of(spot: Int32, low: int, high: int, at: int, side: int) -> int:
    """The outputs that a branch needs at router ``at``, one bit each."""
    asks = 0
    for port in range(5):
        first, end = branch(spot, low, high, at, side, port)
        if first < end:
            asks |= 1 << port
    return asks


@njit(cache=True)
def schedule(m: Mesh, event: int, cycle: int) -> None:
    """Puts an event into the calendar; ``cycle`` lies less than one turn of the wheel ahead."""
    bucket = cycle & (len(m.wheel) - 1)
    m.later[event] = m.wheel[bucket]
    m.wheel[bucket] = event


@njit(cache=True)
def append(m: Mesh, fifo: int, slot: int, ready: int) -> int:
    """Puts a packet into a FIFO; it may ask from ``ready`` at the earliest. Returns the events that this schedules."""
    m.slots[slot, NEXT] = -1
    m.slots[slot, READY] = ready
    m.tail[fifo], last = slot, m.tail[fifo]
    if m.head[fifo] >= 0:
        m.slots[last, NEXT] = slot
        return 0
    m.head[fifo] = slot
    schedule(m, fifo, max(ready, m.resume[fifo]))
    return 1


@njit(cache=True)
def remove(m: Mesh, fifo: int, resume: int) -> int:
    """Takes the front packet out; the next may ask from ``resume``. Returns the events that this schedules."""
    following = m.slots[m.head[fifo], NEXT]
    m.head[fifo] = following
    m.resume[fifo] = resume
    if following < 0:
        return 0
    schedule(m, fifo, max(m.slots[following, READY], resume))
    return 1


@njit(cache=True)
def slot_free_from(m: Mesh, fifo: int, depth: int) -> int:
    """The cycle from which one more packet fits into a FIFO; NEVER while that waits for a packet to leave it."""
    needed = m.pushes[fifo] - depth
    if needed < 0:
        return 0
    left = m.pops[fifo]
    if needed >= left:
        return NEVER
    turn = m.freed.shape[1]
    if left - needed > turn:
        return 0
    return m.freed[fifo, needed & (turn - 1)]


@njit(cache=True)
def give_back(m: Mesh, fifo: int, cycle: int) -> int:
    """Notes that the slot just left counts as free from ``cycle``. Returns the events that this schedules."""
    m.freed[fifo, m.pops[fifo] & (m.freed.shape[1] - 1)] = cycle
    m.pops[fifo] += 1
    if not m.starved[fifo]:
        return 0
    m.starved[fifo] = 0
    schedule(m, m.feeder[fifo], cycle)
    return 1


@njit(cache=True)
def advance(m: Mesh, t: Timing, load: Load, until: int) -> int:
    """Simulates every cycle before ``until`` in which something happens. Returns DONE or NEEDS_SLOTS (grow, call again)."""
    n_places = len(m.head)
    turn = len(m.wheel) - 1
    c, released, pending = m.clock[CYCLE], m.clock[RELEASED], m.clock[PENDING]
    free, n_free, logged = m.clock[FREE], m.clock[N_FREE], m.clock[LOGGED]
    answer = DONE
    while True:
        fires = load.fired[released] if released < load.n_rows else NEVER
        if pending == 0:
            c = max(c, fires)
        else:
            while m.wheel[c & turn] < 0 and c < fires:
                c += 1
        if c >= until:
            break

        # what fires now enters its source queue
        while released < load.n_rows and load.fired[released] <= c and n_free > 0:
            slot, free = free, m.slots[free, NEXT]
            n_free -= 1
            first = released
            released += 1
            if t.tree:
                while released < load.n_rows and load.packet[released] == load.packet[first]:
                    released += 1
                m.slots[slot, ROUTE], m.slots[slot, ROW] = first, released
            else:
                m.slots[slot, ROUTE] = route_of(load.source[first], load.destination[first], t.cols)
                m.slots[slot, ROW] = first
            pending += append(m, load.source[first] << 3 | SOURCE, slot, load.encoded[first])
        if (released < load.n_rows and load.fired[released] <= c) or (t.tree and n_free < len(m.active)):
            answer = NEEDS_SLOTS
            break

        # events: injections, packets that begin to ask, outputs that try again
        n_active = 0
        while m.wheel[c & turn] >= 0:
            event = m.wheel[c & turn]
            m.wheel[c & turn] = m.later[event]
            pending -= 1
            if event >= n_places:
                m.active[n_active] = event - n_places
                n_active += 1
                continue
            slot = m.head[event]
            port = event & 7
            if port == SOURCE:
                fifo = event - SOURCE
                if t.depth >= 0:
                    when = slot_free_from(m, fifo, t.depth)
                    if when > c:
                        if when == NEVER:
                            m.starved[fifo] = 1
                        else:
                            schedule(m, event, when)
                            pending += 1
                        continue
                    m.pushes[fifo] += 1
                pending += remove(m, event, c + t.flits)
                if t.tree:
                    for k in range(m.slots[slot, ROUTE], m.slots[slot, ROW]):
                        load.injected[load.order[k]] = c
                else:
                    load.injected[m.slots[slot, ROW]] = c
                pending += append(m, fifo, slot, c + t.router)
            elif t.tree:
                tile = event >> 3
                at = tile % t.cols * t.rows + tile // t.cols
                asks = outputs_of(load.spot, m.slots[slot, ROUTE], m.slots[slot, ROW], at, t.rows)
                m.asks[event] = asks
                for o in range(5):
                    if asks >> o & 1:
                        output = event - port + o
                        if m.state[output] & 31 == 0:
                            m.active[n_active] = output
                            n_active += 1
                        m.state[output] |= 1 << port
            else:
                output = event - port + (m.slots[slot, ROUTE] & 7)
                if m.state[output] & 31 == 0:
                    m.active[n_active] = output
                    n_active += 1
                m.state[output] |= 1 << port

        # grants
        for k in range(n_active):
            output = m.active[k]
            port = output & 7
            below = m.down[output]
            if t.flits > 1 and m.held[output] > c:
                schedule(m, output + n_places, m.held[output])
                pending += 1
                continue
            if t.depth >= 0 and port != 0:
                when = slot_free_from(m, below, t.depth)
                if when > c:
                    if when == NEVER:
                        m.starved[below] = 1
                    else:
                        schedule(m, output + n_places, when)
                        pending += 1
                    continue
                m.pushes[below] += 1
            state = m.state[output]
            fifo = output - port + m.winner[state]
            state = m.after[state]
            m.state[output] = state
            m.held[output] = c + t.flits
            if state & 31:
                schedule(m, output + n_places, c + t.flits)
                pending += 1
            slot = m.head[fifo]
            if t.tree:
                tile = output >> 3
                at = tile % t.cols * t.rows + tile // t.cols
                low, high = branch(load.spot, m.slots[slot, ROUTE], m.slots[slot, ROW], at, t.rows, port)
                m.asks[fifo] &= ~(1 << port)
                if m.asks[fifo] == 0:
                    last = True
                    pending += remove(m, fifo, c + t.flits)
                elif port == 0:
                    last = False
                else:
                    last = False
                    slot, free = free, m.slots[free, NEXT]
                    n_free -= 1
                if port == 0:
                    for j in range(low, high):
                        row = load.order[j]
                        load.granted[row] = c
                        load.log[logged] = row
                        logged += 1
                else:
                    m.slots[slot, ROUTE], m.slots[slot, ROW] = low, high
            else:
                last = True
                pending += remove(m, fifo, c + t.flits)
                if port == 0:
                    row = m.slots[slot, ROW]
                    load.granted[row] = c
                    load.log[logged] = row
                    logged += 1
                else:
                    route = m.slots[slot, ROUTE] - 8
                    m.slots[slot, ROUTE] = route if route >> 3 & STEPS else route >> LEG
            if last and t.depth >= 0:
                pending += give_back(m, fifo, c + t.reuse)
            if port != 0:
                m.sent[output] += t.flits
                link = t.link_x if port < 3 else t.link_y
                pending += append(m, below, slot, c + link + t.router)
            elif last:
                m.slots[slot, NEXT] = free
                free = slot
                n_free += 1
        c += 1
    m.clock[CYCLE], m.clock[RELEASED], m.clock[PENDING] = c, released, pending
    m.clock[FREE], m.clock[N_FREE], m.clock[LOGGED] = free, n_free, logged
    return answer


@njit(cache=True)
def encode(fired: Int64, packet: Int64, source: Int32, encoded: Int64, span: tuple[int, int], last: Int64, cycles: int) -> None:
    """Rule 4 for the rows of ``span``: one event a packet, one at a time a tile; ``last`` (n_tiles,) is carried along."""
    first, end = span
    for row in range(first, end):
        if row > first and packet[row] == packet[row - 1]:
            encoded[row] = encoded[row - 1]
        else:
            tile = source[row]
            last[tile] = max(fired[row], last[tile]) + cycles
            encoded[row] = last[tile]


class Reads(NamedTuple):
    """What the crossbars know: the remote rows in the order of their delivery, the own rows in the order fired."""

    log: Int64
    logged: int
    granted: Int64
    lag: int  # cycles from grant to delivery
    tile: Int32
    synapses: Int32
    row_read: Int64
    own_fired: Int64
    own_tile: Int32
    own_synapses: Int32
    own_row_read: Int64
    n_own: int


@njit(cache=True)
def read_rows(r: Reads, progress: Int64, busy: Int64, until: int, row_cycles: int, op_cycles: int) -> None:
    """Rule 7 for everything delivered before ``until``: one row at a time on each crossbar, own rows first.

    ``progress`` (2,) says how far the log and the own rows have been read, ``busy`` (n_tiles,) until when each crossbar is.
    """
    k, own = progress[0], progress[1]
    while True:
        mesh_next = r.granted[r.log[k]] + r.lag if k < r.logged else NEVER
        own_next = r.own_fired[own] if own < r.n_own else NEVER
        if min(mesh_next, own_next) >= until:
            break
        if own_next <= mesh_next:
            x = r.own_tile[own]
            busy[x] = max(own_next, busy[x]) + row_cycles + op_cycles * r.own_synapses[own]
            r.own_row_read[own] = busy[x]
            own += 1
        else:
            row = r.log[k]
            x = r.tile[row]
            busy[x] = max(mesh_next, busy[x]) + row_cycles + op_cycles * r.synapses[row]
            r.row_read[row] = busy[x]
            k += 1
    progress[0], progress[1] = k, own
