"""Multilevel placement: its parts by their laws, and problems as large as it is for."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.mapping.place import PlaceProblem, place_problem
from spikemesh.mapping.place.multilevel import coarsen, matched, spread


@st.composite
def graphs(draw) -> PlaceProblem:
    k = draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    traffic = rng.exponential(1.0, (k, k)) * (rng.random((k, k)) < draw(st.sampled_from([0.0, 0.05, 0.3])))
    cols = draw(st.integers(1, 12))
    return PlaceProblem.on_mesh(traffic, cols, -(-k // cols) + draw(st.integers(0, 2)))


def stencil(side: int, reach: int = 1) -> scipy.sparse.csr_array:
    """Clusters on a square, shuffled; each sends to those at most ``reach`` away either way, as layers of convolutions do."""
    ids = np.random.default_rng(0).permutation(side * side).reshape(side, side)
    pairs = []
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            a = ids[max(0, -dy) : side - max(0, dy), max(0, -dx) : side - max(0, dx)]
            b = ids[max(0, dy) : side - max(0, -dy), max(0, dx) : side - max(0, -dx)]
            if dy or dx:
                pairs.append(np.stack([a.ravel(), b.ravel()]))
    source, target = np.concatenate(pairs, axis=1)
    return scipy.sparse.csr_array(scipy.sparse.coo_array((np.ones(len(source)), (source, target)), (side**2, side**2)))


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(0, 99))
def test_matching_pairs_free_vertices_within_the_size(problem, seed):
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 4, problem.k)
    mate = matched(*problem.exchange, size, rng.permutation(problem.k), 4)
    assert (mate[mate] == np.arange(problem.k)).all()
    paired = np.flatnonzero(mate != np.arange(problem.k))
    assert (size[paired] + size[mate[paired]] <= 4).all()
    weight = (problem.traffic + problem.traffic.T).toarray()
    single = np.flatnonzero(mate == np.arange(problem.k))
    for u in single:  # no two that could pair are left over
        assert not ((weight[u, single] > 0) & (size[single] + size[u] <= 4)).any()


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(0, 99))
def test_coarse_traffic_is_what_leaves_the_merged(problem, seed):
    level = coarsen(problem, np.ones(problem.k, np.int64), np.random.default_rng(seed), 2)
    if level is None:
        return
    expected = np.zeros((level.problem.k, level.problem.k))
    np.add.at(expected, (level.parent[:, None], level.parent[None, :]), problem.traffic.toarray())
    np.fill_diagonal(expected, 0.0)
    assert level.problem.traffic.toarray() == pytest.approx(expected)
    assert (level.size == np.bincount(level.parent)).all() and level.size.max() <= 2
    tiles = spread(problem, level, level.problem.tiles[: level.problem.k])
    assert sorted(tiles.tolist()) == problem.core.tolist()


def test_a_shuffled_stencil_is_laid_out_nearly_as_it_was():
    side = 50
    traffic = stencil(side)
    placed = place_problem(PlaceProblem.on_mesh(traffic, side, side), effort="fast")
    as_it_was = traffic.sum() * (4 * 1 + 4 * 2) / 8
    assert placed.hop_cost < 1.6 * as_it_was
    assert sorted(placed.tile_of_cluster.tolist()) == list(range(side * side))


def test_many_clusters_keep_off_blocked_tiles_on_any_mesh_and_repeat():
    traffic = stencil(42)
    blocked = np.random.default_rng(1).permutation(90 * 25)[:200]
    tiles = np.setdiff1d(np.arange(90 * 25), blocked)
    found = [place_problem(PlaceProblem.on_mesh(traffic, 90, 25, tiles, seed=4), effort="fast") for _ in range(2)]
    assert (found[0].tile_of_cluster == found[1].tile_of_cluster).all()
    assert len(np.unique(found[0].tile_of_cluster)) == 42 * 42
    assert np.isin(found[0].tile_of_cluster, tiles).all()
    spectral = place_problem(PlaceProblem.on_mesh(traffic, 90, 25, tiles, seed=4), "spectral")
    assert found[0].hop_cost < 0.8 * spectral.hop_cost
