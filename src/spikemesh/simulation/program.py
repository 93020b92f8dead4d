"""What an engine reads: the chip as integers and one sample's spikes as flat arrays.

Both engines read these and nothing else; neither imports the other. Every number is a cycle, an index or a count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["EAST", "LOCAL", "NORTH", "NOT_YET", "SOUTH", "UNLIMITED", "WEST", "Chip", "Flow", "Traffic"]

LOCAL, EAST, WEST, NORTH, SOUTH = range(5)
"""Ports of a router. East is x + 1, north is y - 1; the east *input* is fed by the east neighbour."""

UNLIMITED = -1
"""``Chip.buffer_packets`` of a FIFO without end."""

NOT_YET = -1
"""The cycle of something that has not happened."""


@dataclass(frozen=True)
class Chip:
    """The mesh and its tiles, in cycles (design, section 4). Tile (x, y) has index y * cols + x."""

    cols: int
    rows: int
    router_cycles: int = 0
    link_cycles_x: int = 1
    link_cycles_y: int = 1
    eject_cycles: int = 0
    encode_cycles: int = 0
    credit_cycles: int = 0
    buffer_packets: int = UNLIMITED
    flits_per_packet: int = 1
    row_cycles: int = 0
    op_cycles: int = 0
    tree: bool = False

    @property
    def n_tiles(self) -> int:
        return self.cols * self.rows


@dataclass(frozen=True, eq=False)
class Traffic:
    """One independent run: what enters an empty chip in its reset state.

    Remote rows, one for each (spike, destination tile other than its own), sorted by (fired, neuron, destination):
    ``fired`` (n,) int64 cycle, ``neuron`` (n,) int32, ``source``, ``destination`` (n,) int32 tiles, ``synapses`` (n,)
    int32 crosspoints on the row it drives, ``packet`` (n,) int64 number of the packet that carries it: 0, 1, 2 ... in the
    order of first appearance. In a tree all destinations of a spike share one packet and stand side by side; in unicast
    each row has its own.

    Own rows, spikes that stay on their tile: ``own_fired``, ``own_neuron``, ``own_tile``, ``own_synapses``, sorted by
    (fired, neuron).

    ``raw``: packets of synthetic traffic. They skip the encoder (encoded = fired), ties go by position, and source may
    equal destination (in and out of the local router). Crossbars still read them.
    """

    fired: NDArray[np.int64]
    neuron: NDArray[np.int32]
    source: NDArray[np.int32]
    destination: NDArray[np.int32]
    synapses: NDArray[np.int32]
    packet: NDArray[np.int64]
    own_fired: NDArray[np.int64]
    own_neuron: NDArray[np.int32]
    own_tile: NDArray[np.int32]
    own_synapses: NDArray[np.int32]
    raw: bool = False

    @property
    def n_rows(self) -> int:
        """Remote rows, that is deliveries expected."""
        return len(self.fired)

    @property
    def n_packets(self) -> int:
        """Packets that enter the mesh."""
        return int(self.packet[-1]) + 1 if len(self.packet) else 0


@dataclass(frozen=True, eq=False)
class Flow:
    """What an engine found, row by row, in the order of its Traffic; ``NOT_YET`` where the run was cut before.

    encoded, injected: (n,) int64; the same for all rows of a tree packet. granted: cycle of the local output's grant at the
    destination. delivered: the last flit has reached the tile. row_read, own_row_read: the crossbar has read the row.
    link_flits: (n_tiles, 4) int64, flits sent east, west, north, south by each router; a packet's flits count at its grant.
    cut: whether ``max_cycles`` ended the run before the last row was read.
    """

    encoded: NDArray[np.int64]
    injected: NDArray[np.int64]
    granted: NDArray[np.int64]
    delivered: NDArray[np.int64]
    row_read: NDArray[np.int64]
    own_row_read: NDArray[np.int64]
    link_flits: NDArray[np.int64]
    cut: bool = False
