"""The mesh as one numba kernel on flat arrays.

The mesh is one array, ``memory``. It begins with a record of eight words for each *place*, and a place's number is where its
record starts: ``tile * 64 + port * 8``. Ports 0 to 4 are both the input FIFO and the output of that port; port 5 is the
tile's source queue, a FIFO whose only wish is the local input. Packets wait in *slots*, records of four words behind the
places, numbered the same way; a FIFO is a list of slots, so an unlimited one costs nothing until it is used. Number 0 is
nobody.

The calendar is a wheel with a bucket for each of the next cycles. A bucket holds four lists of places, threaded through the
records, because no place is ever in a list twice: FIFOs whose front packet may ask, outputs that wait for a credit or for
their own last packet, source queues that may inject, outputs that just granted and have more to grant.

A cycle has three parts: packets that fire enter their source queues; what is due happens; outputs grant. Nothing that a
grant causes happens in its own cycle, so the order in which outputs are visited changes nothing. Where FIFOs have no limit,
nothing in the mesh can hold back a source queue: a packet that fires enters the local FIFO at once, with the cycle from
which it may ask.

Whether a FIFO was empty, or is now, is as good as random, and a processor that guesses it wrong loses as much time as the
rest of a hop takes. So nothing branches on it: TAIL is the number of the word where the next slot is to be written, be it
the NEXT of the last slot or the HEAD of an empty FIFO, and a place that is not to be entered in the calendar is replaced by
NOWHERE, in a list that nobody reads.

``advance`` is one long function on purpose: helpers that take arrays cost reference counts, five times the rest. Unsigned
numbers spare it the test for negative indices.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["NEVER", "Load", "Mesh", "Timing", "advance"]

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Word = np.uint64
Words = NDArray[np.uint64]
Number = Any
"""An int64 or uint64 of a kernel, or a Python int outside."""

PLACE_WORDS = 8
HEAD, TAIL, RESUME, STATE, LATER, RETRY, DOWN, SENT = (Word(k) for k in range(PLACE_WORDS))
"""Words of a place. Of its FIFO: the first slot, the word that names the slot behind the last (its own HEAD if there is
none), the cycle from which the next packet may ask, the FIFO after it in a bucket. Of its output: round robin pointer * 32 +
one bit for each input that asks, the output after it in a bucket, the FIFO it feeds, flits sent. DOWN of a source queue is
the local FIFO."""

NEXT, READY, ROUTE, ROW = (Word(k) for k in range(4))
"""Words of a slot: the slot behind it, the cycle from which it may ask, its way, its row. In a tree ROUTE and ROW are the
first and the one past the last of the rows it still has to reach, as positions in ``Load.order``."""

HELD, PUSHES, POPS, STARVED, FEEDER, ASKS, FREED = (Word(k) for k in range(7))
"""Words of a place that only some chips need. HELD: cycle from which the output is free again. PUSHES, POPS: packets that
ever got a slot of the FIFO and ever left it. STARVED: FEEDER, the output or source
queue that feeds it, waits for the next one to leave. ASKS: outputs that a
tree packet at the front still waits for. From FREED on: when the slots of the latest leavers count as free, in turn."""

CYCLE, LAST, RELEASED, FREE, N_FREE, LOGGED = range(6)
"""Entries of ``Mesh.clock``: the first cycle not simulated; no event is due after LAST; rows that have fired; the first free
slot and how many there are; rows delivered."""

FIFO, OUTPUT, SOURCE, AGAIN = (Word(k) for k in range(4))
"""The lists of a bucket."""

DONE, NEEDS_SLOTS = range(2)
"""What :func:`advance` returns."""

NONE = Word(1)
"""The end of a list of places: not a multiple of eight."""

NOWHERE = Word(48)
"""A place that is neither FIFO nor output: port 6 of the first tile."""

NEVER = 2**62
"""A cycle that does not come."""

LEG, STEPS = 19, 0xFFFF
"""A route is two legs of 19 bits: 3 for the output, 16 for the links left. Nothing left is output 0, the local one."""

COLUMN = 32
"""Where a tile stands: column << COLUMN | row."""

ZERO, ONE, TWO, THREE, FIVE, SIX, SEVEN, EIGHT = (Word(k) for k in (0, 1, 2, 3, 5, 6, 7, 8))
TILE, PORT = Word(2**64 - 64), Word(56)
INPUTS, STATES = Word(31), Word(255)
SHIFT, LEFT = Word(LEG), Word(STEPS << 3)
VERTICAL = Word(24)
QUEUE = Word(40)


class Timing(NamedTuple):
    """The chip's numbers that the mesh kernel needs."""

    router: int
    link_x: int
    link_y: int
    flits: int
    reuse: int  # cycles from a packet's last grant until its slot counts as free: flits + credit_cycles
    depth: int  # packets a FIFO holds, 0 for no limit
    tree: bool
    cols: int
    rows: int


class Mesh(NamedTuple):
    """Everything that lives from one cycle to the next."""

    clock: Words  # (6,) CYCLE ... LOGGED
    memory: Words  # HEAD ... SENT of each place, then NEXT ... ROW of each slot
    extras: Words  # (n, 6 + 2^k) HELD ... FREED of each place; n is 1 on chips that need none
    wheel: Words  # the lists of each of 2^k coming cycles, and one that nobody reads
    links: Words  # outputs to look at in this cycle, local ones last
    locals: Words  # those local ones while they are being collected
    stands: Int64  # (n_tiles,) column << COLUMN | row
    arbiter: Words  # (256,) of each STATE: the input it grants * 8 * 256 + the state after


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
def route_of(here: Number, there: Number) -> Number:
    """The way from one tile to another, x first, as legs (see ``LEG``); both as column << COLUMN | row.

    No branches: all directions are as likely.
    """
    dx = (there >> COLUMN) - (here >> COLUMN)
    dy = (there & (1 << COLUMN) - 1) - (here & (1 << COLUMN) - 1)
    along_y = ((4 if dy > 0 else 3) | abs(dy) << 3) if dy != 0 else 0
    both = along_y << LEG | (1 if dx > 0 else 2) | abs(dx) << 3
    return both if dx != 0 else along_y


@njit(cache=True)
def first_from(spot: Int32, low: Number, high: Number, value: Number) -> Number:
    """First index in [low, high) whose spot is at least ``value``, else ``high``."""
    while low < high:
        middle = (low + high) >> 1
        if spot[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
def branch(spot: Int32, low: Number, high: Number, output: Number, cols: Number, rows: Number) -> tuple[Number, Number]:
    """The part of the rows [low, high) that leaves by ``output``, which at least one of them needs.

    In order of spot the rows of one packet fall into west, north, local, south, east.
    """
    if high - low == 1:
        return low, high
    tile, port = output >> 6, output >> 3 & 7
    column = tile % cols * rows
    at = column + tile // cols
    if port == 2:
        return low, first_from(spot, low, high, column)
    if port == 3:
        return first_from(spot, low, high, column), first_from(spot, low, high, at)
    if port == 0:
        return first_from(spot, low, high, at), first_from(spot, low, high, at + 1)
    if port == 4:
        return first_from(spot, low, high, at + 1), first_from(spot, low, high, column + rows)
    return first_from(spot, low, high, column + rows), high


@njit(cache=True)
def outputs_of(spot: Int32, low: Number, high: Number, fifo: Number, cols: Number, rows: Number) -> Number:
    """The outputs that the rows [low, high) need at the router of ``fifo``, one bit each."""
    tile = fifo >> 6
    column = tile % cols * rows
    at = column + tile // cols
    asks = 0
    while low < high:
        here = spot[low]
        if here < column:
            asks, beyond = asks | 4, column
        elif here < at:
            asks, beyond = asks | 8, at
        elif here == at:
            asks, beyond = asks | 1, at + 1
        elif here < column + rows:
            asks, beyond = asks | 16, column + rows
        else:
            return asks | 2
        low = low + 1 if high - low == 1 else first_from(spot, low, high, beyond)
    return asks


@njit(cache=True)
def room(extras: Words, fifo: Number, depth: Number) -> Number:
    """The cycle from which one more packet fits into a FIFO; NEVER while that waits for a packet to leave it."""
    k = fifo >> THREE
    pushes, pops = extras[k, PUSHES], extras[k, POPS]
    if pushes < depth:
        return ZERO
    needed = pushes - depth
    if needed >= pops:
        return Word(NEVER)
    turn = Word(extras.shape[1]) - FREED
    if pops - needed > turn:
        return ZERO
    return extras[k, FREED + (needed & (turn - ONE))]


@njit(cache=True)
def advance(mesh: Mesh, t: Timing, load: Load, end: int) -> int:
    """Simulates every cycle before ``end`` in which something happens. Returns DONE or NEEDS_SLOTS (add some, call again)."""
    clock, m, x, wheel = mesh.clock, mesh.memory, mesh.extras, mesh.wheel
    links, local, stands, arbiter = mesh.links, mesh.locals, mesh.stands, mesh.arbiter
    c, last, released, free, n_free, logged = clock[0], clock[1], clock[2], clock[3], clock[4], clock[5]
    unread = Word(len(wheel)) - ONE
    turn = (unread >> TWO) - ONE
    until, n_rows = Word(end), Word(load.n_rows)
    flits, reuse, router, depth = Word(t.flits), Word(t.reuse), Word(t.router), Word(t.depth)
    hop_x, hop_y = Word(t.link_x) + router, Word(t.link_y) + router
    ring = Word(x.shape[1]) - FREED - ONE
    tree, bounded, wide = t.tree, t.depth > 0, t.flits > 1
    entry = SOURCE if bounded else FIFO
    answer = DONE
    while True:
        # on to the next cycle in which a packet fires or an event is due
        fires = Word(load.fired[released]) if released < n_rows else Word(NEVER)
        b = (c & turn) << TWO
        while (
            (c < fires and c <= last)
            and (wheel[b] == NONE and wheel[b + ONE] == NONE)
            and (wheel[b + TWO] == NONE and wheel[b + THREE] == NONE)
        ):
            c += ONE
            b = (c & turn) << TWO
        if c > last:
            c = max(c, fires)
            b = (c & turn) << TWO
        if c >= until:
            break
        last = c + turn

        # packets that fire enter their source queues
        while fires <= c and n_free > ZERO:
            slot = free
            free = m[slot + NEXT]
            n_free -= ONE
            ready = Word(load.encoded[released])
            row, source = released, Word(load.source[released])
            queue = source << SIX | QUEUE
            if tree:
                packet = load.packet[row]
                while released < n_rows and load.packet[released] == packet:
                    released += ONE
                m[slot + ROUTE] = row
                m[slot + ROW] = released
            else:
                released += ONE
                m[slot + ROUTE] = Word(route_of(stands[source], stands[Word(load.destination[row])]))
                m[slot + ROW] = row
            if not bounded:
                injected = max(ready, m[queue + RESUME])
                m[queue + RESUME] = injected + flits
                if tree:
                    while row < released:
                        load.injected[load.order[row]] = injected
                        row += ONE
                else:
                    load.injected[row] = injected
                ready = injected + router
                queue = queue & TILE
            m[slot + NEXT] = ZERO
            m[slot + READY] = ready
            tail = m[queue + TAIL]
            m[tail] = slot
            m[queue + TAIL] = slot
            bucket = (max(ready, m[queue + RESUME]) & turn) << TWO | entry
            place = queue if tail == queue else NOWHERE
            bucket = bucket if tail == queue else unread
            m[place + LATER] = wheel[bucket]
            wheel[bucket] = place
            fires = Word(load.fired[released]) if released < n_rows else Word(NEVER)
        if fires <= c or (tree and n_free < Word(len(links))):
            answer = NEEDS_SLOTS
            break

        # source queues inject
        queue = wheel[b + SOURCE]
        wheel[b + SOURCE] = NONE
        while queue != NONE:
            source = queue
            queue = m[queue + LATER]
            fifo = source & TILE
            when = room(x, fifo, depth)
            if when > c:
                if when == Word(NEVER):
                    x[fifo >> THREE, STARVED] = ONE
                else:
                    bucket = (when & turn) << TWO | SOURCE
                    m[source + LATER] = wheel[bucket]
                    wheel[bucket] = source
                continue
            x[fifo >> THREE, PUSHES] += ONE
            slot = m[source + HEAD]
            follower = m[slot + NEXT]
            m[source + HEAD] = follower
            m[source + RESUME] = c + flits
            if follower != ZERO:
                bucket = (max(m[follower + READY], c + flits) & turn) << TWO | SOURCE
                m[source + LATER] = wheel[bucket]
                wheel[bucket] = source
            else:
                m[source + TAIL] = source
            if tree:
                k = m[slot + ROUTE]
                while k < m[slot + ROW]:
                    load.injected[load.order[k]] = c
                    k += ONE
            else:
                load.injected[m[slot + ROW]] = c
            m[slot + NEXT] = ZERO
            m[slot + READY] = c + router
            tail = m[fifo + TAIL]
            m[tail] = slot
            m[fifo + TAIL] = slot
            if tail == fifo:
                bucket = (max(c + router, m[fifo + RESUME]) & turn) << TWO | FIFO
                m[fifo + LATER] = wheel[bucket]
                wheel[bucket] = fifo

        # packets at the front of their FIFOs ask; an output that nobody asked before is looked at
        n_links, n_local = ZERO, ZERO
        fifo = wheel[b + FIFO]
        wheel[b + FIFO] = NONE
        while fifo != NONE:
            bit = ONE << (fifo >> THREE & SEVEN)
            slot = m[fifo + HEAD]
            if tree:
                asks = outputs_of(load.spot, np.int64(m[slot + ROUTE]), np.int64(m[slot + ROW]), np.int64(fifo), t.cols, t.rows)
                x[fifo >> THREE, ASKS] = asks
                for port in range(5):
                    if asks >> port & 1:
                        output = fifo & TILE | Word(port << 3)
                        state = m[output + STATE]
                        m[output + STATE] = state | bit
                        if state & INPUTS == ZERO:
                            links[n_links] = output
                            n_links += Word(port != 0)
                            local[n_local] = output
                            n_local += Word(port == 0)
            else:
                output = fifo & TILE | (m[slot + ROUTE] & SEVEN) << THREE
                state = m[output + STATE]
                m[output + STATE] = state | bit
                new = state & INPUTS == ZERO
                links[n_links] = output
                n_links += Word(new & (output & PORT != ZERO))
                local[n_local] = output
                n_local += Word(new & (output & PORT == ZERO))
            fifo = m[fifo + LATER]
        for due in (OUTPUT, AGAIN):
            output = wheel[b + due]
            wheel[b + due] = NONE
            while output != NONE:
                links[n_links] = output
                n_links += Word(output & PORT != ZERO)
                local[n_local] = output
                n_local += Word(output & PORT == ZERO)
                output = m[output + RETRY]

        # outputs grant: links first, then local outputs
        for j in range(n_local):
            links[n_links + Word(j)] = local[j]
        soon = ((c + flits) & turn) << TWO | AGAIN
        again = wheel[soon]
        k = ZERO
        while k < n_links + n_local:
            output = links[k]
            k += ONE
            here = k > n_links
            if wide and x[output >> THREE, HELD] > c:
                bucket = (x[output >> THREE, HELD] & turn) << TWO | OUTPUT
                m[output + RETRY] = wheel[bucket]
                wheel[bucket] = output
                continue
            below = m[output + DOWN]
            if bounded and not here:
                when = room(x, below, depth)
                if when > c:
                    if when == Word(NEVER):
                        x[below >> THREE, STARVED] = ONE
                    else:
                        bucket = (when & turn) << TWO | OUTPUT
                        m[output + RETRY] = wheel[bucket]
                        wheel[bucket] = output
                    continue
                x[below >> THREE, PUSHES] += ONE
            grant = arbiter[m[output + STATE]]
            fifo = output & TILE | grant >> EIGHT
            m[output + STATE] = grant & STATES
            m[output + RETRY] = again
            again = output if grant & INPUTS != ZERO else again
            if wide:
                x[output >> THREE, HELD] = c + flits
            slot = m[fifo + HEAD]
            gone, low, high = True, 0, 0
            if tree:
                low, high = branch(
                    load.spot, np.int64(m[slot + ROUTE]), np.int64(m[slot + ROW]), np.int64(output), t.cols, t.rows
                )
                asks = x[fifo >> THREE, ASKS] & ~(ONE << (output >> THREE & SEVEN))
                x[fifo >> THREE, ASKS] = asks
                gone = asks == ZERO
            if gone:
                follower = m[slot + NEXT]
                m[fifo + HEAD] = follower
                m[fifo + RESUME] = c + flits
                tail = m[fifo + TAIL]
                m[fifo + TAIL] = tail if follower != ZERO else fifo
                bucket = (max(m[follower + READY], c + flits) & turn) << TWO | FIFO
                place = fifo if follower != ZERO else NOWHERE
                bucket = bucket if follower != ZERO else unread
                m[place + LATER] = wheel[bucket]
                wheel[bucket] = place
                if bounded:
                    x[fifo >> THREE, FREED + (x[fifo >> THREE, POPS] & ring)] = c + reuse
                    x[fifo >> THREE, POPS] += ONE
                    if x[fifo >> THREE, STARVED] != ZERO:
                        x[fifo >> THREE, STARVED] = ZERO
                        feeder = x[fifo >> THREE, FEEDER]
                        bucket = ((c + reuse) & turn) << TWO
                        if feeder & PORT == QUEUE:
                            m[feeder + LATER] = wheel[bucket | SOURCE]
                            wheel[bucket | SOURCE] = feeder
                        else:
                            m[feeder + RETRY] = wheel[bucket | OUTPUT]
                            wheel[bucket | OUTPUT] = feeder
            if here:
                if tree:
                    for j in range(low, high):
                        row = load.order[j]
                        load.granted[row] = c
                        load.log[logged] = row
                        logged += ONE
                else:
                    row = m[slot + ROW]
                    load.granted[row] = c
                    load.log[logged] = row
                    logged += ONE
                if gone:
                    m[slot + NEXT] = free
                    free = slot
                    n_free += ONE
                continue
            m[output + SENT] += flits
            if tree:
                if not gone:
                    slot = free
                    free = m[slot + NEXT]
                    n_free -= ONE
                m[slot + ROUTE] = low
                m[slot + ROW] = high
            else:
                route = m[slot + ROUTE] - EIGHT
                shifted = route >> SHIFT
                m[slot + ROUTE] = route if route & LEFT != ZERO else shifted
            across = Word(output & PORT < VERTICAL)
            ready = c + hop_x * across + hop_y * (ONE - across)
            m[slot + NEXT] = ZERO
            m[slot + READY] = ready
            tail = m[below + TAIL]
            m[tail] = slot
            m[below + TAIL] = slot
            bucket = (max(ready, m[below + RESUME]) & turn) << TWO | FIFO
            place = below if tail == below else NOWHERE
            bucket = bucket if tail == below else unread
            m[place + LATER] = wheel[bucket]
            wheel[bucket] = place
        wheel[soon] = again
        c += ONE
    clock[0], clock[1], clock[2], clock[3], clock[4], clock[5] = c, last, released, free, n_free, logged
    return answer
