"""Runs traffic through the compiled mesh, all at once or piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import SimulationError
from spikemesh.simulation.compiled import kernels, layout, tiles
from spikemesh.simulation.compiled.columns import Columns
from spikemesh.simulation.program import NOT_YET, Chip, Flow, Traffic

__all__ = ["Session", "run"]


def run(chip: Chip, traffic: Traffic, *, max_cycles: int | None = None) -> Flow:
    """Runs one independent piece of traffic on an empty chip.

    Parameters
    ----------
    max_cycles : the first cycle that is not simulated; without it the run goes on until every row is read.

    Raises
    ------
    SimulationError
        for traffic that is not sorted, names a tile off the mesh, or a chip with a number out of range.
    """
    session = Session(chip)
    session.push(traffic)
    session.advance(None if max_cycles is None else max(max_cycles, 0))
    return session._flow(np.asarray)


class Session:
    """A chip that runs piece by piece; see :class:`spikemesh.simulation.program.Session` for the promise it keeps.

    Raises
    ------
    SimulationError
        for a chip with a number out of range.
    """

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._timing = layout.timing(chip)
        self._mesh = layout.empty_mesh(chip)
        self._rows = Columns(
            fired=np.int64,
            packet=np.int64,
            source=np.int32,
            destination=np.int32,
            synapses=np.int32,
            encoded=np.int64,
            injected=np.int64,
            granted=np.int64,
            row_read=np.int64,
            log=np.int64,
            **({"order": np.int64, "spot": np.int32} if chip.tree else {}),
        )
        self._own = Columns(fired=np.int64, tile=np.int32, synapses=np.int32, row_read=np.int64)
        self._n_packets = 0
        self._latest = -1
        self._cycle = 0
        self._encoders = np.zeros(chip.n_tiles, np.int64)
        self._crossbars = np.zeros(chip.n_tiles, np.int64)
        self._read = np.zeros(2, np.int64)
        self._offered = np.zeros(2, np.int64)
        self._waiting = nothing()

    @property
    def cycle(self) -> int:
        """The first cycle not yet simulated."""
        return self._cycle

    @property
    def _lag(self) -> int:
        """Cycles from the local output's grant to delivery."""
        return self._chip.flits_per_packet - 1 + self._chip.eject_cycles

    @property
    def link_flits(self) -> NDArray[np.int64]:
        """(n_tiles, 4) flits sent so far, as in a :class:`Flow`."""
        return layout.sent(self._mesh)

    def push(self, traffic: Traffic) -> None:
        """Adds rows that fire at or after ``cycle`` and strictly after every row pushed before.

        Raises
        ------
        SimulationError
            for rows that fire earlier, are not sorted, name a tile off the mesh, or share a packet on a unicast chip.
        """
        earliest = max(self._cycle, self._latest + 1)
        latest = max(
            check_rows("rows", earliest, self._chip, traffic.fired, traffic.source, traffic.destination),
            check_rows("own rows", earliest, self._chip, traffic.own_fired, traffic.own_tile),
        )
        if not self._chip.tree and traffic.n_packets != traffic.n_rows:
            raise SimulationError("a packet with several rows needs a chip with multicast = tree")
        self._latest = max(self._latest, latest)
        self._own.extend(len(traffic.own_fired), fired=traffic.own_fired, tile=traffic.own_tile, synapses=traffic.own_synapses)
        if not traffic.n_rows:
            return
        first = self._rows.n
        packet = traffic.packet + self._n_packets if first else traffic.packet
        more = self._tree_order(traffic) if self._chip.tree else {}
        if traffic.raw:
            more["encoded"] = traffic.fired
        self._rows.extend(
            traffic.n_rows,
            fired=traffic.fired,
            packet=packet,
            source=traffic.source,
            destination=traffic.destination,
            synapses=traffic.synapses,
            **more,
        )
        self._n_packets += traffic.n_packets
        rows = self._rows
        if not traffic.raw:
            span, encode_cycles = (first, rows.n), self._chip.encode_cycles
            tiles.encode(rows.fired, rows.packet, rows.source, rows.encoded, span, self._encoders, encode_cycles)

    def _tree_order(self, traffic: Traffic) -> dict[str, NDArray[Any]]:
        """Rows of each packet by column and then row of their destination: what leaves by one output is one stretch."""
        cols = self._chip.cols
        spot = traffic.destination % cols * self._chip.rows + traffic.destination // cols
        order = np.argsort(traffic.packet * self._chip.n_tiles + spot, kind="stable")
        return {"order": order + self._rows.n, "spot": spot[order].astype(np.int32)}

    def advance(self, until: int | None = None) -> None:
        """Simulates every cycle before ``until``, which becomes ``cycle``; an ``until`` in the past changes nothing.

        Without ``until``: on until all rows are read; ``cycle`` is then one past the last row read.
        """
        if until is not None and until <= self._cycle:
            return
        end = kernels.NEVER if until is None else until
        rows, mesh = self._rows, self._mesh
        load = self._load()
        while kernels.advance(mesh, self._timing, load, end) == kernels.NEEDS_SLOTS:
            self._mesh = mesh = layout.grow_slots(mesh, len(layout.slots(mesh)))
        own = self._own
        reads = tiles.Reads(
            log=rows.log,
            logged=int(mesh.clock[kernels.LOGGED]),
            granted=rows.granted,
            lag=self._lag,
            tile=rows.destination,
            synapses=rows.synapses,
            row_read=rows.row_read,
            own_fired=own.fired,
            own_tile=own.tile,
            own_synapses=own.synapses,
            own_row_read=own.row_read,
            n_own=own.n,
        )
        tiles.read_rows(reads, self._read, self._crossbars, end, self._chip.row_cycles, self._chip.op_cycles)
        if until is None:
            until = max(self._cycle, int(self._crossbars.max()) + 1) if self._read.any() else self._cycle
        self._cycle = until
        mesh.clock[kernels.CYCLE] = until

    def _load(self) -> kernels.Load:
        """The remote rows as the mesh kernel wants them; without a tree it never looks at ``order`` and ``spot``."""
        rows = self._rows
        return kernels.Load(
            n_rows=rows.n,
            fired=rows.fired,
            packet=rows.packet,
            source=rows.source,
            destination=rows.destination,
            order=rows.order if self._chip.tree else rows.packet,
            spot=rows.spot if self._chip.tree else rows.destination,
            encoded=rows.encoded,
            injected=rows.injected,
            granted=rows.granted,
            log=rows.log,
        )

    def take_read(self) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """Rows read before ``cycle`` and not taken yet: (row number, whether it is an own row, row_read), (n,) each.

        Sorted by row_read, then remote rows before own rows, then row number.
        """
        return self._take(self._cycle)

    def take_delivered(self) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """As ``take_read``, for rows delivered before ``cycle``: what was pushed later cannot change their reading."""
        return self._take(kernels.NEVER)

    def _take(self, before: int) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """Rows delivered before ``cycle``, read before ``before`` and not taken yet."""
        (k, own), (k_end, own_end) = self._offered, self._read
        self._offered[:] = self._read
        remote = self._rows.log[k:k_end]
        row = np.concatenate([self._waiting[0], remote, np.arange(own, own_end)])
        is_own = np.concatenate([self._waiting[1], np.repeat([False, True], [k_end - k, own_end - own])])
        read = np.concatenate([self._waiting[2], self._rows.row_read[remote], self._own.row_read[own:own_end]])
        now = read < before
        self._waiting = (row[~now], is_own[~now], read[~now])
        row, is_own, read = row[now], is_own[now], read[now]
        order = np.lexsort((row, is_own, read))
        return row[order], is_own[order], read[order]

    def forget_read(self) -> dict[str, NDArray[np.int64]]:
        """Drops the rows before the first remote one and the first own one not yet read, so that a long run stays small.

        Returns what :meth:`read_rows` says of the rows dropped. After this ``flow``, ``take_read`` and ``read_rows`` count
        from the first row kept.
        """
        rows, own, mesh = self._rows, self._own, self._mesh
        logged = int(mesh.clock[kernels.LOGGED])
        n, n_own = (int(np.append(~read, True).argmax()) for read in self._is_read())
        if n < rows.n:
            n = int(np.searchsorted(rows.packet[: rows.n], rows.packet[n]))  # a tree packet stays whole
        dropped = self._columns(slice(n), slice(n_own))
        unread = rows.log[int(self._read[0]) : logged] - n
        rows.drop(n)
        own.drop(n_own)
        rows.log[: len(unread)] = unread
        mesh.clock[kernels.LOGGED] = len(unread)
        mesh.clock[kernels.RELEASED] -= np.uint64(n)
        slots = layout.slots(mesh)
        slots[:, kernels.ROW] -= np.uint64(n)
        if self._chip.tree:
            slots[:, kernels.ROUTE] -= np.uint64(n)
            rows.order[:] -= n
        self._read -= (self._read[0], n_own)
        self._offered[:] = self._read
        self._waiting = nothing()
        return dropped

    def read_rows(self) -> dict[str, NDArray[np.int64]]:
        """fired, encoded, injected, granted, delivered and row_read of the remote rows read before ``cycle``, and own_fired
        and own_row_read of the own ones."""
        return self._columns(*self._is_read())

    def _is_read(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which remote and own rows have been read before ``cycle``."""
        row_read, own = self._rows.row_read[: self._rows.n], self._own.row_read[: self._own.n]
        return (row_read != NOT_YET) & (row_read < self._cycle), (own != NOT_YET) & (own < self._cycle)

    def _columns(self, remote: Any, own: Any) -> dict[str, NDArray[np.int64]]:
        rows = self._rows
        names = ("fired", "encoded", "injected", "granted", "row_read")
        picked = {name: getattr(rows, name)[: rows.n][remote].copy() for name in names}
        picked["delivered"] = picked["granted"] + self._lag
        picked["own_fired"] = self._own.fired[: self._own.n][own].copy()
        picked["own_row_read"] = self._own.row_read[: self._own.n][own].copy()
        return picked

    def flow(self) -> Flow:
        """All rows pushed so far; what happens at ``cycle`` or later is ``NOT_YET``, ``cut`` if that is any row's reading."""
        return self._flow(np.copy)

    def _flow(self, kept: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> Flow:
        """The flow; ``kept`` turns an array of this session into one of the flow."""
        rows, own = self._rows, self._own
        settled = tuple(self._read) == (rows.n, own.n) and self._crossbars.max() < self._cycle

        def so_far(cycles: NDArray[np.int64]) -> NDArray[np.int64]:
            return kept(cycles) if settled else np.where(cycles < self._cycle, cycles, NOT_YET)

        granted = rows.granted[: rows.n]
        delivered = granted + self._lag
        if not settled:
            delivered[granted == NOT_YET] = NOT_YET
        row_read, own_row_read = so_far(rows.row_read[: rows.n]), so_far(own.row_read[: own.n])
        return Flow(
            encoded=so_far(rows.encoded[: rows.n]),
            injected=so_far(rows.injected[: rows.n]),
            granted=kept(granted),
            delivered=so_far(delivered),
            row_read=row_read,
            own_row_read=own_row_read,
            link_flits=self.link_flits,
            cut=not settled and min(row_read.min(initial=0), own_row_read.min(initial=0)) == NOT_YET,
        )


def nothing() -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """No rows, as ``Session.take_read`` gives them."""
    return np.empty(0, np.int64), np.empty(0, bool), np.empty(0, np.int64)


def check_rows(what: str, earliest: int, chip: Chip, fired: NDArray[np.int64], *tiles: NDArray[np.int32]) -> int:
    """The cycle of the last row, -1 without any; a SimulationError for rows that an engine cannot run."""
    if not len(fired):
        return -1
    if fired[0] < earliest:
        raise SimulationError(f"{what} fire in cycle {int(fired[0])}; the first that can still be added is {earliest}")
    if (fired[1:] < fired[:-1]).any():
        raise SimulationError(f"{what} are not sorted by the cycle in which they fire")
    for tile in tiles:
        if tile.min() < 0 or tile.max() >= chip.n_tiles:
            wrong = int(tile.min() if tile.min() < 0 else tile.max())
            raise SimulationError(f"{what} name tile {wrong}; the mesh has {chip.n_tiles}")
    return int(fired[-1])
