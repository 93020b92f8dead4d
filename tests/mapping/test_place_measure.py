"""Hop cost, link loads and tree links against routes walked link by link."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.errors import MappingError
from spikemesh.mapping.place import hop_cost, link_loads, tree_links

EAST, WEST, NORTH, SOUTH = range(4)


def route(source: int, destination: int, cols: int) -> list[tuple[int, int]]:
    """(tile, port) of every link that a packet takes: x first, then y."""
    x, y = source % cols, source // cols
    xd, yd = destination % cols, destination // cols
    links = []
    while x != xd:
        links.append((y * cols + x, EAST if xd > x else WEST))
        x += 1 if xd > x else -1
    while y != yd:
        links.append((y * cols + x, SOUTH if yd > y else NORTH))
        y += 1 if yd > y else -1
    return links


@st.composite
def placements(draw):
    cols, rows = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    k = draw(st.integers(1, cols * rows))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    traffic = rng.exponential(1.0, (k, k)) * (rng.random((k, k)) < draw(st.floats(0, 1)))
    return traffic, rng.permutation(cols * rows)[:k], cols, rows


@settings(max_examples=80, deadline=None)
@given(placements())
def test_link_loads_are_those_of_the_routes(drawn):
    traffic, tiles, cols, rows = drawn
    expected = np.zeros((cols * rows, 4))
    for a in range(len(tiles)):
        for b in range(len(tiles)):
            if a != b:
                for tile, port in route(tiles[a], tiles[b], cols):
                    expected[tile, port] += traffic[a, b]
    loads = link_loads(traffic, tiles, cols, rows)
    assert loads == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert ((loads > 0) == (expected > 0)).all()  # no rounding residue on a link that carries nothing
    assert hop_cost(traffic, tiles, cols) == pytest.approx(expected.sum(), rel=1e-12)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_a_tree_counts_each_link_of_its_routes_once(cols, rows, seed):
    rng = np.random.default_rng(seed)
    sources = rng.integers(0, cols * rows, 5)
    reached = [rng.integers(0, cols * rows, rng.integers(0, 8)) for _ in sources]
    starts = np.concatenate([[0], np.cumsum([len(r) for r in reached])])
    expected = [len({link for to in r for link in route(source, to, cols)}) for source, r in zip(sources, reached, strict=True)]
    assert tree_links(sources, starts, np.concatenate(reached), cols).tolist() == expected


def test_what_a_cluster_sends_to_itself_costs_nothing():
    assert hop_cost([[7.0, 0], [0, 9.0]], [0, 1], 2) == 0.0


def test_a_placement_must_name_a_tile_for_each_cluster():
    with pytest.raises(MappingError, match="one tile a cluster"):
        hop_cost(np.ones((3, 3)), [0, 1], 2)
    with pytest.raises(MappingError, match="offsets"):
        tree_links([0, 1], [0, 3], [1, 2, 3], 2)
