"""The compiled packers against twins that recount everything at every step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.mapping.partition import greedy
from spikemesh.mapping.partition.overlap import overlap
from spikemesh.mapping.partition.partition import _problem
from spikemesh.mapping.partition.repair import repair, rows_of_clusters, split_over_rows
from spikemesh.mapping.partition.spinemap import fewest_clusters
from spikemesh.network import SpikingNetwork


@st.composite
def problems(draw):
    n = draw(st.integers(1, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    m = draw(st.integers(0, 3 * n))
    pre, post = rng.integers(0, n, m), rng.integers(0, n, m)
    net = SpikingNetwork.from_edges(pre, post, rng.integers(1, 5, m).astype(float), n_neurons=n)
    fan_in = max([len(set(pre[post == j])) for j in range(n)] + [1])
    axons = draw(st.none() | st.integers(fan_in, fan_in + 4))
    map_inputs = draw(st.booleans()) or bool(net.is_input.all())
    return _problem(net, rng.integers(0, 9, n).astype(float), draw(st.integers(1, 6)), axons, None, "count", 0, map_inputs)


def feeders(problem, v):
    ptr, sources = problem.feeders
    return set(sources[ptr[v] : ptr[v + 1]].tolist())


def rows(problem, members):
    return set().union(*(feeders(problem, v) for v in members)) if members else set()


def fits(problem, members):
    return len(members) <= problem.capacity and len(rows(problem, members)) <= problem.axon_limit


def as_part(clusters, n):
    part = np.full(n, -1)
    for c, members in enumerate(clusters):
        part[members] = c
    return part.tolist()


@settings(deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_next_fit(problem, random):
    order = list(range(problem.n))
    random.shuffle(order)
    clusters = [[]]
    for v in order:
        if not fits(problem, [*clusters[-1], v]):
            clusters.append([])
        clusters[-1].append(v)
    found = np.empty(problem.n, int)
    found[order] = greedy.next_fit(np.array(order), *problem.feeders, problem.capacity, problem.axon_limit, problem.n_sources)
    assert found.tolist() == as_part(clusters, problem.n)


@settings(deadline=None)
@given(problems())
def test_packing_into_the_fullest_cluster(problem):
    clusters = []
    for v in range(problem.n):
        room = [c for c in clusters if fits(problem, [*c, v])]
        # without a row limit rows are not counted, and the fullest is the one of most neurons
        used = [(len(rows(problem, c)) if problem.axons is not None else 0) + len(c) for c in room]
        if room:
            room[int(np.argmax(used))].append(v)
        else:
            clusters.append([v])
    assert fewest_clusters(problem).tolist() == as_part(clusters, problem.n)


@settings(deadline=None)
@given(problems(), st.integers(1, 3))
def test_streaming_by_local_spikes(problem, opened):
    graph = problem.undirected
    clusters = [[] for _ in range(opened)]
    for v in range(problem.n):
        near = dict(zip(*(a[graph[0][v] : graph[0][v + 1]].tolist() for a in graph[1:]), strict=True))
        scores = [10.0 * sum(near.get(u, 0.0) for u in c) - (2 * len(c) + 1) for c in clusters]
        open_to_v = [k for k, c in enumerate(clusters) if fits(problem, [*c, v])]
        if open_to_v:
            clusters[max(open_to_v, key=lambda k: (scores[k], -k))].append(v)
        else:
            clusters.append([v])
    found = greedy.stream(
        np.arange(problem.n),
        *problem.feeders,
        *graph,
        problem.capacity,
        problem.axon_limit,
        problem.n_sources,
        opened,
        10.0,
    )
    assert found.tolist() == as_part(clusters, problem.n)


@settings(deadline=None)
@given(problems())
def test_splitting_keeps_heavy_synapses_together(problem):
    graph = problem.undirected
    left, clusters = list(range(problem.n)), []
    while left:
        part = [max(left, key=lambda v: (len(feeders(problem, v)), -v))]
        while True:
            rest = [v for v in left if v not in part and fits(problem, [*part, v])]
            if not rest:
                break

            def value(v, part=part):
                near = dict(zip(*(a[graph[0][v] : graph[0][v + 1]].tolist() for a in graph[1:]), strict=True))
                return sum(near.get(u, 0.0) for u in part), -len(feeders(problem, v) - rows(problem, part)), -v

            part.append(max(rest, key=value))
        clusters.append(part)
        left = [v for v in left if v not in part]
    found = greedy.split(
        np.arange(problem.n),
        *problem.feeders,
        *graph,
        problem.capacity,
        problem.axon_limit,
        problem.n_sources,
        problem.n,
    )
    assert found.tolist() == as_part(clusters, problem.n)


@settings(deadline=None)
@given(problems())
def test_overlap_growth(problem):
    ptr, post = problem.targets
    targets = [post[ptr[u] : ptr[u + 1]].tolist() for u in range(problem.n_sources)]
    left, clusters, axon = set(range(problem.n)), [[]], None
    for _ in range(problem.n):
        if axon is None or not left & set(targets[axon]):
            touching = [
                (problem.rates[u] * len(set(targets[u]) & set(clusters[-1])) / len(left & set(targets[u])), -u)
                for u in rows(problem, clusters[-1])
                if left & set(targets[u])
            ]
            sized = [(len(targets[u]), -u) for u in range(problem.n_sources) if left & set(targets[u])]
            axon = -max(touching)[1] if touching else -max(sized)[1] if sized else None
        if axon is None:
            v = min(left)
        else:
            fresh = {v: len(feeders(problem, v) - rows(problem, clusters[-1])) for v in left & set(targets[axon])}
            v = min(fresh, key=lambda v: (fresh[v], -len(feeders(problem, v)), v))
        if clusters[-1] and not fits(problem, [*clusters[-1], v]):
            clusters.append([])
        clusters[-1].append(v)
        left.remove(v)
    assert overlap(problem).tolist() == as_part(clusters, problem.n)


@settings(deadline=None)
@given(problems(), st.integers(1, 4))
def test_repair_leaves_what_fits_and_mends_the_rest(problem, k):
    part = np.random.default_rng(k).integers(0, k, problem.n)
    part = np.unique(part, return_inverse=True)[1]
    mended = repair(problem, part)
    assert np.bincount(mended).max() <= problem.capacity
    assert rows_of_clusters(problem, mended).max() <= problem.axon_limit
    members = [np.flatnonzero(part == c) for c in range(part.max() + 1)]
    if all(fits(problem, m.tolist()) for m in members):
        assert mended.tolist() == part.tolist()


def test_an_over_full_cluster_gives_up_its_lightest_neurons_to_their_friends():
    #  0, 1, 2 are heavy together; 3 sits with them but belongs to 4
    net = SpikingNetwork.from_edges([0, 1, 3], [1, 2, 4], [5.0, 5.0, 1.0], layer_sizes=[5])
    problem = _problem(net, None, 3, None, None, "abs_weight", 0, True)
    assert repair(problem, np.array([0, 0, 0, 0, 1])).tolist() == [0, 0, 0, 1, 1]


def test_a_cluster_over_its_rows_is_cut_between_its_halves():
    net = SpikingNetwork.from_edges([0, 0, 1, 1, 2, 4], [2, 3, 4, 5, 3, 5], np.ones(6), layer_sizes=[2, 4])
    problem = _problem(net, None, 4, 2, None, "count", 0, False)
    assert sorted(map(tuple, as_groups(split_over_rows(problem, np.zeros(4, int))))) == [(0, 1), (2, 3)]


def as_groups(part):
    return [np.flatnonzero(part == c).tolist() for c in range(part.max() + 1)]


def test_taking_the_best_that_has_room():
    score = np.array([[1.0, 2.0], [0.0, 3.0], [0.0, 1.0]], np.float32)
    assert greedy.take_best(score, np.array([1, 0, 2]), 2).tolist() == [1, 1, 0]


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_clusters_counts_distinct_sources(seed):
    rng = np.random.default_rng(seed)
    net = SpikingNetwork.from_edges(rng.integers(0, 9, 40), rng.integers(0, 9, 40), np.ones(40), n_neurons=9)
    problem = _problem(net, None, 9, None, None, "count", 0, True)
    part = rng.integers(0, 3, 9)
    part[:3] = [0, 1, 2]
    expected = [len(rows(problem, np.flatnonzero(part == c).tolist())) for c in range(3)]
    assert rows_of_clusters(problem, part).tolist() == expected
