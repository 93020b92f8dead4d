"""What must hold of a finished run, whichever engine made it: each law follows from the description of the chip alone.

These are checks of results, not a model: they know nothing of arbitration, and a run may keep all of them and still be wrong.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.simulation.program import EAST, NORTH, SOUTH, WEST, Chip, Flow, Traffic

__all__ = ["check_flow", "link_flits", "zero_load"]


def check_flow(chip: Chip, traffic: Traffic, flow: Flow) -> None:
    """Asserts every law on a run that was not cut."""
    assert not flow.cut
    every = (flow.encoded, flow.injected, flow.granted, flow.delivered, flow.row_read)
    assert all(len(cycles) == traffic.n_rows for cycles in every)
    check_encoder(chip, traffic, flow)
    check_source_queue(chip, traffic, flow)
    assert (flow.delivered - flow.injected >= zero_load(chip, traffic)).all(), "faster than an empty mesh"
    flits = chip.flits_per_packet
    assert (flow.delivered == flow.granted + flits - 1 + chip.eject_cycles).all(), "delivery does not follow the local grant"
    for tile in np.unique(traffic.destination):
        grants = np.sort(flow.granted[traffic.destination == tile])
        assert (np.diff(grants) >= flits).all(), f"the local output of tile {tile} sent two packets at once"
    check_crossbars(chip, traffic, flow)
    assert (flow.link_flits == link_flits(chip, traffic)).all(), "flits left the XY route"


def zero_load(chip: Chip, traffic: Traffic) -> NDArray[np.int64]:
    """(n_rows,) cycles from injection to delivery on an empty mesh."""
    across = np.abs(traffic.source % chip.cols - traffic.destination % chip.cols).astype(np.int64)
    along = np.abs(traffic.source // chip.cols - traffic.destination // chip.cols).astype(np.int64)
    links = across * chip.link_cycles_x + along * chip.link_cycles_y
    return (across + along + 1) * chip.router_cycles + links + chip.flits_per_packet - 1 + chip.eject_cycles


def check_encoder(chip: Chip, traffic: Traffic, flow: Flow) -> None:
    """encoded = max(fired, previous encoded) + encode_cycles, tile by tile; raw packets skip the encoder."""
    if traffic.raw:
        assert (flow.encoded == traffic.fired).all()
        return
    for rows in packets_of_tiles(traffic):
        previous = 0
        for row in rows:
            previous = max(int(traffic.fired[row]), previous) + chip.encode_cycles
            assert flow.encoded[row] == previous, f"row {row} is encoded at {flow.encoded[row]}, not {previous}"
    check_same_in_packet(traffic, flow.encoded)


def check_source_queue(chip: Chip, traffic: Traffic, flow: Flow) -> None:
    """Packets leave a tile in order, one flit a cycle, not before they are encoded; a boundless FIFO takes them at once."""
    for rows in packets_of_tiles(traffic):
        earliest = 0
        for row in rows:
            earliest = max(int(flow.encoded[row]), earliest)
            assert flow.injected[row] >= earliest
            if chip.buffer_packets < 0:
                assert flow.injected[row] == earliest
            earliest = int(flow.injected[row]) + chip.flits_per_packet
    check_same_in_packet(traffic, flow.injected)


def packets_of_tiles(traffic: Traffic) -> list[list[int]]:
    """For each source tile the first row of each of its packets, in order."""
    first = np.flatnonzero(np.diff(traffic.packet, prepend=-1))
    return [first[traffic.source[first] == tile].tolist() for tile in np.unique(traffic.source)]


def check_same_in_packet(traffic: Traffic, cycles: NDArray[np.int64]) -> None:
    together = np.diff(traffic.packet) == 0
    assert (np.diff(cycles)[together] == 0).all(), "rows of one packet differ"


def check_crossbars(chip: Chip, traffic: Traffic, flow: Flow) -> None:
    """row_read = max(delivered, previous row_read) + its service, in order (delivered, own tile before mesh, neuron)."""
    remote = zip(traffic.destination, flow.delivered, traffic.neuron, traffic.synapses, flow.row_read, strict=True)
    own = zip(traffic.own_tile, traffic.own_fired, traffic.own_neuron, traffic.own_synapses, flow.own_row_read, strict=True)
    rows = [(int(t), int(d), 1, int(i), int(s), int(r)) for t, d, i, s, r in remote]
    rows += [(int(t), int(d), 0, int(i), int(s), int(r)) for t, d, i, s, r in own]
    tile, previous = -1, 0
    for at, delivered, _, _, synapses, row_read in sorted(rows):
        previous = max(delivered, previous if at == tile else 0) + chip.row_cycles + chip.op_cycles * synapses
        assert row_read == previous, f"tile {at} reads a row at {row_read}, not {previous}"
        tile = at


def link_flits(chip: Chip, traffic: Traffic) -> NDArray[np.int64]:
    """(n_tiles, 4) flits over each link: every link of a packet's XY route once, or of its XY tree once."""
    used = {
        (int(packet), tile, port)
        for packet, source, destination in zip(traffic.packet, traffic.source, traffic.destination, strict=True)
        for tile, port in route(chip, int(source), int(destination))
    }
    flits = np.zeros((chip.n_tiles, 4), np.int64)
    for _, tile, port in sorted(used):
        flits[tile, port - 1] += chip.flits_per_packet
    return flits


def route(chip: Chip, source: int, destination: int) -> list[tuple[int, int]]:
    """(tile, output port) of each link from source to destination, first along x, then along y."""
    y, x = divmod(source, chip.cols)
    to_y, to_x = divmod(destination, chip.cols)
    links = []
    while x != to_x:
        links.append((y * chip.cols + x, EAST if to_x > x else WEST))
        x += 1 if to_x > x else -1
    while y != to_y:
        links.append((y * chip.cols + x, SOUTH if to_y > y else NORTH))
        y += 1 if to_y > y else -1
    return links
