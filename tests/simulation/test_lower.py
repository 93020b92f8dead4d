"""From spikes to rows: every row a spike drives, once, in order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikemesh as sm
from spikemesh.errors import InfeasibleError, MappingError, SimulationError, TraceError
from spikemesh.mapping.mapping import Mapping
from spikemesh.simulation.lower import chip_of, lower, wire
from spikemesh.simulation.program import UNLIMITED
from spikemesh.testing.mapped import block_mapping, layered_network, random_mapping, random_network, random_trace


@pytest.fixture(scope="module")
def hw():
    return sm.load_hardware("mesh-45nm", mesh=(4, 3))


def rows_by_hand(mapped, trace, sample, cycles_per_step):
    """(fired, neuron, tile) -> crosspoints, of remote and of own rows, one synapse after the other."""
    remote, own = {}, {}
    synapses = mapped.network.synapses
    for s, step, neuron in zip(trace.samples, trace.steps, trace.neurons, strict=True):
        for pre, post in zip(synapses.pre, synapses.post, strict=True):
            if s == sample and pre == neuron:
                home, tile = mapped.tile_of_neuron[pre], mapped.tile_of_neuron[post]
                rows = own if home in (tile, -1) else remote
                key = (int(step) * cycles_per_step, int(neuron), int(tile))
                rows[key] = rows.get(key, 0) + 1
    return remote, own


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), inputs_off=st.booleans(), tree=st.booleans())
def test_every_row_once(hw, seed, inputs_off, tree):
    chip = hw.with_overrides({"noc.multicast": "tree" if tree else "unicast"})
    network = random_network(seed)
    mapped = random_mapping(seed, network, chip, inputs_off=inputs_off)
    trace = random_trace(seed, network)
    program = lower(mapped, trace, acceleration=1000)
    for sample in range(2):
        traffic, entries, own_entries = program.rows(sample)
        remote, own = rows_by_hand(mapped, trace, sample, program.cycles_per_step)
        columns = (traffic.fired, traffic.neuron, traffic.destination, traffic.synapses)
        assert list(zip(*(c.tolist() for c in columns), strict=True)) == [(*k, remote[k]) for k in sorted(remote)]
        columns = (traffic.own_fired, traffic.own_neuron, traffic.own_tile, traffic.own_synapses)
        assert list(zip(*(c.tolist() for c in columns), strict=True)) == [(*k, own[k]) for k in sorted(own)]
        assert (traffic.source == mapped.tile_of_neuron[traffic.neuron]).all()
        assert (mapped.axons.neuron[entries] == traffic.neuron).all()
        assert (mapped.tile_of_cluster[mapped.axons.cluster[entries]] == traffic.destination).all()
        assert (mapped.axons.neuron[own_entries] == traffic.own_neuron).all()
        assert (mapped.tile_of_cluster[mapped.axons.cluster[own_entries]] == traffic.own_tile).all()


def test_packets_are_rows_or_spikes(hw):
    network = layered_network()
    trace = random_trace(1, network)
    unicast = lower(block_mapping(network, hw), trace).traffic(0)
    assert unicast.packet.tolist() == list(range(unicast.n_rows))
    tree = lower(block_mapping(network, hw.with_overrides({"noc.multicast": "tree"})), trace).traffic(0)
    spikes = list(dict.fromkeys(zip(tree.fired.tolist(), tree.neuron.tolist(), strict=True)))
    number = {spike: k for k, spike in enumerate(spikes)}
    expected = [number[spike] for spike in zip(tree.fired.tolist(), tree.neuron.tolist(), strict=True)]
    assert tree.packet.tolist() == expected
    assert tree.n_packets == len(spikes) < unicast.n_packets


def test_off_chip_inputs_are_read_where_they_end(hw):
    network = layered_network(sizes=(4, 4, 2))
    mapped = Mapping(network, hw, np.array([-1] * 4 + [0] * 4 + [1] * 2, np.int32), np.array([0, 5], np.int32))
    trace = sm.SpikeTrace.of([0, 0], [0.0, 3.0], [2, 5], n_samples=1, n_neurons=10, duration_ms=5)
    traffic = lower(mapped, trace).traffic(0)
    assert (traffic.own_neuron.tolist(), traffic.own_tile.tolist(), traffic.own_synapses.tolist()) == ([2], [0], [4])
    assert (traffic.neuron.tolist(), traffic.source.tolist(), traffic.destination.tolist()) == ([5], [0], [5])
    assert traffic.fired.tolist() == [3_000_000]


def test_work_counts_rows_and_links(hw):
    network = random_network(3)
    mapped = random_mapping(3, network, hw)
    trace = random_trace(3, network)
    program = lower(mapped, trace)
    expected = 0
    for sample in range(trace.n_samples):
        t = program.traffic(sample)
        links = abs(t.source % 4 - t.destination % 4) + abs(t.source // 4 - t.destination // 4)
        expected += int(links.sum()) + t.n_rows + len(t.own_fired)
    assert program.wiring.work(trace.counts) == expected
    assert program.work() > expected, "empty chips are not free"


def test_chip_in_cycles():
    chip = chip_of(sm.load_hardware("booksim-lean", mesh=(8, 8)))
    assert (chip.router_cycles, chip.link_cycles_x, chip.eject_cycles, chip.encode_cycles) == (2, 1, 3, 0)
    assert chip.buffer_packets == UNLIMITED and chip.flits_per_packet == 1 and not chip.tree
    overrides = {"noc.packet_bits": 33, "noc.flit_bits": 16, "noc.buffer_packets": 2, "noc.multicast": "tree"}
    chip = chip_of(sm.load_hardware("mesh-45nm", mesh=(2, 5), pitch_mm=25.0, overrides=overrides))
    assert (chip.cols, chip.rows, chip.flits_per_packet, chip.buffer_packets, chip.tree) == (2, 5, 3, 2, True)
    assert chip.link_cycles_x == chip.link_cycles_y == 3  # 25 mm at 0.1 ns/mm and 1 ns a cycle


def test_acceleration_shortens_the_step(hw):
    network = layered_network()
    mapped, trace = block_mapping(network, hw), random_trace(0, network)
    assert lower(mapped, trace).cycles_per_step == 1_000_000
    fast = lower(mapped, trace, acceleration=40_000)
    assert fast.cycles_per_step == 25
    assert set(np.unique(fast.traffic(0).fired).tolist()) == {0, 25, 50, 75, 100, 125}
    for acceleration in (0, -1, float("nan"), 3e6):
        with pytest.raises(SimulationError, match="acceleration"):
            lower(mapped, trace, acceleration=acceleration)


def test_traces_must_fit(hw):
    mapped = block_mapping(layered_network(), hw)
    other = layered_network(sizes=(12, 14, 7))
    with pytest.raises(TraceError, match=r"33 neurons.*32"):
        lower(mapped, random_trace(0, other))
    slow = layered_network(dt_ms=0.5)
    with pytest.raises(TraceError, match=r"steps of 0\.5 ms.*time\.step_ms = 1"):
        lower(block_mapping(slow, hw), random_trace(0, slow))


def test_another_chip_must_have_the_same_mesh(hw):
    mapped = block_mapping(layered_network(), hw)
    other = sm.load_hardware("dynap-se")
    assert wire(mapped, other).chip.cols == 4, "an auto mesh takes the mapping's size"
    with pytest.raises(SimulationError, match=r"4 x 3 tiles.*6 x 6"):
        wire(mapped, sm.load_hardware("dynap-se", mesh=(6, 6)))
    with pytest.raises(SimulationError, match="tile 3"):
        wire(mapped, hw.with_overrides({"mesh.blocked": [[3, 0]]}))
    with pytest.raises(InfeasibleError, match="4 neurons for 3 columns"):
        wire(mapped, hw.with_overrides({"crossbar.n_out": 3}))


def test_an_auto_mesh_takes_its_size_from_the_clusters():
    mapped = block_mapping(layered_network(), sm.load_hardware("mesh-45nm"))
    assert wire(mapped).chip.n_tiles == 9
    with pytest.raises((SimulationError, MappingError), match="auto"):
        chip_of(sm.load_hardware("mesh-45nm"))
