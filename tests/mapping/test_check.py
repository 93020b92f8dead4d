"""The check lists every violation, and only violations."""

import numpy as np
import pytest

from spikemesh.hardware import load_hardware
from spikemesh.mapping import Mapping, violations
from spikemesh.mapping.check import check
from spikemesh.network import SpikingNetwork


@pytest.fixture
def hw():
    return load_hardware("dynap-se", mesh=(2, 2), overrides={"crossbar.n_in": 2, "crossbar.n_out": 3, "mesh.blocked": [[1, 1]]})


@pytest.fixture
def net():
    return SpikingNetwork.from_edges([0, 1, 0, 1, 2], [3, 3, 4, 5, 5], np.ones(5), layer_sizes=[3, 3])


def test_a_feasible_mapping_has_none(net, hw):
    assert violations(net, hw, [0, 0, 1, 1, 1, 2], [2, 0, 1]) == []
    assert violations(net, hw, [-1, -1, -1, 0, 0, 1], [0, 1]) == []
    mapping = Mapping(net, hw, np.array([0, 0, 1, 1, 1, 2], np.int32), np.array([2, 0, 1], np.int32))
    assert check(mapping) == []


@pytest.mark.parametrize(
    ("assignment", "tiles", "expected"),
    [
        ([0, 0, 0, 0, 1, 2], [0, 1, 2], ["cluster 0 has 4 neurons for 3 columns"]),
        ([0, 0, 1, 1, 2, 2], [0, 1, 2], ["cluster 2 has 3 axons for 2 rows"]),
        ([0, 0, 1, 1, 1, 2], [0, 1, 3], ["cluster 2 is on tile 3, which is blocked"]),
        ([0, 0, 1, 1, 1, 2], [0, 1, 1], ["clusters 1 and 2 share tile 1"]),
        ([0, 0, 1, 1, 1, 2], [0, 1, 4], ["cluster 2 is on tile 4; the mesh has 4"]),
        ([0, 0, 1, 1, 1, 2], [0, 1, -1], ["cluster 2 is on tile -1; the mesh has 4"]),
        ([0, 0, 1, 1, -1, 2], [0, 1, 2], ["neuron 4 belongs to no cluster"]),
        ([0, 0, 1, 1, 1, 3], [0, 1, 2], ["neuron 5 is assigned to unknown cluster 3"]),
        ([0, 0], [0], ["the assignment names 2 neurons; the network has 6"]),
        (
            [0, 0, 0, 0, 1, -1],
            [3, 3],
            [
                "neuron 5 belongs to no cluster",
                "cluster 0 has 4 neurons for 3 columns",
                "cluster 0 is on tile 3, which is blocked",
                "cluster 1 is on tile 3, which is blocked",
                "clusters 0 and 1 share tile 3",
            ],
        ),
    ],
)
def test_each_violation_is_one_sentence(net, hw, assignment, tiles, expected):
    assert violations(net, hw, assignment, tiles) == expected


def test_parallel_synapses_ask_for_one_crosspoint(hw):
    net = SpikingNetwork.from_edges([0, 0, 0], [1, 1, 1], np.ones(3), layer_sizes=[1, 1])
    expected = ["the crosspoint of axon 0 and neuron 1 would hold more than one synapse"]
    assert violations(net, hw, [0, 0], [0]) == expected


def test_a_mesh_without_a_size_is_one(net):
    auto = load_hardware("dynap-se")
    assert violations(net, auto, [0] * 6, [0]) == ["the mesh of dynap-se is 'auto' and has no size yet"]
