"""Brian2, the layered run and the reference give the same spikes, bit for bit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh import SpikemeshError
from spikemesh.network import (
    Convolution,
    Dense,
    Layer,
    OneToOne,
    Pooling,
    Projection,
    SpikeTrace,
    SpikingNetwork,
    Window,
)
from spikemesh.spiking import replay, run_brian2, run_layered, run_reference


def convolutional(seed, *, stride, padding, groups, dilation, size=(3, 2)):
    """Input -> convolution -> pooling -> dense, with a skip from the convolution's block to a copy of it."""
    rng = np.random.default_rng(seed)
    first = Window.of((9, 8), size, stride, padding, dilation)
    conv = Convolution(rng.normal(0.25, 0.4, (*size, 2 // groups if groups > 1 else 2, 6)), first, groups)
    second = Window.of(first.out_hw, (2, 2), (2, 2), "same")
    pool = Pooling(second, rng.uniform(0.8, 1.2, 6))
    dense = Dense(rng.normal(0.1, 0.5, (pool.n_post, 4)))
    sizes = [9 * 8 * 2, conv.n_post, conv.n_post, pool.n_post, 4]
    at = np.concatenate([[0], np.cumsum(sizes)])
    layers = tuple(Layer(f"l{k}", (s,), "input" if k == 0 else "neurons") for k, s in enumerate(sizes))
    skip = OneToOne(rng.uniform(0.5, 1.5, conv.n_post))
    return SpikingNetwork(
        layers,
        (
            Projection(0, at[1], conv),
            Projection(at[1], at[2], skip),
            Projection(at[1], at[3], pool),
            Projection(at[2], at[3], pool),
            Projection(at[3], at[4], dense),
        ),
        bias=rng.normal(0.02, 0.05, at[5]),
    )


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize(("refractory_ms", "encoding"), [(0.0, "constant"), (2.5, "constant"), (3.0, "poisson")])
def test_brian2_fires_as_the_reference_says(assert_same, random_graph, samples_for, reset, refractory_ms, encoding):
    network = random_graph(3, reset=reset, refractory_ms=refractory_ms)
    inputs = samples_for(network, 3)
    expected = run_reference(network, inputs, 25, seed=7, encoding=encoding)
    assert expected.n_spikes > 100
    # two copies side by side for three samples: one stays empty in the second group
    assert_same(run_brian2(network, inputs, 25, seed=7, encoding=encoding, batch_size=2), expected)
    assert_same(run_layered(network, inputs, 25, seed=7, encoding=encoding), expected)


@pytest.mark.parametrize("uniform", [False, True])
def test_brian2_delays_come_on_top_of_the_one_step_that_every_spike_takes(assert_same, random_graph, samples_for, uniform):
    network = random_graph(4)
    inputs = samples_for(network, 4)
    delay = np.full(60, 3) if uniform else np.random.default_rng(1).integers(0, 5, 60)
    expected = run_reference(network, inputs, 25, delay_steps=delay)
    # half a step less is still rounded to the same number of steps
    assert_same(run_brian2(network, inputs, 25, delays_ms=delay - 0.4 * (delay > 0), batch_size=2), expected)
    assert not np.array_equal(run_reference(network, inputs, 25).neurons, expected.neurons)


def test_delays_beyond_the_sample_cost_nothing(random_graph, samples_for, assert_same):
    network = random_graph(4)
    inputs = samples_for(network, 2)
    delay = np.where(np.arange(60) % 2, 10**9, 1)
    expected = run_reference(network, inputs, 10, delay_steps=delay)
    assert_same(run_brian2(network, inputs, 10, delays_ms=delay, batch_size=1), expected)


@pytest.mark.parametrize(
    ("stride", "padding", "groups", "dilation"),
    [
        ((1, 1), "valid", 1, (1, 1)),
        ((1, 1), "same", 1, (1, 1)),
        ((2, 3), "same", 1, (1, 1)),
        ((1, 1), "same", 1, (2, 2)),
        ((2, 1), "valid", 1, (1, 1)),
        ((1, 1), "valid", 2, (1, 1)),
        ((2, 2), "same", 2, (1, 1)),
    ],
)
def test_implicit_convolutions_deliver_what_their_synapses_say(assert_same, samples_for, stride, padding, groups, dilation):
    network = convolutional(1, stride=stride, padding=padding, groups=groups, dilation=dilation)
    inputs = samples_for(network, 2)
    expected = run_reference(network, inputs, 12)
    per_layer = np.add.reduceat(expected.counts, network.layer_starts[:-1])
    assert (per_layer > 0).all()
    assert_same(run_layered(network, inputs, 12), expected)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.sampled_from(["same", "valid"]),
    groups=st.sampled_from([1, 2]),
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
)
def test_any_window_is_delivered_alike(assert_same, samples_for, seed, stride, padding, groups, size, dilation):
    network = convolutional(seed, stride=stride, padding=padding, groups=groups, dilation=dilation, size=size)
    inputs = samples_for(network, 1, seed)
    assert_same(run_layered(network, inputs, 6, workers=1), run_reference(network, inputs, 6))


def test_brian2_runs_a_convolutional_network_alike(assert_same, samples_for):
    network = convolutional(2, stride=(1, 1), padding="same", groups=1, dilation=(1, 1))
    inputs = samples_for(network, 2).reshape(2, 9, 8, 2)
    assert_same(run_brian2(network, inputs, 12), run_layered(network, inputs, 12))


@pytest.mark.parametrize("encoding", ["constant", "poisson"])
def test_batches_and_workers_change_nothing(assert_same, random_graph, samples_for, encoding):
    network = random_graph(5)
    inputs = samples_for(network, 7)
    whole = run_layered(network, inputs, 20, seed=1, encoding=encoding, batch_size=7, workers=1)
    assert_same(run_layered(network, inputs, 20, seed=1, encoding=encoding, batch_size=2, workers=3), whole)
    assert_same(run_brian2(network, inputs, 20, seed=1, encoding=encoding, batch_size=3), whole)


def test_another_seed_draws_other_poisson_spikes(random_graph, samples_for):
    network = random_graph(5)
    inputs = samples_for(network, 2)
    a, b = (run_layered(network, inputs, 20, seed=s, encoding="poisson") for s in (1, 2))
    assert not np.array_equal(a.neurons, b.neurons)
    # the two samples draw apart even for equal pixels
    twice = run_layered(network, np.repeat(inputs[:1], 2, 0), 20, seed=1, encoding="poisson")
    assert not np.array_equal(twice.select([0]).neurons, twice.select([1]).neurons)


def test_counting_sees_what_recording_sees(random_graph, samples_for):
    network = random_graph(6)
    inputs, labels = samples_for(network, 6), np.array([0, 1, 2, 0, 1, 2])
    trace = run_layered(network, inputs, 30, labels=labels)
    counted = run_layered(network, inputs, 30, labels=labels, record="counts", per_sample=True)
    assert np.array_equal(counted.counts, trace.counts) and counted.n_spikes == trace.n_spikes
    assert np.array_equal(counted.rates_hz, trace.rates_hz)
    assert np.array_equal(counted.sample_spikes, np.diff(trace.sample_starts))
    per_sample = [np.bincount(trace.select([s]).neurons, minlength=14) for s in range(6)]
    assert np.array_equal(counted.sample_counts, per_sample)
    assert np.array_equal(counted.output_counts, np.array(per_sample)[:, network.output_ids])
    assert np.array_equal(counted.predictions, trace.predictions) and counted.accuracy == trace.accuracy
    for steps in (1, 7, 30):
        shorter = run_layered(network, inputs, steps, labels=labels)
        assert np.array_equal(counted.predictions_over_time[:, steps - 1], shorter.predictions)
        assert counted.error_over_time()[steps - 1] == pytest.approx(1 - shorter.accuracy)
    assert (np.diff([counted.error_over_time(top) for top in (1, 2, 3)], axis=0) <= 0).all()
    assert (counted.error_over_time(3) == 0).all()


def test_long_traces_are_put_together_from_pieces(assert_same, random_graph, samples_for, monkeypatch):
    """Poisson draws in stretches and a full spike buffer: neither may lose or repeat a step."""
    from spikemesh.spiking import layered

    network = random_graph(7)
    inputs = samples_for(network, 2)
    whole = run_layered(network, inputs, 60, encoding="poisson")
    assert whole.n_spikes > 4 * 14 * 2
    monkeypatch.setattr(layered, "DRAW_BYTES", 8 * 5 * 25)  # 25 steps of 5 inputs
    monkeypatch.setattr(layered, "SPIKE_BUFFER", 1)
    assert_same(run_layered(network, inputs, 60, encoding="poisson"), whole)


def test_ties_go_to_the_higher_potential_then_to_the_lower_index():
    # outputs 1 and 2 fire alike; 2 keeps more potential. Outputs 1 and 3 are twins.
    network = SpikingNetwork.from_edges([0, 0, 0], [1, 2, 3], [0.5, 0.5, 0.5], [1, 3])
    assert run_layered(network, [[1.0]], 10).predictions.tolist() == [0]
    ahead = SpikingNetwork.from_edges([0, 0, 0], [1, 2, 3], [0.5, 0.5, 0.5], [1, 3], initial_potential=[0, 0, 0.25, 0])
    for run in (run_layered, run_brian2, run_reference):
        assert run(ahead, [[1.0]], 10).predictions.tolist() == [1]


def test_a_network_without_outputs_predicts_nothing(assert_same):
    network = SpikingNetwork.from_edges([0, 1], [1, 0], [1.0, 1.0], input_ids=[0])
    assert len(network.output_ids) == 0
    trace = run_brian2(network, [[0.5]], 10)
    assert_same(run_layered(network, [[0.5]], 10), trace)
    assert trace.predictions.tolist() == [-1] and trace.n_spikes > 0
    assert run_layered(network, [[0.5]], 10, record="counts").predictions_over_time.tolist() == [[-1] * 10]


def test_a_silent_network_and_one_without_synapses_run():
    silent = SpikingNetwork.from_edges([0], [1], [0.5], [1, 1])
    lone = SpikingNetwork.from_edges([], [], [], [2, 1])
    for run in (run_brian2, run_layered):
        assert run(silent, [[0.0]], 5).n_spikes == 0
        assert run(lone, [[1.0, 0.5]], 4).neurons.tolist() == [0, 0, 1, 0, 0, 1]


def test_progress_counts_samples(random_graph, samples_for):
    network, seen = random_graph(1), []
    run_layered(network, samples_for(network, 3), 5, progress=lambda *at: seen.append(at))
    run_brian2(network, samples_for(network, 3), 5, progress=lambda *at: seen.append(at), batch_size=2)
    assert seen == [(1, 3), (2, 3), (3, 3)] * 2


def test_weights_are_rounded_to_the_grid():
    third = SpikingNetwork.from_edges([0], [1], [1 / 3], [1, 1])
    assert run_layered(third, [[1.0]], 4).output_potential[0, 0] == 3 * round(2**24 / 3) / 2**24


@pytest.mark.parametrize("run", [run_brian2, run_layered, run_reference])
@pytest.mark.parametrize(
    ("inputs", "options", "says"),
    [
        ([[0.1] * 4], {}, "5 values"),
        ([[0.1, 0.2, 0.3, 0.4, np.nan]], {}, r"inputs\[0\] has value nan at position 4"),
        ([[0.1] * 5, [0.1, 0.2, 1.5, 0.4, 0.5]], {}, r"inputs\[1\] has value 1.5"),
        ([["a"] * 5], {}, "numbers"),
        (np.empty((0, 5)), {}, "one sample or more"),
        ([[0.1] * 5], {"duration_ms": 0}, "duration_ms"),
        ([[0.1] * 5], {"duration_ms": 10.5}, "multiple of the step"),
        ([[0.1] * 5], {"duration_ms": float("nan")}, "duration_ms"),
        ([[0.1] * 5], {"encoding": "ttfs"}, "constant, poisson"),
        ([[0.1] * 5], {"encoding": "poisson", "seed": -3}, "negative"),
    ],
)
def test_input_that_makes_no_sense_is_refused_in_words(random_graph, run, inputs, options, says):
    with pytest.raises(SpikemeshError, match=says):
        run(random_graph(0), inputs, **{"duration_ms": 10, **options})


@pytest.mark.parametrize("run", [run_brian2, run_layered])
@pytest.mark.parametrize("labels", [[0], [0, 3], [0, -1], [0.5, 1.0]])
def test_labels_must_name_an_output_each(random_graph, samples_for, run, labels):
    network = random_graph(0)
    with pytest.raises(SpikemeshError, match="labels"):
        run(network, samples_for(network, 2), 10, labels=labels)


def test_weights_beyond_exact_sums_are_refused():
    network = SpikingNetwork.from_edges([0], [1], [2.0**22], [1, 1])
    with pytest.raises(SpikemeshError, match="neuron 1"):
        run_layered(network, [[1.0]], 200)
    assert run_layered(network, [[1.0]], 10).n_spikes == 19


@pytest.mark.parametrize("options", [{"record": "all"}, {"workers": 0}, {"batch_size": 0}])
def test_layered_options_are_checked(random_graph, samples_for, options):
    network = random_graph(0)
    with pytest.raises(SpikemeshError):
        run_layered(network, samples_for(network, 1), 5, **options)
    with pytest.raises(SpikemeshError, match="labels"):
        run_layered(network, samples_for(network, 1), 5, record="counts").error_over_time()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 50),
    encoding=st.sampled_from(["constant", "poisson"]),
    reset=st.sampled_from(["subtract", "zero"]),
    refractory_ms=st.sampled_from([0.0, 2.5]),
    steps=st.integers(1, 30),
)
def test_a_trace_replayed_in_its_own_network_gives_itself(
    assert_same, random_graph, samples_for, seed, encoding, reset, refractory_ms, steps
):
    """Whatever feeds the inputs: currents, chance, or other neurons of the network."""
    network = random_graph(seed, reset=reset, refractory_ms=refractory_ms)
    trace = run_layered(network, samples_for(network, 3, seed), steps, seed=seed, encoding=encoding, workers=1)
    assert_same(replay(network, trace, workers=2), trace)
    counts = replay(network, trace, record="counts", per_sample=True)
    assert np.array_equal(counts.counts, trace.counts) and np.array_equal(counts.predictions, trace.predictions)


def test_a_replay_gives_what_another_network_fires(random_graph, samples_for):
    network = random_graph(1)
    inputs, labels = samples_for(network, 4), np.array([0, 1, 2, 0])
    changed = replace(network, bias=network.bias * ~network.is_input + 0.2 * ~network.is_input)
    trace = run_layered(network, inputs, 25, labels=labels)
    found = replay(changed, trace)
    given = np.isin(trace.neurons, network.input_ids)
    heard = np.isin(found.neurons, network.input_ids)
    assert np.array_equal(found.neurons[heard], trace.neurons[given])
    assert np.array_equal(found.times_ms[heard], trace.times_ms[given])
    assert found.n_spikes > trace.n_spikes and np.array_equal(found.labels, labels)


def test_a_replay_of_another_run_is_refused(random_graph, samples_for):
    network = random_graph(1)
    trace = run_layered(network, samples_for(network, 1), 10)
    with pytest.raises(SpikemeshError, match="steps of 1 ms"):
        replay(replace(network, dt_ms=0.5), trace)
    few = SpikeTrace.of([0], [0.0], [1], n_samples=1, n_neurons=3, duration_ms=10)
    with pytest.raises(SpikemeshError, match="the trace 3 neurons"):
        replay(network, few)
    with pytest.raises(SpikemeshError, match="record must be"):
        replay(network, trace, record="all")
