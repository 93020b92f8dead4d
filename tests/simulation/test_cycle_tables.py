"""Small runs worked out by hand from the description of the chip (docs/simulation.md), cycle by cycle, on both engines.

Tiles of a 3 x 1 mesh are 0, 1, 2 from west to east.
"""

import numpy as np
import pytest

from spikemesh.simulation.engines import Engine
from spikemesh.simulation.program import Chip, Traffic


@pytest.fixture(params=["simpy", "compiled"])
def run(request):
    return Engine(request.param).run


def spikes(rows, tree=False):
    """Remote rows (fired, neuron, source, destination), each with one synapse."""
    fired, neuron, source, destination = zip(*rows, strict=True)
    return Traffic.of(fired, neuron, source, destination, [1] * len(rows), tree=tree)


def test_one_packet_alone(run):
    # encode 1, then per router 2 cycles, per link x 3 and y 4, three flits, eject 5: tile 0 to tile 5 of a 3 x 2 mesh
    chip = Chip(3, 2, encode_cycles=1, router_cycles=2, link_cycles_x=3, link_cycles_y=4, flits_per_packet=3, eject_cycles=5)
    flow = run(chip, spikes([(10, 0, 0, 5)]))
    assert flow.encoded == flow.injected == 11
    # asks at 13, enters tile 1 at 16, asks at 18, enters tile 2 at 21, asks at 23, enters tile 5 at 27, asks at 29
    assert flow.granted == 29
    assert flow.delivered == 29 + 2 + 5
    assert flow.link_flits.tolist() == [[3, 0, 0, 0], [3, 0, 0, 0], [0, 0, 0, 3], [0] * 4, [0] * 4, [0] * 4]


def test_two_inputs_take_turns_at_one_output(run):
    # packet  injected  asks tile 0  granted  enters tile 1  asks  granted  enters tile 2  asks  granted  delivered
    # A 0->2      0          1          1           2          3      4           5          6      6         7
    # B 1->2      2                                            3      3           4          5      5         6
    # C 1->2      3                                            4      5           6          7      7         8
    # In cycle 3 A (from the west) and B (local) ask for tile 1's east output: its pointer stands at local, B wins and the
    # pointer moves to east. In cycle 4 A and C ask: from east upward west comes first, A wins. C follows in cycle 5.
    chip = Chip(3, 1, router_cycles=1, eject_cycles=1)
    flow = run(chip, spikes([(0, 0, 0, 2), (2, 1, 1, 2), (2, 2, 1, 2)]))
    assert flow.injected.tolist() == [0, 2, 3]
    assert flow.granted.tolist() == [6, 5, 7]
    assert flow.delivered.tolist() == [7, 6, 8]


def test_two_flits_hold_an_output_for_two_cycles(run):
    # packet  injected  granted tile 0  enters tile 1  granted  enters tile 2  granted   delivered
    # A 0->2      0       0, until 1          1           3          4         4, until 5     5
    # B 1->2      1                                       1          2         2, until 3     3
    # Both ask in cycle 1; B wins and holds the output in cycles 1 and 2, so A gets it in cycle 3.
    chip = Chip(3, 1, flits_per_packet=2)
    flow = run(chip, spikes([(0, 0, 0, 2), (1, 1, 1, 2)]))
    assert flow.granted.tolist() == [4, 2]
    assert flow.delivered.tolist() == [5, 3]
    assert flow.link_flits[:, 0].tolist() == [2, 4, 0]


def test_full_buffer_stalls_until_the_credit_is_back(run):
    # One slot a FIFO; a slot is free three cycles after the grant that empties it (one flit, credit_cycles 2).
    # packet  injected  asks  granted tile 0  enters tile 1  asks  granted  enters tile 2  asks  delivered
    # P 0->2      0       1         1              2           3      3          4           5       5
    # Q 0->2      4       5         6              7           8      8          9          10      10
    # Tile 0's local slot is free from 1 + 3 = 4: Q is injected then. Tile 1's slot is free from 3 + 3 = 6: Q asks in 5 and
    # waits one cycle. Tile 2's slot is free from 5 + 3 = 8, just when Q asks for it.
    chip = Chip(3, 1, router_cycles=1, credit_cycles=2, buffer_packets=1)
    flow = run(chip, spikes([(0, 0, 0, 2), (0, 1, 0, 2)]))
    assert flow.injected.tolist() == [0, 4]
    assert flow.delivered.tolist() == [5, 10]


def test_tree_packet_forks_and_each_branch_waits_alone(run):
    # 3 x 3 mesh, tiles 0..8 row by row; two flits, router 1, link 1, eject 1.
    # T 3 -> 1, 5, 7   injected 0, leaves tile 3 in 1, enters tile 4 in 2 and asks in 3 for north, east and south
    # X 4 -> 5         injected 2, asks in 3 for tile 4's east output and, from local, wins it for cycles 3 and 4
    # T north, south   granted in 3, at tiles 1 and 7 in 4, local grant in 5, delivered at 5 + 1 + 1 = 7
    # T east           granted in 5, at tile 5 in 6; asks in 7, delivered in 9
    # X                at tile 5 in 4, local grant in 5 (holds 5 and 6), delivered in 7
    # U 3 -> 1         injected 2, leaves tile 3 in 3, enters tile 4 in 4; T's last grant was in 5, so it asks in 7, though
    #                  the north output has been idle since 5; at tile 1 in 8, local grant in 9, delivered in 11
    chip = Chip(3, 3, router_cycles=1, eject_cycles=1, flits_per_packet=2, tree=True)
    rows = [(0, 0, 3, 1), (0, 0, 3, 5), (0, 0, 3, 7), (0, 1, 3, 1), (2, 2, 4, 5)]
    flow = run(chip, spikes(rows, tree=True))
    assert flow.injected.tolist() == [0, 0, 0, 2, 2]
    assert flow.granted.tolist() == [5, 7, 5, 9, 5]
    assert flow.delivered.tolist() == [7, 9, 7, 11, 7]
    expected = np.zeros((9, 4), int)
    expected[3, 0], expected[4, 0], expected[4, 2], expected[4, 3] = 4, 4, 4, 2
    assert (flow.link_flits == expected).all()


def test_tree_packet_frees_its_slot_after_the_last_branch(run):
    # As above with one slot a FIFO and credit_cycles 0: a slot is free two cycles after the (last) grant that empties it.
    # U, injected when tile 3's local slot is free in 1 + 2 = 3, asks in 4. Tile 4's west slot holds T, whose east branch needs
    # tile 5's slot: X took it in 3 and leaves it in 5, so it is free from 7, T is granted in 7 and its slot is free from 9.
    # T east           at tile 5 in 8, local grant in 9, delivered in 11
    # U                granted in 9, at tile 4 in 10, granted in 11 (tile 1's slot, left by T in 5, is free from 7), at
    #                  tile 1 in 12, local grant in 13, delivered in 15
    chip = Chip(3, 3, router_cycles=1, eject_cycles=1, flits_per_packet=2, tree=True, buffer_packets=1)
    rows = [(0, 0, 3, 1), (0, 0, 3, 5), (0, 0, 3, 7), (0, 1, 3, 1), (2, 2, 4, 5)]
    flow = run(chip, spikes(rows, tree=True))
    assert flow.injected.tolist() == [0, 0, 0, 3, 2]
    assert flow.granted.tolist() == [5, 9, 5, 13, 5]
    assert flow.delivered.tolist() == [7, 11, 7, 15, 7]


def test_encoder_takes_events_one_by_one(run):
    # unicast: three events of neuron 0 (tiles 1, 2, 3), then one of neuron 1, three cycles each
    rows = [(0, 0, 0, 1), (0, 0, 0, 2), (0, 0, 0, 3), (0, 1, 0, 1), (50, 0, 0, 1)]
    assert run(Chip(4, 1, encode_cycles=3), spikes(rows)).encoded.tolist() == [3, 6, 9, 12, 53]
    # a tree encodes a spike once
    assert run(Chip(4, 1, encode_cycles=3, tree=True), spikes(rows, True)).encoded.tolist() == [3, 3, 3, 6, 53]


def test_crossbar_reads_one_row_at_a_time(run):
    # A spike from tile 0 reaches tile 1 in cycle 1. Tile 1's own spikes, of neurons 5 and 7 in cycle 1, go first.
    # A row takes 2 cycles and 3 more a synapse: neuron 5 (1 synapse) 1 + 5 = 6, neuron 7 (2 synapses) 6 + 8 = 14, then
    # the spike from the mesh (1 synapse) 14 + 5 = 19.
    traffic = Traffic.of([0], [0], [0], [1], [1], own_fired=[1, 1], own_neuron=[7, 5], own_tile=[1, 1], own_synapses=[2, 1])
    flow = run(Chip(2, 1, row_cycles=2, op_cycles=3), traffic)
    assert flow.delivered == 1
    assert flow.own_row_read.tolist() == [6, 14]
    assert flow.row_read == 19


def test_raw_packet_to_its_own_tile_passes_the_local_router(run):
    none = np.empty(0, np.int32)
    row = np.array([4])
    traffic = Traffic(
        row, np.array([0]), np.array([1]), np.array([1]), np.array([0]), np.array([0]), row[:0], none, none, none, raw=True
    )
    flow = run(Chip(2, 1, router_cycles=2, eject_cycles=3, encode_cycles=9), traffic)
    assert (flow.encoded[0], flow.injected[0], flow.granted[0], flow.delivered[0]) == (4, 4, 6, 9)
    assert not flow.link_flits.any()
