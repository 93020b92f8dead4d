"""The definitions of InterW, IntraW and packets, against a twin that follows the words literally."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikemesh.errors import MappingError
from spikemesh.mapping.measure import measure
from spikemesh.network import WEIGHTINGS, SpikingNetwork, edge_weights


@st.composite
def partitioned_networks(draw, off_chip=True):
    n = draw(st.integers(1, 12))
    ids = st.integers(0, n - 1)
    edges = draw(st.lists(st.tuples(ids, ids, st.floats(-2, 2)), max_size=40))
    pre, post, weight = (np.array([e[k] for e in edges], t) for k, t in ((0, int), (1, int), (2, float)))
    net = SpikingNetwork.from_edges(pre, post, weight, n_neurons=n)
    rates = np.array(draw(st.lists(st.floats(0, 100), min_size=n, max_size=n)))
    part = np.array(draw(st.lists(st.integers(-1 if off_chip else 0, 4), min_size=n, max_size=n)))
    return net, rates, part, draw(st.integers(1, 6))


def by_the_words(net, rates, part, capacity, weighting):
    s = net.synapses
    omega = edge_weights(net, rates, weighting)
    inter = intra = packets = bound = from_outside = 0.0
    k = int(part.max()) + 1
    traffic, rows = np.zeros((k, k)), [set() for _ in range(k)]
    for i, j, w in zip(s.pre.tolist(), s.post.tolist(), omega.tolist(), strict=True):
        if part[i] >= 0 and part[i] == part[j]:
            intra += w
        else:
            inter += w
        if part[j] >= 0:
            rows[part[j]].add(i)
    for i in range(net.n_neurons):
        targets = {int(j) for j in s.post[s.pre == i] if part[j] >= 0}
        other = {int(part[j]) for j in targets} - {int(part[i])}
        if part[i] < 0:
            from_outside += rates[i] * len(other)
            continue
        packets += rates[i] * len(other)
        bound += rates[i] * (math.ceil((1 + len(targets - {i})) / capacity) - 1)
        for c in other:
            traffic[part[i], c] += rates[i]
    return inter, intra, packets, bound, from_outside, traffic, [len(r) for r in rows]


@given(partitioned_networks(), st.sampled_from(WEIGHTINGS))
def test_follows_the_definitions(case, weighting):
    net, rates, part, capacity = case
    found = measure(net, rates, part, capacity, weighting)
    inter, intra, packets, bound, from_outside, traffic, rows = by_the_words(net, rates, part, capacity, weighting)
    assert found.inter_weight == pytest.approx(inter, abs=1e-9)
    assert found.intra_weight == pytest.approx(intra, abs=1e-9)
    assert found.packets == pytest.approx(packets)
    assert found.packets_bound == pytest.approx(bound)
    assert found.input_packets == pytest.approx(from_outside)
    np.testing.assert_allclose(found.traffic.toarray(), traffic)
    assert found.axon_counts.tolist() == rows
    assert found.sizes.tolist() == np.bincount(part[part >= 0], minlength=len(rows)).tolist()


@given(partitioned_networks(), st.sampled_from(WEIGHTINGS))
def test_total_is_conserved(case, weighting):
    net, rates, part, capacity = case
    total = edge_weights(net, rates, weighting).sum()
    assert measure(net, rates, part, capacity, weighting).total_weight == pytest.approx(total, abs=1e-9)


@given(partitioned_networks(off_chip=False))
def test_no_feasible_partition_goes_below_the_bound(case):
    net, rates, part, _ = case
    capacity = int(np.bincount(part).max())
    found = measure(net, rates, part, capacity)
    assert found.packets >= found.packets_bound * (1 - 1e-12)


def test_one_cluster_sends_nothing_and_keeps_everything():
    net = SpikingNetwork.from_edges([0, 1, 1], [1, 2, 1], [1.0, -2.0, 0.5], layer_sizes=[1, 2])
    found = measure(net, [1.0, 2.0, 3.0], [0, 0, 0], math.inf)
    assert (found.inter_weight, found.intra_weight, found.packets) == (0.0, 1.0 + 4.0 + 1.0, 0.0)
    assert found.traffic.nnz == 0


def test_parallel_synapses_share_a_packet_and_self_loops_need_none():
    net = SpikingNetwork.from_edges([0, 0, 0, 0], [1, 1, 2, 0], [1.0, 1.0, 1.0, 1.0], layer_sizes=[1, 2])
    found = measure(net, [10.0, 0.0, 0.0], [0, 1, 1], 2)
    assert found.packets == 10.0
    assert found.inter_weight == 30.0
    assert found.intra_weight == 10.0
    assert found.axon_counts.tolist() == [1, 1]


def test_without_rates_every_neuron_counts_one_hertz():
    net = SpikingNetwork.from_edges([0, 0], [1, 2], [3.0, 4.0], layer_sizes=[1, 2])
    found = measure(net, None, [0, 1, 2], 1)
    assert (found.packets, found.inter_weight) == (2.0, 7.0)


@pytest.mark.parametrize(
    ("assignment", "more", "words"),
    [
        ([0, 0], {}, "one integer a neuron"),
        ([0.0, 0.0, 0.0], {}, "one integer a neuron"),
        ([0, -2, 0], {}, "-1 means off the chip"),
        ([0, 3, 0], {"n_clusters": 2}, "names cluster 3"),
        ([0, 0, 0], {"capacity": 0}, "capacity"),
    ],
)
def test_bad_requests_say_what_is_wrong(assignment, more, words):
    net = SpikingNetwork.from_edges([0, 0], [1, 2], [3.0, 4.0], layer_sizes=[1, 2])
    with pytest.raises(MappingError, match=words):
        measure(net, None, assignment, more.pop("capacity", 2), **more)
