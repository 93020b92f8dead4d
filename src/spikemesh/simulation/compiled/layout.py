"""An empty mesh as the kernels want it: sizes, wiring, and the table that is the round robin arbiter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import SimulationError
from spikemesh.simulation.compiled import kernels
from spikemesh.simulation.program import EAST, LOCAL, NORTH, SOUTH, UNLIMITED, WEST, Chip

__all__ = ["arbiter", "empty_mesh", "grow_slots", "timing"]

SLOT_WORDS = 4

LONGEST_WAIT = 2**20
"""No chip keeps a packet on a link or a slot in return for longer; the calendar has a bucket for each cycle of it."""

LATEST = 2**40
"""Cycles that are added up leave room below 2^62."""


def timing(chip: Chip) -> kernels.Timing:
    """The chip's numbers, checked.

    Raises
    ------
    SimulationError
        for a mesh without tiles or too wide for a route, or a number out of range.
    """
    for name in ("eject_cycles", "row_cycles", "op_cycles"):
        check(chip, name, 0, LATEST)
    for name in ("router_cycles", "encode_cycles", "credit_cycles"):
        check(chip, name, 0, LONGEST_WAIT)
    for name in ("link_cycles_x", "link_cycles_y", "flits_per_packet"):
        check(chip, name, 1, LONGEST_WAIT)
    for name in ("cols", "rows"):
        check(chip, name, 1, kernels.STEPS)
    if chip.buffer_packets < 1 and chip.buffer_packets != UNLIMITED:
        raise SimulationError(f"chip.buffer_packets = {chip.buffer_packets}: must be at least 1, or {UNLIMITED} for no limit")
    return kernels.Timing(
        router=int(chip.router_cycles),
        link_x=int(chip.link_cycles_x),
        link_y=int(chip.link_cycles_y),
        flits=int(chip.flits_per_packet),
        reuse=int(chip.flits_per_packet + chip.credit_cycles),
        depth=0 if chip.buffer_packets == UNLIMITED else int(chip.buffer_packets),
        tree=bool(chip.tree),
        cols=int(chip.cols),
        rows=int(chip.rows),
    )


def check(chip: Chip, name: str, low: int, high: int) -> None:
    """A SimulationError if a number of the chip is out of range."""
    if not low <= getattr(chip, name) <= high:
        raise SimulationError(f"chip.{name} = {getattr(chip, name)}: the compiled engine takes {low} to {high}")


def arbiter() -> NDArray[np.uint64]:
    """Rule 2 as a table, (256,) over the states of an output: pointer * 32 + one bit for each input that asks.

    An entry is place of the input granted (port * 8) * 256 + state after. The input granted is the first that asks from the
    pointer upward, mod 5; it no longer asks, and the pointer stands one past it.
    """
    table = np.zeros(256, np.uint64)
    for pointer in range(5):
        for asks in range(1, 32):
            won = next(p % 5 for p in range(pointer, pointer + 5) if asks >> p % 5 & 1)
            table[pointer * 32 + asks] = won * 8 * 256 + (won + 1) % 5 * 32 + (asks & ~(1 << won))
    return table


def wiring(cols: int, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(tiles, 8): the FIFO that each output and source queue feeds, and what feeds each FIFO; 0 for nobody."""
    down, feeder = np.zeros((2, cols * rows, kernels.PLACE_WORDS), np.int64)
    tile = np.arange(cols * rows)
    x, y = tile % cols, tile // cols
    for out, into, dx, dy in ((EAST, WEST, 1, 0), (WEST, EAST, -1, 0), (NORTH, SOUTH, 0, -1), (SOUTH, NORTH, 0, 1)):
        here = tile[(x + dx >= 0) & (x + dx < cols) & (y + dy >= 0) & (y + dy < rows)]
        there = here + dy * cols + dx
        down[here, out] = there * 64 + into * 8
        feeder[there, into] = here * 64 + out * 8
    queue = tile * 64 + int(kernels.QUEUE)
    down[tile, int(kernels.QUEUE) // 8] = queue - int(kernels.QUEUE)
    feeder[tile, LOCAL] = queue
    return down, feeder


def empty_mesh(chip: Chip) -> kernels.Mesh:
    """A mesh in its reset state: nothing queued, every pointer at local."""
    n_places = chip.n_tiles * 8
    bounded = chip.buffer_packets != UNLIMITED
    in_return = -(-(chip.flits_per_packet + chip.credit_cycles) // chip.flits_per_packet)
    furthest = max(
        chip.router_cycles + max(chip.link_cycles_x, chip.link_cycles_y, chip.flits_per_packet, chip.encode_cycles),
        chip.flits_per_packet + chip.credit_cycles,
    )
    tile = np.arange(chip.n_tiles)
    down, feeder = wiring(chip.cols, chip.rows)
    places = np.zeros((n_places, kernels.PLACE_WORDS), np.uint64)
    places[:, kernels.DOWN] = down.ravel()
    places[:, kernels.TAIL] = np.arange(n_places) * kernels.PLACE_WORDS + kernels.HEAD
    ring = power_of_two(min(in_return, chip.buffer_packets)) if bounded else 1
    has_extras = bounded or chip.tree or chip.flits_per_packet > 1
    extras = np.zeros((n_places if has_extras else 1, int(kernels.FREED) + ring), np.uint64)
    if has_extras:
        extras[:, kernels.FEEDER] = feeder.ravel()
    mesh = kernels.Mesh(
        clock=np.zeros(6, np.uint64),
        memory=places.ravel(),
        extras=extras,
        wheel=np.full(4 * power_of_two(furthest + 1) + 1, kernels.NONE, np.uint64),
        links=np.zeros(6 * chip.n_tiles + 1, np.uint64),
        locals=np.zeros(chip.n_tiles + 1, np.uint64),
        stands=tile % chip.cols << kernels.COLUMN | tile // chip.cols,
        arbiter=arbiter(),
    )
    return grow_slots(mesh, max(1000, 10 * chip.n_tiles))


def grow_slots(mesh: kernels.Mesh, more: int) -> kernels.Mesh:
    """The same mesh with ``more`` free slots."""
    used = len(mesh.memory)
    memory = np.concatenate([mesh.memory, np.zeros(more * SLOT_WORDS, np.uint64)])
    grown = memory[used:].reshape(more, SLOT_WORDS)
    grown[:, kernels.NEXT] = used + np.arange(1, more + 1) * SLOT_WORDS
    grown[-1, kernels.NEXT] = mesh.clock[kernels.FREE]
    mesh.clock[kernels.FREE] = used
    mesh.clock[kernels.N_FREE] += np.uint64(more)
    return mesh._replace(memory=memory)


def places(mesh: kernels.Mesh) -> NDArray[np.uint64]:
    """(n_tiles, 8, 8) words of the places; a view."""
    return mesh.memory[: 64 * len(mesh.stands)].reshape(-1, 8, kernels.PLACE_WORDS)


def slots(mesh: kernels.Mesh) -> NDArray[np.uint64]:
    """(n, 4) words of the slots; a view."""
    return mesh.memory[64 * len(mesh.stands) :].reshape(-1, SLOT_WORDS)


def sent(mesh: kernels.Mesh) -> NDArray[np.int64]:
    """(n_tiles, 4) flits sent east, west, north, south."""
    return places(mesh)[:, EAST : SOUTH + 1, kernels.SENT].astype(np.int64)


def power_of_two(least: int) -> int:
    """The smallest power of two that is at least ``least``."""
    return 1 << (least - 1).bit_length()
