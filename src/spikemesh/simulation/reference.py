"""The chip as a discrete-event model in SimPy: slow, readable, and the truth that the compiled twin is held to.

A spike's way, top to bottom of this file::

    neuron fires -> Tile.encode -> source queue -> Tile.inject -> Fifo -> Output -> link -> Fifo -> ... -> local Output
                                                                                      -> Tile.eject -> Crossbar.read

Every cycle has six phases. SimPy sorts what happens by (cycle, phase), so all of one phase is over before the next begins,
and within a phase nothing depends on the order: outputs grant alone, and what a grant sets off happens in a later cycle,
but for the last flit of a one-flit packet on a tile that ejects at once.

    ARRIVE   heads enter the next FIFO, freed slots (credits) are counted
    INJECT   network interfaces put packets into local FIFOs
    ASK      the packet at the front of a FIFO asks for the outputs it needs
    GRANT    every output picks one of those that ask
    OWN      spikes that stay on their tile reach its crossbar
    DELIVER  last flits reach their tile, then its crossbar

Nothing ticks: a router without packets costs nothing, however many cycles pass.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from itertools import pairwise
from operator import attrgetter
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from spikemesh.errors import SimulationError
from spikemesh.simulation.program import EAST, LOCAL, NORTH, NOT_YET, SOUTH, UNLIMITED, WEST, Chip, Flow, Traffic

__all__ = ["Session", "run"]

Action = Callable[[simpy.Event], None]
Process = Generator[simpy.Event, Any, Any]
Rows = tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]

STOP = 0
ARRIVE, INJECT, ASK, GRANT, OWN, DELIVER = range(1, 7)

PORTS = (LOCAL, EAST, WEST, NORTH, SOUTH)
SEARCH = [tuple((pointer + k) % 5 for k in range(5)) for pointer in PORTS]
OPPOSITE = {EAST: WEST, WEST: EAST, NORTH: SOUTH, SOUTH: NORTH}
STEP = {EAST: (1, 0), WEST: (-1, 0), NORTH: (0, -1), SOUTH: (0, 1)}


def run(chip: Chip, traffic: Traffic, *, max_cycles: int | None = None) -> Flow:
    """Simulates ``traffic`` on an empty ``chip``, to its end or up to cycle ``max_cycles``, the first not simulated."""
    session = Session(chip)
    session.push(traffic)
    session.advance(max_cycles)
    return session.flow()


class Clock(simpy.Environment):
    """SimPy's environment; its time counts cycles."""

    now: int = property(attrgetter("_now"))  # type: ignore[assignment]  # asked for at every turn, so without a Python call


class At(simpy.Event):
    """What happens in a phase of a cycle: a process waits for it, or it calls ``action``."""

    _ok = True

    def __init__(self, clock: Clock, cycle: int, phase: int, value: Any = None, action: Action | None = None) -> None:
        self.env = clock
        self.callbacks = [] if action is None else [action]
        self._value = value
        clock.schedule(self, phase, cycle - clock.now)  # type: ignore[arg-type]


class Packet:
    """What travels: the rows (deliveries) it carries. A tree packet leaves a fork as several, its rows shared out."""

    __slots__ = ("fired", "raw", "rows")

    def __init__(self, rows: list[int], fired: int, raw: bool) -> None:
        self.rows = rows
        self.fired = fired
        self.raw = raw


class Line:
    """Things that wait for one process to take them, first come, first served."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.items: deque[Any] = deque()
        self.sleeper: simpy.Event | None = None

    def put(self, item: Any) -> None:
        self.items.append(item)
        if self.sleeper is not None:
            self.sleeper.succeed()
            self.sleeper = None

    def take(self) -> Process:
        """``item = yield from line.take()`` inside a process."""
        if not self.items:
            self.sleeper = self.clock.event()
            yield self.sleeper
        return self.items.popleft()


class Crossbar:
    """Reads one row at a time: row_read = max(delivered, previous row_read) + row_cycles + op_cycles * synapses."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.free_from = 0

    def read(self, row: int, own: bool) -> None:
        """Takes a row delivered now. Calls come in the order of delivery, own rows first, then by neuron."""
        s = self.session
        synapses = s.own_synapses[row] if own else s.synapses[row]
        begin = max(s.clock.now, self.free_from)
        self.free_from = begin + s.chip.row_cycles + s.chip.op_cycles * synapses
        (s.own_row_read if own else s.row_read)[row] = self.free_from
        s.waiting.append((self.free_from, own, row))
        s.expected -= 1


class Tile:
    """A crossbar, an encoder that turns its spikes into packets, and the interface that feeds the local router."""

    def __init__(self, session: Session, local: Fifo) -> None:
        self.session = session
        self.clock = session.clock
        self.local = local
        self.crossbar = Crossbar(session)
        self.spikes = Line(self.clock)
        self.own_spikes = Line(self.clock)
        self.source_queue = Line(self.clock)
        for process in (self.encode(), self.inject(), self.keep()):
            self.clock.process(process)

    def encode(self) -> Process:
        """The AER encoder, one event at a time: encoded = max(fired, previous encoded) + encode_cycles."""
        s, clock = self.session, self.clock
        while True:
            packet = yield from self.spikes.take()
            cycles = 0 if packet.raw else s.chip.encode_cycles
            done = max(packet.fired, clock.now) + cycles
            if done > clock.now:
                yield At(clock, done, ARRIVE)
            for row in packet.rows:
                s.encoded[row] = done
            self.source_queue.put(packet)

    def inject(self) -> Process:
        """The network interface: one flit a cycle into the local FIFO, a packet whenever a slot is free."""
        s, clock, flits = self.session, self.clock, self.session.chip.flits_per_packet
        link_free_from = 0
        while True:
            packet = yield from self.source_queue.take()
            yield At(clock, max(clock.now, link_free_from), INJECT)
            while not self.local.has_slot:
                yield self.local.slot_freed()
                yield At(clock, clock.now, INJECT)
            for row in packet.rows:
                s.injected[row] = clock.now
            link_free_from = clock.now + flits
            self.local.reserve()
            self.local.enter(packet)

    def keep(self) -> Process:
        """Spikes whose targets share their tile go straight to its crossbar, in the cycle in which they fire."""
        clock = self.clock
        while True:
            fired, row = yield from self.own_spikes.take()
            if fired > clock.now:
                yield At(clock, fired, OWN)
            self.crossbar.read(row, own=True)

    def eject(self, delivery: simpy.Event) -> None:
        """The last flit of a packet is here: its row goes to the crossbar."""
        for row in delivery.value:  # type: ignore[union-attr]
            self.session.delivered[row] = self.clock.now
            self.crossbar.read(row, own=False)


class Fifo:
    """One input of a router. Packets leave in the order in which they came; the one in front asks for its outputs."""

    def __init__(self, session: Session, router: Router, port: int) -> None:
        self.clock = session.clock
        self.chip = session.chip
        self.router = router
        self.port = port
        self.queue: deque[tuple[int, Packet]] = deque()  # (cycle of entry, packet)
        self.branches_left = 0  # outputs that the packet in front still waits for
        self.read_until = 0  # the packet that left last is read out of its slot before this cycle
        self.slots = chip_slots(self.chip)
        self.upstream: Output | None = None
        self.vacancy: simpy.Event | None = None

    @property
    def has_slot(self) -> bool:
        return self.slots > 0

    def slot_freed(self) -> simpy.Event:
        """For the network interface to wait for."""
        self.vacancy = self.clock.event()
        return self.vacancy

    def reserve(self) -> None:
        """A grant upstream, or an injection, takes a slot at once."""
        self.slots -= 1

    def arrive(self, arrival: simpy.Event) -> None:
        """A head comes off the link (ARRIVE)."""
        self.enter(arrival.value)  # type: ignore[arg-type]

    def enter(self, packet: Packet) -> None:
        """A head enters; in front, it asks after router_cycles, and not before the packet ahead has been read out."""
        self.queue.append((self.clock.now, packet))
        if len(self.queue) == 1:
            self.come_to_front()

    def come_to_front(self) -> None:
        entered, _ = self.queue[0]
        At(self.clock, max(entered + self.chip.router_cycles, self.read_until), ASK, action=self.ask)

    def ask(self, _: simpy.Event) -> None:
        """The packet in front asks for every output that its rows need."""
        branches = self.router.branches(self.queue[0][1])
        self.branches_left = len(branches)
        for port, branch in branches.items():
            self.router.outputs[port].request(self.port, branch)

    def granted(self) -> None:
        """One branch of the packet in front begins to leave; with the last one the next packet comes to the front."""
        self.branches_left -= 1
        if self.branches_left:
            return
        self.queue.popleft()
        self.read_until = self.clock.now + self.chip.flits_per_packet
        if self.chip.buffer_packets != UNLIMITED:
            At(self.clock, self.read_until + self.chip.credit_cycles, ARRIVE, action=self.free_slot)
        if self.queue:
            self.come_to_front()

    def free_slot(self, _: simpy.Event) -> None:
        """The packet is out and its credit is back: whoever feeds this FIFO may send again."""
        self.slots += 1
        if self.upstream is not None:
            self.upstream.wake()
        elif self.vacancy is not None:
            self.vacancy.succeed()
            self.vacancy = None


class Output:
    """One output of a router: a round-robin arbiter that sends one packet at a time."""

    def __init__(self, session: Session, router: Router, port: int) -> None:
        self.session = session
        self.clock = session.clock
        self.router = router
        self.port = port
        self.requests: dict[int, Packet] = {}  # input port -> the packet, or branch of one, that asks
        self.pointer = LOCAL
        self.free_from = 0
        self.wakes_at = -1
        self.downstream: Fifo | None = None  # None: the local output, or the edge of the mesh
        self.link_cycles = session.chip.link_cycles_x if port in (EAST, WEST) else session.chip.link_cycles_y

    def request(self, port: int, packet: Packet) -> None:
        self.requests[port] = packet
        self.wake()

    def wake(self) -> None:
        """Arbitrate in this cycle, or as soon as the packet that holds the output has left."""
        cycle = max(self.clock.now, self.free_from)
        if self.requests and self.wakes_at != cycle:
            self.wakes_at = cycle
            At(self.clock, cycle, GRANT, action=self.arbitrate)

    def arbitrate(self, _: simpy.Event) -> None:
        """Grants one of those that ask: the first from the pointer upward. Without a credit nobody; the credit wakes us."""
        if self.downstream is not None and not self.downstream.has_slot:
            return
        for winner in SEARCH[self.pointer]:
            if winner in self.requests:
                break
        self.pointer = (winner + 1) % 5
        self.free_from = self.clock.now + self.session.chip.flits_per_packet
        self.send(self.requests.pop(winner))
        self.router.inputs[winner].granted()
        self.wake()

    def send(self, packet: Packet) -> None:
        s, now, flits = self.session, self.clock.now, self.session.chip.flits_per_packet
        if self.downstream is None:
            for row in packet.rows:
                s.granted[row] = now
            At(self.clock, now + flits - 1 + s.chip.eject_cycles, DELIVER, packet.rows, self.router.tile.eject)
            return
        s.link_flits[self.router.index][self.port - 1] += flits
        self.downstream.reserve()
        At(self.clock, now + self.link_cycles, ARRIVE, packet, self.downstream.arrive)


class Router:
    """Five inputs, five outputs, XY routing: first along x, then along y."""

    def __init__(self, session: Session, index: int) -> None:
        self.session = session
        self.index = index
        self.y, self.x = divmod(index, session.chip.cols)
        self.inputs = [Fifo(session, self, port) for port in PORTS]
        self.outputs = [Output(session, self, port) for port in PORTS]
        self.tile = Tile(session, self.inputs[LOCAL])

    def port_towards(self, destination: int) -> int:
        y, x = divmod(destination, self.session.chip.cols)
        if x != self.x:
            return EAST if x > self.x else WEST
        if y != self.y:
            return SOUTH if y > self.y else NORTH
        return LOCAL

    def branches(self, packet: Packet) -> dict[int, Packet]:
        """The outputs that a packet needs, and the rows that leave by each: one output, or several where a tree forks."""
        destination = self.session.destination
        if len(packet.rows) == 1:
            return {self.port_towards(destination[packet.rows[0]]): packet}
        rows_of: dict[int, list[int]] = {}
        for row in packet.rows:
            rows_of.setdefault(self.port_towards(destination[row]), []).append(row)
        return {port: Packet(rows, packet.fired, packet.raw) for port, rows in rows_of.items()}


class Session:
    """A chip that runs piece by piece: see :class:`spikemesh.simulation.program.Session`."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.clock = Clock()
        self.cycle = 0
        self.last_fired = NOT_YET
        self.expected = 0  # rows pushed and not delivered yet
        self.source: list[int] = []
        self.destination: list[int] = []
        self.synapses: list[int] = []
        self.own_synapses: list[int] = []
        self.encoded: list[int] = []
        self.injected: list[int] = []
        self.granted: list[int] = []
        self.delivered: list[int] = []
        self.row_read: list[int] = []
        self.own_row_read: list[int] = []
        self.waiting: list[tuple[int, bool, int]] = []  # (row_read, own, row): delivered, and not taken yet
        self.link_flits = [[0, 0, 0, 0] for _ in range(chip.n_tiles)]
        self.routers = [Router(self, index) for index in range(chip.n_tiles)]
        self.connect()

    def connect(self) -> None:
        """Lays the links between neighbours: the east output of a router feeds the west input of the next."""
        for router in self.routers:
            for port, (dx, dy) in STEP.items():
                x, y = router.x + dx, router.y + dy
                if 0 <= x < self.chip.cols and 0 <= y < self.chip.rows:
                    fifo = self.routers[y * self.chip.cols + x].inputs[OPPOSITE[port]]
                    router.outputs[port].downstream = fifo
                    fifo.upstream = router.outputs[port]

    def push(self, traffic: Traffic) -> None:
        """Adds rows that fire at or after ``cycle`` and strictly after all that were pushed before."""
        fired, own_fired = traffic.fired.tolist(), traffic.own_fired.tolist()
        if not fired and not own_fired:
            return
        first = min(fired[:1] + own_fired[:1])
        if first < self.cycle or first <= self.last_fired:
            raise SimulationError(
                f"rows that fire at cycle {first} come too late: cycle {self.cycle} is next and rows up to "
                f"cycle {self.last_fired} were pushed before"
            )
        self.last_fired = max(fired[-1:] + own_fired[-1:])
        self.expected += len(fired) + len(own_fired)
        self.push_packets(traffic, fired)
        row = len(self.own_row_read)
        for k, (cycle, tile) in enumerate(zip(own_fired, traffic.own_tile.tolist(), strict=True)):
            self.routers[tile].tile.own_spikes.put((cycle, row + k))
        self.own_synapses += traffic.own_synapses.tolist()
        self.own_row_read += [NOT_YET] * len(own_fired)

    def push_packets(self, traffic: Traffic, fired: list[int]) -> None:
        first_row = len(self.row_read)
        edges = np.flatnonzero(np.diff(traffic.packet, prepend=-1, append=traffic.n_packets)).tolist()
        for begin, end in pairwise(edges):
            packet = Packet(list(range(first_row + begin, first_row + end)), fired[begin], traffic.raw)
            self.routers[traffic.source[begin]].tile.spikes.put(packet)
        self.destination += traffic.destination.tolist()
        self.synapses += traffic.synapses.tolist()
        for column in (self.encoded, self.injected, self.granted, self.delivered, self.row_read):
            column += [NOT_YET] * len(fired)

    def advance(self, until: int | None = None) -> None:
        """Simulates every cycle before ``until``; without it, on until all rows are read."""
        if until is None:
            while self.expected:
                self.clock.step()
            until = max(router.tile.crossbar.free_from for router in self.routers) + 1 if self.last_fired != NOT_YET else 0
        if until > self.cycle:
            if until > self.clock.now:
                self.clock.run(At(self.clock, until, STOP))
            self.cycle = until

    def take_read(self) -> Rows:
        """Rows read before ``cycle`` and not taken yet: (row, own, row_read), sorted by (row_read, own, row)."""
        ready = [entry for entry in self.waiting if entry[0] < self.cycle]
        self.waiting = [entry for entry in self.waiting if entry[0] >= self.cycle]
        return as_rows(ready)

    def take_delivered(self) -> Rows:
        """Rows delivered before ``cycle`` and not taken yet, in the same form."""
        ready, self.waiting = self.waiting, []
        return as_rows(ready)

    def flow(self) -> Flow:
        """All rows pushed so far; what happens at ``cycle`` or later has not happened."""

        def before_now(cycles: list[int]) -> NDArray[np.int64]:
            array = np.array(cycles, np.int64)
            array[array >= self.cycle] = NOT_YET
            return array

        row_read, own_row_read = before_now(self.row_read), before_now(self.own_row_read)
        return Flow(
            encoded=before_now(self.encoded),
            injected=before_now(self.injected),
            granted=before_now(self.granted),
            delivered=before_now(self.delivered),
            row_read=row_read,
            own_row_read=own_row_read,
            link_flits=np.array(self.link_flits, np.int64).reshape(-1, 4),
            cut=bool((row_read == NOT_YET).any() or (own_row_read == NOT_YET).any()),
        )


def as_rows(entries: list[tuple[int, bool, int]]) -> Rows:
    """(row_read, own, row) entries as three columns (row, own, row_read), sorted."""
    table = np.array(sorted(entries), np.int64).reshape(-1, 3)
    return table[:, 2].copy(), table[:, 1].astype(bool), table[:, 0].copy()


def chip_slots(chip: Chip) -> float:
    """Slots of an empty FIFO."""
    return float("inf") if chip.buffer_packets == UNLIMITED else chip.buffer_packets
