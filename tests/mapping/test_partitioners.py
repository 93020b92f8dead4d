"""What every partitioner promises, whatever its name: limits kept, every neuron once, seeds repeat, totals conserved."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikemesh.errors import MappingError
from spikemesh.mapping.partition import (
    PartitionProblem,
    available_partitioners,
    find_partitioner,
    partition,
    partitioner,
    registry,
)
from spikemesh.mapping.partition.metis import whole_weights
from spikemesh.network import WEIGHTINGS, SpikingNetwork, edge_weights

NAMES = available_partitioners()
SMALL = {"psopart": {"particles": 3, "iterations": 2}}
RUNS = [(name, SMALL.get(name, {})) for name in NAMES]
RUNS += [(name, {"objective": "inter-weight"}) for name in ("auto", "mt-kahypar") if name in NAMES]


@st.composite
def requests(draw):
    """A network, layered or not, and limits that some partition keeps."""
    sizes = draw(st.lists(st.integers(1, 8), min_size=1, max_size=5))
    n = sum(sizes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    m = draw(st.integers(0, 4 * n))
    pre, post = rng.integers(0, n, m), rng.integers(0, n, m)
    if draw(st.booleans()):  # mostly forward
        pre, post = np.minimum(pre, post), np.maximum(pre, post)
    weight = rng.normal(size=m)
    layers = {"layer_sizes": sizes} if draw(st.booleans()) else {"n_neurons": n}
    net = SpikingNetwork.from_edges(pre, post, weight, **layers)
    map_inputs = draw(st.booleans()) or net.is_input.all()
    fan_in = max([len(set(pre[post == j])) for j in range(n)], default=0)
    limits = {
        "capacity": draw(st.integers(1, 8)),
        "axons": draw(st.none() | st.integers(max(fan_in, 1), max(fan_in, 1) + 6)),
        "map_inputs": map_inputs,
        "weighting": draw(st.sampled_from(WEIGHTINGS)),
        "seed": draw(st.integers(0, 3)),
    }
    return net, rng.exponential(size=n) * rng.integers(0, 2, n), limits


@pytest.mark.parametrize(("name", "options"), RUNS)
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(requests())
def test_keeps_both_limits_and_conserves_the_total(name, options, request_):
    net, rates, limits = request_
    part = partition(net, rates, name, **limits, **options)
    on_chip = np.ones(net.n_neurons, bool) if limits["map_inputs"] else ~net.is_input
    assert part.assignment.dtype == np.int32
    assert (part.assignment[~on_chip] == -1).all()
    assert np.array_equal(np.unique(part.assignment[on_chip]), np.arange(part.n_clusters))
    assert part.sizes.sum() == on_chip.sum()
    assert part.sizes.max() <= limits["capacity"]
    if limits["axons"] is not None:
        assert part.axon_counts.max() <= limits["axons"]
    assert part.n_clusters >= math.ceil(on_chip.sum() / limits["capacity"])
    total = edge_weights(net, rates, limits["weighting"]).sum()
    assert part.inter_weight + part.intra_weight == pytest.approx(total, abs=1e-9)
    assert part.packets >= part.packets_bound * (1 - 1e-12)
    assert part.traffic.sum() == pytest.approx(part.packets)
    again = partition(net, rates, name, **limits, **options)
    assert np.array_equal(part.assignment, again.assignment)


def layered(sizes, fan_in=3, seed=0):
    """Every neuron but the first layer's has ``fan_in`` inputs in the layer before it."""
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    pre, post = [], []
    for k in range(1, len(sizes)):
        for j in range(starts[k], starts[k + 1]):
            pre += (starts[k - 1] + rng.choice(sizes[k - 1], min(fan_in, sizes[k - 1]), replace=False)).tolist()
            post += [j] * min(fan_in, sizes[k - 1])
    net = SpikingNetwork.from_edges(pre, post, rng.normal(size=len(pre)), layer_sizes=sizes)
    return net, rng.exponential(size=net.n_neurons)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "snn-gpa"])
def test_makes_as_few_clusters_as_the_capacity_allows(name):
    net, rates = layered([20, 30, 11])
    assert partition(net, rates, name, capacity=8, **SMALL.get(name, {})).n_clusters == math.ceil(61 / 8)


@pytest.mark.parametrize("name", NAMES)
def test_clusters_asked_for_are_made(name):
    net, rates = layered([20, 30, 11])
    assert partition(net, rates, name, capacity=8, clusters=12, **SMALL.get(name, {})).n_clusters == 12


@pytest.mark.parametrize("name", NAMES)
def test_no_capacity_limit_means_one_cluster(name):
    net, rates = layered([6, 5, 4])
    part = partition(net, rates, name, capacity=math.inf, **SMALL.get(name, {}))
    assert part.n_clusters == 1
    assert part.packets == part.inter_weight == 0.0


@pytest.mark.parametrize(
    "name", sorted({"snn-gpa", "spinemap", "neutrams", "sneap", "edgemap", "psopart", "auto"} & set(NAMES))
)
def test_keeps_more_inside_than_random_clusters_do(name):
    net, rates = layered([40, 60, 30], fan_in=4)
    kind = {"objective": "inter-weight"} if name == "auto" else {}
    ours = partition(net, rates, name, capacity=10, **kind)
    base = [partition(net, rates, "random", capacity=10, seed=s).intra_weight for s in range(5)]
    assert ours.intra_weight > 1.3 * np.mean(base)


def test_overlap_needs_fewer_packets_than_random_clusters():
    net, rates = layered([40, 60, 30], fan_in=4)
    assert partition(net, rates, "overlap", capacity=10).packets < partition(net, rates, "random", capacity=10).packets


def test_random_sizes_differ_by_at_most_one():
    net, rates = layered([20, 30, 11])
    sizes = partition(net, rates, "random", capacity=8).sizes
    assert sizes.max() - sizes.min() <= 1


def test_pacman_cuts_in_index_order_and_can_keep_layers_apart():
    net, rates = layered([5, 6, 3])
    assert partition(net, rates, "pacman", capacity=4).assignment.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 2
    apart = partition(net, rates, "pacman", capacity=4, by_layer=True).assignment
    assert apart.tolist() == [0] * 4 + [1] + [2] * 4 + [3] * 2 + [4] * 3


def test_row_limit_opens_a_cluster_as_soon_as_it_would_break():
    #  neuron 3 needs rows {0}, 4 needs {0, 1}, 5 needs {1, 2}: the third would make three rows
    net = SpikingNetwork.from_edges([0, 0, 1, 1, 2], [3, 4, 4, 5, 5], np.ones(5), layer_sizes=[3, 3])
    part = partition(net, None, "pacman", capacity=8, axons=2, map_inputs=False)
    assert part.assignment.tolist() == [-1, -1, -1, 0, 0, 1]
    assert part.axon_counts.tolist() == [2, 2]


def test_released_spinemap_takes_the_fullest_crossbar_that_fits():
    net = SpikingNetwork.from_edges([0, 1, 0, 2, 2], [3, 3, 4, 5, 6], np.ones(5), layer_sizes=[3, 4])
    part = partition(net, None, "spinemap-released", capacity=2, axons=2, map_inputs=False)
    # 3 {0,1} and 4 {0} share one crossbar; 5 {2} and 6 {2} the next
    assert part.assignment.tolist() == [-1, -1, -1, 0, 0, 1, 1]


def test_spinemap_packs_wide_neurons_first_where_that_saves_crossbars():
    #  in index order the six inputs fill two crossbars, and the three wide neurons need three more
    net = SpikingNetwork.from_edges([0, 1, 2, 3, 4, 5], [6, 6, 7, 7, 8, 8], np.ones(6), layer_sizes=[6, 3])
    assert partition(net, None, "spinemap-released", capacity=3, axons=2).n_clusters == 5
    assert partition(net, None, "spinemap", capacity=3, axons=2).n_clusters == 3


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"method": "spinmap"}, "did you mean 'spinemap'"),
        ({"method": "random", "passes": 3}, "has no option 'passes'"),
        ({"method": "snn-gpa", "pases": 3}, "did you mean 'passes'"),
        ({"capacity": 0}, "capacity must be a whole number of at least 1"),
        ({"capacity": 2.5}, "capacity must be a whole number"),
        ({"capacity": "16"}, "capacity must be a whole number"),
        ({"axons": 0}, "axons must be a whole number"),
        ({"axons": 1}, "fit no crossbar: legalise first"),
        ({"clusters": 1}, "need from 2 to 6 clusters"),
        ({"clusters": 7}, "need from 2 to 6 clusters"),
        ({"objective": "packet"}, "did you mean 'packets'"),
        ({"effort": "slow"}, "effort must be one of fast, quality"),
        ({"weighting": "weights"}, "weighting must be one of"),
        ({"method": "psopart", "particles": 10**7}, "take fewer particles"),
    ],
)
def test_impossible_requests_say_why(request_, words):
    net, rates = layered([2, 3, 1], fan_in=2)
    with pytest.raises(MappingError, match=words):
        partition(net, rates, **{"method": "pacman", "capacity": 4} | request_)


def test_nothing_left_to_map_is_an_error():
    net = SpikingNetwork.from_edges([], [], [], layer_sizes=[3])
    with pytest.raises(MappingError, match="nothing to partition"):
        partition(net, map_inputs=False)


def test_a_method_that_breaks_its_limit_is_caught(monkeypatch):
    net, rates = layered([2, 3, 1], fan_in=2)
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))

    @partitioner("one-heap", paper="none")
    def one_heap(problem: PartitionProblem):
        return np.zeros(problem.n, int)

    assert "one-heap" in available_partitioners()
    assert partition(net, rates, "one-heap", capacity=6).n_clusters == 1
    with pytest.raises(MappingError, match="'one-heap' broke its limit: cluster 0 has 6 neurons, 5 fit"):
        partition(net, rates, "one-heap", capacity=5)


def test_methods_of_packages_that_are_absent_say_what_to_install(monkeypatch):
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    monkeypatch.setattr(registry, "_registered", {})
    assert "metis" not in available_partitioners()
    with pytest.raises(MappingError, match="pip install pymetis"):
        find_partitioner("metis")


def test_every_method_says_where_it_comes_from():
    for name in NAMES:
        method = find_partitioner(name)
        assert method.paper
        assert method.summary.endswith(".")


@pytest.mark.parametrize("largest", [1e-3, 1.0, 1e9])
def test_whole_weights_keep_their_proportions_and_a_sum_that_32_bits_hold(largest):
    weight = np.linspace(-1.0, 1.0, 50_000) * largest
    times = np.arange(50_000) % 7 + 1
    whole = whole_weights(weight, times)
    assert whole.min() == 1
    assert (whole * times).sum() < 2**30
    heavy = np.abs(weight) > largest / 10
    ratio = whole[heavy] / np.abs(weight[heavy])
    assert ratio.max() < 1.01 * ratio.min()
    assert (whole_weights(np.zeros(3)) == 1).all()
