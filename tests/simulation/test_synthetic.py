"""Synthetic patterns, their closed forms, and the latency-load curve beside BookSim's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikemesh as sm
from spikemesh.errors import SimulationError
from spikemesh.simulation.compiled import engine
from spikemesh.simulation.program import Chip
from spikemesh.simulation.synthetic import (
    HOT_SHARE,
    PATTERNS,
    latency_load,
    mean_links,
    saturation_rate,
    synthetic_traffic,
    uniform_saturation,
    zero_load_latency,
)
from spikemesh.testing.traffic import raw_traffic

BOOKSIM_C = {0.01: 20.79, 0.1: 21.02, 0.2: 21.58, 0.3: 23.09, 0.35: 25.16, 0.4: 35.40}
"""Mean packet latency of BookSim 2 with buffers of 1024 flits (docs/validation.md)."""

BOOKSIM_B = {0.01: 20.79, 0.1: 21.02, 0.2: 21.58, 0.3: 23.12, 0.35: 25.79}
"""The same with buffers of 8 flits; at 0.4 it is saturated and accepts 0.3765."""

EIGHT_BUFFERS = {"noc.buffer_packets": 8, "noc.credit_cycles": 1}

shapes = st.tuples(st.integers(1, 7), st.integers(1, 7))


def lean(overrides=None):
    return sm.load_hardware("booksim-lean", mesh=(8, 8), overrides=overrides)


def fits(pattern, shape):
    return pattern != "transpose" or shape[0] == shape[1]


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("transpose", {0: 0, 1: 4, 6: 9, 15: 15}),
            ("bit-complement", {0: 15, 1: 14, 6: 9}),
            ("tornado", {0: 5, 1: 6, 3: 4, 14: 3}),
        ],
    )
    def test_one_destination_a_tile(self, pattern, expected):
        _, source, destination = synthetic_traffic(pattern, (4, 4), 0.5, 100)
        assert all(set(destination[source == tile]) == {to} for tile, to in expected.items())

    def test_bit_complement_flips_the_bits_of_the_index(self):
        _, source, destination = synthetic_traffic("bit-complement", (8, 4), 0.3, 50)
        assert (destination == (~source & 31)).all()

    def test_uniform_reaches_every_tile_alike_itself_included(self):
        _, source, destination = synthetic_traffic("uniform", (3, 3), 1.0, 20_000)
        counts = np.bincount(source * 9 + destination, minlength=81)
        assert counts.sum() == 180_000
        assert abs(counts - 180_000 / 81).max() < 5 * np.sqrt(180_000 / 81)

    def test_hotspot_prefers_the_middle(self):
        _, _, destination = synthetic_traffic("hotspot", (8, 8), 0.5, 10_000)
        share = np.bincount(destination, minlength=64) / len(destination)
        assert share.argmax() == 4 * 8 + 4
        assert share.max() == pytest.approx(HOT_SHARE + (1 - HOT_SHARE) / 64, rel=0.02)

    @given(shapes)
    @settings(max_examples=30, deadline=None)
    def test_nearest_neighbours_are_one_link_away_and_all_are_met(self, shape):
        cols, rows = shape
        _, source, destination = synthetic_traffic("nearest-neighbour", shape, 1.0, 80)
        links = abs(source % cols - destination % cols) + abs(source // cols - destination // cols)
        assert (links == (0 if shape == (1, 1) else 1)).all()
        met = {(s, d) for s, d in zip(source.tolist(), destination.tolist(), strict=True) if s != d}
        assert len(met) == 2 * ((cols - 1) * rows + cols * (rows - 1))

    @given(shapes, st.sampled_from(PATTERNS), st.floats(0, 1), st.integers(0, 200), st.integers(0, 99))
    @settings(max_examples=60, deadline=None)
    def test_packets_stay_on_the_mesh_and_in_order(self, shape, pattern, rate, cycles, seed):
        if not fits(pattern, shape):
            return
        cycle, source, destination = synthetic_traffic(pattern, shape, rate, cycles, seed)
        n = shape[0] * shape[1]
        trial = cycle * n + source
        assert (np.diff(trial) > 0).all()
        assert len(trial) == 0 or (trial[0] >= 0 and cycle[-1] < cycles)
        assert ((destination >= 0) & (destination < n)).all()
        again = synthetic_traffic(pattern, shape, rate, cycles, seed)
        assert all((a == b).all() for a, b in zip((cycle, source, destination), again, strict=True))

    @pytest.mark.parametrize("rate", [0.001, 0.05, 0.5, 0.97])
    def test_each_cycle_and_tile_is_an_independent_trial(self, rate):
        cycle, source, _ = synthetic_traffic("uniform", (4, 2), rate, 50_000, seed=7)
        trials = 400_000
        assert abs(len(cycle) - trials * rate) < 5 * np.sqrt(trials * rate * (1 - rate))
        per_tile = np.bincount(source, minlength=8)
        assert abs(per_tile - 50_000 * rate).max() < 5 * np.sqrt(50_000 * rate * (1 - rate))
        busy = np.zeros(trials, bool)
        busy[cycle * 8 + source] = True
        after_a_hit = busy[1:][busy[:-1]]
        assert abs(after_a_hit.mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / len(after_a_hit))

    def test_every_trial_and_none(self):
        assert [len(a) for a in synthetic_traffic("uniform", (2, 3), 1.0, 10)] == [60] * 3
        assert [len(a) for a in synthetic_traffic("uniform", (2, 3), 0.0, 10)] == [0] * 3

    def test_the_smallest_load_ends_too(self):
        assert len(synthetic_traffic("uniform", (4, 4), 5e-324, 10**6)[0]) == 0

    def test_load_counts_flits(self):
        four = lean({"noc.packet_bits": 128})
        cycle, _, _ = synthetic_traffic("uniform", four, 0.8, 5000)
        assert len(cycle) == pytest.approx(0.2 * 64 * 5000, rel=0.02)
        assert len(synthetic_traffic("uniform", four, 4.0, 10)[0]) == 640

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("diagonal", (4, 4), 0.1, 10), "uniform, transpose"),
            (("transpose", (4, 2), 0.1, 10), "square"),
            (("uniform", (4, 4), 1.1, 10), "0 to 1 flits"),
            (("uniform", (4, 4), -0.1, 10), "0 to 1 flits"),
            (("uniform", (4, 4), float("nan"), 10), "0 to 1 flits"),
            (("uniform", (4, 4), 0.1, -1), "cycles"),
            (("uniform", (0, 4), 0.1, 10), "one column"),
        ],
    )
    def test_what_makes_no_sense(self, arguments, says):
        with pytest.raises(SimulationError, match=says):
            synthetic_traffic(*arguments)


class TestClosedForms:
    @given(shapes, st.sampled_from(PATTERNS))
    @settings(max_examples=40, deadline=None)
    def test_mean_links_are_those_of_many_packets(self, shape, pattern):
        if not fits(pattern, shape):
            return
        cols, rows = shape
        _, source, destination = synthetic_traffic(pattern, shape, 1.0, 20_000 // (cols * rows))
        x, y = mean_links(pattern, shape)
        assert abs(source % cols - destination % cols).mean() == pytest.approx(x, abs=0.12)
        assert abs(source // cols - destination // cols).mean() == pytest.approx(y, abs=0.12)

    def test_uniform_8_x_8_crosses_five_and_a_quarter_links(self):
        assert sum(mean_links("uniform", (8, 8))) == 5.25
        assert zero_load_latency(lean()) == 5 + 3 * 5.25

    @pytest.mark.parametrize("pattern", ["transpose", "bit-complement", "tornado"])
    def test_zero_load_latency_is_that_of_packets_sent_one_by_one(self, pattern):
        chip = Chip(5, 5, router_cycles=2, link_cycles_x=3, link_cycles_y=1, eject_cycles=4, flits_per_packet=3)
        _, source, destination = synthetic_traffic(pattern, (5, 5), 1.0, 1)
        packets = [(1000 * k, int(s), {int(d)}) for k, (s, d) in enumerate(zip(source, destination, strict=True))]
        traffic = raw_traffic(chip, packets)
        flow = engine.run(chip, traffic)
        assert (flow.delivered - flow.injected).mean() == pytest.approx(zero_load_latency(chip, pattern))

    @pytest.mark.parametrize("shape", [(8, 8), (4, 4), (5, 5), (7, 3), (2, 9), (1, 6), (2, 2)])
    def test_uniform_saturation_is_where_the_busiest_link_is_always_busy(self, shape):
        n = shape[0] * shape[1]
        chip = Chip(*shape)
        every_pair = raw_traffic(chip, [(0, s, {d}) for s in range(n) for d in range(n)])
        busiest = engine.run(chip, every_pair).link_flits.max() / n
        assert uniform_saturation(*shape) == pytest.approx(min(1.0, 1 / busiest))

    def test_even_k_gives_4_over_k(self):
        assert [uniform_saturation(k, k) for k in (4, 8, 16)] == [1.0, 0.5, 0.25]
        assert uniform_saturation(1, 1) == 1.0


class TestCurve:
    def test_rises_with_the_load_and_says_when_it_is_too_much(self):
        curve = latency_load(lean(), rates=[0.05, 0.35, 0.6], warmup=500, measure=1500, engine="compiled")
        assert curve["verdict"].tolist() == ["drained", "drained", "saturated"]
        assert curve["latency_mean_cycles"].is_monotonic_increasing
        assert (curve["latency_p50_cycles"] <= curve["latency_p99_cycles"]).all()
        assert (curve["latency_p99_cycles"] <= curve["latency_max_cycles"]).all()
        assert curve["throughput"].tolist()[:2] == pytest.approx([0.05, 0.35], rel=0.05)
        assert curve["throughput"][2] < 0.5
        assert curve["accepted"].tolist() == pytest.approx((curve["throughput"] / curve["offered"]).tolist())

    def test_both_engines_give_the_same_line(self):
        hw = sm.load_hardware("booksim-lean", mesh=(3, 3))
        lines = [latency_load(hw, "transpose", [0.2], [4], 50, 200, e) for e in ("simpy", "compiled")]
        assert lines[0].equals(lines[1])

    def test_seeds_are_taken_together(self):
        hw = sm.load_hardware("booksim-lean", mesh=(4, 4))
        single = [latency_load(hw, rates=[0.3], seeds=[s], warmup=100, measure=500, engine="compiled") for s in (1, 2)]
        both = latency_load(hw, rates=[0.3], seeds=[1, 2], warmup=100, measure=500, engine="compiled").iloc[0]
        means = [line["latency_mean_cycles"][0] for line in single]
        assert both["latency_mean_cycles"] == pytest.approx(np.mean(means))
        assert both["latency_spread_cycles"] == pytest.approx(np.std(means, ddof=1))
        assert both["packets"] == sum(line["packets"][0] for line in single)
        assert both["latency_max_cycles"] == max(line["latency_max_cycles"][0] for line in single)

    def test_a_cut_run_says_so(self):
        curve = latency_load(lean(), rates=[0.2], warmup=100, measure=1000, engine="compiled", max_cycles=600)
        assert curve["verdict"][0] == "cut"
        nothing = latency_load(lean(), rates=[0.2], warmup=100, measure=1000, engine="compiled", max_cycles=50)
        assert np.isnan(nothing["latency_mean_cycles"][0])

    def test_without_load_there_is_no_latency(self):
        line = latency_load(lean(), rates=[0.0], warmup=10, measure=2000).iloc[0]
        assert np.isnan(line["latency_mean_cycles"])
        assert (line["packets"], line["verdict"]) == (0, "drained")

    @pytest.mark.parametrize("bad", [{"seeds": []}, {"measure": 0}, {"warmup": -1}])
    def test_empty_windows_are_refused(self, bad):
        with pytest.raises(SimulationError, match=next(iter(bad))):
            latency_load(lean(), rates=[0.1], **bad)

    def test_saturation_lies_below_the_bound_of_the_links(self):
        found = saturation_rate(lean(), warmup=500, measure=2000, tolerance=0.01, engine="compiled")
        assert 0.38 < found < uniform_saturation(8, 8)
        assert saturation_rate(sm.load_hardware("booksim-lean", mesh=(1, 1)), engine="compiled") == 1.0
        with pytest.raises(SimulationError, match="1000"):
            saturation_rate(lean(), measure=999)


class TestBesideBookSim:
    def differences(self, booksim, overrides=None, seeds=8, measure=20_000):
        hw = lean(overrides)
        curve = latency_load(hw, rates=list(booksim), seeds=range(seeds), measure=measure, engine="compiled")
        assert (curve["verdict"] == "drained").all()
        return dict(zip(booksim, curve["latency_mean_cycles"] / list(booksim.values()) - 1, strict=True))

    def test_unlimited_buffers_in_short(self):
        off = self.differences({rate: BOOKSIM_C[rate] for rate in (0.1, 0.3)}, seeds=3, measure=4000)
        assert max(map(abs, off.values())) < 0.01

    def test_eight_buffers_in_short(self):
        off = self.differences({0.35: BOOKSIM_B[0.35]}, EIGHT_BUFFERS, seeds=3, measure=5000)
        assert abs(off[0.35]) < 0.02

    @pytest.mark.slow
    def test_unlimited_buffers(self):
        off = self.differences(BOOKSIM_C)
        assert abs(off.pop(0.4)) < 0.03
        assert max(map(abs, off.values())) < 0.01

    @pytest.mark.slow
    def test_eight_buffers(self):
        off = self.differences(BOOKSIM_B, EIGHT_BUFFERS)
        assert max(map(abs, off.values())) < 0.01

    @pytest.mark.slow
    def test_eight_buffers_saturate_where_booksim_does(self):
        line = latency_load(lean(EIGHT_BUFFERS), rates=[0.4], seeds=range(4), engine="compiled").iloc[0]
        assert line["verdict"] == "saturated"
        assert line["throughput"] == pytest.approx(0.3765, rel=0.01)
