"""Measures and partitions without a list of synapses are those with one."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikemesh as sm
from spikemesh.errors import MappingError
from spikemesh.mapping import streamed
from spikemesh.mapping.check import violations
from spikemesh.mapping.measure import measure
from spikemesh.mapping.partition import shaped
from spikemesh.mapping.partition.shaped import fused_walk, walk
from spikemesh.metrics.mapped import mapping_columns
from spikemesh.network import WEIGHTINGS, SpikingNetwork


@contextmanager
def streaming(always: bool):
    """Networks of any size, or none, are streamed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SpikingNetwork, "is_streamed", property(lambda network: always))
        yield


def expanded(net: SpikingNetwork) -> SpikingNetwork:
    """The same network from a list of its synapses."""
    return net.with_synapses(net.synapses.pre, net.synapses.post, net.synapses.weight)


NETWORKS = {name: sm.workload(name, weights="drawn") for name in ("LeNet_mnist", "digits_cnn", "DigitRecogSTDP")}


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(sorted(NETWORKS)),
    weighting=st.sampled_from(WEIGHTINGS),
    cut=st.sampled_from(["random", "blocks", "one", "some off"]),
    seed=st.integers(0, 1000),
)
def test_streamed_measures_are_the_listed_ones(name, weighting, cut, seed):
    net, rng = NETWORKS[name], np.random.default_rng(seed)
    n = net.n_neurons
    rates = rng.exponential(1.0, n) * (rng.random(n) < 0.8)
    part = {
        "random": rng.integers(0, 40, n),
        "blocks": np.arange(n) // int(rng.integers(1, 200)),
        "one": np.zeros(n, int),
        "some off": np.where(net.is_input, -1, np.arange(n) // 16),
    }[cut]
    with streaming(False):
        listed = measure(net, rates, part, 16, weighting, n)
    with streaming(True):
        found = measure(net, rates, part, 16, weighting, n)
    for what in ("inter_weight", "intra_weight", "packets", "packets_bound", "input_packets"):
        assert getattr(found, what) == pytest.approx(getattr(listed, what), rel=1e-9, abs=1e-7), what
    if cut == "one" and weighting != "signed":
        assert found.inter_weight == 0.0
    assert (found.sizes == listed.sizes).all() and (found.axon_counts == listed.axon_counts).all()
    assert (found.traffic.indptr == listed.traffic.indptr).all() and (found.traffic.indices == listed.traffic.indices).all()
    assert found.traffic.data == pytest.approx(listed.traffic.data)


@pytest.mark.parametrize("name", ["LeNet_mnist", "digits_cnn"])
@pytest.mark.parametrize("capacity", [16, 100, 256])
def test_the_partition_without_a_list_is_the_one_of_the_expanded_network(monkeypatch, name, capacity):
    net = NETWORKS[name]
    rates = np.random.default_rng(2).exponential(1.0, net.n_neurons)
    with streaming(True):
        implicit = sm.partition(net, rates, capacity=capacity)
        same = SpikingNetwork(net.layers, expanded(net).projections)
        assert (implicit.assignment == sm.partition(same, rates, capacity=capacity).assignment).all()
        pacman = sm.partition(net, rates, method="pacman", capacity=capacity)
        monkeypatch.setattr(shaped, "BUDGET", 3e7)
        better = sm.partition(net, rates, capacity=capacity, effort="quality")
    assert implicit.n_clusters == -(-net.n_neurons // capacity) and implicit.sizes.max() <= capacity
    assert better.packets <= implicit.packets <= pacman.packets
    with streaming(False):
        listed = measure(net, rates, implicit.assignment, capacity)
    assert implicit.packets == pytest.approx(listed.packets) and implicit.inter_weight == pytest.approx(listed.inter_weight)


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(sorted(NETWORKS)),
    capacity=st.integers(1, 300),
    axons=st.sampled_from([None, 400, 784]),
    map_inputs=st.booleans(),
)
def test_streamed_partitions_keep_their_limits(name, capacity, axons, map_inputs):
    net = NETWORKS[name]
    if axons is not None and name == "LeNet_mnist":
        axons += 16  # its widest neuron has 400 inputs
    with streaming(True):
        found = sm.partition(net, None, capacity=capacity, axons=axons, map_inputs=map_inputs)
    assert (found.assignment >= 0).sum() == net.n_neurons - (0 if map_inputs else len(net.input_ids))
    assert (found.assignment[~net.is_input] >= 0).all()
    with streaming(False):
        listed = measure(net, None, found.assignment, capacity)
    assert listed.sizes.max() <= capacity and listed.sizes.min() > 0
    assert axons is None or listed.axon_counts.max() <= axons
    if axons is None:
        mapped = int((found.assignment >= 0).sum())
        assert found.n_clusters == -(-mapped // capacity)


def test_more_clusters_are_made_where_they_are_asked_for():
    with streaming(True):
        assert sm.partition(NETWORKS["LeNet_mnist"], None, capacity=16, clusters=450).n_clusters == 450


@pytest.mark.parametrize("strip", [1, 2, 3])
def test_walks_pass_every_neuron_once_in_compact_blocks(strip):
    order = walk((7, 5, 4), 2, strip)
    assert sorted(order.tolist()) == list(range(140))
    y, x = order // 20, order // 4 % 5
    jumps = np.maximum(np.abs(np.diff(y)), np.abs(np.diff(x))) > max(1, strip)
    assert jumps.sum() == 1 and np.flatnonzero(jumps) == [69]  # from one group of channels to the next


def test_a_fused_walk_keeps_what_is_pooled_with_its_pool():
    order = fused_walk((6, 8, 4), (3, 4, 4), 2, 1)
    assert sorted(order.tolist()) == list(range(192 + 48))
    for cell in order.reshape(-1, 10):  # four positions and their pool, of two channels
        before, after = cell[cell < 192], cell[cell >= 192] - 192
        assert {(int(i) // 32 // 2, int(i) // 4 % 8 // 2) for i in before} == {(int(i) // 16, int(i) // 4 % 4) for i in after}
        assert len(before) == 8 and len(after) == 2


def test_methods_that_need_a_list_say_so():
    net = sm.workload("CNN_CatsVsDogs", weights="drawn")
    for more in ({"method": "snn-gpa"}, {"objective": "inter-weight"}, {"method": "pacman", "axons": 3000}):
        with pytest.raises(MappingError, match=r"522819712 synapses, too many .* 'auto'"):
            sm.partition(net, None, **more)


def test_mappings_are_made_checked_and_described_alike():
    net = NETWORKS["LeNet_mnist"]
    for overrides in ({}, {"crossbar.n_in": 500, "crossbar.n_out": 64}):
        chip = sm.load_hardware("gpa-grid", overrides=overrides)
        with streaming(True):
            mapped = sm.map_network(net, None, chip)
            found = mapping_columns(mapped, np.ones(net.n_neurons))
            tight = sm.load_hardware("gpa-grid", overrides={"crossbar.n_in": 100, "crossbar.n_out": 10})
            wrong = violations(net, tight, mapped.assignment, mapped.tile_of_cluster)
        with streaming(False):
            again = replace(mapped)  # nothing cached
            assert found == pytest.approx(mapping_columns(again, np.ones(net.n_neurons)), nan_ok=True)
            assert wrong == violations(net, tight, mapped.assignment, mapped.tile_of_cluster) != []
        assert (mapped.rows_per_cluster == again.rows_per_cluster).all()
        assert (again.crosspoints_per_cluster == np.bincount(again.axons.cluster, again.axons.n_synapses)).all()


def test_traffic_that_no_memory_holds_is_refused(monkeypatch):
    monkeypatch.setattr(streamed, "MOST_TRAFFIC", 1000)
    net = NETWORKS["LeNet_mnist"]
    with streaming(True), pytest.raises(MappingError, match=r"pairs of the 413 clusters .* 'auto'"):
        measure(net, None, np.random.default_rng(0).integers(0, 413, net.n_neurons), 16)


@pytest.mark.slow
def test_two_million_neurons_are_mapped_by_the_ordinary_call():
    net = sm.workload("CNN_CatsVsDogs", weights="drawn")
    chip = sm.load_hardware("gpa-grid", overrides={"mesh.cols": "auto", "mesh.rows": "auto", "crossbar.n_out": 256})
    mapped = sm.map_network(net, None, chip)
    found = mapping_columns(mapped, np.ones(net.n_neurons))
    assert mapped.n_clusters == -(-net.n_neurons // 256)
    assert found["crosspoints"] == net.n_synapses
    assert found["packets_ratio"] < 2.4 and found["hops_per_packet"] < 4.5
    pacman = sm.partition(net, None, method="pacman", capacity=256)
    assert found["packets_per_s"] < 0.8 * pacman.packets
