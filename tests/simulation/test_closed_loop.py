"""The network and its chip in lockstep: spikes act when they have been read."""

import dataclasses
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikemesh as sm
from spikemesh.errors import SimulationError, SpikemeshError
from spikemesh.mapping.mapping import Mapping
from spikemesh.metrics import pooled_disorder, spike_disorder
from spikemesh.network.dynamics import grid_weights
from spikemesh.simulation.delays import late_steps, median_delays
from spikemesh.simulation.lower import wire
from spikemesh.spiking.layered import run_layered
from spikemesh.spiking.stepper import Stepper
from spikemesh.testing.mapped import block_mapping, layered_network, random_mapping, random_network

STEPS = 20


@pytest.fixture(scope="module")
def network():
    return layered_network(sizes=(16, 16, 8))


@pytest.fixture(scope="module")
def inputs():
    return np.random.default_rng(3).random((3, 16))


@pytest.fixture(scope="module")
def mapped(network):
    return block_mapping(network, sm.load_hardware("mesh-45nm", mesh=(4, 3)))


def run(mapped, inputs, labels=None, **more):
    return sm.closed_loop(mapped, inputs, labels, duration_ms=STEPS, **more)


def same_spikes(a, b):
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("samples", "times_ms", "neurons", "predictions", "output_potential")
    )


def replayed_by_hand(mapped, sample, loop, late, acceleration):
    """The spikes that follow from when the record says each row was read, neuron by neuron and synapse by synapse."""
    record, network = loop.record, mapped.network
    cps = wire(mapped, acceleration=acceleration).cycles_per_step
    weight = grid_weights(network)
    assert not (record.sample != 0).any(), "one sample"
    remote = zip(record.fired, record.neuron, record.destination, record.row_read, strict=True)
    own = zip(record.own_fired, record.own_neuron, record.own_tile, record.own_row_read, strict=True)
    acts = {}  # (step, neuron, tile) of a spike -> step in which it acts there, None for never
    for rows in (remote, own):
        for fired, neuron, tile, row_read in rows:
            k = int(fired) // cps
            due = max(k + 1, -(-int(row_read) // cps))
            if late == "accept" or due == k + 1:
                due = k + 1
            elif late == "drop":
                due = None
            acts[k, int(neuron), int(tile)] = due
    drive = np.zeros((STEPS + 1, network.n_neurons))
    stepper, spikes = Stepper(network, sample), []
    for k in range(STEPS):
        for neuron in stepper.step(drive[k]).tolist():
            spikes.append((k, neuron))
            for s in np.flatnonzero(network.synapses.pre == neuron):
                due = acts[k, neuron, int(mapped.tile_of_neuron[network.synapses.post[s]])]
                if due is not None and due <= STEPS:
                    drive[due, network.synapses.post[s]] += weight[s]
    return spikes


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
@pytest.mark.parametrize("late", ["next-step", "drop", "accept"])
def test_without_late_spikes_the_chip_is_the_network(network, mapped, inputs, engine, late):
    loop = run(mapped, inputs, late=late, engine=engine)
    assert same_spikes(loop.trace, run_layered(network, inputs, duration_ms=STEPS))
    assert loop.n_late == 0 and loop.late_share == 0 and loop.record.verdict == "drained"
    assert loop.record.engine == engine and loop.n == 3


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
@pytest.mark.parametrize("late", ["next-step", "drop"])
def test_lockstep_itself_is_the_network_too(monkeypatch, network, mapped, inputs, engine, late):
    # without the shortcut that tries a sample in one piece first
    module = import_module("spikemesh.simulation.closed_loop")  # the package's attribute is the function
    monkeypatch.setattr(module.SampleRun, "count", lambda self, wiring: (np.ones(40, int), np.ones(40, int)))
    loop = run(mapped, inputs, late=late, engine=engine, acceleration=1000)
    assert same_spikes(loop.trace, run_layered(network, inputs, duration_ms=STEPS))
    assert (loop.record.row_read <= loop.record.fired + loop.record.cycles_per_step).all()


@pytest.mark.parametrize("late", ["next-step", "drop", "accept"])
@pytest.mark.parametrize("acceleration", [8_000, 30_000, 300_000])
def test_late_spikes_act_when_they_were_read(mapped, inputs, late, acceleration):
    loop = run(mapped, inputs[:1], late=late, acceleration=acceleration)
    assert loop.n_late > 0
    spikes = list(zip(loop.trace.steps.tolist(), loop.trace.neurons.tolist(), strict=True))
    assert spikes == replayed_by_hand(mapped, inputs[0], loop, late, acceleration)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    chip=st.sampled_from(["mesh-45nm", "truenorth", "loihi", "booksim-lean"]),
    load=st.sampled_from([3, 10, 40]),
    late=st.sampled_from(["next-step", "drop"]),
)
def test_engines_and_the_replay_agree_on_any_network(seed, chip, load, late):
    network = random_network(seed)
    hw = sm.load_hardware(chip, mesh=(3, 2), overrides={"noc.eject_cycles": seed % 2, "time.barrier_ns": 0.0})
    mapped = random_mapping(seed, network, hw, inputs_off=bool(seed % 3 == 0))
    sample = np.random.default_rng(seed).random((1, len(network.input_ids)))
    acceleration = 1e6 / (load * hw.noc.cycle_ns)
    loop = run(mapped, sample, late=late, acceleration=acceleration, engine="simpy")
    twin = run(mapped, sample, late=late, acceleration=acceleration, engine="compiled")
    assert loop.record.cycles_per_step == load
    assert same_spikes(loop.trace, twin.trace)
    assert (loop.record.row_read == twin.record.row_read).all() and (loop.late_spikes == twin.late_spikes).all()
    spikes = list(zip(loop.trace.steps.tolist(), loop.trace.neurons.tolist(), strict=True))
    assert spikes == replayed_by_hand(mapped, sample[0], loop, late, acceleration)


def test_the_record_is_that_of_the_spikes_on_the_chip(mapped, inputs):
    loop = run(mapped, inputs, acceleration=30_000)
    again = sm.simulate(mapped, loop.trace, acceleration=30_000)
    for field in dataclasses.fields(again):
        if "NDArray" in str(field.type):
            assert (getattr(again, field.name) == getattr(loop.record, field.name)).all(), field.name
    assert loop.late_spikes.sum() == loop.n_late
    cps = again.cycles_per_step
    own_late = again.own_row_read > again.own_fired + cps
    expected = np.bincount(again.neuron[again.late], minlength=40) + np.bincount(again.own_neuron[own_late], minlength=40)
    assert (loop.late_spikes == expected).all()
    assert loop.deliveries.sum() == len(again.neuron) + len(again.own_neuron)


def test_accept_counts_and_changes_nothing(network, mapped, inputs):
    loop = run(mapped, inputs, late="accept", acceleration=30_000)
    assert loop.n_late > 0
    assert same_spikes(loop.trace, run_layered(network, inputs, duration_ms=STEPS))


@pytest.mark.parametrize("eject_cycles", [0, 1])
def test_a_spike_read_as_its_step_begins_is_on_time(eject_cycles):
    # Neuron 0 fires in every step from 0 on; its spike is at tile 1 in 1 + eject_cycles cycles: exactly the length of a step.
    # A crossbar that takes no time has it read in the cycle in which the next step fires, and it acts in that step.
    overrides = {"noc.router_cycles": 0, "noc.eject_cycles": eject_cycles}
    hw = sm.load_hardware("booksim-lean", mesh=(2, 1), overrides=overrides)
    network = sm.SpikingNetwork.from_edges([0, 1], [1, 2], [1.0, 1.0], (1, 1, 1))
    mapped = Mapping(network, hw, np.array([0, 1, 0], np.int32), np.array([0, 1], np.int32))
    for engine in ("simpy", "compiled"):
        loop = run(mapped, [[1.0]], acceleration=1e6 / (1 + eject_cycles), engine=engine)
        assert loop.n_late == 0
        first = {int(i): int(k) for k, i in reversed(list(zip(loop.trace.steps, loop.trace.neurons, strict=True)))}
        assert first == {0: 0, 1: 1, 2: 2}
    if eject_cycles:
        loop = run(mapped, [[1.0]], acceleration=1e6)
        assert loop.n_late == loop.deliveries.sum() > 0
        first = {int(i): int(k) for k, i in reversed(list(zip(loop.trace.steps, loop.trace.neurons, strict=True)))}
        assert first == {0: 0, 1: 2, 2: 4}, "a cycle late is a step late"


def test_poisson_inputs_and_labels(network, mapped, inputs):
    labels = np.array([0, 3, 5])
    loop = run(mapped, inputs, labels, encoding="poisson", seed=4)
    plain = run_layered(network, inputs, duration_ms=STEPS, encoding="poisson", seed=4, labels=labels)
    assert same_spikes(loop.trace, plain)
    assert loop.accuracy == plain.accuracy and (loop.predictions == plain.predictions).all()
    assert np.isnan(run(mapped, inputs).accuracy)


@pytest.mark.parametrize("mode", ["lockstep", "delays"])
def test_progress_counts_samples(mapped, inputs, mode):
    seen = []
    run(mapped, inputs, mode=mode, acceleration=30_000, progress=lambda k, n: seen.append((k, n)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_delays_without_late_spikes_are_the_network(network, mapped, inputs):
    loop = run(mapped, inputs, mode="delays")
    assert same_spikes(loop.trace, run_layered(network, inputs, duration_ms=STEPS)) and loop.n_late == 0


def test_delays_match_lockstep_where_every_delay_is_constant():
    # One neuron a tile in a chain, far apart: every spike of a pair takes the same time, so the estimate is exact.
    network = sm.SpikingNetwork.from_edges([0, 1, 2], [1, 2, 3], [0.7, 0.9, 0.8], (1, 1, 1, 1))
    hw = sm.load_hardware("mesh-45nm", mesh=(5, 5))
    mapped = Mapping(network, hw, np.arange(4, dtype=np.int32), np.array([0, 24, 4, 20], np.int32))
    exact = run(mapped, [[0.9]], acceleration=1e6 / 25)
    estimate = run(mapped, [[0.9]], acceleration=1e6 / 25, mode="delays")
    assert exact.n_late > 0
    assert same_spikes(exact.trace, estimate.trace)
    dropped = run(mapped, [[0.9]], acceleration=1e6 / 25, mode="delays", late="drop")
    assert same_spikes(run(mapped, [[0.9]], acceleration=1e6 / 25, late="drop").trace, dropped.trace)


def test_median_delays():
    entries = np.array([3, 1, 3, 3, 1, 3])
    steps = np.array([9, 2, 0, 1, 5, 2])
    assert median_delays(entries, steps, 5).tolist() == [0, 2, 0, 1, 0]
    assert median_delays(np.empty(0, int), np.empty(0, int), 2).tolist() == [0, 0]


def test_late_steps():
    # with 10 cycles a step: on time up to the first cycle of the step in which it should act
    assert late_steps(np.zeros(5, int), np.array([3, 10, 11, 20, 21]), 10).tolist() == [0, 0, 1, 1, 2]


def test_a_long_sample_keeps_every_row():
    # more rows than a ledger holds at first
    network = layered_network(sizes=(16, 16, 8), bias=0.6)
    mapped = block_mapping(network, sm.load_hardware("mesh-45nm", mesh=(4, 3)))
    loop = sm.closed_loop(mapped, np.full((1, 16), 0.9), duration_ms=60, acceleration=20_000)
    assert loop.n_late > 0 and len(loop.record.fired) > 2048


def test_bad_requests(network, mapped, inputs):
    for change, message in (
        ({"mode": "open"}, "mode must be one of lockstep, delays, not 'open'"),
        ({"late": "never"}, "late must be one of next-step, drop, accept, not 'never'"),
        ({"engine": "x"}, "engine must be one of"),
        ({"encoding": "rate"}, "encoding must be one of"),
        ({"acceleration": 1e9}, "acceleration"),
    ):
        with pytest.raises(SimulationError, match=message):
            run(mapped, inputs, **change)
    with pytest.raises(SpikemeshError, match="inputs"):
        run(mapped, inputs[:, :5])
    with pytest.raises(SpikemeshError, match="multiple"):
        sm.closed_loop(mapped, inputs, duration_ms=2.5)
    slow = block_mapping(layered_network(sizes=(16, 16, 8), dt_ms=0.5), mapped.hardware)
    with pytest.raises(SpikemeshError, match=r"time\.step_ms"):
        run(slow, inputs)


def test_workers_change_nothing_in_the_loop(mapped, inputs):
    fast = {"acceleration": 60_000, "engine": "compiled"}
    alone, shared = run(mapped, inputs, **fast), run(mapped, inputs, workers=2, **fast)
    assert alone.n_late > 0
    assert same_spikes(alone.trace, shared.trace)
    assert np.array_equal(alone.record.row_read, shared.record.row_read)
    assert np.array_equal(alone.late_spikes, shared.late_spikes)


def test_what_is_measured_of_each_sample_is_what_its_record_says(mapped, inputs):
    whole = run(mapped, inputs, acceleration=60_000)
    assert whole.record is not None and whole.measured == []
    lean = run(mapped, inputs, acceleration=60_000, measure=spike_disorder)
    assert lean.record is None and len(lean.measured) == len(inputs)
    assert same_spikes(whole.trace, lean.trace) and lean.late_share == whole.late_share
    together = spike_disorder(whole.record)
    assert pooled_disorder(lean.measured).share == together.share > 0
