"""What follows from a description: sizes, cycles, energies, variants."""

import copy
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spikemesh.errors import DescriptionError, MappingError, SimulationError
from spikemesh.hardware import CONFIDENCE, Hardware, load_hardware

SMALL = {
    "name": "small",
    "mesh": {"cols": 4, "rows": 3, "pitch_x_mm": 0.5, "pitch_y_mm": 2.0},
    "crossbar": {"n_in": 8, "n_out": 4},
    "noc": {"cycle_ns": 2.0, "packet_bits": 40, "flit_bits": 16},
    "energy": {"router_pj_per_flit": 1.0, "wire_pj_per_bit_mm": 0.1},
}


def small(**overrides: object) -> Hardware:
    return Hardware.of(SMALL).with_overrides({key.replace("__", "."): value for key, value in overrides.items()})


def test_flits_round_up() -> None:
    assert small().flits_per_packet == 3
    assert small(noc__packet_bits=48).flits_per_packet == 3
    assert small(noc__packet_bits=49).flits_per_packet == 4
    assert small(noc__flit_bits=None).flits_per_packet == 1


def test_a_hop_is_router_and_wire_of_its_own_pitch() -> None:
    hw = small()
    assert hw.hop_x_pj == pytest.approx(1.0 + 16 * 0.1 * 0.5)
    assert hw.hop_y_pj == pytest.approx(1.0 + 16 * 0.1 * 2.0)


def test_lumped_hops_ignore_the_pitch() -> None:
    changes = {"energy__router_pj_per_flit": None, "energy__wire_pj_per_bit_mm": None}
    hw = small(**changes, energy__hop_x_pj=3.0, energy__hop_y_pj=4.0)
    assert (hw.hop_x_pj, hw.hop_y_pj) == (3.0, 4.0)
    assert not hw.pitch_matters
    assert small().pitch_matters


@pytest.mark.parametrize(
    ("pitch_mm", "ns_per_mm", "cycle_ns", "cycles"),
    [(0.5, 0.1, 1.0, 1), (4.0, 0.1, 1.0, 1), (10.0, 0.1, 1.0, 1), (10.1, 0.1, 1.0, 2), (3.0, 0.1, 0.1, 3), (0.5, 0.0, 1.0, 1)],
)
def test_wire_delay_rounds_up_to_cycles(pitch_mm: float, ns_per_mm: float, cycle_ns: float, cycles: int) -> None:
    hw = small(mesh__pitch_x_mm=pitch_mm, noc__wire_ns_per_mm=ns_per_mm, noc__cycle_ns=cycle_ns)
    assert hw.link_cycles_x == cycles


def test_stated_link_cycles_win_over_the_wire() -> None:
    hw = small(noc__wire_ns_per_mm=50.0, noc__link_cycles_x=2)
    assert (hw.link_cycles_x, hw.link_cycles_y) == (2, 50)


def test_links_take_a_cycle_where_nothing_is_said() -> None:
    assert (small().link_cycles_x, small().link_cycles_y) == (1, 1)


def test_cycles_per_step() -> None:
    assert small().cycles_per_step(1) == 500_000
    assert small().cycles_per_step(500_000) == 1
    assert small(time__step_ms=0.5).cycles_per_step(100) == 2_500
    assert load_hardware("dynap-se").cycles_per_step() == 64_935


@pytest.mark.parametrize("acceleration", [0, -1, math.nan, math.inf, "fast", 2_000_000, 1e-12])
def test_a_step_without_cycles_is_refused(acceleration: object) -> None:
    with pytest.raises(SimulationError, match="acceleration"):
        small().cycles_per_step(acceleration)  # type: ignore[arg-type]


def test_a_step_shorter_than_the_barrier_is_a_what_if() -> None:
    hw = small(time__barrier_ns=400.0)
    assert hw.fastest_acceleration == 2_500
    assert hw.cycles_per_step(2_500) == 200
    with pytest.warns(UserWarning, match="reaches 2500"):
        assert hw.cycles_per_step(5_000) == 100
    assert small().fastest_acceleration == 500_000
    assert small().cycles_per_step(small().fastest_acceleration) == 1


# --- the mesh


def test_auto_is_near_square() -> None:
    hw = load_hardware("dynap-se")
    sizes = {n: (hw.sized_for(n).cols, hw.sized_for(n).rows) for n in (1, 2, 3, 4, 5, 6, 7, 12, 13, 16, 17)}
    assert sizes == {
        1: (1, 1),
        2: (2, 1),
        3: (2, 2),
        4: (2, 2),
        5: (3, 2),
        6: (3, 2),
        7: (3, 3),
        12: (4, 3),
        13: (4, 4),
        16: (4, 4),
        17: (5, 4),
    }


@given(st.integers(1, 400), st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=20))
@example(43, {(0, 0), (0, 1), (0, 2), (0, 3), (0, 6), (1, 0), (1, 6)})  # 8 x 6 would do, but is no near-square
@settings(max_examples=100, deadline=None)
def test_auto_holds_the_clusters_around_blocked_tiles(n: int, blocked: set[tuple[int, int]]) -> None:
    hw = load_hardware("mesh-28nm", overrides={"mesh.blocked": [list(tile) for tile in sorted(blocked)]})
    sized = hw.sized_for(n)
    assert sized.is_sized
    assert len(sized.usable_tiles) >= n
    assert 0 <= sized.cols - sized.rows <= 1 or sized.n_tiles <= 3
    assert set(sized.mesh.blocked) == {(x, y) for x, y in blocked if x < sized.cols and y < sized.rows}
    # no larger than needed: the next smaller near-square would not do
    cols, rows = (sized.cols, sized.rows - 1) if sized.cols == sized.rows else (sized.cols - 1, sized.rows)
    assert cols * rows - sum(x < cols and y < rows for x, y in blocked) < n


def test_an_unsized_mesh_says_so() -> None:
    hw = load_hardware("dynap-se")
    assert not hw.is_sized
    for ask in (lambda: hw.n_tiles, lambda: hw.usable_tiles, lambda: hw.cols):
        with pytest.raises(MappingError, match="auto"):
            ask()


def test_a_fixed_mesh_is_kept_and_refuses_too_many() -> None:
    hw = small(mesh__blocked=[[0, 0], [3, 2]])
    assert hw.sized_for(10) is hw
    with pytest.raises(MappingError, match=r"11 clusters.*4 x 3 = 12 of which 2 are blocked"):
        hw.sized_for(11)
    assert load_hardware("gpa-grid").sized_for(930).n_tiles == 930
    with pytest.raises(MappingError, match=r"931 clusters.*30 x 31 = 930"):
        load_hardware("gpa-grid").sized_for(931)


def test_usable_tiles_skip_blocked_ones() -> None:
    hw = small(mesh__blocked=[[1, 0], [2, 2]])
    assert hw.usable_tiles.dtype == np.int32
    assert hw.usable_tiles.tolist() == [0, 2, 3, 4, 5, 6, 7, 8, 9, 11]


# --- variants and provenance


def test_parameters_rebuild_the_chip() -> None:
    for name in ("dynap-se", "gpa-grid", "booksim-lean", "loihi"):
        hw = load_hardware(name)
        again = Hardware.of(
            {"name": "x", "mesh": {"cols": 1, "rows": 1}, "crossbar": {"n_in": 1, "n_out": 1}, "noc": {"cycle_ns": 1}}
        )
        again = again.with_overrides(hw.parameters())
        assert again.parameters() == hw.parameters()
        assert (again.mesh, again.crossbar, again.noc, again.energy) == (hw.mesh, hw.crossbar, hw.noc, hw.energy)


def test_infinity_is_a_number_in_python_and_a_word_in_manifests() -> None:
    hw = load_hardware("gpa-grid")
    assert hw.crossbar.n_in == math.inf
    assert hw.parameters()["crossbar.n_in"] == "inf"
    assert load_hardware("dynap-se", overrides={"noc.buffer_packets": math.inf}).noc.buffer_packets == math.inf


def test_numpy_numbers_are_numbers() -> None:
    hw = load_hardware("dynap-se", mesh=(np.int64(4), np.int32(2)), overrides={"noc.cycle_ns": np.float64(2.0)})  # type: ignore[arg-type]
    assert (hw.n_tiles, hw.noc.cycle_ns) == (8, 2.0)


def test_what_a_user_sets_has_no_source() -> None:
    hw = load_hardware("dynap-se", mesh=(4, 4), pitch_mm=0.5, overrides={"noc.router_cycles": 0, "energy.row_pj": 1.0})
    assert "energy.row_pj" not in hw.source
    assert "mesh.cols" not in hw.source
    # repeating what the description says changes nothing
    assert "noc.router_cycles" in hw.source
    assert "mesh.pitch_x_mm" in hw.source


def test_weakest_confidence_follows_the_order_of_grades() -> None:
    grades = {"mesh.cols": "READ", "mesh.rows": "DERIVED"}
    source = {key: {"citation": "c", "confidence": grade} for key, grade in grades.items()}
    assert Hardware.of({**SMALL, "source": source}).weakest_confidence == "DERIVED"
    for better, worse in pairwise(CONFIDENCE):
        source["mesh.cols"]["confidence"], source["mesh.rows"]["confidence"] = better, worse
        assert Hardware.of({**SMALL, "source": source}).weakest_confidence == worse
    assert Hardware.of(SMALL).weakest_confidence is None
    assert load_hardware("dynap-se").weakest_confidence == "RECALL"


def test_chips_are_frozen_values() -> None:
    hw = load_hardware("dynap-se")
    with pytest.raises(Exception, match="frozen"):
        hw.noc.cycle_ns = 3.0  # type: ignore[misc]
    assert hw == load_hardware("dynap-se")
    assert hash(hw) == hash(load_hardware("dynap-se"))
    assert hw != hw.with_overrides({"noc.cycle_ns": 3.0})
    assert pickle.loads(pickle.dumps(hw)) == hw
    assert copy.deepcopy(hw) == hw


def test_overrides_leave_the_chip_alone() -> None:
    hw = small()
    assert hw.with_overrides({"noc.router_cycles": 2}).noc.router_cycles == 2
    assert hw.noc.router_cycles == 0
    assert hw.with_overrides({}) == hw


def test_removing_a_required_key_is_refused() -> None:
    with pytest.raises(DescriptionError, match="required"):
        small(noc__cycle_ns=None)
