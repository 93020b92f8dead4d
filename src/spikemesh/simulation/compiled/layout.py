"""An empty mesh as the kernels want it: sizes, wiring, and the table that is the round robin arbiter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import SimulationError
from spikemesh.simulation.compiled import kernels
from spikemesh.simulation.program import EAST, LOCAL, NORTH, SOUTH, WEST, Chip

__all__ = ["arbiter", "empty_mesh", "grow_slots", "timing"]

PORTS = 8
"""Places a tile: five ports, the source queue, two unused."""

LONGEST_WAIT = 2**24
"""No chip makes one packet wait longer in one place; keeps the calendar within memory."""


def timing(chip: Chip) -> kernels.Timing:
    """The chip's numbers, checked.

    Raises
    ------
    SimulationError
        for a mesh without tiles or too wide for a route, or a number out of range.
    """
    least = {
        "cols": 1,
        "rows": 1,
        "router_cycles": 0,
        "link_cycles_x": 1,
        "link_cycles_y": 1,
        "eject_cycles": 0,
        "encode_cycles": 0,
        "credit_cycles": 0,
        "flits_per_packet": 1,
        "row_cycles": 0,
        "op_cycles": 0,
    }
    for name, low in least.items():
        high = kernels.STEPS if name in ("cols", "rows") else LONGEST_WAIT
        if not low <= getattr(chip, name) <= high:
            raise SimulationError(f"chip.{name} = {getattr(chip, name)}: must be {low} to {high}")
    if chip.buffer_packets < 1 and chip.buffer_packets != -1:
        raise SimulationError(f"chip.buffer_packets = {chip.buffer_packets}: must be at least 1, or -1 for no limit")
    return kernels.Timing(
        router=int(chip.router_cycles),
        link_x=int(chip.link_cycles_x),
        link_y=int(chip.link_cycles_y),
        flits=int(chip.flits_per_packet),
        reuse=int(chip.flits_per_packet + chip.credit_cycles),
        depth=int(chip.buffer_packets),
        tree=bool(chip.tree),
        cols=int(chip.cols),
        rows=int(chip.rows),
    )


def arbiter() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Rule 2 as a table over the states of an output, pointer * 32 + inputs that ask.

    Returns (256,) the input granted (the first that asks from the pointer upward, mod 5) and (256,) the state after: that
    input no longer asks and the pointer stands one past it.
    """
    winner, after = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
    for pointer in range(5):
        for asks in range(1, 32):
            won = next(p % 5 for p in range(pointer, pointer + 5) if asks >> (p % 5) & 1)
            winner[pointer * 32 + asks] = won
            after[pointer * 32 + asks] = (won + 1) % 5 * 32 + (asks & ~(1 << won))
    return winner, after


def wiring(cols: int, rows: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The FIFO that each output and source queue feeds, and the event that retries each FIFO's feeder; -1 for none."""
    n_places = cols * rows * PORTS
    down, feeder = np.full(n_places, -1, np.int32), np.full(n_places, -1, np.int32)
    tile = np.arange(cols * rows)
    x, y = tile % cols, tile // cols
    for out, into, dx, dy in ((EAST, WEST, 1, 0), (WEST, EAST, -1, 0), (NORTH, SOUTH, 0, -1), (SOUTH, NORTH, 0, 1)):
        inside = (x + dx >= 0) & (x + dx < cols) & (y + dy >= 0) & (y + dy < rows)
        output = tile[inside] * PORTS + out
        fifo = (tile[inside] + dy * cols + dx) * PORTS + into
        down[output] = fifo
        feeder[fifo] = output + n_places
    down[tile * PORTS + kernels.SOURCE] = tile * PORTS + LOCAL
    feeder[tile * PORTS + LOCAL] = tile * PORTS + kernels.SOURCE
    return down, feeder


def empty_mesh(chip: Chip) -> kernels.Mesh:
    """A mesh in its reset state: nothing queued, every pointer at local."""
    n_places = chip.n_tiles * PORTS
    bounded = n_places if chip.buffer_packets >= 0 else 1
    in_return = -(-(chip.flits_per_packet + chip.credit_cycles) // chip.flits_per_packet)
    furthest = max(
        max(chip.link_cycles_x, chip.link_cycles_y) + chip.router_cycles,
        chip.flits_per_packet + chip.credit_cycles,
        chip.encode_cycles,
    )
    down, feeder = wiring(chip.cols, chip.rows)
    winner, after = arbiter()
    mesh = kernels.Mesh(
        clock=np.zeros(6, np.int64),
        head=np.full(n_places, -1, np.int32),
        tail=np.full(n_places, -1, np.int32),
        resume=np.zeros(n_places, np.int64),
        asks=np.zeros(n_places, np.uint8),
        state=np.zeros(n_places, np.uint8),
        held=np.zeros(n_places, np.int64),
        down=down,
        feeder=feeder,
        pushes=np.zeros(bounded, np.int64),
        pops=np.zeros(bounded, np.int64),
        freed=np.zeros((bounded, _power_of_two(min(in_return, max(chip.buffer_packets, 1)))), np.int64),
        starved=np.zeros(bounded, np.uint8),
        sent=np.zeros(n_places, np.int64),
        wheel=np.full(_power_of_two(furthest + 1), -1, np.int32),
        later=np.zeros(2 * n_places, np.int32),
        active=np.zeros(5 * chip.n_tiles, np.int32),
        slots=np.zeros((0, 4), np.int64),
        winner=winner,
        after=after,
    )
    mesh.clock[kernels.FREE] = -1
    return grow_slots(mesh, max(1024, 10 * chip.n_tiles))


def grow_slots(mesh: kernels.Mesh, more: int) -> kernels.Mesh:
    """The same mesh with ``more`` free slots."""
    n = len(mesh.slots)
    slots = np.zeros((n + more, 4), np.int64)
    slots[:n] = mesh.slots
    slots[n:, kernels.NEXT] = np.arange(n + 1, n + more + 1)
    slots[-1, kernels.NEXT] = mesh.clock[kernels.FREE]
    mesh.clock[kernels.FREE] = n
    mesh.clock[kernels.N_FREE] += more
    return mesh._replace(slots=slots)


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()
