import networkx as nx
import numpy as np
import pytest

from spikemesh.hardware import load_hardware
from spikemesh.mapping import map_network
from spikemesh.mapping.measure import measure
from spikemesh.network import SpikingNetwork


def test_the_cluster_graph_adds_up_to_the_hop_cost():
    rng = np.random.default_rng(2)
    net = SpikingNetwork.from_edges(rng.integers(0, 60, 400), rng.integers(0, 60, 400), rng.normal(size=400), n_neurons=60)
    rates = rng.exponential(5.0, 60)
    chip = load_hardware("gpa-grid", mesh=(3, 3), overrides={"crossbar.n_out": 8})
    mapped = map_network(net, None, chip, recipe="random", rates_hz=rates)
    graph = mapped.to_networkx(rates)
    found = measure(net, rates, mapped.assignment, 8)
    packets = nx.get_edge_attributes(graph, "packets_per_s")
    hops = nx.get_edge_attributes(graph, "hops")
    tile = mapped.tile_of_cluster.astype(int)
    expected = sum(
        found.traffic[a, b] * (abs(tile[a] % 3 - tile[b] % 3) + abs(tile[a] // 3 - tile[b] // 3))
        for a in range(8)
        for b in range(8)
    )
    assert sum(packets.values()) == pytest.approx(found.packets)
    assert sum(packets[e] * hops[e] for e in packets) == pytest.approx(expected)
    assert sum(nx.get_node_attributes(graph, "neurons").values()) == 60
    assert sum(nx.get_node_attributes(graph, "crosspoints").values()) == mapped.network.n_synapses
