"""Latency, ISI distortion and spike disorder against plain Python on drawn records, and by hand."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from spikemesh.hardware import Hardware
from spikemesh.mapping.mapping import Mapping
from spikemesh.metrics import isi_distortion, latency, spike_disorder
from spikemesh.network import SpikingNetwork
from spikemesh.simulation import RunRecord
from spikemesh.simulation.program import Chip
from spikemesh.testing.records import records

quick = settings(max_examples=80, deadline=None)


def rows_read(record: RunRecord) -> list[dict[str, int]]:
    names = ("sample", "neuron", "destination", "fired", "encoded", "injected", "granted", "delivered", "row_read")
    columns = [getattr(record, name).tolist() for name in names]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return [row for row in rows if row["row_read"] >= 0]


def plain_distortion(record: RunRecord) -> list[int]:
    last: dict[tuple[int, int, int], dict[str, int]] = {}
    found = []
    for row in sorted(rows_read(record), key=lambda r: (r["sample"], r["fired"])):
        key = (row["sample"], row["neuron"], row["destination"])
        if key in last:
            before = last[key]
            found.append(abs((row["row_read"] - before["row_read"]) - (row["fired"] - before["fired"])))
        last[key] = row
    return found


def plain_disorder(record: RunRecord) -> dict[int, tuple[int, int]]:
    """tile -> (spikes overtaken, spikes)."""
    counts: dict[int, tuple[int, int]] = {}
    for tile in range(record.chip.n_tiles):
        overtaken = total = 0
        for sample in range(record.n_samples):
            read = [r for r in rows_read(record) if (r["destination"], r["sample"]) == (tile, sample)]
            read.sort(key=lambda r: (r["row_read"], r["delivered"], r["neuron"]))
            for k, row in enumerate(read):
                overtaken += any(row["fired"] < earlier["fired"] for earlier in read[:k])
                total += 1
        counts[tile] = (overtaken, total)
    return counts


@given(records())
@quick
def test_latency_is_the_plain_statistic(record: RunRecord) -> None:
    found, rows = latency(record), rows_read(record)
    assert found.n == len(rows)
    assert found.undelivered == len(record.row_read) - len(rows)
    if not rows:
        assert math.isnan(found.mean_cycles)
        assert math.isnan(found.max_ns)
        return
    cycles = sorted(r["row_read"] - r["fired"] for r in rows)
    assert found.mean_cycles == pytest.approx(sum(cycles) / len(cycles))
    assert found.max_cycles == cycles[-1]
    assert found.mean_ns == found.mean_cycles * record.hardware.noc.cycle_ns
    for q, value in ((0.5, found.p50_cycles), (0.95, found.p95_cycles), (0.99, found.p99_cycles)):
        place = q * (len(cycles) - 1)
        low, high = cycles[math.floor(place)], cycles[math.ceil(place)]
        assert value == pytest.approx(low + (place - math.floor(place)) * (high - low))
    assert sum(found.parts_mean_cycles.values()) == pytest.approx(found.mean_cycles, abs=1e-6)
    stages = ("fired", "encoded", "injected", "granted", "delivered", "row_read")
    for (name, value), a, b in zip(found.parts_mean_cycles.items(), stages, stages[1:], strict=False):
        assert value == pytest.approx(sum(r[b] - r[a] for r in rows) / len(rows), abs=1e-6), name


@given(records())
@quick
def test_isi_distortion_is_the_plain_statistic(record: RunRecord) -> None:
    found, expected = isi_distortion(record), plain_distortion(record)
    assert found.n_intervals == len(expected)
    if expected:
        assert found.mean_cycles == pytest.approx(sum(expected) / len(expected))
        assert found.max_cycles == max(expected)
    else:
        assert math.isnan(found.mean_cycles)
        assert math.isnan(found.max_cycles)


@given(records())
@quick
def test_spike_disorder_is_the_plain_statistic(record: RunRecord) -> None:
    found, expected = spike_disorder(record), plain_disorder(record)
    total = sum(n for _, n in expected.values())
    if not total:
        assert math.isnan(found.share)
        assert np.isnan(found.per_tile).all()
        return
    assert found.share == sum(overtaken for overtaken, _ in expected.values()) / total
    for tile, (overtaken, n) in expected.items():
        assert found.per_tile[tile] == pytest.approx(overtaken / n if n else math.nan, nan_ok=True)
    assert found.worst == max(overtaken / n for overtaken, n in expected.values() if n)


@given(records(cut=False))
@quick
def test_a_constant_delay_distorts_nothing(record: RunRecord) -> None:
    even = replace(record, delivered=record.fired + 5, row_read=record.fired + 7)
    if not len(even.fired):
        return
    assert latency(even).mean_cycles == latency(even).p99_cycles == 7
    distortion = isi_distortion(even)
    assert distortion.n_intervals == 0 or distortion.max_cycles == 0
    assert spike_disorder(even).share == 0


@given(records())
@quick
def test_samples_do_not_mix(record: RunRecord) -> None:
    """Moving one whole sample in time changes no statistic: intervals and order never cross samples."""
    shift = np.where(record.sample == record.n_samples - 1, 10**12, 0)
    names = ("fired", "encoded", "injected", "granted", "delivered", "row_read")
    held = {name: getattr(record, name) for name in names}
    moved = replace(record, **{name: np.where(v >= 0, v + shift, v) for name, v in held.items()})
    assert latency(moved) == latency(record) or latency(record).n == 0
    a, b = isi_distortion(moved), isi_distortion(record)
    assert a == b or b.n_intervals == 0
    np.testing.assert_array_equal(spike_disorder(moved).per_tile, spike_disorder(record).per_tile)


def by_hand(rows: list[tuple[int, int, int, int, int]]) -> RunRecord:
    """A record of remote rows (sample, fired, neuron, destination, row_read) on a 2 x 2 mesh; delivered = row_read - 1."""
    hw = Hardware.of(
        {"name": "h", "mesh": {"cols": 2, "rows": 2}, "crossbar": {"n_in": 4, "n_out": 4}, "noc": {"cycle_ns": 2.0}}
    )
    network = SpikingNetwork.from_edges([0], [1], [1.0], layer_sizes=[4])
    mapping = Mapping(network, hw, np.zeros(4, np.int32), np.array([0], np.int32))
    table = np.array(sorted(rows), np.int64).reshape(-1, 5)
    n, none = len(table), np.empty(0, np.int64)
    read = table[:, 4]
    fields: dict[str, Any] = {
        "sample": table[:, 0], "fired": table[:, 1], "neuron": table[:, 2], "destination": table[:, 3], "row_read": read,
        "source": np.zeros(n, np.int64), "synapses": np.ones(n, np.int64), "packet": np.arange(n),
        "encoded": table[:, 1], "injected": table[:, 1], "granted": read - 1, "delivered": read - 1,
    }  # fmt: skip
    own = dict.fromkeys(("own_sample", "own_neuron", "own_tile", "own_synapses", "own_fired", "own_row_read"), none)
    return RunRecord(
        mapping=mapping, hardware=hw, chip=Chip(2, 2), acceleration=1.0, cycles_per_step=100, n_samples=2, n_steps=3,
        link_flits=np.zeros((4, 4), np.int64), last_row_read=np.zeros(2, np.int64), spikes=np.zeros(4, np.int64),
        verdict="drained", engine="simpy", seconds=0.0, **fields, **own,
    )  # fmt: skip


def test_disorder_by_hand() -> None:
    # on tile 1: fired 0, 10, 20 and read in the order 20, 0, 10: two of three are overtaken
    record = by_hand([(0, 0, 0, 1, 50), (0, 10, 1, 1, 51), (0, 20, 2, 1, 40)])
    assert spike_disorder(record).per_tile.tolist()[1] == pytest.approx(2 / 3)
    # fired together is no disorder; another tile and another sample do not matter
    record = by_hand([(0, 10, 0, 1, 60), (0, 10, 1, 1, 50), (0, 0, 2, 2, 70), (1, 0, 0, 1, 90)])
    assert spike_disorder(record).share == 0.0


def test_read_together_the_lower_neuron_comes_first() -> None:
    late_first = by_hand([(0, 0, 1, 1, 50), (0, 10, 0, 1, 50)])
    assert spike_disorder(late_first).share == 0.5
    assert spike_disorder(by_hand([(0, 0, 0, 1, 50), (0, 10, 1, 1, 50)])).share == 0.0


def test_read_together_the_one_delivered_first_comes_first() -> None:
    record = by_hand([(0, 0, 0, 1, 50), (0, 10, 1, 1, 50)])
    assert spike_disorder(record).share == 0.0
    assert spike_disorder(replace(record, delivered=np.array([49, 48]))).share == 0.5


@given(records())
@settings(max_examples=40, deadline=None)
def test_cycles_near_the_end_of_int64_change_nothing(record: RunRecord) -> None:
    """Keys that no longer fit one integer are sorted and compared the long way."""
    names = ("fired", "encoded", "injected", "granted", "delivered", "row_read")
    held = {name: getattr(record, name) for name in names}
    moved = replace(record, **{name: np.where(v >= 0, v + 2**62, v) for name, v in held.items()})
    np.testing.assert_array_equal(spike_disorder(moved).per_tile, spike_disorder(record).per_tile)
    assert isi_distortion(moved) == isi_distortion(record) or not isi_distortion(record).n_intervals


def test_distortion_by_hand() -> None:
    # fired 10 apart, read 13 and 8 apart; the pair on tile 2 and the second sample stand alone
    record = by_hand([(0, 0, 0, 1, 5), (0, 10, 0, 1, 18), (0, 20, 0, 1, 26), (0, 0, 0, 2, 6), (1, 30, 0, 1, 99)])
    found = isi_distortion(record)
    assert (found.n_intervals, found.mean_cycles, found.max_cycles) == (2, 2.5, 3)


def test_latency_by_hand() -> None:
    found = latency(by_hand([(0, 0, 0, 1, 5), (0, 10, 0, 1, 18)]))
    assert (found.mean_cycles, found.max_cycles, found.mean_ns, found.p50_cycles) == (6.5, 8, 13.0, 6.5)
    assert found.parts_mean_cycles == {"encoder": 0, "source_queue": 0, "network": 5.5, "ejection": 0, "crossbar": 1}
