"""The compiled engine gives the record of the SimPy reference, row by row, and both are written apart from each other."""

import ast
import inspect
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikemesh.errors import SimulationError
from spikemesh.simulation import compiled, reference
from spikemesh.simulation.compiled import columns, engine, histogram, kernels, layout, tiles
from spikemesh.simulation.program import UNLIMITED, Chip, Flow, Traffic
from spikemesh.testing.traffic import chips, dense_traffic, raw_traffic, traffics

LEAN = Chip(4, 4, router_cycles=2, eject_cycles=3)

SOME = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(SOME, max_examples=20)
MANY = settings(SOME, max_examples=600)


def differences(a: Flow, b: Flow) -> list[str]:
    """The fields in which two flows differ."""
    return [f.name for f in fields(Flow) if not np.array_equal(getattr(a, f.name), getattr(b, f.name))]


def assert_same(chip: Chip, traffic: Traffic, max_cycles: int | None = None) -> None:
    ours = engine.run(chip, traffic, max_cycles=max_cycles)
    theirs = reference.run(chip, traffic, max_cycles=max_cycles)
    assert differences(ours, theirs) == []


@st.composite
def bursts(draw, chip: Chip) -> Traffic:
    """Loads that fill a mesh: everything to one tile, everybody at once, or a long train from one tile."""
    kind = draw(st.sampled_from(["hot spot", "at once", "train"]))
    tile = st.integers(0, chip.n_tiles - 1)
    n = draw(st.integers(20, 90))
    hot, home = draw(tile), draw(tile)
    pick = st.lists(st.tuples(st.integers(0, 30), tile, tile), min_size=n, max_size=n)
    packets = [
        (
            0 if kind == "at once" else cycle,
            home if kind == "train" else source,
            {hot} if kind == "hot spot" else {destination, hot} if chip.tree else {destination},
        )
        for cycle, source, destination in draw(pick)
    ]
    return raw_traffic(chip, packets)


loads = chips().flatmap(lambda chip: st.tuples(st.just(chip), st.one_of(traffics(chip), bursts(chip))))
dense = st.tuples(chips(max_side=5), st.integers(0, 2**32), st.floats(0.02, 0.6))


class TestSameRecord:
    @SOME
    @given(loads)
    def test_of_any_load(self, load):
        assert_same(*load)

    @FEW
    @given(dense)
    def test_of_many_spikes(self, drawn):
        chip, seed, rate = drawn
        assert_same(chip, dense_traffic(chip, seed, rate=rate))

    @FEW
    @given(loads, st.one_of(st.integers(0, 80), st.just(10**9 + 2)))
    def test_when_cut(self, load, max_cycles):
        assert_same(*load, max_cycles=max_cycles)

    @pytest.mark.slow
    @MANY
    @given(loads, st.one_of(st.none(), st.integers(0, 200)))
    def test_of_hundreds_of_loads(self, load, max_cycles):
        assert_same(*load, max_cycles=max_cycles)

    @pytest.mark.slow
    @MANY
    @given(dense)
    def test_of_hundreds_of_dense_loads(self, drawn):
        chip, seed, rate = drawn
        assert_same(chip, dense_traffic(chip, seed, rate=rate))

    @pytest.mark.parametrize("buffer", [1, 2, 4, UNLIMITED])
    @pytest.mark.parametrize("tree", [False, True])
    @pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (2, 5)])
    def test_of_every_shape_and_depth(self, shape, tree, buffer):
        chip = Chip(*shape, 1, 2, 1, 2, 1, 1, buffer, 2, 1, 1, tree)
        assert_same(chip, dense_traffic(chip, seed=shape[0], n_cycles=15))

    def test_of_a_chip_without_any_delay_but_the_link(self):
        chip = Chip(3, 3, buffer_packets=1)
        assert_same(chip, dense_traffic(chip, seed=1))

    def test_of_no_traffic(self):
        chip = Chip(2, 2)
        nothing = raw_traffic(chip, [])
        flow = engine.run(chip, nothing)
        assert len(flow.delivered) == 0
        assert not flow.cut
        assert flow.link_flits.tolist() == [[0] * 4] * 4

    def test_of_more_packets_under_way_than_slots_at_first(self):
        chip = Chip(4, 4, tree=True)
        at_once = raw_traffic(chip, [(0, source, set(range(16))) for source in range(16)] * 20)
        assert len(at_once.fired) > 1000
        assert_same(chip, at_once)

    @FEW
    @given(loads)
    def test_of_the_kernel_as_plain_python(self, load):
        with pytest.MonkeyPatch.context() as patch:
            plain = run_as_python(patch, *load)
        assert differences(plain, engine.run(*load)) == []


def run_as_python(patch: pytest.MonkeyPatch, chip: Chip, traffic: Traffic) -> Flow:
    """The engine with its mesh kernel interpreted: slow, but a test can reach into it."""
    patch.setattr(kernels, "advance", kernels.advance.py_func)
    return engine.run(chip, traffic)


class TestComparisonBites:
    """A fault seeded in the compiled engine shows as a difference in the record."""

    CROWD = replace(LEAN, buffer_packets=2, tree=True)

    def load(self) -> Traffic:
        return dense_traffic(self.CROWD, seed=3, n_cycles=25)

    def test_without_a_fault_there_is_no_difference(self, monkeypatch):
        assert differences(run_as_python(monkeypatch, self.CROWD, self.load()), self.truth()) == []

    def truth(self) -> Flow:
        return reference.run(self.CROWD, self.load())

    def test_round_robin_off_by_one(self, monkeypatch):
        table = layout.arbiter()
        after = table & np.uint64(255)
        pointer, asks = after >> np.uint64(5), after & np.uint64(31)
        lagging = (table & ~np.uint64(255)) | (pointer + np.uint64(4)) % np.uint64(5) << np.uint64(5) | asks
        monkeypatch.setattr(layout, "arbiter", lambda: np.where(table > 0, lagging, 0).astype(np.uint64))
        assert "granted" in differences(engine.run(self.CROWD, self.load()), self.truth())

    def test_lost_credit(self, monkeypatch):
        def one_short(chip):
            mesh = empty(chip)
            mesh.extras[8 * 5 + 1, kernels.PUSHES] = 1  # the FIFO from the east of tile 5 holds one packet less
            return mesh

        empty = layout.empty_mesh
        monkeypatch.setattr(layout, "empty_mesh", one_short)
        assert "granted" in differences(engine.run(self.CROWD, self.load()), self.truth())

    def test_credit_returned_early(self, monkeypatch):
        timing = layout.timing
        monkeypatch.setattr(layout, "timing", lambda chip: timing(chip)._replace(reuse=chip.flits_per_packet))
        chip = replace(self.CROWD, credit_cycles=1)
        truth = reference.run(chip, self.load())
        assert "granted" in differences(engine.run(chip, self.load()), truth)

    def test_dropped_tree_branch(self, monkeypatch):
        outputs_of = kernels.outputs_of

        def no_way_south(spot, low, high, fifo, cols, rows):
            asks = outputs_of(spot, low, high, fifo, cols, rows)
            return asks & ~16 if asks & ~16 and fifo >> 6 == 6 else asks

        monkeypatch.setattr(kernels, "outputs_of", no_way_south)
        faulty = run_as_python(monkeypatch, self.CROWD, self.load())
        assert {"granted", "cut"} <= set(differences(faulty, self.truth()))

    def test_read_port_that_blocks_the_other_branches(self, monkeypatch):
        source = inspect.getsource(kernels.advance.py_func)
        line = "asks = x[fifo >> THREE, ASKS] & ~(ONE << (output >> THREE & SEVEN))"
        assert line in source
        slow = source.replace(line, line + "\n                x[:, HELD] = np.maximum(x[:, HELD], c + ONE)")
        names = dict(vars(kernels), njit=lambda **_: lambda f: f)
        exec(slow, names)
        chip = replace(self.CROWD, flits_per_packet=2)
        monkeypatch.setattr(kernels, "advance", names["advance"])
        assert "granted" in differences(engine.run(chip, self.load()), reference.run(chip, self.load()))


class TestSession:
    @FEW
    @given(loads, st.lists(st.integers(0, 120), max_size=4), st.sampled_from(["take_read", "take_delivered"]))
    def test_stops_and_takes_what_was_read(self, load, stops, take):
        chip, traffic = load
        sessions = [engine.Session(chip), reference.Session(chip)]
        for session in sessions:
            session.push(traffic)
        for until in [*sorted(stops), None]:
            for session in sessions:
                session.advance(until)
            ours, theirs = (getattr(session, take)() for session in sessions)
            assert [a.tolist() for a in ours] == [b.tolist() for b in theirs]
            assert sessions[0].cycle == sessions[1].cycle
            flows = [session.flow() for session in sessions]
            assert differences(*flows) == []

    @FEW
    @given(dense, st.integers(1, 9))
    def test_pushed_step_by_step_is_one_run(self, drawn, step):
        chip, seed, rate = drawn
        traffic = dense_traffic(chip, seed, n_cycles=30, rate=rate)
        session = engine.Session(chip)
        taken = []
        for start in range(0, 30, step):
            session.push(part(traffic, start, start + step))
            session.advance(start + step)
            taken += zip(*(a.tolist() for a in session.take_read()), strict=True)
        session.advance()
        taken += zip(*(a.tolist() for a in session.take_read()), strict=True)
        whole = engine.run(chip, traffic)
        assert differences(session.flow(), whole) == []
        assert session.cycle == max([29 // step * step + step - 1, *whole.row_read, *whole.own_row_read]) + 1
        remote = sorted((row, False, read) for row, read in enumerate(whole.row_read.tolist()))
        own = sorted((row, True, read) for row, read in enumerate(whole.own_row_read.tolist()))
        assert sorted(taken, key=lambda t: (t[1], t[0])) == remote + own

    def test_flow_does_not_change_when_the_session_goes_on(self):
        session = engine.Session(LEAN)
        session.push(dense_traffic(LEAN, seed=2))
        session.advance(20)
        early = session.flow()
        kept = [getattr(early, f.name).copy() for f in fields(Flow) if f.name != "cut"]
        session.advance()
        assert all(np.array_equal(getattr(early, f.name), k) for f, k in zip(fields(Flow), kept, strict=False))

    def test_never_goes_back(self):
        session = engine.Session(LEAN)
        session.advance(50)
        session.advance(10)
        assert session.cycle == 50
        session.advance()
        assert session.cycle == 50


def part(traffic: Traffic, start: int, stop: int) -> Traffic:
    """The spikes that fire in [start, stop), packets numbered from 0."""
    rows = (traffic.fired >= start) & (traffic.fired < stop)
    own = (traffic.own_fired >= start) & (traffic.own_fired < stop)
    picked = {f.name: getattr(traffic, f.name)[own if f.name.startswith("own_") else rows] for f in fields(Traffic)[:-1]}
    picked["packet"] = picked["packet"] - picked["packet"].min(initial=2**60)
    return Traffic(**picked, raw=traffic.raw)


class TestTime:
    def test_idle_cycles_cost_nothing(self):
        chip = Chip(8, 8, router_cycles=2, eject_cycles=3)
        rng = np.random.default_rng(0)
        packets = [
            (int(c), int(s), {int(d)}) for c, s, d in zip(*rng.integers(0, [[10**9], [64], [64]], (3, 1000)), strict=True)
        ]
        traffic = raw_traffic(chip, packets)
        flow = engine.run(chip, traffic)
        x, y = traffic.source % 8, traffic.source // 8
        links = abs(traffic.destination % 8 - x) + abs(traffic.destination // 8 - y)
        alone = flow.delivered - traffic.fired == 5 + 3 * links
        assert alone.mean() > 0.99
        assert flow.delivered.max() > 9 * 10**8

    def test_long_waits_fit_the_calendar(self):
        chip = Chip(2, 2, router_cycles=1000, link_cycles_x=777, credit_cycles=5000, encode_cycles=300, buffer_packets=1)
        assert_same(chip, dense_traffic(chip, seed=5, n_cycles=4))


class TestHistograms:
    @FEW
    @given(dense, st.integers(3, 40), st.one_of(st.none(), st.integers(0, 90)))
    def test_count_what_the_record_holds(self, drawn, step, max_cycles):
        chip, seed, rate = drawn
        traffic = dense_traffic(chip, seed, rate=rate / 4)
        flow = engine.run(chip, traffic, max_cycles=max_cycles)
        pieces = (part(traffic, start, start + step) for start in range(0, 40, step))
        found = histogram.run_histogram(chip, pieces, max_cycles=max_cycles, n_bins=30)
        read = flow.row_read >= 0
        assert (found.n_rows, found.n_own) == (read.sum(), (flow.own_row_read >= 0).sum())
        assert found.cut == flow.cut
        assert found.link_flits.tolist() == flow.link_flits.tolist()
        assert found.last_row_read == max(flow.row_read.max(initial=-1), flow.own_row_read.max(initial=-1))
        cycles = {name: getattr(flow, name)[read] for name in ("encoded", "injected", "granted", "delivered", "row_read")}
        cycles["fired"] = traffic.fired[read]
        for name, (begin, end) in histogram.PARTS.items():
            took = cycles[end] - cycles[begin]
            assert found.counts[name].tolist() == np.bincount(np.minimum(took, 29), minlength=30).tolist()
            assert (found.total[name], found.longest[name]) == (took.sum(), took.max(initial=0))

    def test_percentiles_are_of_the_sorted_latencies(self):
        traffic = dense_traffic(LEAN, seed=8)
        flow = engine.run(LEAN, traffic)
        latency = flow.row_read - traffic.fired
        found = histogram.run_histogram(LEAN, [traffic])
        for q in (1, 50, 99, 100):
            assert found.percentile(q) == np.percentile(latency, q, method="inverted_cdf")
        assert found.mean() == latency.mean()
        assert histogram.run_histogram(LEAN, [traffic], n_bins=4).percentile(99) == np.inf
        assert np.isnan(histogram.run_histogram(LEAN, []).percentile(50))


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"destination": [16]}, "tile 16"),
            ({"source": [-1]}, "tile -1"),
            ({"fired": [-5]}, "cycle -5"),
        ],
    )
    def test_traffic_off_the_mesh(self, change, says):
        traffic = raw_traffic(LEAN, [(0, 0, {1})])
        arrays = {name: np.array(value, getattr(traffic, name).dtype) for name, value in change.items()}
        with pytest.raises(SimulationError, match=says):
            engine.run(LEAN, replace(traffic, **arrays))

    def test_traffic_out_of_order(self):
        traffic = raw_traffic(LEAN, [(0, 0, {1}), (4, 0, {1})])
        with pytest.raises(SimulationError, match="not sorted"):
            engine.run(LEAN, replace(traffic, fired=traffic.fired[::-1].copy()))

    def test_rows_that_come_too_late(self):
        session = engine.Session(LEAN)
        session.push(raw_traffic(LEAN, [(7, 0, {1})]))
        with pytest.raises(SimulationError, match="the first that can still be added is 8"):
            session.push(raw_traffic(LEAN, [(7, 0, {1})]))
        session.advance(100)
        with pytest.raises(SimulationError, match="the first that can still be added is 100"):
            session.push(raw_traffic(LEAN, [(99, 0, {1})]))

    def test_tree_packets_on_a_unicast_chip(self):
        tree = raw_traffic(replace(LEAN, tree=True), [(0, 0, {1, 2})])
        with pytest.raises(SimulationError, match="multicast"):
            engine.run(LEAN, tree)

    @pytest.mark.parametrize("change", [{"cols": 0}, {"link_cycles_x": 0}, {"router_cycles": -1}, {"buffer_packets": 0}])
    def test_chips_that_make_no_sense(self, change):
        with pytest.raises(SimulationError, match=f"chip.{next(iter(change))}"):
            engine.Session(replace(LEAN, **change))

    def test_arrays_that_are_read_only_or_strided_are_left_alone(self):
        traffic = dense_traffic(LEAN, seed=4)
        frozen = {f.name: np.repeat(getattr(traffic, f.name), 2)[::2] for f in fields(Traffic)[:-1]}
        for array in frozen.values():
            array.flags.writeable = False
        assert differences(engine.run(LEAN, Traffic(**frozen)), engine.run(LEAN, traffic)) == []


class TestApart:
    def test_the_engines_import_nothing_of_each_other(self):
        ours = [Path(m.__file__) for m in (compiled, columns, engine, histogram, kernels, layout, tiles)]
        assert not [name for path in ours for name in imports(path) if "reference" in name or "simpy" in name]
        theirs = Path(reference.__file__)
        assert not [name for name in imports(theirs) if "compiled" in name or "numba" in name]


def imports(path: Path) -> list[str]:
    """Everything that a file imports, as dotted names."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names
