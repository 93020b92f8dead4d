"""What is particular to Brian2: preferences, devices, memory, and the network handed to a Brian2 user."""

import numpy as np
import pytest

from spikemesh import SpikemeshError
from spikemesh.network.dynamics import predict
from spikemesh.spiking import brian, run_brian2, run_layered


def test_the_users_preferences_stay_as_they_were(assert_same, random_graph, samples_for):
    import brian2

    network = random_graph(0)
    before = brian2.prefs.codegen.target, brian2.prefs.core.default_float_dtype
    brian2.prefs.core.default_float_dtype = np.float32
    try:
        trace = run_brian2(network, samples_for(network, 1), 10)
        with pytest.raises(ZeroDivisionError):
            run_brian2(network, samples_for(network, 1), 10, monitors=lambda net: [1 / 0])
    finally:
        brian2.prefs.core.default_float_dtype = before[1]
    assert brian2.prefs.codegen.target == before[0]
    assert_same(trace, run_layered(network, samples_for(network, 1), 10))


def test_the_callers_names_do_not_reach_into_the_equations(assert_same, random_graph, samples_for):
    w = v = drive = current = "not a number"  # noqa: F841
    network = random_graph(0)
    assert_same(run_brian2(network, samples_for(network, 1), 10), run_layered(network, samples_for(network, 1), 10))


def test_a_users_own_monitors_run_along(assert_same, random_graph, samples_for):
    import brian2

    network, seen = random_graph(2), []

    def watch(net):
        seen.append(brian2.StateMonitor(net.neurons, "v", record=[0], when="end"))
        return seen

    inputs = samples_for(network, 2)
    trace = run_brian2(network, inputs, 10, batch_size=1, monitors=watch)
    assert seen[0].v.shape == (1, 20)
    assert_same(trace, run_layered(network, inputs, 10))


def test_a_brian2_user_runs_and_extends_the_exported_network(random_graph, samples_for):
    import brian2

    network = random_graph(3, refractory_ms=2.0)
    inputs = samples_for(network, 2)
    for encoding in ("constant", "poisson"):
        net = network.to_brian2(n_samples=2, inputs=inputs, encoding=encoding, seed=5)
        rates = brian2.PopulationRateMonitor(net.neurons, codeobj_class=net.neurons.codeobj_class)
        net.add(rates)
        net.run(20 * brian2.ms)
        expected = run_layered(network, inputs, 20, seed=5, encoding=encoding)
        sample, neuron = np.divmod(np.asarray(net.spikes.i), network.n_neurons)
        order = np.argsort(sample, kind="stable")
        assert np.array_equal(neuron[order], expected.neurons)
        assert np.array_equal(np.rint(net.spikes.t / brian2.ms)[order], expected.times_ms)
        potential = np.asarray(net.neurons.v).reshape(2, -1)[:, network.output_ids]
        assert np.array_equal(potential, expected.output_potential)
        assert net["neurons"] is net.neurons and len(net["synapses"]) == 2 * network.n_synapses
        assert len(rates.t) == 20


def test_an_exported_network_carries_its_delays(random_graph):
    import brian2

    network = random_graph(3)
    delays = np.arange(network.n_synapses) % 4
    net = network.to_brian2(delays_ms=delays)
    assert np.allclose(net.synapses.delay / brian2.ms, delays)
    assert np.array_equal(net.synapses.i, network.synapses.pre)
    assert np.array_equal(net.synapses.j, network.synapses.post)


@pytest.mark.parametrize("delays", [[1.0], np.full(60, np.nan), np.full(60, -1.0)])
def test_delays_that_do_not_fit_are_refused(random_graph, samples_for, delays):
    network = random_graph(0)
    with pytest.raises(SpikemeshError, match="delays_ms"):
        run_brian2(network, samples_for(network, 1), 5, delays_ms=delays)


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"codegen": "fortran"}])
def test_options_are_checked(random_graph, samples_for, options):
    network = random_graph(0)
    with pytest.raises(SpikemeshError, match=next(iter(options))):
        run_brian2(network, samples_for(network, 1), 5, **options)


@pytest.mark.parametrize("options", [{"n_samples": 0}, {"inputs": [[0.1] * 5] * 2}, {"codegen": "cython"}])
def test_export_options_are_checked(random_graph, options):
    with pytest.raises(SpikemeshError):
        random_graph(0).to_brian2(**options)


def test_a_network_too_large_for_memory_is_refused_before_it_is_built(random_graph, samples_for, monkeypatch):
    monkeypatch.setattr(brian, "BYTES_PER_SYNAPSE", 10**15)
    network = random_graph(0)
    with pytest.raises(SpikemeshError, match="run_layered"):
        run_brian2(network, samples_for(network, 1), 5)


def test_standalone_devices_are_refused(random_graph, samples_for):
    import brian2

    network = random_graph(0)
    brian2.set_device("cpp_standalone", build_on_run=False)
    try:
        with pytest.raises(SpikemeshError, match="runtime"):
            run_brian2(network, samples_for(network, 1), 5)
    finally:
        brian2.set_device("runtime")
    assert run_brian2(network, samples_for(network, 1), 5).n_samples == 1


def test_copies_fill_whole_groups(random_graph):
    network = random_graph(0)
    assert brian._copies(network, 7, None) == 7
    assert brian._copies(network, 10**4, None) == -(-(10**4) // -(-(10**4) // (brian.SIDE_BY_SIDE_NEURONS // 14)))
    assert brian._copies(network, 3, 8) == 3


def test_predictions_prefer_spikes_then_potential_then_the_lower_index():
    counts = np.array([[1, 2, 2], [3, 3, 3], [0, 0, 5]])
    potential = np.array([[9.0, 0.1, 0.2], [0.5, 0.5, 0.4], [-1.0, 2.0, -7.0]])
    assert predict(counts, potential).tolist() == [2, 0, 2]
    assert predict(np.empty((2, 0), int), np.empty((2, 0))).tolist() == [-1, -1]
