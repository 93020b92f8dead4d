"""Lower bounds on the hop cost: below the optimum always, on it where they should be."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.mapping.place import PlaceProblem, hop_cost, place_problem
from spikemesh.mapping.place import bounds as place_bounds
from spikemesh.mapping.place.bounds import hop_cost_bounds, sorted_pairs, stars
from spikemesh.mapping.place.exact import optimum


@st.composite
def small(draw) -> PlaceProblem:
    k, cols, rows = draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    if cols * rows < k:
        rows = -(-k // cols)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(k, min(cols * rows, 8) if cols * rows >= k else k))
    tiles = np.sort(rng.permutation(cols * rows)[:n])
    traffic = rng.exponential(1.0, (k, k)) * (rng.random((k, k)) < draw(st.floats(0.1, 1.0)))
    return PlaceProblem.on_mesh(traffic, cols, rows, tiles)


def brute(problem: PlaceProblem) -> float:
    return min(hop_cost(problem.traffic, p, problem.cols) for p in permutations(problem.tiles, problem.k))


@settings(max_examples=25, deadline=None)
@given(small().filter(lambda p: p.n <= 6))
def test_branch_and_bound_finds_the_optimum(problem):
    best = brute(problem)
    ended, cost, tiles = optimum(problem)
    assert ended and cost == pytest.approx(best, rel=1e-9, abs=1e-12)
    assert hop_cost(problem.traffic, tiles, problem.cols) == pytest.approx(best, rel=1e-9, abs=1e-12)
    assert optimum(problem, below=best * (1 - 1e-9))[2] is None
    if problem.traffic.nnz and problem.k > 2:
        assert not optimum(problem, most_nodes=1)[0]


@settings(max_examples=80, deadline=None)
@given(small())
def test_every_bound_stays_below_the_optimum(problem):
    best = optimum(problem)[1]
    for name, bound in hop_cost_bounds(problem).items():
        assert bound <= best * (1 + 1e-12), name


def test_bounds_beyond_branch_and_bound_stay_below_what_is_found():
    rng = np.random.default_rng(4)
    for k, cols, rows, density in ((40, 7, 7, 1.0), (60, 8, 8, 0.1), (64, 8, 8, 0.5), (30, 30, 1, 0.3)):
        problem = PlaceProblem.on_mesh(rng.exponential(1.0, (k, k)) * (rng.random((k, k)) < density), cols, rows)
        found, bounds = place_problem(problem), hop_cost_bounds(problem)
        assert set(bounds) == {"sorted", "stars", "gilmore-lawler", "projection"}
        assert max(bounds.values()) == found.hop_cost_bound <= found.hop_cost
        assert found.hop_cost_bound > 0.3 * found.hop_cost
        assert bounds["gilmore-lawler"] >= bounds["stars"] * (1 - 1e-9)


def test_sorted_pairs_puts_the_largest_traffic_on_the_shortest_distances():
    problem = PlaceProblem.on_mesh([[0, 5.0, 1], [2, 0, 4], [0, 0, 0]], 3, 1)  # pairs 7, 4, 1; distances 1, 1, 2
    assert sorted_pairs(problem) == 7 + 4 + 2 * 1
    blocked = PlaceProblem.on_mesh([[0, 5.0], [2, 0]], 3, 1, np.array([0, 2]))
    assert sorted_pairs(blocked) == 14.0


def test_bounds_are_reached_where_everything_fits():
    chain = np.diag(np.ones(9), 1)
    assert place_problem(PlaceProblem.on_mesh(chain, 5, 2)).hop_cost == pytest.approx(
        sorted_pairs(PlaceProblem.on_mesh(chain, 5, 2))
    )
    star = np.zeros((5, 5))
    star[0, 1:] = 3.0
    placed = place_problem(PlaceProblem.on_mesh(star, 3, 3))
    assert placed.hop_cost == 12.0 == pytest.approx(placed.hop_cost_bound)


def test_large_meshes_keep_the_bounds_that_scale(monkeypatch):
    rng = np.random.default_rng(1)
    problem = PlaceProblem.on_mesh(rng.random((50, 50)) * (rng.random((50, 50)) < 0.2), 9, 8)
    exact = stars(problem)
    monkeypatch.setattr(place_bounds, "DENSE_UP_TO", 10)
    monkeypatch.setattr(place_bounds, "STARS_UP_TO", 10)
    assert set(hop_cost_bounds(problem)) == {"sorted", "stars"}
    assert 0 < stars(problem) <= exact * (1 + 1e-12)
