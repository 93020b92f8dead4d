"""Every placer by the laws that all of them keep, and ours against the others."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikemesh as sm
from spikemesh.errors import MappingError
from spikemesh.mapping.place import (
    PlaceProblem,
    available_placers,
    find_placer,
    hop_cost,
    link_loads,
    place,
    place_problem,
    placer,
)
from spikemesh.mapping.place import registry as place_registry

PLACERS = ["auto", "force-directed", "greedy", "hilbert", "id-order", "pso", "random", "sa", "spectral"]
SHORT = {"pso": {"iterations": 5, "particles": 4}, "sa": {"proposals_per_cluster": 20}, "auto": {"effort": "fast"}}


@st.composite
def problems(draw, most_clusters: int = 14) -> PlaceProblem:
    """Any shape of mesh, some tiles blocked, from one cluster to a full mesh, from silence to all-to-all."""
    k = draw(st.integers(1, most_clusters))
    cols = draw(st.integers(1, 6))
    rows = draw(st.integers(-(-k // cols), -(-k // cols) + 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    usable = draw(st.integers(k, cols * rows))
    tiles = np.sort(rng.permutation(cols * rows)[:usable])
    density = draw(st.sampled_from([0.0, 0.1, 0.4, 1.0]))
    traffic = rng.exponential(1.0, (k, k)) * (rng.random((k, k)) < density)
    if draw(st.booleans()):
        traffic = np.ceil(traffic)  # ties everywhere
    return PlaceProblem.on_mesh(traffic, cols, rows, tiles, seed=draw(st.integers(0, 5)))


def counted(problem: PlaceProblem, tiles: np.ndarray) -> float:
    """The hop cost, by the definition."""
    traffic, cols = problem.traffic.toarray(), problem.cols
    total = 0.0
    for a in range(problem.k):
        for b in range(problem.k):
            dx, dy = tiles[a] % cols - tiles[b] % cols, tiles[a] // cols - tiles[b] // cols
            total += traffic[a, b] * (abs(int(dx)) + abs(int(dy)))
    return total


def layered(widths: list[int], reach: int, seed: int = 0) -> np.ndarray:
    """Traffic of clusters in layers, each sending to the ``reach`` clusters around its place in the next layer."""
    rng = np.random.default_rng(seed)
    first = np.concatenate([[0], np.cumsum(widths)])
    traffic = np.zeros((first[-1], first[-1]))
    for here, there, n, m in zip(first[:-2], first[1:-1], widths[:-1], widths[1:], strict=True):
        for i in range(n):
            centre = i * m // n
            near = np.arange(max(0, centre - reach // 2), min(m, centre + reach // 2 + 1))
            traffic[here + i, there + near] = rng.exponential(1.0, len(near))
    return traffic


@pytest.mark.parametrize("name", PLACERS)
@settings(max_examples=25, deadline=None)
@given(problem=problems())
def test_every_placer_deals_each_cluster_a_usable_tile_of_its_own(name, problem):
    placed = place_problem(problem, name, **SHORT.get(name, {}))
    tiles = placed.tile_of_cluster
    assert tiles.dtype == np.int32 and tiles.shape == (problem.k,)
    assert set(tiles.tolist()) <= set(problem.tiles.tolist()) and len(set(tiles.tolist())) == problem.k
    assert placed.hop_cost == pytest.approx(counted(problem, tiles), rel=1e-12)
    assert placed.hop_cost_bound <= placed.hop_cost * (1 + 1e-12)
    assert placed.link_loads.sum() == pytest.approx(placed.hop_cost, rel=1e-9, abs=1e-12)
    assert placed.max_link_load == placed.link_loads.max()


@pytest.mark.parametrize("name", PLACERS)
def test_the_same_seed_gives_the_same_tiles(name):
    traffic = layered([30, 60, 40, 10], 9)
    for options in ({}, {"objective": "both"} if name == "auto" else {}):
        found = [place_problem(PlaceProblem.on_mesh(traffic, 13, 12, seed=3), name, **options) for _ in range(2)]
        assert (found[0].tile_of_cluster == found[1].tile_of_cluster).all()


@pytest.mark.parametrize("name", ["auto", "pso", "random", "sa"])
def test_another_seed_searches_elsewhere(name):
    traffic = layered([30, 60, 40, 10], 9)
    found = [place_problem(PlaceProblem.on_mesh(traffic, 13, 12, seed=s), name, **SHORT.get(name, {})) for s in (0, 1)]
    assert (found[0].tile_of_cluster != found[1].tile_of_cluster).any()


def test_auto_finds_the_optimum_of_small_problems():
    rng = np.random.default_rng(20)
    hits = 0
    for _ in range(200):
        k = int(rng.integers(2, 7))
        cols, rows = [(2, 3), (3, 2), (6, 1), (2, 4), (7, 1)][rng.integers(5)]
        tiles = np.sort(rng.permutation(cols * rows)[: rng.integers(max(k, cols * rows - 1), cols * rows + 1)])
        if len(tiles) < k:
            tiles = np.arange(cols * rows)
        traffic = rng.exponential(1.0, (k, k)) * (rng.random((k, k)) < rng.choice([0.3, 0.7, 1.0]))
        problem = PlaceProblem.on_mesh(traffic, cols, rows, tiles, seed=int(rng.integers(100)))
        every = np.array(list(permutations(problem.tiles, k)))
        weight = problem.traffic.toarray()
        apart = np.abs(every[:, :, None] % cols - every[:, None, :] % cols)
        apart = apart + np.abs(every[:, :, None] // cols - every[:, None, :] // cols)
        best = np.tensordot(apart, weight, 2).min()
        placed = place_problem(problem, "auto")
        assert placed.hop_cost >= best * (1 - 1e-12)
        assert placed.hop_cost_bound == pytest.approx(best, rel=1e-6)  # branch and bound ends on these
        hits += placed.hop_cost <= best * (1 + 1e-9)
    assert hits >= 190


@pytest.mark.parametrize(
    ("traffic", "cols", "rows"),
    [(layered([20, 40, 20], 7), 9, 9), (layered([64, 128, 64, 10], 11), 17, 16), (np.ones((40, 40)), 7, 6)],
)
def test_auto_is_no_worse_than_any_other_method(traffic, cols, rows):
    def mean(name: str) -> float:
        return np.mean([place_problem(PlaceProblem.on_mesh(traffic, cols, rows, seed=s), name).hop_cost for s in range(3)])

    ours = mean("auto")
    for name in PLACERS:
        assert ours <= mean(name) * 1.0001, name


def test_more_effort_costs_nothing_in_quality():
    problem = PlaceProblem.on_mesh(layered([64, 128, 64, 10], 11), 17, 16)
    fast, balanced = (place_problem(problem, effort=effort).hop_cost for effort in ("fast", "balanced"))
    assert balanced <= fast


@pytest.mark.parametrize("objective", ["link-load", "both"])
def test_link_objectives_relieve_the_busiest_link(objective):
    problem = PlaceProblem.on_mesh(layered([30, 60, 40, 10], 15), 13, 11)
    hops, relieved = place_problem(problem), place_problem(problem, objective=objective)
    assert relieved.max_link_load < 0.9 * hops.max_link_load
    assert relieved.objective == objective
    if objective == "both":
        assert relieved.max_link_load * relieved.hop_cost < hops.max_link_load * hops.hop_cost


@settings(max_examples=40, deadline=None)
@given(problem=problems(), objective=st.sampled_from(["link-load", "both"]))
def test_link_objectives_never_end_behind_their_start(problem, objective):
    hops, relieved = (place_problem(problem, objective=o, effort="fast") for o in ("hops", objective))
    if objective == "both":
        assert relieved.max_link_load * relieved.hop_cost <= hops.max_link_load * hops.hop_cost * (1 + 1e-9)
    else:
        assert relieved.max_link_load <= hops.max_link_load * (1 + 1e-9)


def test_a_pair_sits_side_by_side_on_a_mesh_of_any_size():
    for name in ("auto", "greedy", "force-directed", "spectral"):
        placed = place_problem(PlaceProblem.on_mesh([[0, 5.0], [1.0, 0]], 9, 4), name)
        assert placed.hop_cost == 6.0
        assert placed.hop_cost_bound == pytest.approx(6.0)


def test_the_front_door_takes_chips_and_partitions():
    chip = sm.load_hardware("dynap-se", mesh=(3, 3), overrides={"mesh.blocked": [[1, 1]]})
    rng = np.random.default_rng(0)
    net = sm.SpikingNetwork.from_edges(rng.integers(0, 20, 60), rng.integers(20, 40, 60), rng.random(60), [20, 20])
    part = sm.partition(net, method="pacman", capacity=5)
    placed = sm.place(part, chip, seed=1)
    assert placed.n_clusters == part.n_clusters == 8
    assert sorted(placed.tile_of_cluster.tolist()) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert placed.hop_cost == hop_cost(part.traffic, placed.tile_of_cluster, 3)
    assert (placed.link_loads == link_loads(part.traffic, placed.tile_of_cluster, 3, 3)).all()
    assert (placed.method, placed.objective, placed.seed) == ("auto", "hops", 1)
    assert placed.options == {"objective": "hops", "effort": "balanced"} and placed.seconds > 0


def test_an_auto_mesh_is_sized_for_the_clusters():
    placed = place(np.ones((5, 5)), sm.load_hardware("dynap-se"), method="id-order")
    assert (placed.problem.cols, placed.problem.rows) == (3, 2)


def test_more_clusters_than_tiles_is_an_error_with_the_numbers():
    with pytest.raises(MappingError, match=r"5 clusters .* 2 x 2 = 4"):
        PlaceProblem.on_mesh(np.ones((5, 5)), 2, 2)
    with pytest.raises(MappingError, match=r"4 clusters .* 2 x 2 = 4, 1 of them blocked"):
        PlaceProblem.on_mesh(np.ones((4, 4)), 2, 2, np.array([0, 1, 3]))
    with pytest.raises(MappingError, match="9"):
        place(np.ones((9, 9)), sm.load_hardware("dynap-se", mesh=(2, 2)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"method": "psp"}, "did you mean 'pso'"),
        ({"objective": "hop"}, "did you mean 'hops'"),
        ({"method": "pso", "objective": "both"}, "needs auto"),
        ({"method": "sa", "proposals": 3}, "did you mean 'proposals_per_cluster'"),
        ({"effort": "best"}, "fast, balanced, quality"),
        ({"seed": -1}, "seed"),
        ({"seed": 0.5}, "seed"),
        ({"method": "pso", "particles": 0}, "particles"),
        ({"method": "sa", "cold": 2.0}, "cold"),
        ({"method": "hilbert", "order": "fast"}, "best, id, spectral"),
        ({"method": "spectral", "laplacian": "plain"}, "combinatorial, normalised"),
        ({"method": "force-directed", "batch": 0}, "batch"),
    ],
)
def test_bad_requests_say_what_is_allowed(change, told):
    with pytest.raises(MappingError, match=told):
        place(np.ones((3, 3)), sm.load_hardware("dynap-se", mesh=(2, 2)), **change)


@pytest.mark.parametrize(
    ("traffic", "told"),
    [
        (np.ones((2, 3)), "square"),
        (np.zeros((0, 0)), "square"),
        ([[0, np.nan], [1, 0]], "finite"),
        ([[0, -1.0], [1, 0]], "not negative"),
        ("traffic", "packets/s"),
    ],
)
def test_bad_traffic_is_named(traffic, told):
    with pytest.raises(MappingError, match=told):
        PlaceProblem.on_mesh(traffic, 3, 3)


def test_every_placer_has_a_source_and_a_summary():
    assert available_placers() == PLACERS == sm.available("placers")
    for name in PLACERS:
        assert find_placer(name).paper and find_placer(name).summary.endswith(".")
    assert find_placer("pso").options == {
        "particles": 30, "iterations": 200, "inertia": 0.72, "cognitive": 1.49, "social": 1.49,
    }  # fmt: skip


def test_what_a_users_placer_returns_is_checked(monkeypatch):
    monkeypatch.setattr(place_registry, "_registered", dict(place_registry._registered))
    problem = PlaceProblem.on_mesh(np.ones((3, 3)), 2, 2, np.array([0, 1, 3]))
    for result, told in (
        ([0, 1], "3 tile indices"),
        ([0, 1, 2], "tile 2"),
        ([0, 1, 1], "two clusters"),
        ([0.0, 1, 3], "float"),
    ):
        placer("mine", paper="none")(lambda problem, result=result: np.array(result))
        with pytest.raises(MappingError, match=told):
            place_problem(problem, "mine")
    placer("mine", paper="none")(lambda problem: problem.tiles[::-1])
    assert place_problem(problem, "mine").tile_of_cluster.tolist() == [3, 1, 0]
