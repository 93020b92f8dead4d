"""What an engine reads: the chip as integers and one sample's spikes as flat arrays.

Both engines read these and nothing else; neither imports the other. Every number is a cycle, an index or a count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["EAST", "LOCAL", "NORTH", "NOT_YET", "SOUTH", "UNLIMITED", "WEST", "Chip", "Flow", "Session", "Traffic"]

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

    ``raw``: packets of synthetic traffic. They skip the encoder (encoded = fired), are sorted by (fired, packet) with ties
    in the order given, ``neuron`` is the packet's number, and source may equal destination (in and out of the local
    router). Crossbars still read them.
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

    @classmethod
    def of(
        cls,
        fired: ArrayLike,
        neuron: ArrayLike,
        source: ArrayLike,
        destination: ArrayLike,
        synapses: ArrayLike,
        *,
        own_fired: ArrayLike = (),
        own_neuron: ArrayLike = (),
        own_tile: ArrayLike = (),
        own_synapses: ArrayLike = (),
        tree: bool = False,
    ) -> Traffic:
        """Spikes in any order, sorted and numbered: a packet is a row, or in a ``tree`` all rows of one spike."""
        columns = [np.asarray(c, np.int64) for c in (fired, neuron, source, destination, synapses)]
        own = [np.asarray(c, np.int64) for c in (own_fired, own_neuron, own_tile, own_synapses)]
        order = np.lexsort((columns[3], columns[1], columns[0]))
        f, i, s, d, n = (c[order] for c in columns)
        packet = np.arange(len(f), dtype=np.int64)
        if tree and len(f):
            packet = np.cumsum(np.append(False, (f[1:] != f[:-1]) | (i[1:] != i[:-1])), dtype=np.int64)
        of, oi, ot, on = (c[np.lexsort((own[1], own[0]))] for c in own)
        small = np.int32
        return cls(
            *(f, i.astype(small), s.astype(small), d.astype(small), n.astype(small), packet),
            *(of, oi.astype(small), ot.astype(small), on.astype(small)),
        )

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

    Cycle ``max_cycles`` is the first that is not simulated: whatever would happen in it or later is ``NOT_YET``, and a packet
    granted an output before it has its flits on that link counted.
    """

    encoded: NDArray[np.int64]
    injected: NDArray[np.int64]
    granted: NDArray[np.int64]
    delivered: NDArray[np.int64]
    row_read: NDArray[np.int64]
    own_row_read: NDArray[np.int64]
    link_flits: NDArray[np.int64]
    cut: bool = False


class Session(Protocol):
    """A chip that runs piece by piece; ``run`` of an engine is one push and one advance.

    Made by ``Session(chip)``: empty, in its reset state, at cycle 0. Every engine offers this class and
    ``run(chip, traffic, *, max_cycles=None) -> Flow``.
    """

    @property
    def cycle(self) -> int:
        """The first cycle not yet simulated."""
        ...

    def push(self, traffic: Traffic) -> None:
        """Adds rows that fire at or after ``cycle`` and strictly after every row pushed before.

        Remote and own rows are numbered apart, each on from the rows pushed before; so are packets.

        Raises
        ------
        SimulationError
            for rows that fire earlier than that.
        """
        ...

    def advance(self, until: int | None = None) -> None:
        """Simulates every cycle before ``until``, which becomes ``cycle``; an ``until`` in the past changes nothing.

        Without ``until``: on until all rows are read; ``cycle`` is then one past the last row read.
        """
        ...

    def take_read(self) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """Rows read before ``cycle`` and not taken yet: (row number, whether it is an own row, row_read), (n,) each.

        Sorted by row_read, then remote rows before own rows, then row number.
        """
        ...

    def take_delivered(self) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """As ``take_read``, for rows delivered before ``cycle`` and not taken yet by either; row_read may lie at or after it.

        A crossbar reads in order of delivery, so nothing pushed later can change these: what the closed loop needs at the
        start of a step, before it knows the step's spikes, are the rows whose reading ends in that very cycle.
        """
        ...

    def flow(self) -> Flow:
        """All rows pushed so far; what happens at ``cycle`` or later is ``NOT_YET``, ``cut`` if that is any row's reading."""
        ...
