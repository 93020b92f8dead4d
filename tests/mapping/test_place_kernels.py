"""The compiled kernels of placement against plain-Python twins that count from the definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.mapping.place import PlaceProblem, hop_cost, link_loads
from spikemesh.mapping.place.annealing import swap_change
from spikemesh.mapping.place.balance import POWER, anneal_loads, lay_routes, reroute
from spikemesh.mapping.place.draws import below, next_state, start_state, unit
from spikemesh.mapping.place.force_directed import force_directed, neighbour_tiles
from spikemesh.mapping.place.greedy import greedy
from spikemesh.mapping.place.hilbert import curve, hilbert
from spikemesh.mapping.place.search import Schedule, improve
from spikemesh.mapping.place.slopes import anneal, descend, exchanged, price, slope_table, swap_pairs, tensions, trade, valley
from spikemesh.mapping.place.spectral import embedding, fill_bands
from spikemesh.mapping.place.swarm import decode


@st.composite
def placed(draw) -> tuple[PlaceProblem, np.ndarray]:
    """A problem and some placement of it."""
    k, cols = draw(st.integers(2, 10)), draw(st.integers(1, 5))
    rows = draw(st.integers(-(-k // cols), -(-k // cols) + 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tiles = np.sort(rng.permutation(cols * rows)[: draw(st.integers(k, cols * rows))])
    traffic = rng.exponential(1.0, (k, k)) * (rng.random((k, k)) < draw(st.floats(0.1, 1.0)))
    traffic[0, 1] = 1.0
    problem = PlaceProblem.on_mesh(traffic, cols, rows, tiles)
    return problem, rng.permutation(problem.tiles)[:k]


def traded(problem: PlaceProblem, tiles: np.ndarray, u: int, tile: int) -> np.ndarray:
    """The placement after u goes to ``tile`` and whoever is there to u's."""
    after = tiles.copy()
    after[tiles == tile] = tiles[u]
    after[u] = tile
    return after


def state(problem: PlaceProblem, tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, y, grid and slopes of a placement."""
    x, y = tiles % problem.cols, tiles // problem.cols
    return x, y, problem.occupants(tiles), slope_table(*problem.exchange, x, y, problem.cols, problem.rows)


def counted(problem: PlaceProblem) -> PlaceProblem:
    """The same problem in whole packets, so that sums in any order tie alike."""
    return PlaceProblem.on_mesh(np.ceil(problem.traffic.toarray()), problem.cols, problem.rows, problem.tiles)


def steps(problem: PlaceProblem, a: int, b: int) -> int:
    return abs(a % problem.cols - b % problem.cols) + abs(a // problem.cols - b // problem.cols)


def cost(problem: PlaceProblem, tiles: np.ndarray) -> float:
    return hop_cost(problem.traffic, tiles, problem.cols)


@settings(max_examples=60, deadline=None)
@given(placed())
def test_slopes_are_what_a_step_costs(drawn):
    problem, tiles = drawn
    x, y, _, slopes = state(problem, tiles)
    weight = (problem.traffic + problem.traffic.T).toarray()
    for u in range(problem.k):
        along_x = [sum(weight[u, v] * abs(j - int(x[v])) for v in range(problem.k)) for j in range(problem.cols)]
        along_y = [sum(weight[u, v] * abs(j - int(y[v])) for v in range(problem.k)) for j in range(problem.rows)]
        assert slopes[u, : problem.cols - 1] == pytest.approx(np.diff(along_x), abs=1e-9)
        assert slopes[u, problem.cols : -1] == pytest.approx(np.diff(along_y), abs=1e-9)
    assert not slopes[problem.k].any()


@settings(max_examples=60, deadline=None)
@given(placed())
def test_both_swap_prices_are_differences_of_the_cost(drawn):
    problem, tiles = drawn
    x, y, grid, slopes = state(problem, tiles)
    at = np.searchsorted(problem.tiles, tiles)
    for u in range(problem.k):
        for t, tile in enumerate(problem.tiles):
            if tile == tiles[u]:
                continue
            true = cost(problem, traded(problem, tiles, u, tile)) - cost(problem, tiles)
            v, xt, yt = grid[tile], tile % problem.cols, tile // problem.cols
            quick = price(slopes, problem.cols, u, v if v >= 0 else problem.k, x[u], y[u], xt, yt)
            if v >= 0:
                assert quick <= true + 1e-9
                quick += 2 * exchanged(*problem.exchange, u, v) * (abs(x[u] - xt) + abs(y[u] - yt))
            assert quick == pytest.approx(true, abs=1e-9)
            walked = swap_change(*problem.exchange, at, problem.tile_x, problem.tile_y, u, v, t)
            assert walked == pytest.approx(true, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(placed(), st.integers(0, 2**32 - 1))
def test_trading_keeps_the_slopes_of_the_placement(drawn, seed):
    problem, tiles = drawn
    x, y, grid, slopes = state(problem, tiles)
    rng = np.random.default_rng(seed)
    for _ in range(10):
        u, tile = rng.integers(problem.k), rng.choice(problem.tiles)
        if tile == tiles[u]:
            continue
        v = grid[tile]
        xt, yt = tile % problem.cols, tile // problem.cols
        trade(*problem.exchange, slopes, x, y, grid, problem.cols, u, v if v >= 0 else problem.k, xt, yt)
        tiles = traded(problem, tiles, u, tile)
    assert (y * problem.cols + x == tiles).all()
    assert (grid == problem.occupants(tiles)).all()
    assert slopes == pytest.approx(state(problem, tiles)[3], abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(placed(), st.floats(0.0, 3.0), st.integers(0, 2**62))
def test_annealing_reports_the_change_it_made(drawn, hot, seed):
    problem, tiles = drawn
    x, y, grid, slopes = state(problem, tiles)
    change = anneal(
        *problem.exchange, slopes, x, y, grid, problem.cols, problem.rows, hot + 0.1, 0.1, 3.0, 1.0, 5, 40, seed
    )  # fmt: skip
    after = y * problem.cols + x
    assert cost(problem, after) - cost(problem, tiles) == pytest.approx(change, abs=1e-8)
    assert (grid == problem.occupants(after)).all()


@settings(max_examples=40, deadline=None)
@given(placed())
def test_descent_ends_where_no_trade_pays(drawn):
    problem, tiles = drawn
    x, y, grid, slopes = state(problem, tiles)
    change = descend(
        *problem.exchange, slopes, x, y, grid, problem.tiles, problem.cols, problem.rows, 100, 1e-9
    )  # fmt: skip
    after = y * problem.cols + x
    assert cost(problem, after) - cost(problem, tiles) == pytest.approx(change, abs=1e-8)
    for u in range(problem.k):
        for tile in problem.tiles:
            assert cost(problem, traded(problem, after, u, tile)) >= cost(problem, after) - 1e-8


@settings(max_examples=40, deadline=None)
@given(placed())
def test_tension_is_what_swapping_neighbours_saves(drawn):
    problem, tiles = drawn
    x, y, grid, slopes = state(problem, tiles)
    first, second = neighbour_tiles(problem)
    saved = tensions(*problem.exchange, slopes, grid, first, second, problem.cols, problem.k)
    for a, b, tension in zip(first, second, saved, strict=True):
        assert abs(a % problem.cols - b % problem.cols) + abs(a // problem.cols - b // problem.cols) == 1
        here = [u for u in range(problem.k) if tiles[u] in (a, b)]
        if here:
            after = traded(problem, tiles, here[0], b if tiles[here[0]] == a else a)
            assert tension == pytest.approx(cost(problem, tiles) - cost(problem, after), abs=1e-9)
        else:
            assert tension == 0.0
    before = cost(problem, tiles)
    swap_pairs(*problem.exchange, slopes, x, y, grid, first, second, problem.cols, 1e-9)
    assert cost(problem, y * problem.cols + x) <= before + 1e-9
    if (saved > 1e-6).any():
        assert cost(problem, y * problem.cols + x) < before


@settings(max_examples=60, deadline=None)
@given(placed(), st.integers(0, 2**32 - 1))
def test_rerouting_leaves_the_loads_of_the_new_placement(drawn, seed):
    problem, tiles = drawn
    rng = np.random.default_rng(seed)
    there, back = problem.traffic, problem.traffic.T.tocsr()
    out, into = ((m.indptr.astype(np.int64), m.indices.astype(np.int64), m.data) for m in (there, back))
    x, y = tiles % problem.cols, tiles // problem.cols
    loads = np.zeros((4, problem.cols * problem.rows))
    powers, hops = lay_routes(*out, x, y, loads, problem.cols)
    assert hops == pytest.approx(cost(problem, tiles))
    u, tile = int(rng.integers(problem.k)), rng.choice(problem.tiles)
    v = int(problem.occupants(tiles)[tile])
    if v == u:
        return
    after = traded(problem, tiles, u, tile)
    powers += reroute(*out, *into, x, y, loads, problem.cols, u, v, -1.0)
    powers += reroute(*out, *into, after % problem.cols, after // problem.cols, loads, problem.cols, u, v, 1.0)
    expected = link_loads(problem.traffic, after, problem.cols, problem.rows)
    np.testing.assert_allclose(loads.T, expected, rtol=1e-9, atol=1e-9)
    assert powers == pytest.approx((expected**POWER).sum(), rel=1e-6, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(placed(), st.integers(0, 2**62))
def test_annealing_loads_keeps_the_placement_whole(drawn, seed):
    problem, tiles = drawn
    there, back = problem.traffic, problem.traffic.T.tocsr()
    out, into = ((m.indptr.astype(np.int64), m.indices.astype(np.int64), m.data) for m in (there, back))
    x, y, grid, slopes = state(problem, tiles)
    anneal_loads(
        *problem.exchange, slopes, *out, *into, x, y, grid, problem.cols, problem.rows, 0.5, 0.1, 0.01, 3.0, 1.0, 5, 30, seed
    )  # fmt: skip
    after = y * problem.cols + x
    assert set(after) <= set(problem.tiles) and len(set(after)) == problem.k
    assert (grid == problem.occupants(after)).all()
    assert slopes == pytest.approx(state(problem, after)[3], abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-3, 12), min_size=1, max_size=8), st.integers(8, 10))
def test_a_particle_is_repaired_to_the_nearest_free_tiles(position, n):
    free = list(range(n))
    expected = []
    for value in position:
        rounded = min(max(int(np.floor(value + 0.5)), 0), n - 1)
        expected.append(min(free, key=lambda t: (abs(t - rounded), t)))
        free.remove(expected[-1])
    at = np.empty(len(position), np.int64)
    decode(np.array(position), n, np.empty(n, np.bool_), at)
    assert at.tolist() == expected


@settings(max_examples=40, deadline=None)
@given(placed())
def test_greedy_follows_its_rule(drawn):
    problem = counted(drawn[0])
    weight, volume = (problem.traffic + problem.traffic.T).toarray(), problem.volume
    off = (problem.tile_x - problem.tile_x.mean()) ** 2 + (problem.tile_y - problem.tile_y.mean()) ** 2
    at, free = {}, list(range(problem.n))
    for _ in range(problem.k):
        left = [c for c in range(problem.k) if c not in at]
        u = min(left, key=lambda c: (-sum(weight[c, p] for p in at), -volume[c], c))
        walk = {t: sum(weight[u, p] * steps(problem, problem.tiles[t], problem.tiles[q]) for p, q in at.items()) for t in free}
        at[u] = min(free, key=lambda t: (walk[t], off[t], t))
        free.remove(at[u])
    assert greedy(problem).tolist() == [problem.tiles[at[c]] for c in range(problem.k)]


@settings(max_examples=25, deadline=None)
@given(placed(), st.integers(1, 3))
def test_forces_swap_the_tensest_neighbours_first(drawn, batch):
    problem = counted(drawn[0])
    tiles = hilbert(problem, order="id")
    pairs = list(zip(*neighbour_tiles(problem), strict=True))

    def after(pair):
        here = [u for u in range(problem.k) if tiles[u] in pair]
        return traded(problem, tiles, here[0], pair[1] if tiles[here[0]] == pair[0] else pair[0]) if here else tiles

    while True:
        saved = [cost(problem, tiles) - cost(problem, after(pair)) for pair in pairs]
        tensest = sorted((i for i in range(len(pairs)) if saved[i] > 0), key=lambda i: (-saved[i], i))[:batch]
        if not tensest:
            break
        for i in tensest:
            if cost(problem, after(pairs[i])) < cost(problem, tiles):
                tiles = after(pairs[i])
    assert force_directed(problem, batch=batch).tolist() == tiles.tolist()


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=9))
def test_the_valley_is_the_cheapest_cell(steps_):
    slope = np.sort(np.array(steps_))
    height = np.concatenate([[0.0], np.cumsum(slope)])
    assert height[valley(np.append(slope, 0.0), len(height))] <= height.min() + 1e-12


@pytest.mark.parametrize(("cols", "rows"), [(1, 1), (1, 7), (6, 1), (2, 2), (8, 8), (7, 5), (5, 8), (31, 30), (3, 40)])
def test_the_curve_meets_every_tile_once_in_steps_to_neighbours(cols, rows):
    x, y = curve(cols, rows)
    assert sorted(zip(y.tolist(), x.tolist(), strict=True)) == [(j, i) for j in range(rows) for i in range(cols)]
    steps = np.abs(np.diff(x)) + np.abs(np.diff(y))
    assert (np.maximum(np.abs(np.diff(x)), np.abs(np.diff(y))) == 1).all()
    assert (steps > 1).sum() <= (0 if cols % 2 == 0 and rows % 2 == 0 else max(cols, rows))


@pytest.mark.parametrize("k", [12, 90])
def test_the_embedding_unrolls_a_chain(k):
    rng = np.random.default_rng(0)
    order = rng.permutation(k)
    traffic = np.zeros((k, k))
    traffic[order[:-1], order[1:]] = 1.0
    at = embedding(PlaceProblem.on_mesh(traffic, k, 1), 2)[:, 0]
    found = np.argsort(at)
    assert found.tolist() in (order.tolist(), order[::-1].tolist())


def test_the_embedding_of_clusters_that_do_not_talk_stays_finite():
    traffic = np.zeros((70, 70))
    traffic[0, 1] = traffic[5, 6] = 2.0
    for normalised in (False, True):
        assert np.isfinite(embedding(PlaceProblem.on_mesh(traffic, 9, 8), 3, normalised)).all()


def test_bands_fill_columns_by_one_coordinate_and_rows_by_the_other():
    problem = PlaceProblem.on_mesh(np.zeros((6, 6)), 3, 2)
    tiles = fill_bands(problem, np.array([5, 4, 3, 2, 1, 0.0]), np.array([0, 1, 0, 1, 0, 1.0]))
    assert tiles.tolist() == [2, 5, 1, 4, 0, 3]


def test_improving_silence_changes_nothing():
    problem = PlaceProblem.on_mesh(np.zeros((3, 3)), 2, 2)
    found, tiles = improve(problem, np.array([3, 0, 1]), Schedule(10, 1.0, 0.1, 2.0), 0)
    assert found == 0.0 and tiles.tolist() == [3, 0, 1]


def test_random_numbers_are_the_same_everywhere():
    s = np.uint64(start_state(7))
    stream = []
    for _ in range(3):
        s = np.uint64(next_state(s))
        stream.append(int(s))
    mask = 2**64 - 1

    def twin(v: int) -> int:
        v ^= (v << 13) & mask
        v ^= v >> 7
        return v ^ ((v << 17) & mask)

    state_ = (7 + 1) * 0x9E3779B97F4A7C15 & mask
    for _ in range(8):
        state_ = twin(state_)
    for value in stream:
        state_ = twin(state_)
        assert value == state_
    draws = [below(np.uint64(v), 10) for v in (0, mask, 1 << 63)]
    assert draws == [0, 9, 5]
    assert 0 < unit(np.uint64(0)) < unit(np.uint64(mask)) == 1.0
