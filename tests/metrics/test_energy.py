"""Energy: the vectorised counts against plain Python, sums that add up, prices from elsewhere, TrueNorth's totals."""

import itertools
import math
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.hardware import Hardware, load_hardware
from spikemesh.metrics import Counts, Energy, count, energy, price, run_time_ns
from spikemesh.simulation import RunRecord
from spikemesh.testing.records import records

quick = settings(max_examples=60, deadline=None)


def plain_energy(record: RunRecord, hw: Hardware) -> dict[str, float]:
    """Section 3 of the design, one event at a time."""
    mapping, at = record.mapping, record.hardware
    synapses = list(zip(mapping.network.synapses.pre.tolist(), mapping.network.synapses.post.tolist(), strict=True))
    cluster = mapping.assignment.tolist()
    tile_of = {c: int(t) for c, t in enumerate(mapping.tile_of_cluster)}
    cluster_on = {t: c for c, t in tile_of.items()}
    members = {c: [i for i, a in enumerate(cluster) if a == c] for c in tile_of}
    held = {c: [(i, j) for i, j in synapses if cluster[j] == c] for c in tile_of}
    columns = {c: len(members[c]) if at.crossbar.n_out == math.inf else at.crossbar.n_out for c in tile_of}
    rows = {c: len({i for i, _ in held[c]}) if at.crossbar.n_in == math.inf else at.crossbar.n_in for c in tile_of}

    e, p = hw.energy, hw.power
    if e.hop_x_pj is not None and e.hop_y_pj is not None:
        hop_x, hop_y = e.hop_x_pj, e.hop_y_pj
    else:
        wire = 32 * (e.wire_pj_per_bit_mm or 0)
        hop_x = (e.router_pj_per_flit or 0) + wire * (hw.mesh.pitch_x_mm or 0)
        hop_y = (e.router_pj_per_flit or 0) + wire * (hw.mesh.pitch_y_mm or 0)
    paid = dict.fromkeys((field.name for field in fields(Energy)), 0.0)
    for east, west, north, south in record.link_flits.tolist():
        paid["hops_x"] += (east + west) * hop_x
        paid["hops_y"] += (north + south) * hop_y
    injected = {(s, k) for s, k, t in zip(record.sample, record.packet, record.injected, strict=True) if t >= 0}
    paid["inject"] = len(injected) * e.inject_pj
    paid["eject"] = sum(e.eject_pj for t in record.delivered.tolist() if t >= 0)
    for tiles, synapses_on, read in (
        (record.destination, record.synapses, record.row_read),
        (record.own_tile, record.own_synapses, record.own_row_read),
    ):
        for tile, crosspoints, cycle in zip(tiles.tolist(), synapses_on.tolist(), read.tolist(), strict=True):
            if cycle < 0:
                continue
            paid["row"] += e.row_pj
            paid["op"] += crosspoints * e.op_pj
            paid["idle_crosspoint"] += max(columns[cluster_on[tile]] - crosspoints, 0) * e.idle_cell_pj
    for i, spikes in enumerate(record.spikes.tolist()):
        if cluster[i] >= 0:
            paid["spike"] += spikes * e.spike_pj
            steps = record.n_samples * record.n_steps
            paid["update"] += spikes * e.update_pj + (steps - spikes) * e.idle_update_pj
    seconds = 0.0
    for last in record.last_row_read.tolist():
        network = record.n_steps * at.time.step_ms * 1e-3 / record.acceleration
        seconds += max(network, last * at.noc.cycle_ns * 1e-9)
    for c in tile_of:
        paid["neuron"] += seconds * len(members[c]) * p.neuron_nw * 1e-9 * 1e12
        paid["crosspoint"] += seconds * len(held[c]) * p.synapse_nw * 1e-9 * 1e12
        paid["unused_neuron"] += seconds * (columns[c] - len(members[c])) * p.neuron_nw * 1e-9 * 1e12
        unused = max(rows[c] * columns[c] - len(held[c]), 0)
        paid["unused_crosspoint"] += seconds * unused * p.synapse_nw * 1e-9 * 1e12
        paid["core"] += seconds * p.core_uw * 1e-6 * 1e12
    paid["router"] = seconds * at.n_tiles * p.router_uw * 1e-6 * 1e12
    return paid


@given(records())
@quick
def test_energy_is_the_plain_sum(record: RunRecord) -> None:
    expected = plain_energy(record, record.hardware)
    found = energy(record).parts
    total = sum(expected.values())
    for part, value in expected.items():
        assert found[part] == pytest.approx(value, rel=1e-9, abs=1e-12 * total), part


@given(records())
@quick
def test_parts_add_up_exactly(record: RunRecord) -> None:
    paid = energy(record)
    parts = list(paid.parts.values())
    assert math.fsum(parts) == paid.total
    assert sum(parts) == sum(reversed(parts)) == paid.total
    assert sum(paid.groups.values()) == paid.total
    assert paid.wasted == paid.wasted_static + paid.wasted_dynamic
    assert all(part >= 0 for part in parts)


@given(st.lists(st.floats(0, 1e18), min_size=15, max_size=15))
def test_any_parts_add_up_exactly_in_any_order(values: list[float]) -> None:
    from spikemesh.metrics.pricing import _on_a_grid

    parts = _on_a_grid(values)
    total = math.fsum(parts)
    assert sum(parts) == sum(sorted(parts)) == total
    assert sum(parts[:4]) + sum(parts[4:8]) + sum(parts[8:]) == total
    assert all(abs(a - b) <= math.fsum(values) * 2**-46 for a, b in zip(parts, values, strict=True))


@given(records())
@quick
def test_another_chips_prices_on_the_same_run(record: RunRecord) -> None:
    other = load_hardware("loihi")
    found = energy(record, other).parts
    expected = plain_energy(record, other)
    for part, value in expected.items():
        assert found[part] == pytest.approx(value, rel=1e-9, abs=1e-12 * sum(expected.values())), part
    # the chip that ran keeps its own
    assert energy(record, record.hardware) == energy(record)


@given(records(), st.integers(2, 5))
@settings(max_examples=20, deadline=None)
def test_each_price_scales_its_own_part(record: RunRecord, factor: int) -> None:
    before = energy(record)
    keys = {"inject_pj": "inject", "eject_pj": "eject", "spike_pj": "spike", "row_pj": "row", "op_pj": "op"}
    for key, part in (*keys.items(), ("idle_cell_pj", "idle_crosspoint")):
        held = getattr(record.hardware.energy, key)
        after = energy(record, record.hardware.with_overrides({f"energy.{key}": held * factor}))
        slack = 1e-9 * (after.total + 1)
        for name, value in after.parts.items():
            expected = before.parts[name] * (factor if name == part else 1)
            assert value == pytest.approx(expected, abs=slack), (key, name)


def test_wider_pitch_costs_more_in_its_own_direction() -> None:
    counts = Counts(flit_hops_x=10, flit_hops_y=20)
    near = price(counts, load_hardware("mesh-45nm", overrides={"mesh.pitch_x_mm": 0.5, "mesh.pitch_y_mm": 0.5}))
    far = price(counts, load_hardware("mesh-45nm", overrides={"mesh.pitch_x_mm": 2.5, "mesh.pitch_y_mm": 0.5}))
    assert far.hops_x - near.hops_x == pytest.approx(10 * 32 * 0.0426 * 2.0)
    assert far.hops_y == pytest.approx(near.hops_y)
    assert near.hops_y == pytest.approx(20 * (1.753 + 32 * 0.0426 * 0.5))


@given(records())
@quick
def test_run_time_covers_both_the_network_and_the_mesh(record: RunRecord) -> None:
    times = run_time_ns(record)
    network = record.n_steps * 1e6 / record.acceleration
    for time, last in zip(times.tolist(), record.last_row_read.tolist(), strict=True):
        assert time == max(network, last * record.hardware.noc.cycle_ns)
    slow = replace(record, last_row_read=record.last_row_read + 10**9)
    assert count(slow).run_time_ns > count(record).run_time_ns


def test_nothing_used_costs_nothing() -> None:
    assert price(Counts(), load_hardware("dynap-se")).total == 0.0


def test_every_event_of_dynap_se_by_hand() -> None:
    counts = Counts(
        flit_hops_x=3, flit_hops_y=4, packets=2, deliveries=2, spikes=5, row_reads=7, synaptic_events=11, run_time_ns=1e6,
        neurons=10, crosspoints=20, unused_neurons=30, unused_crosspoints=40,
    )  # fmt: skip
    paid = price(counts, load_hardware("dynap-se"))
    assert paid.interconnect == pytest.approx(7 * 17 + 2 * 585)
    assert paid.tile == pytest.approx(5 * 260 + 7 * 2200 + 11 * 26)
    # 5 nW for 1 ms are 5 pJ
    assert paid.static == pytest.approx(10 * 5 + 20 * 0.01)
    assert paid.wasted_static == pytest.approx(30 * 5 + 40 * 0.01)


@pytest.mark.parametrize(
    ("rate_hz", "published_mw", "within"),
    [(11.58, 68, 0.003), (20.07, 71, 0.001), (95.93, 94, 0.027)],
)
def test_truenorth_reaches_its_published_power(rate_hz: float, published_mw: float, within: float) -> None:
    """2^20 neurons with 128 synapses each, every spike on a way of 21.3 + 21.3 hops; one second.

    68.2, 71.0 and 96.5 mW for the published 68, 71 and 94: 0.3, 0.1 and 2.6 % above them.
    """
    seconds, n = 1.0, 2**20
    spikes = round(n * rate_hz * seconds)
    counts = Counts(
        flit_hops_x=round(spikes * 21.3),
        flit_hops_y=round(spikes * 21.3),
        packets=spikes,
        deliveries=spikes,
        spikes=spikes,
        row_reads=spikes,
        synaptic_events=128 * spikes,
        idle_crosspoints=128 * spikes,
        active_updates=spikes,
        idle_updates=n * 1000 - spikes,
        neurons=n,
        crosspoints=128 * n,
        unused_crosspoints=128 * n,
        cores=4096,
        routers=4096,
        run_time_ns=seconds * 1e9,
    )
    power_mw = price(counts, load_hardware("truenorth")).total * 1e-12 / seconds * 1e3
    assert power_mw == pytest.approx(published_mw, rel=within)


def test_names_of_parts_are_in_the_order_of_their_groups() -> None:
    names = [field.name for field in fields(Energy)]
    values = Energy(*(2.0**k for k in range(len(names))))
    sums = list(itertools.accumulate(values.parts.values()))
    assert values.interconnect == sums[3]
    assert values.interconnect + values.tile == sums[7]
    assert values.interconnect + values.tile + values.static == sums[11]
    assert values.total == sums[-1]


def crossbar_power(hw: Hardware, n: int, share: float) -> float:
    """Power of one n x n crossbar whose axons fire at 20 Hz, ``share`` of its crosspoints in use; pJ in a second."""
    used, reads = round(n * n * share), 20 * n
    counts = Counts(
        spikes=reads,
        row_reads=reads,
        synaptic_events=round(reads * used / n),
        idle_crosspoints=round(reads * (n - used / n)),
        neurons=n,
        crosspoints=used,
        unused_crosspoints=n * n - used,
        cores=1,
        run_time_ns=1e9,
    )
    return price(counts, hw).total


@pytest.mark.parametrize(
    ("chip", "share", "at_128", "at_1024"),
    [
        ("mesh-45nm", 1.0, 1.09, 1.43),
        ("mesh-45nm", 0.09, 1.03, 1.17),
        ("dynap-se", 1.0, 1.47, 1.87),
        ("dynap-se", 0.09, 1.09, 1.43),
    ],
)
def test_power_grows_between_linearly_and_quadratically_with_the_crossbar(
    chip: str, share: float, at_128: float, at_1024: float
) -> None:
    hw = load_hardware(chip)
    power = {n: crossbar_power(hw, n, share) for n in (32, 64, 128, 256, 512, 1024)}
    exponents = {n: math.log2(power[n] / power[n // 2]) for n in (64, 128, 256, 512, 1024)}
    assert all(1 < exponent < 2 for exponent in exponents.values())
    assert exponents[128] == pytest.approx(at_128, abs=0.006)
    assert exponents[1024] == pytest.approx(at_1024, abs=0.006)
