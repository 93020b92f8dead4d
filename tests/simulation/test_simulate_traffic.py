"""Raw packets in, their fate out, in the order in which they were given."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikemesh as sm
from spikemesh.errors import MappingError, SimulationError

ENGINES = pytest.mark.parametrize("engine", ["simpy", "compiled"])


@pytest.fixture(scope="module")
def hw():
    return sm.load_hardware("booksim-lean", mesh=(4, 3))


@pytest.fixture(scope="module")
def tree(hw):
    return hw.with_overrides({"noc.multicast": "tree"})


@ENGINES
def test_results_stand_in_the_order_of_the_input(hw, engine):
    result = sm.simulate_traffic(hw, [7, 0, 7], [5, 0, 5], [5, 11, 6], engine=engine)
    # 5 cycles and 3 a link; the second packet of tile 5 waits a cycle for the interface
    assert result.delivered_cycle.tolist() == [12, 5 + 3 * 5, 7 + 1 + 5 + 3]
    assert result.injected_cycle.tolist() == [7, 0, 8]
    assert result.latency.tolist() == [5, 20, 9]
    assert result.delivered_cycle.dtype == np.int64
    assert result.link_load.shape == (12, 4) and result.link_load.dtype == np.int64
    assert result.link_load[5].tolist() == [1, 0, 0, 0]
    assert result.flit_hops == 6
    assert result.verdict == "drained"
    assert result.engine == engine


@ENGINES
def test_ties_go_by_position(hw, engine):
    first = sm.simulate_traffic(hw, [0, 0], [0, 0], [1, 2], engine=engine)
    swapped = sm.simulate_traffic(hw, [0, 0], [0, 0], [2, 1], engine=engine)
    assert first.injected_cycle.tolist() == swapped.injected_cycle.tolist() == [0, 1]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_order_matters_only_among_packets_of_one_tile_and_cycle(hw, seed):
    rng = np.random.default_rng(seed)
    cycle, source, destination = rng.integers(0, 8, 60), rng.integers(0, 12, 60), rng.integers(0, 12, 60)
    mixed = rng.permutation(60)
    # put equal (cycle, source) back into their order
    slots = np.lexsort((np.arange(60), source[mixed], cycle[mixed]))
    mixed[slots] = np.lexsort((np.arange(60), source, cycle))
    given_order = sm.simulate_traffic(hw, cycle, source, destination)
    other = sm.simulate_traffic(hw, cycle[mixed], source[mixed], destination[mixed])
    assert (other.delivered_cycle == given_order.delivered_cycle[mixed]).all()
    assert (other.link_load == given_order.link_load).all()


@ENGINES
def test_a_group_is_one_tree_packet(tree, engine):
    #  0  1  2  3      from 4: east to 5 and 6, there north to 2 and south to 10: four links
    #  4  5  6  7
    #  8  9 10 11
    result = sm.simulate_traffic(tree, [3] * 4, [4] * 4, [2, 6, 10, 5], group=[9, 9, 9, 9], engine=engine)
    assert result.flit_hops == 4
    assert len(set(result.injected_cycle.tolist())) == 1 and result.packet.tolist() == [0] * 4
    assert (result.latency == 5 + 3 * np.array([3, 2, 3, 1])).all()
    apart = sm.simulate_traffic(tree, [3] * 4, [4] * 4, [2, 6, 10, 5], engine=engine)
    assert apart.flit_hops == 3 + 2 + 3 + 1


@ENGINES
def test_groups_may_interleave(tree, engine):
    result = sm.simulate_traffic(tree, [0] * 4, [0] * 4, [1, 2, 3, 4], group=[7, 5, 7, 5], engine=engine)
    assert result.packet.tolist() == [0, 1, 0, 1]
    assert result.injected_cycle.tolist() == [0, 1, 0, 1]


@ENGINES
def test_max_cycles_cuts(hw, engine):
    result = sm.simulate_traffic(hw, [0, 100], [0, 0], [0, 0], max_cycles=105, engine=engine)
    assert result.delivered_cycle.tolist() == [5, -1]
    assert result.latency.tolist() == [5, -1]
    assert result.granted_cycle.tolist() == [2, 102]
    assert result.verdict == "cut" and result.backlog == 1
    assert sm.simulate_traffic(hw, [0, 100], [0, 0], [0, 0], max_cycles=106, engine=engine).verdict == "drained"


def offered(rate, n_cycles, destination=None):
    rng = np.random.default_rng(0)
    cycle, source = np.nonzero(rng.random((n_cycles, 12)) < rate)
    to = rng.integers(0, 12, len(cycle)) if destination is None else np.full(len(cycle), destination)
    return cycle, source, to


def test_a_hotspot_saturates_and_nothing_hangs(hw):
    # twelve tiles offer 1.2 flits a cycle to one tile that takes one
    result = sm.simulate_traffic(hw, *offered(0.1, 2000, destination=5), window=(500, 2000), engine="compiled")
    assert result.verdict == "saturated"
    assert 0.75 < result.accepted < 0.9
    assert result.backlog > 200
    assert (result.delivered_cycle >= 0).all(), "it drains all the same"


def test_saturation_is_judged_on_long_windows_only(hw):
    hot = offered(0.1, 2000, destination=5)
    assert sm.simulate_traffic(hw, *hot, window=(0, 999), engine="compiled").verdict == "drained"
    assert sm.simulate_traffic(hw, *hot, window=(500, 1500), engine="compiled").verdict == "saturated"
    # a cut comes before the question
    assert sm.simulate_traffic(hw, *hot, window=(500, 1500), max_cycles=1800, engine="compiled").verdict == "cut"


def test_a_light_load_drains(hw):
    result = sm.simulate_traffic(hw, *offered(0.05, 2000), window=(100, 2000))
    assert result.verdict == "drained" and result.accepted == pytest.approx(1, abs=0.01)


def test_the_window_counts_flits(hw):
    wide = hw.with_overrides({"noc.packet_bits": 96})
    # cycles 0, 10, 30; with three flits delivered at 7, 17, 37
    result = sm.simulate_traffic(wide, [0, 10, 30], [0, 0, 0], [0, 0, 0], window=(5, 20))
    assert result.delivered_cycle.tolist() == [7, 17, 37]
    assert result.offered == 3 and result.accepted == 2.0 and result.backlog == 0
    assert sm.simulate_traffic(wide, [0, 10, 30], [0, 0, 0], [0, 0, 0]).window == (0, 31)


def test_no_packets_at_all(hw):
    result = sm.simulate_traffic(hw, [], [], [])
    assert result.delivered_cycle.shape == (0,) and result.flit_hops == 0 and result.verdict == "drained"


def test_auto_takes_the_twin_for_long_runs(hw):
    assert sm.simulate_traffic(hw, [0], [0], [11]).engine == "simpy"
    many = offered(0.3, 30_000)
    assert sm.simulate_traffic(hw, *many).engine == "compiled"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": [12]}, r"source\[0\] = 12.*0\.\.11"),
        ({"destination": [-1]}, r"destination\[0\] = -1"),
        ({"cycle": [-5]}, r"cycle\[0\] = -5"),
        ({"cycle": [0.5]}, "cycle must be a flat array of integers"),
        ({"cycle": [[0]]}, "cycle must be a flat array of integers"),
        ({"cycle": [0, 1]}, "differ in length: 2, 1, 1"),
        ({"engine": "booksim"}, "engine must be one of auto, simpy, compiled"),
        ({"max_cycles": 0}, "max_cycles must be at least 1"),
        ({"window": (5, 5)}, "window must be"),
        ({"window": "all"}, "window must be"),
        ({"group": [1]}, "unicast"),
    ],
)
def test_bad_input_is_named(hw, change, message):
    arguments = {"cycle": [0], "source": [0], "destination": [1], **change}
    with pytest.raises(SimulationError, match=message):
        sm.simulate_traffic(hw, **arguments)


@pytest.mark.parametrize(
    ("cycle", "source", "destination", "group", "message"),
    [
        ([0, 1], [0, 0], [1, 2], [3, 3], "rows 0 and 1 share group 3 but not their cycle: 0 and 1"),
        ([0, 0], [0, 4], [1, 2], [3, 3], "share group 3 but not their source: 0 and 4"),
        ([0, 0], [0, 0], [2, 2], [3, 3], "group 3 names destination 2 twice"),
        ([0, 0], [0, 0], [1, 2], [3], "group must be 2 integers"),
    ],
)
def test_bad_groups_are_named(tree, cycle, source, destination, group, message):
    with pytest.raises(SimulationError, match=message):
        sm.simulate_traffic(tree, cycle, source, destination, group=group)


def test_a_mesh_needs_a_size():
    with pytest.raises((SimulationError, MappingError), match="auto"):
        sm.simulate_traffic(sm.load_hardware("mesh-45nm"), [0], [0], [1])
