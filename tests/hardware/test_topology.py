import itertools

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from spikemesh.hardware import load_hardware, mesh_graph, xy_path

sizes = st.integers(1, 6)


@given(sizes, sizes, st.data())
def test_xy_paths_are_shortest_paths_of_the_mesh(cols, rows, data):
    chip = load_hardware("mesh-28nm", mesh=(cols, rows))
    graph = mesh_graph(chip)
    a, b = data.draw(st.integers(0, cols * rows - 1)), data.draw(st.integers(0, cols * rows - 1))
    path = xy_path(chip, a, b)
    assert nx.is_path(graph, path)
    assert len(path) - 1 == nx.shortest_path_length(graph, a, b)
    turns = [graph.edges[link]["direction"] in ("east", "west") for link in itertools.pairwise(path)]
    assert turns == sorted(turns, reverse=True), "x first"


def test_links_carry_their_own_cycles_and_energy():
    graph = mesh_graph(load_hardware("truenorth", mesh=(3, 2)))
    assert graph.number_of_edges() == 2 * (2 * 2 + 3)
    assert graph.edges[0, 1]["direction"] == "east"
    assert graph.edges[3, 0]["direction"] == "north"
    assert graph.edges[0, 1]["pj"] == 2.3
    assert graph.edges[0, 3]["pj"] == 3.7


def test_blocked_tiles_stay_in_the_mesh():
    graph = mesh_graph(load_hardware("mesh-28nm", mesh=(2, 2), overrides={"mesh.blocked": [[1, 0]]}))
    assert [graph.nodes[t]["blocked"] for t in range(4)] == [False, True, False, False]
    assert nx.is_strongly_connected(graph)
