"""SNN-GPA: layer pairs that fill whole clusters, the cluster counts of Table II, and what enters a gain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.mapping.partition import partition
from spikemesh.mapping.partition.layers import depth_of_neuron
from spikemesh.mapping.partition.partition import _problem
from spikemesh.mapping.partition.snn_gpa import layer_pairs
from spikemesh.network import SpikingNetwork

TABLE_2 = {
    "synthetic_4k": ([1250, 1500, 1250], 250),
    "MLP_mnist": ([784, 256, 10], 66),
    "LeNet_mnist": ([784, 3456, 864, 1024, 256, 120, 84, 10], 413),
    "LeNet_mnist_padded": ([1024, 4704, 1176, 1600, 400, 120, 84, 10], 570),
    "Zambrano_mnist": ([784, 6912, 1728, 4096, 1024, 10], 910),
}


@pytest.mark.parametrize("name", TABLE_2)
def test_cluster_counts_are_those_of_the_papers_table(name):
    sizes, clusters = TABLE_2[name]
    pairs = layer_pairs(np.repeat(np.arange(len(sizes)), sizes), 16, np.random.default_rng(0))
    assert sum(-(-len(pair) // 16) for pair in pairs) == clusters


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 9), st.integers(0, 99))
def test_every_neuron_is_in_one_pair_of_consecutive_layers(sizes, cap, seed):
    layer = np.repeat(np.arange(len(sizes)), sizes)
    pairs = layer_pairs(layer, cap, np.random.default_rng(seed))
    assert np.array_equal(np.sort(np.concatenate(pairs)), np.arange(len(layer)))
    for pair in pairs:
        assert np.ptp(layer[pair]) <= 1
    clusters = sum(-(-len(pair) // cap) for pair in pairs)
    assert clusters <= -(-len(layer) // cap) + max(len(sizes) - 2, 0)


def layered(sizes, seed=0):
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    pre, post = [], []
    for k in range(1, len(sizes)):
        pre.append(np.repeat(np.arange(starts[k - 1], starts[k]), sizes[k]))
        post.append(np.tile(np.arange(starts[k], starts[k + 1]), sizes[k - 1]))
    pre, post = np.concatenate(pre), np.concatenate(post)
    return pre, post, rng.normal(size=len(pre)), rng.exponential(size=starts[-1])


def test_clusters_never_span_more_than_two_layers():
    pre, post, weight, rates = layered([20, 30, 25, 10])
    net = SpikingNetwork.from_edges(pre, post, weight, layer_sizes=[20, 30, 25, 10])
    part = partition(net, rates, "snn-gpa", capacity=8)
    for cluster in range(part.n_clusters):
        assert np.ptp(net.layer_of_neuron[part.assignment == cluster]) <= 1


def test_a_network_without_layers_is_layered_by_depth():
    pre, post, weight, rates = layered([6, 5, 4])
    flat = SpikingNetwork.from_edges(pre, post, weight)
    problem = _problem(flat, rates, 4, None, None, "rate_weight", 0, True)
    assert depth_of_neuron(problem).tolist() == [0] * 6 + [1] * 5 + [2] * 4
    named = SpikingNetwork.from_edges(pre, post, weight, layer_sizes=[6, 5, 4])
    same = partition(named, rates, "snn-gpa", capacity=4, seed=2).assignment
    assert partition(flat, rates, "snn-gpa", capacity=4, seed=2).assignment.tolist() == same.tolist()


def test_depth_follows_the_shortest_way_round_a_cycle_and_strays_come_last():
    net = SpikingNetwork.from_edges([0, 1, 2, 3, 1, 4], [1, 2, 3, 1, 3, 5], np.ones(6), n_neurons=6, input_ids=[0])
    problem = _problem(net, None, 4, None, None, "count", 0, True)
    assert depth_of_neuron(problem).tolist() == [0, 1, 2, 2, 3, 3]


def test_inputs_off_the_chip_still_count_as_the_first_layer():
    net = SpikingNetwork.from_edges([0, 1, 2, 3], [2, 3, 4, 4], np.ones(4))
    problem = _problem(net, None, 4, None, None, "count", 0, False)
    assert problem.n == 3
    assert depth_of_neuron(problem).tolist() == [0, 0, 1]


def test_improves_on_its_own_random_cut():
    sizes = [40, 60, 30]
    pre, post, weight, rates = layered(sizes)
    net = SpikingNetwork.from_edges(pre, post, weight, layer_sizes=sizes)
    cut = partition(net, rates, "snn-gpa", capacity=10, passes=0).intra_weight
    assert partition(net, rates, "snn-gpa", capacity=10).intra_weight > 1.5 * cut
