"""What the tiles do on either side of the mesh, as numba kernels: encoders and crossbars."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Reads", "encode", "read_rows"]

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

NEVER = 2**62


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
