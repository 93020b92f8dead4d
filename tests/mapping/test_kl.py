"""Kernighan-Lin: against a plain twin step by step, against networkx, and on cuts whose optimum is known."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.errors import MappingError
from spikemesh.mapping.partition import kl
from spikemesh.mapping.partition.partition import _problem
from spikemesh.network import SpikingNetwork


def problem_of(matrix, capacity, axons=None):
    """The partitioning problem of a graph whose symmetric weights are ``matrix`` (n, n)."""
    pre, post = np.nonzero(np.triu(matrix, 1))
    net = SpikingNetwork.from_edges(pre, post, matrix[pre, post], n_neurons=len(matrix), input_ids=np.arange(0))
    return _problem(net, None, capacity, axons, None, "signed", 0, True)


def improved(matrix, part, passes=10, sweeps=1, axons=None):
    part = np.array(part, np.int64)
    problem = problem_of(matrix, len(part), axons)
    kl.improve_pairs(problem, part, problem.undirected, np.arange(len(part)), passes, sweeps)
    return part


def cut(matrix, part):
    return matrix[part[:, None] != part[None, :]].sum() / 2


def twin(matrix, part, passes):
    """One pair, as the 1970 paper words it; ties as the compiled one breaks them: larger D first, then lower slot."""
    one, two = np.flatnonzero(part == 0).tolist(), np.flatnonzero(part == 1).tolist()
    width = max(len(one), len(two))
    one += [None] * (width - len(one))
    two += [None] * (width - len(two))

    def w(u, v):
        return 0.0 if u is None or v is None else matrix[u, v]

    for _ in range(passes):
        d_one = [sum(w(u, v) for v in two) - sum(w(u, v) for v in one) for u in one]
        d_two = [sum(w(v, u) for u in one) - sum(w(v, u) for u in two) for v in two]
        free_one, free_two = list(range(width)), list(range(width))
        chosen, totals, total = [], [], 0.0
        while free_one:
            best = None
            for a in sorted(free_one, key=lambda k: (-d_one[k], k)):
                for b in sorted(free_two, key=lambda k: (-d_two[k], k)):
                    gain = d_one[a] + d_two[b] - 2 * w(one[a], two[b])
                    if best is None or gain > best[0]:
                        best = gain, a, b
            gain, a, b = best
            free_one.remove(a)
            free_two.remove(b)
            for k in free_one:
                d_one[k] += 2 * w(one[k], one[a]) - 2 * w(one[k], two[b])
            for k in free_two:
                d_two[k] += 2 * w(two[k], two[b]) - 2 * w(two[k], one[a])
            total += gain
            chosen.append((a, b))
            totals.append(total)
        keep = int(np.argmax(totals))
        if totals[keep] <= 0:
            break
        for a, b in chosen[: keep + 1]:
            one[a], two[b] = two[b], one[a]
    result = np.empty(len(part), np.int64)
    result[[u for u in one if u is not None]] = 0
    result[[v for v in two if v is not None]] = 1
    return result


@st.composite
def graphs(draw, least=0):
    n = draw(st.integers(2, 14))
    weights = draw(st.lists(st.integers(least, 9), min_size=n * n, max_size=n * n))
    matrix = np.triu(np.array(weights, float).reshape(n, n), 1)
    part = np.array(draw(st.permutations([k % 2 for k in range(n)])))
    return matrix + matrix.T, part


@settings(deadline=None)
@given(graphs(), st.integers(1, 3))
def test_a_pair_ends_where_the_plain_twin_ends(graph, passes):
    matrix, part = graph
    assert improved(matrix, part, passes).tolist() == twin(matrix, part, passes).tolist()


@settings(deadline=None)
@given(graphs(least=-9), st.integers(1, 3))
def test_negative_weights_too(graph, passes):
    matrix, part = graph
    assert improved(matrix, part, passes).tolist() == twin(matrix, part, passes).tolist()


@settings(deadline=None)
@given(graphs(), st.integers(1, 5))
def test_never_cuts_more_and_lets_no_cluster_outgrow_the_largest(graph, k):
    matrix, _ = graph
    part = np.arange(len(matrix)) % k
    after = improved(matrix, part, sweeps=3)
    assert cut(matrix, after) <= cut(matrix, part)
    assert np.bincount(after).max() <= np.bincount(part).max()


@pytest.mark.parametrize("seed", range(5))
def test_many_clusters_improve_pair_after_pair_and_sweep_after_sweep(seed):
    rng = np.random.default_rng(seed)
    # whole numbers add up exactly, and so large that two sums of them do not tie by chance
    matrix = np.triu(rng.integers(1, 2**30, (24, 24)) * (rng.random((24, 24)) < 0.3), 1).astype(float)
    matrix += matrix.T
    expected = rng.permutation(24) % 4
    start = expected.copy()
    for _ in range(3):
        for i in range(4):
            for j in range(i + 1, 4):
                held = np.flatnonzero((expected == i) | (expected == j))
                pair = twin(matrix[np.ix_(held, held)], (expected[held] == j).astype(int), 10)
                expected[held] = np.where(pair == 0, i, j)
    assert improved(matrix, start, sweeps=3).tolist() == expected.tolist()


def test_cuts_no_more_than_networkx_does():
    ours = theirs = 0.0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        matrix = np.triu(rng.random((24, 24)) * (rng.random((24, 24)) < 0.3), 1)
        matrix += matrix.T
        part = rng.permutation(24) % 2
        graph = nx.from_numpy_array(matrix)
        sides = nx.community.kernighan_lin_bisection(
            graph, (set(np.flatnonzero(part == 0)), set(np.flatnonzero(part == 1))), max_iter=10, seed=seed
        )
        ours += cut(matrix, improved(matrix, part))
        theirs += cut(matrix, np.array([node in sides[1] for node in range(24)]))
    assert ours <= theirs


def test_finds_planted_groups():
    rng = np.random.default_rng(3)
    group = np.repeat([0, 1, 2, 3], 8)
    matrix = np.where(group[:, None] == group[None, :], 1.0, 0.05) * (1 - np.eye(32))
    found = improved(matrix, rng.permutation(group), sweeps=10)
    assert cut(matrix, found) == pytest.approx(cut(matrix, group))


def test_clusters_of_unequal_size_swap_with_dummies():
    #  1-2 belong together and so do 3-4-0; the start has them the other way round
    matrix = np.zeros((5, 5))
    for u, v in ((1, 2), (3, 4), (3, 0), (4, 0)):
        matrix[u, v] = matrix[v, u] = 1.0
    assert cut(matrix, improved(matrix, [0, 0, 1, 1, 0])) == 0.0


def test_refuses_tables_that_would_not_fit(monkeypatch):
    monkeypatch.setattr(kl, "MOST_BYTES", 100)
    with pytest.raises(MappingError, match="use a smaller capacity"):
        improved(np.ones((8, 8)) - np.eye(8), [0, 1] * 4)


def test_a_swap_that_breaks_the_row_limit_is_refused():
    # 0 -> 2, 0 -> 3, 1 -> 4, 1 -> 5: together 2, 3 need one row; a mixed pair needs two
    net = SpikingNetwork.from_edges([0, 0, 1, 1], [2, 3, 4, 5], np.ones(4), layer_sizes=[2, 4])
    graph = np.zeros((6, 6))
    graph[2, 4] = graph[4, 2] = graph[3, 5] = graph[5, 3] = 5.0  # heavy: would pull 2 to 4 and 3 to 5
    pre, post = np.nonzero(graph)
    symmetric = (np.searchsorted(pre, np.arange(7)), post.astype(np.int32), graph[pre, post])
    for axons, moves in ((1, False), (2, True)):
        problem = _problem(net, None, 3, axons, None, "signed", 0, True)
        part = np.array([0, 1, 0, 0, 1, 1], np.int64)
        kl.improve_pairs(problem, part, symmetric, np.arange(6), 10, 1)
        assert (part[2] == part[4]) is np.bool_(moves)
