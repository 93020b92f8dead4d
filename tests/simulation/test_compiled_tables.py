"""Runs worked out by hand from the rules of the mesh, cycle by cycle; docs/validation.md prints the same tables."""

import numpy as np
import pytest

from spikemesh.simulation import reference
from spikemesh.simulation.compiled import engine
from spikemesh.simulation.program import Chip, Traffic
from spikemesh.testing.traffic import raw_traffic

pytestmark = pytest.mark.parametrize("run", [engine.run, reference.run], ids=["compiled", "simpy"])


def test_contention_for_one_output(run):
    """Tiles 0, 1, 2 in a row; router 1, link 1, eject 1 cycle; A and D go 0 to 2, B and C go 1 to 2.

    cycle  what happens
    0      A injected at 0
    1      A granted east of 0; D injected at 0
    2      A enters west input of 1; D granted east of 0; B injected at 1
    3      D enters west input of 1; A and B ask for east of 1, pointer at local: B; C injected at 1
    4      A and C ask, pointer at east: A (west input); B enters tile 2
    5      C and D ask, pointer at north: C (local input comes first again); B granted local of 2; A enters 2
    6      D granted east of 1; A granted local of 2; B delivered
    7      C granted local of 2; D enters tile 2; A delivered
    8      D granted local of 2; C delivered
    9      D delivered
    """
    chip = Chip(3, 1, router_cycles=1, eject_cycles=1)
    a, d, b, c = range(4)
    flow = run(chip, raw_traffic(chip, [(0, 0, {2}), (0, 0, {2}), (2, 1, {2}), (2, 1, {2})]))
    assert flow.injected[[a, b, c, d]].tolist() == [0, 2, 3, 1]
    assert flow.granted[[a, b, c, d]].tolist() == [6, 5, 7, 8]
    assert flow.delivered[[a, b, c, d]].tolist() == [7, 6, 8, 9]
    assert flow.link_flits[:, 0].tolist() == [2, 4, 0]


def test_credit_stall(run):
    """Two tiles; FIFOs of one packet, two flits a packet, credits back after 2 cycles, link 1, router 0, eject 0.

    cycle  P                         Q                          R
    0      injected; granted east
    1      enters 1; granted local
    2      delivered                 may inject: no slot
    4      its slot at 0 counts      injected; asks: no credit
    5      its slot at 1 counts      granted east
    6                                enters 1; granted local    may inject: no slot
    7                                delivered
    9                                its slot at 0 counts       injected; asks: no credit
    10                               its slot at 1 counts       granted east
    11                                                          enters 1; granted local
    12                                                          delivered
    """
    chip = Chip(2, 1, buffer_packets=1, flits_per_packet=2, credit_cycles=2)
    flow = run(chip, raw_traffic(chip, [(0, 0, {1})] * 3))
    assert flow.injected.tolist() == [0, 4, 9]
    assert flow.granted.tolist() == [1, 6, 11]
    assert flow.delivered.tolist() == [2, 7, 12]
    assert flow.link_flits[0].tolist() == [6, 0, 0, 0]


def test_tree_fork(run):
    """3 x 3 tiles, tree; two flits a packet, router 1, link 1, eject 0. T goes from 3 to 1, 5 and 7 and forks at 4, where U,
    on its way from 4 to 1, holds the north output; V follows T from 3 to 5.

    cycle  T                                V                                   U
    0      injected at 3
    1      granted east of 3                                                    injected at 4
    2      enters 4                         injected at 3                       granted north of 4
    3      granted east and south of 4      granted east of 3                   enters 1
    4      granted north of 4; enters 5, 7  enters 4                            granted local of 1
    5      granted local of 5 and 7                                             delivered
           enters 1
    6      delivered at 5 and 7             granted east of 4: last grant of
           granted local of 1               T was in 4, two flits later
    7      delivered at 1                   enters 5
    8                                       granted local of 5
    9                                       delivered
    """
    chip = Chip(3, 3, router_cycles=1, flits_per_packet=2, tree=True)
    flow = run(chip, raw_traffic(chip, [(0, 3, {1, 5, 7}), (0, 3, {5}), (1, 4, {1})]))
    t1, t5, t7, v, u = range(5)
    assert flow.injected[[t1, t5, t7, v, u]].tolist() == [0, 0, 0, 2, 1]
    assert flow.granted[[t1, t5, t7, v, u]].tolist() == [6, 5, 5, 8, 4]
    assert flow.delivered[[t1, t5, t7, v, u]].tolist() == [7, 6, 6, 9, 5]
    expected = np.zeros((9, 4), int)
    expected[3, 0], expected[4] = 4, [4, 0, 4, 2]
    assert flow.link_flits.tolist() == expected.tolist()


def test_encoder_and_crossbar(run):
    """Two tiles; an event takes the encoder 3 cycles, a row 2 and each of its synapses 1; link 1, eject 1, router 0.

    Neurons 0 and 1 on tile 0 fire in cycle 0, with 2 and 1 synapses on tile 1; neuron 5, on tile 1, fires in cycle 5 and has
    1 synapse there.

    neuron  encoded           injected  granted at 1  delivered  row read
    0       0 + 3 = 3         3         4             5          max(5, 8) + 2 + 2 = 12
    1       max(0, 3) + 3 = 6 6         7             8          max(8, 12) + 2 + 1 = 15
    5       own tile                                  5          5 + 2 + 1 = 8, before neuron 0: own tile first
    """
    chip = Chip(2, 1, encode_cycles=3, eject_cycles=1, row_cycles=2, op_cycles=1)
    own = {"own_fired": [5], "own_neuron": [5], "own_tile": [1], "own_synapses": [1]}
    flow = run(chip, Traffic.of([0, 0], [0, 1], [0, 0], [1, 1], [2, 1], **own))
    assert flow.encoded.tolist() == [3, 6]
    assert flow.injected.tolist() == [3, 6]
    assert flow.granted.tolist() == [4, 7]
    assert flow.delivered.tolist() == [5, 8]
    assert flow.row_read.tolist() == [12, 15]
    assert flow.own_row_read.tolist() == [8]
