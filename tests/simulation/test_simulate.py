"""A mapped network's spikes on its chip: the record says everything, and the engines say the same."""

import dataclasses

import numpy as np
import pytest

import spikemesh as sm
from spikemesh.errors import SimulationError
from spikemesh.simulation.lower import lower
from spikemesh.simulation.record import RunRecord
from spikemesh.testing.laws import link_flits, zero_load
from spikemesh.testing.mapped import block_mapping, layered_network, random_mapping, random_network, random_trace

ARRAYS = [f.name for f in dataclasses.fields(RunRecord) if "NDArray" in str(f.type)]


@pytest.fixture(scope="module")
def case():
    hw = sm.load_hardware("mesh-45nm", mesh=(4, 3))
    network = layered_network(sizes=(16, 16, 8))
    return random_mapping(5, network, hw, n_clusters=9), random_trace(5, network, n_samples=3, n_steps=8)


def same_record(a, b):
    return all((getattr(a, name) == getattr(b, name)).all() for name in ARRAYS) and a.verdict == b.verdict


@pytest.mark.parametrize("overrides", [{}, {"noc.multicast": "tree", "noc.buffer_packets": 1, "noc.packet_bits": 96}])
@pytest.mark.parametrize("acceleration", [1, 30_000])
def test_engines_agree(case, overrides, acceleration):
    mapped, trace = case
    hw = mapped.hardware.with_overrides(overrides)
    slow = sm.simulate(mapped, trace, hw, engine="simpy", acceleration=acceleration)
    fast = sm.simulate(mapped, trace, hw, engine="compiled", acceleration=acceleration)
    assert same_record(slow, fast)
    assert (slow.engine, fast.engine, sm.simulate(mapped, trace).engine) == ("simpy", "compiled", "simpy")


def test_the_record_adds_up(case):
    mapped, trace = case
    program = lower(mapped, trace)
    record = sm.simulate(mapped, trace)
    assert record.verdict == "drained" and record.n_samples == 3 and record.n_steps == 8
    expected = np.zeros((12, 4), np.int64)
    for sample in range(3):
        traffic = program.traffic(sample)
        mine, own = record.sample == sample, record.own_sample == sample
        for name in ("fired", "neuron", "source", "destination", "synapses", "packet"):
            assert (getattr(record, name)[mine] == getattr(traffic, name)).all(), name
        for name in ("own_fired", "own_neuron", "own_tile", "own_synapses"):
            assert (getattr(record, name)[own] == getattr(traffic, name)).all(), name
        assert (record.delivered - record.injected)[mine].min() >= zero_load(program.chip, traffic).min()
        expected += link_flits(program.chip, traffic)
        assert record.last_row_read[sample] == max(record.row_read[mine].max(), record.own_row_read[own].max())
    assert (record.link_flits == expected).all()
    assert record.flit_hops_x + record.flit_hops_y == expected.sum()
    assert (record.spikes == trace.counts).all()
    assert record.n_packets == len(record.fired)
    assert not record.late.any()


def test_samples_do_not_touch_each_other(case):
    mapped, trace = case
    whole = sm.simulate(mapped, trace, acceleration=30_000)
    for sample in range(3):
        alone = sm.simulate(mapped, trace.select([sample]), acceleration=30_000)
        assert (alone.row_read == whole.row_read[whole.sample == sample]).all()


def test_samples_one_by_one_are_the_run(case):
    mapped, trace = case
    whole = sm.simulate(mapped, trace, acceleration=30_000)
    records = list(sm.simulate_samples(mapped, trace, acceleration=30_000))
    assert [record.n_samples for record in records] == [1, 1, 1]
    assert np.array_equal(np.concatenate([record.row_read for record in records]), whole.row_read)
    assert np.array_equal(sum(record.link_flits for record in records), whole.link_flits)
    assert np.array_equal(sum(record.spikes for record in records), whole.spikes)


def test_workers_change_nothing(case):
    mapped, trace = case
    seen = []
    shared = sm.simulate(mapped, trace, engine="simpy", workers=2, progress=lambda k, n: seen.append((k, n)))
    assert same_record(shared, sm.simulate(mapped, trace, engine="simpy"))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_short_step_makes_spikes_late(case):
    mapped, trace = case
    record = sm.simulate(mapped, trace, acceleration=50_000)
    assert record.cycles_per_step == 20
    assert record.late.any()
    assert (record.late == (record.row_read - record.fired > 20)).all()


def test_max_cycles_cuts_every_sample(case):
    mapped, trace = case
    whole = sm.simulate(mapped, trace)
    record = sm.simulate(mapped, trace, max_cycles=3_000_000)
    assert record.verdict == "cut"
    early = whole.row_read < 3_000_000
    assert (record.row_read == np.where(early, whole.row_read, -1)).all()
    assert early.any() and not early.all()
    last = int(whole.last_row_read.max())
    assert sm.simulate(mapped, trace, max_cycles=last).verdict == "cut"
    assert sm.simulate(mapped, trace, max_cycles=last + 1).verdict == "drained"


def test_a_network_that_never_leaves_its_tile():
    network = layered_network(sizes=(3, 2))
    mapped = block_mapping(network, sm.load_hardware("mesh-45nm", mesh=(2, 2)), size=5)
    record = sm.simulate(mapped, random_trace(0, network))
    assert len(record.fired) == 0 and record.n_packets == 0 and not record.link_flits.any()
    assert (record.own_row_read > record.own_fired).all()


def test_a_silent_trace(case):
    mapped, _ = case
    trace = sm.SpikeTrace.of([], [], [], n_samples=2, n_neurons=40, duration_ms=5)
    record = sm.simulate(mapped, trace)
    assert record.verdict == "drained" and record.last_row_read.tolist() == [0, 0] and record.n_packets == 0


def test_recurrent_networks_run():
    network = random_network(7)
    mapped = random_mapping(7, network, sm.load_hardware("truenorth", mesh=(3, 3)))
    trace = random_trace(7, network)
    assert same_record(sm.simulate(mapped, trace, engine="simpy"), sm.simulate(mapped, trace, engine="compiled"))


def test_bad_requests(case):
    mapped, trace = case
    for change, message in (
        ({"engine": "noxim"}, "engine must be one of auto, simpy, compiled, not 'noxim'"),
        ({"max_cycles": 0}, "max_cycles must be at least 1, not 0"),
        ({"workers": 0}, "workers must be at least 1, not 0"),
        ({"acceleration": -2}, "acceleration must be a positive number"),
    ):
        with pytest.raises(SimulationError, match=message):
            sm.simulate(mapped, trace, **change)
