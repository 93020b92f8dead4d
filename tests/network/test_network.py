"""The network as a whole, its spikes and the weights of its graph."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh import SpikemeshError
from spikemesh.network import (
    WEIGHTINGS,
    Convolution,
    Dense,
    Layer,
    OneToOne,
    Pooling,
    Projection,
    SpikeTrace,
    SpikingNetwork,
    Window,
    edge_weights,
)


def lenet():
    """LeNet on MNIST: 6598 neurons and 286,120 synapses in the GPA paper's Table I."""
    first = Window.of((28, 28), (5, 5))
    half = Window.of((24, 24), (2, 2), (2, 2))
    second = Window.of((12, 12), (5, 5))
    quarter = Window.of((8, 8), (2, 2), (2, 2))
    parts = [
        ((24, 24, 6), Convolution(np.ones((5, 5, 1, 6), np.float32), first)),
        ((12, 12, 6), Pooling(half, np.ones(6))),
        ((8, 8, 16), Convolution(np.ones((5, 5, 6, 16), np.float32), second)),
        ((4, 4, 16), Pooling(quarter, np.ones(16))),
        ((120,), Dense(np.ones((256, 120)))),
        ((84,), Dense(np.ones((120, 84)))),
        ((10,), Dense(np.ones((84, 10)))),
    ]
    layers, projections, start = [Layer("input", (28, 28, 1), "input")], [], 0
    for k, (shape, connectivity) in enumerate(parts):
        projections.append(Projection(start, start + layers[-1].size, connectivity))
        start += layers[-1].size
        layers.append(Layer(f"layer{k}", shape))
    return SpikingNetwork(tuple(layers), tuple(projections), name="LeNet")


edge_lists = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(-8, 8)), max_size=50)


def graph_of(triples, **more):
    pre, post, weight = (np.array([t[k] for t in triples], int) for k in range(3))
    return SpikingNetwork.from_edges(pre, post, weight, **{"layer_sizes": [4, 4, 2], **more})


def test_lenet_has_the_neurons_and_synapses_of_the_paper():
    network = lenet()
    assert (network.n_neurons, network.n_synapses) == (6598, 286_120)
    assert network.layer_sizes == (784, 3456, 864, 1024, 256, 120, 84, 10)
    assert network.input_ids.tolist() == list(range(784)) and network.output_ids.tolist() == list(range(6588, 6598))
    assert len(network.synapses) == network.n_synapses
    assert np.array_equal(network.fan_in(), np.bincount(network.synapses.post, minlength=6598))
    assert np.array_equal(network.fan_out(), np.diff(network.indptr))
    assert network.fan_in().sum() == network.fan_out().sum() == network.n_synapses
    assert (np.diff(network.synapses.pre) >= 0).all()
    forward = network.layer_of_neuron[network.synapses.post] - network.layer_of_neuron[network.synapses.pre]
    assert (forward == 1).all()


@settings(deadline=None)
@given(edge_lists)
def test_any_graph_keeps_its_synapses(triples):
    network = graph_of(triples)
    edges = network.synapses
    assert sorted(zip(edges.pre.tolist(), edges.post.tolist(), edges.weight.tolist(), strict=True)) == sorted(
        (i, j, float(w)) for i, j, w in triples
    )
    for i in range(10):
        mine = edges.post[network.indptr[i] : network.indptr[i + 1]]
        assert sorted(mine.tolist()) == sorted(j for p, j, _ in triples if p == i)
    assert network.is_input.tolist() == [True] * 4 + [False] * 6


def test_without_layers_inputs_are_what_nothing_reaches_and_outputs_what_reaches_nothing():
    network = SpikingNetwork.from_edges([0, 1, 2, 2], [2, 2, 3, 2], [1, 1, 1, 1])
    assert network.input_ids.tolist() == [0, 1] and network.output_ids.tolist() == [3]
    assert SpikingNetwork.from_edges([0], [1], [1], n_neurons=5).n_neurons == 5


def test_overlapping_projections_add_their_synapses():
    layers = (Layer("in", (3,), "input"), Layer("out", (4,)))
    network = SpikingNetwork(
        layers, (Projection(0, 3, Dense(np.ones((3, 4)))), Projection(0, 4, OneToOne(np.array([5.0, 6.0, 7.0]))))
    )
    assert network.n_synapses == 15 and network.fan_in().tolist() == [0, 0, 0, 3, 4, 4, 4]
    assert network.fan_out().tolist() == [5, 5, 5, 0, 0, 0, 0]
    assert network.to_scipy().toarray()[:3, 3:].tolist() == [[1, 6, 1, 1], [1, 1, 7, 1], [1, 1, 1, 8]]


def test_a_pruned_network_keeps_everything_but_its_synapses():
    network = graph_of([(0, 4, 3), (1, 5, -2), (4, 8, 1)], bias=np.arange(10) / 8, reset="zero", name="small")
    pruned = network.with_synapses([0], [4], [3.0], name="pruned")
    assert pruned.n_synapses == 1 and network.n_synapses == 3
    assert (pruned.bias == network.bias).all() and pruned.reset == "zero" and pruned.name == "pruned"
    assert pruned.input_ids.tolist() == network.input_ids.tolist()


def test_exports_hold_every_synapse():
    network = graph_of([(0, 4, 3), (0, 4, 2), (1, 5, -2), (4, 4, 1)])
    frame = network.to_pandas()
    assert frame.columns.tolist() == ["pre", "post", "weight", "pre_layer", "post_layer"]
    assert frame.pre.tolist() == network.synapses.pre.tolist() and frame.weight.sum() == 4
    assert frame.pre_layer.tolist() == ["layer0", "layer0", "layer0", "layer1"]
    graph = network.to_networkx()
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (10, 4)
    assert sorted(d["weight"] for *_, d in graph.edges(data=True)) == [-2, 1, 2, 3]
    assert graph.nodes[9]["layer"] == 2
    matrix = network.to_scipy()
    assert matrix.shape == (10, 10) and matrix[0, 4] == 5 and matrix.nnz == 3


def test_a_network_too_large_to_list_still_counts():
    window = Window.of((224, 224), (3, 3), padding="same")
    size = 224 * 224 * 64
    network = SpikingNetwork(
        (Layer("a", (224, 224, 64), "input"), Layer("b", (224, 224, 64))),
        (Projection(0, size, Convolution(np.ones((3, 3, 64, 64), np.float32), window)),),
    )
    assert network.n_synapses == (3 * 224 - 2) ** 2 * 64 * 64 == network.fan_in().sum() == network.fan_out().sum()
    with pytest.raises(SpikemeshError, match="too many to list"):
        _ = network.synapses


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"layer_sizes": [4, 0]}, "positive"),
        ({"layer_sizes": []}, "positive"),
        ({"layer_sizes": [1]}, "names neuron"),
        ({"n_neurons": 11}, "add up to 10"),
        ({"bias": [1.0]}, "bias must be 10"),
        ({"bias": [np.nan] * 10}, "bias must be 10 finite"),
        ({"bias": ["a"] * 10}, "numbers"),
        ({"initial_potential": np.zeros((10, 1))}, "initial_potential"),
        ({"input_ids": [10]}, "input_ids names neuron 10"),
        ({"input_ids": [0.5]}, "integers"),
        ({"output_ids": [1, 1]}, "twice"),
        ({"reset": "soft"}, "'subtract' or 'zero'"),
        ({"dt_ms": 0.0}, "dt_ms"),
        ({"dt_ms": float("nan")}, "dt_ms"),
        ({"refractory_ms": -1.0}, "refractory_ms"),
        ({"refractory_ms": float("inf")}, "refractory_ms"),
    ],
)
def test_networks_that_contradict_themselves_are_refused(options, says):
    with pytest.raises(SpikemeshError, match=says):
        graph_of([(0, 4, 1)], **options)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: SpikingNetwork.from_edges([], [], []), "at least one neuron"),
        (lambda: SpikingNetwork.from_edges([0], [1], [np.inf]), "NaN or infinite"),
        (lambda: SpikingNetwork.from_edges([-1], [1], [1.0]), "names neuron -1"),
        (lambda: SpikingNetwork.from_edges(["a"], [1], [1.0]), "integers"),
        (lambda: SpikingNetwork((), ()), "at least one neuron"),
        (lambda: Layer("empty", (3, 0)), "at least 1"),
        (lambda: SpikingNetwork((Layer("a", (3,)),), (Projection(0, 1, Dense(np.ones((3, 3)))),)), "postsynaptic"),
        (lambda: SpikingNetwork((Layer("a", (3,)),), (Projection(-1, 0, Dense(np.ones((3, 3)))),)), "presynaptic"),
    ],
)
def test_impossible_networks_are_refused(build, says):
    with pytest.raises(SpikemeshError, match=says):
        build()


@settings(deadline=None)
@given(edge_lists, st.lists(st.integers(0, 9), min_size=10, max_size=10))
def test_weightings_follow_their_definitions(triples, clusters):
    network = graph_of(triples)
    rates = np.arange(10) * 2.5
    pre, weight = network.synapses.pre, network.synapses.weight
    expected = {
        "rate_weight": rates[pre] * abs(weight),
        "rate": rates[pre],
        "abs_weight": abs(weight),
        "signed": rates[pre] * weight,
        "count": np.ones(len(pre)),
    }
    assert set(WEIGHTINGS) == set(expected)
    inside = np.array(clusters)[pre] == np.array(clusters)[network.synapses.post]
    for name, values in expected.items():
        omega = edge_weights(network, rates, name)
        assert np.array_equal(omega, values) and omega.dtype == np.float64
        # IntraW + InterW is the total, whatever the clusters
        assert omega[inside].sum() + omega[~inside].sum() == pytest.approx(values.sum())


@pytest.mark.parametrize("rates", [None, [1.0], np.full(10, -1.0), np.full(10, np.nan)])
def test_weightings_with_rates_need_rates(rates):
    network = graph_of([(0, 4, 1)])
    assert edge_weights(network, None, "count").tolist() == [1.0]
    with pytest.raises(SpikemeshError, match="rates_hz"):
        edge_weights(network, rates)
    with pytest.raises(SpikemeshError, match="weighting"):
        edge_weights(network, np.ones(10), "distance")


def trace_of(spikes, **more):
    table = np.array(spikes, float).reshape(-1, 3)
    facts = {"n_samples": 3, "n_neurons": 4, "duration_ms": 10.0, **more}
    return SpikeTrace.of(table[:, 0].astype(int), table[:, 1], table[:, 2].astype(int), **facts)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 3)), max_size=60))
def test_a_trace_is_sorted_and_loses_no_spike(spikes):
    trace = trace_of(spikes)
    assert list(zip(trace.samples.tolist(), trace.steps.tolist(), trace.neurons.tolist(), strict=True)) == sorted(spikes)
    assert trace.counts.sum() == trace.n_spikes == len(spikes) == trace.sample_starts[-1]
    assert np.allclose(trace.rates_hz, [sum(i == n for *_, n in spikes) / 0.03 for i in range(4)])
    parts = [trace.select([s]) for s in range(3)]
    assert sum(part.n_spikes for part in parts) == trace.n_spikes
    for s, part in enumerate(parts):
        assert part.n_samples == 1 and (part.samples == 0).all()
        assert part.neurons.tolist() == [i for q, _, i in sorted(spikes) if q == s]


def test_selected_samples_come_in_the_order_asked_for():
    trace = trace_of([(0, 1, 1), (1, 2, 2), (2, 3, 3)], predictions=[5, 6, 7], labels=[5, 0, 0])
    chosen = trace.select([2, 0])
    assert chosen.neurons.tolist() == [3, 1] and chosen.predictions.tolist() == [7, 5] and chosen.accuracy == 0.5
    assert trace.accuracy == pytest.approx(1 / 3) and np.isnan(trace_of([]).accuracy)
    for wrong in ([3], [-1]):
        with pytest.raises(SpikemeshError, match="must lie in"):
            trace.select(wrong)


def test_a_spike_belongs_to_the_step_that_its_time_lies_in():
    tenth = trace_of([(0, k * 0.1, 0) for k in range(100)], dt_ms=0.1)
    assert tenth.steps.tolist() == list(range(100)) and tenth.n_steps == 100
    # times from a finer clock: never a step after the last
    finer = trace_of([(0, 0.0, 0), (0, 0.7, 0), (0, 9.9, 0)])
    assert finer.steps.tolist() == [0, 0, 9] and finer.n_steps == 10
    assert trace_of([(0, 10.3, 0)], duration_ms=10.5).n_steps == 11


@pytest.mark.parametrize(
    ("spikes", "options", "says"),
    [
        ([(0, 1, 4)], {}, "neuron 4; there are 4"),
        ([(3, 1, 0)], {}, "sample 3; there are 3"),
        ([(-1, 1, 0)], {}, "sample -1"),
        ([(0, 10, 0)], {}, r"\[0, 10"),
        ([(0, np.nan, 0)], {}, "times"),
        ([], {"dt_ms": 0.0}, "positive"),
        ([], {"predictions": [1]}, "one a sample"),
        ([], {"output_potential": np.zeros((2, 2))}, "output_potential"),
    ],
)
def test_traces_that_make_no_sense_are_refused(spikes, options, says):
    with pytest.raises(SpikemeshError, match=says):
        trace_of(spikes, **options)
    with pytest.raises(SpikemeshError, match="one length"):
        SpikeTrace.of([0], [0.0, 1.0], [0], n_samples=1, n_neurons=1, duration_ms=5.0)
