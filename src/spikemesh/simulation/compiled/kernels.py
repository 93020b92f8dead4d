"""The mesh, its encoders and its crossbars as numba kernels on flat arrays.

Numbering. A *place* is ``tile * 8 + port``: ports 0 to 4 are the input FIFO or the output of that port, port 5 is the
tile's source queue, which works like a FIFO whose only wish is the local input. Eight instead of six keeps both halves of
a place one shift or mask away. Events are places: below ``n_places`` "the packet at the front of this FIFO may ask now",
above "this output may try to grant again". Each of them is due at most once at a time, so a bucket of the calendar is a
list threaded through ``Mesh.later``, and the calendar never grows.

The three questions of a cycle are answered in the order of the simulation page: what has arrived (events), what each
output grants, when those grants come due again. Nothing that a grant causes happens in its own cycle, so the order in
which outputs are visited changes nothing.

A packet lives in a slot of a pool, and FIFOs are lists of slots, so an unlimited FIFO costs nothing until it is used.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Mesh", "Timing", "advance", "encode", "read_rows", "tally"]

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

NEXT, READY, ROUTE, ROW = range(4)
"""Columns of a slot. In a tree ROUTE and ROW are the first and the one past the last of the branch's rows."""

CYCLE, RELEASED, FREE, N_FREE, PENDING, LOGGED = range(6)
"""Entries of ``Mesh.clock``."""

DONE, NEEDS_SLOTS = range(2)
"""What :func:`advance` returns."""

SOURCE = 5
"""The port number of a tile's source queue."""

STEPS = np.int64(0xFFFF)
"""A route holds two legs of 19 bits: 3 for the output, 16 for the links left. Nothing left is output 0, the local one."""

NEVER = np.int64(2**62)


class Timing(NamedTuple):
    """The chip's numbers that the mesh kernel needs."""

    router: int
    link_x: int
    link_y: int
    flits: int
    reuse: int  # cycles from a packet's last grant until its slot counts as free: flits + credit_cycles
    depth: int  # packets a FIFO holds, -1 without end
    tree: int
    n_places: int
    rows: int  # rows of tiles in the mesh


class Mesh(NamedTuple):
    """Everything that lives from one cycle to the next. Arrays over places unless said otherwise."""

    clock: Int64  # (6,) CYCLE ... LOGGED
    head: Int32  # slot at the front of each FIFO, -1 when empty
    tail: Int32
    resume: Int64  # the cycle from which the next packet of this FIFO may ask
    asks: NDArray[np.uint8]  # outputs that the tree packet at the front still waits for, one bit each
    state: NDArray[np.uint8]  # of each output: round robin pointer * 32 + one bit for each input that asks
    held: Int64  # cycle from which the output is free again
    down: Int32  # the FIFO that an output (or source queue) feeds
    feeder: Int32  # the event that retries what feeds this FIFO
    pushes: Int64  # packets that ever got a slot of this FIFO
    pops: Int64  # packets that ever left it
    freed: Int64  # (n_places, 2^k) cycle at which recent leavers' slots count as free
    starved: NDArray[np.uint8]  # whether the feeder waits for this FIFO's next packet to leave
    flits: Int64  # flits sent by each output
    wheel: Int32  # (2^k,) first event of each coming cycle, -1 when empty
    later: Int32  # (2 n_places,) the event after this one
    active: Int32  # outputs to look at in this cycle
    slots: Int64  # (n_slots, 4) NEXT ... ROW


class Load(NamedTuple):
    """What has been pushed: arrays over packets, then over rows; index 0 is number ``base``."""

    base: int
    n_packets: int
    fired: Int64
    encoded: Int64
    injected: Int64
    place: Int32  # of the source queue
    route: Int64  # unicast: the packet's way; tree: its first entry in ``order``
    end: Int64  # tree only: one past its last entry in ``order``
    order: Int64  # tree only: rows, packet after packet, by column, then by row of the destination
    spot: Int32  # tree only: column * mesh rows + row of the destination, in that order
    granted: Int64
    log: Int64  # rows in the order of their local grant
