"""A user's own Brian2 network as a graph with traffic."""

import numpy as np
import pytest

from spikemesh.errors import NetworkError, TraceError
from spikemesh.network.brian2_export import codegen_target
from spikemesh.network.brian2_import import from_brian2, trace_from_brian2


@pytest.fixture
def build():
    """Sources 0..3, cells 4..9; subgroups, named pathways, units, parallel synapses."""
    brian2 = pytest.importorskip("brian2")

    def made(monitors=("cells", "sources"), dt_ms=0.1):
        clock = brian2.Clock(dt_ms * brian2.ms)
        times = np.array([1.0, 2.0, 2.0, 9.9]) * brian2.ms
        sources = brian2.SpikeGeneratorGroup(4, [0, 1, 3, 0], times, clock=clock, name="sources")
        cells = brian2.NeuronGroup(6, "v : 1", threshold="v > 0.5", reset="v = 0", clock=clock, name="cells")
        one = brian2.Synapses(sources, cells[2:5], "w : 1", on_pre="v_post += w", name="one")
        one.connect(i=[0, 1, 3], j=[0, 2, 1])
        one.w = [1.0, 0.2, 0.75]
        late = {"pre": {"up": "v_post += 1"}, "post": {"down": "w += 1*mV"}}
        two = brian2.Synapses(cells[1:], cells, "w : volt", on_pre=late["pre"], on_post=late["post"], name="two")
        two.connect(i=[0, 0], j=[3, 3])
        two.w = [1, 2] * brian2.mV
        groups = {"sources": sources, "cells": cells}
        watched = [brian2.SpikeMonitor(groups[name]) for name in monitors]
        return brian2.Network(sources, cells, one, two, *watched), watched

    with codegen_target("numpy"):
        yield made


def test_subgroups_pathways_and_units_are_understood(build):
    network = from_brian2(build()[0])
    assert [(layer.name, layer.size) for layer in network.layers] == [("sources", 4), ("cells", 6)]
    edges = network.synapses
    assert list(zip(edges.pre.tolist(), edges.post.tolist(), edges.weight.tolist(), strict=True)) == [
        (0, 6, 1.0),
        (1, 8, 0.2),
        (3, 7, 0.75),
        (5, 7, 0.001),
        (5, 7, 0.002),
    ]
    assert network.input_ids.tolist() == [0, 1, 2, 3]


def test_recorded_spikes_become_a_trace(build):
    import brian2

    net, watched = build()
    network = from_brian2(net)
    net.run(20 * brian2.ms)
    trace = trace_from_brian2(net, network)
    assert trace.n_spikes == sum(m.num_spikes for m in watched) == 7
    assert (trace.n_samples, trace.n_neurons, trace.duration_ms, trace.n_steps) == (1, 10, 20.0, 20)
    # sources 0 and 3 drive cells 6 and 7 one 0.1 ms step later: the same 1 ms step
    assert list(zip(trace.steps.tolist(), trace.neurons.tolist(), strict=True)) == [
        (1, 0),
        (1, 6),
        (2, 1),
        (2, 3),
        (2, 7),
        (9, 0),
        (10, 6),
    ]


def test_layers_can_be_put_in_order(build):
    net, _ = build()
    assert [layer.name for layer in from_brian2(net, order=["cells", "sources"]).layers] == ["cells", "sources"]
    with pytest.raises(NetworkError, match="order must name the groups cells, sources"):
        from_brian2(net, order=["cells"])


def test_without_sources_inputs_are_what_no_synapse_reaches(build):
    import brian2

    group = brian2.NeuronGroup(3, "v : 1", threshold="v > 1", reset="v = 0", name="lone")
    joined = brian2.Synapses(group, group, on_pre="v += 0.3", name="ring")
    joined.connect(i=[0, 1], j=[1, 2])
    with pytest.warns(UserWarning, match="ring has no variable 'w'"):
        network = from_brian2(brian2.Network(group, joined))
    assert network.input_ids.tolist() == [0] and network.synapses.weight.tolist() == [1.0, 1.0]


def test_plasticity_alone_carries_no_spikes_and_poisson_input_is_left_out(build):
    import brian2

    group = brian2.NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0", name="pair")
    learns = brian2.Synapses(group, group, "w : 1", on_post="w += 1", name="learns")
    learns.connect(i=[0], j=[1])
    noise = brian2.PoissonInput(group, "v", 5, 10 * brian2.Hz, 0.1)
    with pytest.warns(UserWarning, match="left out"):
        assert from_brian2(brian2.Network(group, learns, noise)).n_synapses == 0


def test_what_is_missing_is_named(build):
    import brian2

    net, _ = build(monitors=["sources"])
    with pytest.raises(TraceError, match="recorded all of cells"):
        trace_from_brian2(net, from_brian2(net))
    with pytest.raises(NetworkError, match="at least one neuron"):
        from_brian2(brian2.Network())
    first, second = (brian2.NeuronGroup(1, "v : 1", threshold="v > 1", reset="v = 0", name=n) for n in "ab")
    joined = brian2.Synapses(first, second, "w : 1", on_pre="v += w", name="joined")
    joined.connect(i=[0], j=[0])
    with pytest.raises(NetworkError, match="joined joins b, which is not in the network"):
        from_brian2(brian2.Network(first, joined))
