"""Raw packets on the mesh: no neurons, no encoder; for latency-load curves and for traffic of one's own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import SimulationError
from spikemesh.simulation.engines import engine_named
from spikemesh.simulation.lower import chip_of, manhattan
from spikemesh.simulation.program import NOT_YET, Chip, Flow, Traffic
from spikemesh.simulation.simulate import check_max_cycles

if TYPE_CHECKING:
    from spikemesh.hardware import Hardware

__all__ = ["TrafficResult", "simulate_traffic"]

SHORTEST_JUDGED_WINDOW = 1000
ENOUGH_ACCEPTED = 0.99
LATEST_CYCLE = 2**53


@dataclass(frozen=True, eq=False)
class TrafficResult:
    """What became of raw packets, row by row in the order given. Cycles are int64, -1 where not reached.

    cycle, source, destination : (n,) int64, as given.
    packet : (n,) int64, number of the packet that carried the row; rows of one group share it.
    injected_cycle, granted_cycle, delivered_cycle : (n,) int64: head in the source's local FIFO; grant of the destination's
        local output; last flit at the tile.
    link_load : (n_tiles, 4) int64, flits sent east, west, north, south by each router, counted at the grant.
    window : (start, stop) in cycles, stop excluded.
    offered, accepted : flits for delivery whose cycle lies in the window (one packet's flits for each row); share of that
        number that was delivered in the window, by whichever packets; 1.0 where nothing was offered.
    backlog : rows not delivered by the window's end, of those offered before it.
    verdict : "cut" (max_cycles came before the last delivery), "saturated" (a window of at least 1000 cycles that accepted
        less than 0.99), else "drained".
    engine, seconds : which engine ran, and how long.
    """

    cycle: NDArray[np.int64]
    source: NDArray[np.int64]
    destination: NDArray[np.int64]
    packet: NDArray[np.int64]
    injected_cycle: NDArray[np.int64]
    granted_cycle: NDArray[np.int64]
    delivered_cycle: NDArray[np.int64]
    link_load: NDArray[np.int64]
    window: tuple[int, int]
    offered: int
    accepted: float
    backlog: int
    verdict: str
    engine: str
    seconds: float

    @property
    def flit_hops(self) -> int:
        """Flits over links between routers, summed over links."""
        return int(self.link_load.sum())

    @property
    def latency(self) -> NDArray[np.int64]:
        """(n,) delivered_cycle - cycle, source queue included; -1 where undelivered."""
        return np.where(self.delivered_cycle == NOT_YET, NOT_YET, self.delivered_cycle - self.cycle)


def simulate_traffic(
    hw: Hardware,
    cycle: ArrayLike,
    source: ArrayLike,
    destination: ArrayLike,
    engine: str = "auto",
    group: ArrayLike | None = None,
    max_cycles: int | None = None,
    window: tuple[int, int] | None = None,
) -> TrafficResult:
    """Sends raw packets over the mesh of ``hw``.

    Row k is a packet that is ready at tile ``source[k]`` in cycle ``cycle[k]``, for tile ``destination[k]``. Packets of one
    tile leave in order of cycle, ties by position in the arrays. A packet to its own tile goes in and out of the local router.

    Parameters
    ----------
    hw : a chip with a sized mesh.
    cycle, source, destination : (n,) integers >= 0; tile (x, y) has index y * cols + x.
    engine : "simpy", "compiled" or "auto".
    group : (n,) integers: rows with the same number travel as one tree packet; they share cycle and source, and no
        destination stands twice. The packet takes its place in the source queue at its first row. Needs a chip with
        ``noc.multicast = "tree"``.
    max_cycles : first cycle not simulated.
    window : (start, stop) over which load is judged; by default from the first to the last cycle of the rows.

    Raises
    ------
    SimulationError
        for a mesh without a size, tiles off the mesh, negative cycles, lengths that differ, rows of one group that differ in
        cycle or source, an unknown engine.
    """
    check_max_cycles(max_cycles)
    chip = chip_of(hw)
    cycles, sources, destinations = (
        whole(values, name, limit, f"the mesh of {hw.name} has tiles 0..{chip.n_tiles - 1}")
        for values, name, limit in (
            (cycle, "cycle", LATEST_CYCLE),
            (source, "source", chip.n_tiles),
            (destination, "destination", chip.n_tiles),
        )
    )
    if not len(cycles) == len(sources) == len(destinations):
        raise SimulationError(
            f"cycle, source and destination differ in length: {len(cycles)}, {len(sources)}, {len(destinations)}"
        )
    span = checked_window(window, cycles)
    leader = leaders(chip, hw.name, group, cycles, sources, destinations)
    chosen = engine_named(engine, lambda: int(manhattan(sources, destinations, chip.cols).sum()) + len(cycles))
    order, place, packet = turns(cycles, leader)
    traffic = raw(cycles[order], sources[order], destinations[order], packet)
    began = time.perf_counter()
    flow = chosen.run(chip, traffic, max_cycles)
    seconds = time.perf_counter() - began
    return result(chip, cycles, sources, destinations, packet[place], flow, place, span, chosen.name, seconds)


Index = NDArray[np.int64] | slice
"""Rows, in an order; a slice where that is their own, so that nothing is copied."""


def turns(cycles: NDArray[np.int64], leader: NDArray[np.int64] | None) -> tuple[Index, Index, NDArray[np.int64]]:
    """The rows by cycle and then packet, where each row stands among them, and the (n,) numbers of their packets."""
    if leader is None and (cycles[1:] >= cycles[:-1]).all():
        return slice(None), slice(None), np.arange(len(cycles))
    first = np.arange(len(cycles)) if leader is None else leader
    order = np.lexsort((np.arange(len(cycles)), first, cycles))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return order, place, np.cumsum(np.diff(first[order], prepend=first[order][:1]) != 0, dtype=np.int64)


def whole(values: ArrayLike, name: str, limit: int, allowed: str) -> NDArray[np.int64]:
    """``values`` as flat int64 in [0, limit), or a SimulationError that names the first offender."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise SimulationError(f"{name} must be a flat array of integers, not {array.dtype} of shape {array.shape}")
    if array.size and not 0 <= array.min() <= array.max() < limit:
        bad = int(np.flatnonzero((array < 0) | (array >= limit))[0])
        where = f"{name}[{bad}] = {int(array[bad])}"
        raise SimulationError(f"{where}: " + (f"cycles lie in 0..{limit - 1}" if name == "cycle" else allowed))
    return array.astype(np.int64)


def checked_window(window: tuple[int, int] | None, cycles: NDArray[np.int64]) -> tuple[int, int]:
    if window is None:
        return (int(cycles.min()), int(cycles.max()) + 1) if len(cycles) else (0, 0)
    try:
        start, stop = (int(edge) for edge in window)
    except (TypeError, ValueError):
        raise SimulationError(f"window must be (start, stop) in cycles, not {window!r}") from None
    if not 0 <= start < stop:
        raise SimulationError(f"window must be (start, stop) with 0 <= start < stop, not {(start, stop)}")
    return start, stop


def leaders(
    chip: Chip,
    name: str,
    group: ArrayLike | None,
    cycles: NDArray[np.int64],
    sources: NDArray[np.int64],
    destinations: NDArray[np.int64],
) -> NDArray[np.int64] | None:
    """(n,) position of the first row of each row's packet; None without groups, where every row is a packet."""
    if group is None:
        return None
    if not chip.tree:
        raise SimulationError(f'group joins rows into tree packets; {name} has noc.multicast = "unicast", not "tree"')
    groups = np.asarray(group)
    if groups.shape != cycles.shape or (groups.size and not np.issubdtype(groups.dtype, np.integer)):
        raise SimulationError(f"group must be {len(cycles)} integers, one a row, not {groups.dtype} of shape {groups.shape}")
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    leader = first[inverse]
    for what, values in (("cycle", cycles), ("source", sources)):
        bad = np.flatnonzero(values != values[leader])
        if len(bad):
            k = int(bad[0])
            raise SimulationError(
                f"rows {int(leader[k])} and {k} share group {int(groups[k])} but not their {what}: "
                f"{int(values[leader[k]])} and {int(values[k])}"
            )
    order = np.lexsort((destinations, leader))
    twice = (np.diff(leader[order]) == 0) & (np.diff(destinations[order]) == 0)
    if twice.any():
        k = int(order[1:][twice][0])
        raise SimulationError(f"group {int(groups[k])} names destination {int(destinations[k])} twice")
    return leader.astype(np.int64)


def raw(
    cycles: NDArray[np.int64], sources: NDArray[np.int64], destinations: NDArray[np.int64], packet: NDArray[np.int64]
) -> Traffic:
    none = np.empty(0, np.int32)
    return Traffic(
        fired=cycles,
        neuron=packet.astype(np.int32),
        source=sources.astype(np.int32),
        destination=destinations.astype(np.int32),
        synapses=np.zeros(len(cycles), np.int32),
        packet=packet,
        own_fired=np.empty(0, np.int64),
        own_neuron=none,
        own_tile=none,
        own_synapses=none,
        raw=True,
    )


def result(
    chip: Chip,
    cycles: NDArray[np.int64],
    sources: NDArray[np.int64],
    destinations: NDArray[np.int64],
    packet: NDArray[np.int64],
    flow: Flow,
    place: Index,
    window: tuple[int, int],
    engine: str,
    seconds: float,
) -> TrafficResult:
    """The flow in the order of the rows given, judged over the window."""
    delivered = flow.delivered[place]
    start, stop = window
    inside = (cycles >= start) & (cycles < stop)
    arrived = (delivered >= start) & (delivered < stop)
    offered = int(inside.sum())
    accepted = float(arrived.sum() / offered) if offered else 1.0
    missing = delivered == NOT_YET
    if missing.any():
        verdict = "cut"
    elif stop - start >= SHORTEST_JUDGED_WINDOW and accepted < ENOUGH_ACCEPTED:
        verdict = "saturated"
    else:
        verdict = "drained"
    return TrafficResult(
        cycle=cycles,
        source=sources,
        destination=destinations,
        packet=packet,
        injected_cycle=flow.injected[place],
        granted_cycle=flow.granted[place],
        delivered_cycle=delivered,
        link_load=flow.link_flits,
        window=window,
        offered=offered * chip.flits_per_packet,
        accepted=accepted,
        backlog=int(((cycles < stop) & (missing | (delivered >= stop))).sum()),
        verdict=verdict,
        engine=engine,
        seconds=seconds,
    )
