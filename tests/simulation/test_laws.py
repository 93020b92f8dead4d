"""What must hold of any run on any chip, for both engines, and of the SimPy model's inside."""

import dataclasses
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikemesh.errors import SimulationError
from spikemesh.simulation import reference
from spikemesh.simulation.engines import Engine
from spikemesh.simulation.program import NOT_YET, UNLIMITED, Chip, Traffic
from spikemesh.testing.laws import check_flow
from spikemesh.testing.traffic import chips, dense_traffic, traffics

CYCLES = ("encoded", "injected", "granted", "delivered", "row_read", "own_row_read")
BOTH = pytest.mark.parametrize("engine", [Engine("simpy"), Engine("compiled")], ids=lambda e: e.name)
quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def runs(draw, **fixed):
    """A chip and traffic on it, sparse or dense."""
    chip = draw(chips(**fixed))
    dense = st.builds(dense_traffic, st.just(chip), st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 20))
    return chip, draw(st.one_of(traffics(chip), dense))


def between(traffic: Traffic, start: int, stop: int) -> Traffic:
    """The rows that fire in [start, stop)."""
    remote = (traffic.fired >= start) & (traffic.fired < stop)
    own = (traffic.own_fired >= start) & (traffic.own_fired < stop)
    cut = {}
    for field in dataclasses.fields(Traffic):
        values = getattr(traffic, field.name)
        if field.name != "raw":
            cut[field.name] = values[own if field.name.startswith("own_") else remote]
    _, cut["packet"] = np.unique(cut["packet"], return_inverse=True)
    return Traffic(**cut, raw=traffic.raw)


def same(a, b):
    return all((getattr(a, name) == getattr(b, name)).all() for name in (*CYCLES, "link_flits")) and a.cut == b.cut


@BOTH
@quick
@given(run=runs())
def test_a_finished_run_keeps_the_laws(engine, run):
    chip, traffic = run
    check_flow(chip, traffic, engine.run(chip, traffic))


@BOTH
@quick
@given(run=runs(), cut=st.integers(1, 120))
def test_a_cut_run_is_the_beginning_of_the_whole(engine, run, cut):
    chip, traffic = run
    whole, part = engine.run(chip, traffic), engine.run(chip, traffic, cut)
    for name in CYCLES:
        cycles = getattr(whole, name)
        assert (getattr(part, name) == np.where(cycles < cut, cycles, NOT_YET)).all(), name
    assert (part.link_flits <= whole.link_flits).all()
    assert part.cut == bool((whole.row_read >= cut).any() or (whole.own_row_read >= cut).any())


@BOTH
@quick
@given(run=runs(), shift=st.integers(1, 10**12))
def test_nothing_depends_on_when_a_run_begins(engine, run, shift):
    chip, traffic = run
    later = dataclasses.replace(traffic, fired=traffic.fired + shift, own_fired=traffic.own_fired + shift)
    first, second = engine.run(chip, traffic), engine.run(chip, later)
    for name in CYCLES:
        assert (getattr(second, name) == getattr(first, name) + shift).all(), name


@BOTH
@quick
@given(run=runs(), stops=st.lists(st.integers(0, 80), max_size=6))
def test_a_run_in_pieces_is_the_same_run(engine, run, stops):
    chip, traffic = run
    session = engine.session(chip)
    taken = []
    begin = 0
    for stop in sorted(set(stops) - {0}):
        session.push(between(traffic, begin, stop))
        session.advance(stop)
        assert session.cycle == stop
        rows = session.take_read()
        assert (rows[2] < stop).all()
        taken.append(rows)
        begin = stop
    session.push(between(traffic, begin, 2**62))
    session.advance()
    taken.append(session.take_read())
    flow = session.flow()
    assert same(flow, engine.run(chip, traffic))
    read = np.concatenate([flow.row_read, flow.own_row_read])
    assert session.cycle == (max(begin, read.max() + 1) if len(read) else begin)
    row, own, row_read = (np.concatenate(column) for column in zip(*taken, strict=True))
    assert sorted(row[~own]) == list(range(traffic.n_rows)) and sorted(row[own]) == list(range(len(traffic.own_fired)))
    assert (row_read[~own] == flow.row_read[row[~own]]).all() and (row_read[own] == flow.own_row_read[row[own]]).all()
    assert (np.diff(row_read) >= 0).all(), "rows are taken in the order of their reading"


@BOTH
@quick
@given(run=runs(), stop=st.integers(0, 60))
def test_delivered_rows_are_settled(engine, run, stop):
    chip, traffic = run
    whole = engine.run(chip, traffic)
    session = engine.session(chip)
    session.push(between(traffic, 0, stop))
    session.advance(stop)
    row, own, row_read = session.take_delivered()
    assert sorted(row[~own]) == np.flatnonzero(whole.delivered < stop).tolist()
    assert sorted(row[own]) == np.flatnonzero(traffic.own_fired < stop).tolist()
    assert (row_read[~own] == whole.row_read[row[~own]]).all() and (row_read[own] == whole.own_row_read[row[own]]).all()
    assert all(len(column) == 0 for column in session.take_delivered())


@BOTH
def test_a_session_refuses_the_past(engine):
    session = engine.session(Chip(2, 1))
    session.advance(10)
    with pytest.raises(SimulationError, match="9"):
        session.push(Traffic.of([9], [0], [0], [1], [1]))
    session.push(Traffic.of([10], [0], [0], [1], [1]))
    with pytest.raises(SimulationError, match="10"):
        session.push(Traffic.of([10], [1], [0], [1], [1]))
    session.advance(5)
    assert session.cycle == 10


@quick
@given(run=runs(), seed=st.integers(0, 2**32 - 1))
def test_links_and_buffers_hold_what_they_can(run, seed):
    """Seen from inside: no output sends more than a flit a cycle, no FIFO holds more packets than it has slots."""
    chip, traffic = run
    grants = defaultdict(list)
    fullest = 0

    class Watched(reference.Output):
        def send(self, packet):
            grants[self.router.index, self.port].append(self.clock.now)
            super().send(packet)

    class Counted(reference.Fifo):
        def enter(self, packet):
            super().enter(packet)
            nonlocal fullest
            fullest = max(fullest, len(self.queue))
            assert self.slots >= 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "Output", Watched)
        patch.setattr(reference, "Fifo", Counted)
        flow = reference.run(chip, traffic)
    for (tile, port), cycles in grants.items():
        assert (np.diff(cycles) >= chip.flits_per_packet).all(), (tile, port)
        if port:
            assert flow.link_flits[tile, port - 1] == len(cycles) * chip.flits_per_packet
    assert chip.buffer_packets == UNLIMITED or fullest <= chip.buffer_packets


@quick
@given(run=runs(), seed=st.integers(0, 2**32 - 1))
def test_no_result_depends_on_the_order_within_a_phase(run, seed):
    """SimPy breaks ties of (cycle, phase) by running number; here by lot."""
    chip, traffic = run
    rng = np.random.default_rng(seed)

    class Shuffled(reference.Clock):
        def schedule(self, event, priority=1, delay=0):
            lot = int(rng.integers(2**40)) if priority in (reference.ARRIVE, reference.ASK, reference.GRANT) else 0
            reference.simpy.core.heappush(self._queue, (self._now + delay, priority, lot, next(self._eid), event))

        def step(self):
            self._now, _, _, _, event = reference.simpy.core.heappop(self._queue)
            callbacks, event.callbacks = event.callbacks, None
            for callback in callbacks:
                callback(event)

        def run(self, until=None):
            while self._queue:
                self.step()

    plain = reference.run(chip, traffic)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "Clock", Shuffled)
        assert same(plain, reference.run(chip, traffic))


def test_idle_cycles_cost_nothing():
    """A long silence between two packets takes no more SimPy events than a short one."""

    def events(gap):
        session = reference.Session(Chip(8, 8, router_cycles=2, buffer_packets=4, credit_cycles=1, row_cycles=3))
        session.push(Traffic.of([0, gap], [0, 1], [0, 63], [63, 0], [1, 1]))
        session.advance()
        assert session.flow().delivered[1] - gap == session.flow().delivered[0]
        return next(session.clock._eid)

    assert events(10**15) == events(100)
