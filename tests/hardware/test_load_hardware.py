"""Loading chips, and what is said of those that cannot be loaded."""

from pathlib import Path
from typing import Any

import pytest

import spikemesh.shipped
from spikemesh.errors import DescriptionError, SpikemeshError
from spikemesh.hardware import Hardware, available_hardware, load_hardware
from spikemesh.hardware.sections import SECTIONS
from spikemesh.shipped import shipped_names, shipped_path

LEAST = """
name = "mine"
[mesh]
cols = 2
rows = 2
[crossbar]
n_in = 4
n_out = 4
[noc]
cycle_ns = 1.0
"""


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(path_or_name: Any, *words: str, **arguments: Any) -> DescriptionError:
    with pytest.raises(DescriptionError) as caught:
        load_hardware(path_or_name, **arguments)
    text = str(caught.value)
    for word in words:
        assert word in text, text
    assert "\n" not in text
    assert isinstance(caught.value, SpikemeshError)
    return caught.value


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    hw = load_hardware(written(tmp_path, LEAST))
    assert (hw.name, hw.n_tiles, hw.flits_per_packet, hw.hop_x_pj) == ("mine", 4, 1, 0.0)
    assert load_hardware(str(tmp_path / "mine.toml")) == hw


def test_mesh_pitch_and_overrides() -> None:
    hw = load_hardware("mesh-45nm", mesh=(8, 4), pitch_mm=2.0, overrides={"noc.router_cycles": 5})
    assert (hw.cols, hw.rows, hw.mesh.pitch_x_mm, hw.mesh.pitch_y_mm) == (8, 4, 2.0, 2.0)
    assert hw.noc.router_cycles == 5
    assert hw.hop_x_pj == pytest.approx(1.753 + 32 * 2 * 0.0426)


def test_a_pitch_without_effect_is_said() -> None:
    with pytest.warns(UserWarning, match="changes nothing on dynap-se"):
        load_hardware("dynap-se", pitch_mm=2.0)


def test_shipped_names_win_over_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loihi").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_hardware("loihi").name == "loihi"
    assert load_hardware("loihi.toml").name == "loihi"
    # a file of that name in the working directory is meant where its suffix is given
    written(tmp_path, LEAST, "loihi.toml")
    assert load_hardware("loihi.toml").name == "mine"
    assert load_hardware("loihi").name == "loihi"


@pytest.mark.parametrize(
    ("found", "instead", "words"),
    [
        ("cycle_ns = 1.0", "cycle_n = 1.0", ("noc.cycle_n", "unknown key", "'cycle_ns'")),
        ("cycle_ns = 1.0", "cycle_ns = 1.0\nstep_ms = 1.0", ("noc.step_ms", "belongs to [time]")),
        ("cycle_ns = 1.0", "cycle_ns = '1'", ("noc.cycle_ns", "'1'", "must be a number")),
        ("cycle_ns = 1.0", "cycle_ns = true", ("noc.cycle_ns", "True")),
        ("cycle_ns = 1.0", "cycle_ns = 0.0", ("noc.cycle_ns", "0.0", "from 1e-06")),
        ("cycle_ns = 1.0", "cycle_ns = -1.0", ("noc.cycle_ns", "-1.0")),
        ("cycle_ns = 1.0", "cycle_ns = nan", ("noc.cycle_ns", "nan")),
        ("cycle_ns = 1.0", "cycle_ns = inf", ("noc.cycle_ns", "inf")),
        ("cycle_ns = 1.0", "", ("noc.cycle_ns", "required", "ns")),
        ("cycle_ns = 1.0", "cycle_ns = 1.0\nrouter_cycles = 1.0", ("noc.router_cycles", "1.0", "whole number from 0")),
        ("cycle_ns = 1.0", "cycle_ns = 1.0\nlink_cycles_x = 0", ("noc.link_cycles_x", "whole number from 1")),
        ("cycle_ns = 1.0", "cycle_ns = 1.0\nmulticast = 'star'", ("noc.multicast", "'star'", '"unicast" or "tree"')),
        ("cycle_ns = 1.0", "cycle_ns = 1.0\nbuffer_packets = 0", ("noc.buffer_packets", '"inf"')),
        ("cycle_ns = 1.0", "cycle_ns = 1.0\nflit_bits = 8", ("noc.flit_bits", "packet_bits")),
        ("cycle_ns = 1.0", "cycle_ns = 1.0\nwire_ns_per_mm = 0.1", ("noc.wire_ns_per_mm", "pitch_x_mm")),
        ("n_in = 4", "n_in = 0", ("crossbar.n_in", "from 1", '"inf"')),
        ("n_in = 4", "n_in = 'many'", ("crossbar.n_in", "'many'")),
        ("cols = 2", "cols = 'auto'", ("mesh.rows", "both")),
        ("rows = 2", "rows = 'auto'", ("mesh.cols", "both")),
        ("rows = 2", "rows = 2\nblocked = [[2, 0]]", ("mesh.blocked", "[2, 0]", "2 x 2")),
        ("rows = 2", "rows = 2\nblocked = [[0, 0], [0, 0]]", ("mesh.blocked", "none twice")),
        ("rows = 2", "rows = 2\nblocked = [[0]]", ("mesh.blocked", "[x, y]")),
        ("rows = 2", "rows = 2\nblocked = [[0,0],[1,0],[0,1],[1,1]]", ("mesh.blocked", "every tile")),
        ("rows = 2", "rows = 2\npitch_x_mm = 1.0", ("mesh.pitch_x_mm", "come together")),
        ("[crossbar]", "[power]\nneuron_uw = 1.0\n[crossbar]", ("power.neuron_uw", "'neuron_nw'")),
        ("[crossbar]", "[energy]\nhop_x_pj = 1.0\n[crossbar]", ("energy.hop_x_pj", "come together")),
        (
            "[crossbar]",
            "[energy]\nhop_x_pj = 1.0\nhop_y_pj = 1.0\nrouter_pj_per_flit = 1.0\n[crossbar]",
            ("lumped", "not both"),
        ),
        ("[crossbar]", "[energy]\nwire_pj_per_bit_mm = 1.0\n[crossbar]", ("energy.wire_pj_per_bit_mm", "pitch_x_mm")),
        ("[crossbar]", "[source]\n'noc.cycle' = {citation='x', confidence='READ'}\n[crossbar]", ("'noc.cycle_ns'",)),
        ("[crossbar]", "[source]\n'noc.cycle_ns' = {citation='x', confidence='SURE'}\n[crossbar]", ("SURE", "RECALL")),
        ("[crossbar]", "[source]\n'noc.cycle_ns' = 'a paper'\n[crossbar]", ("source.noc.cycle_ns", "table")),
        ("[crossbar]", "[cross]", ("cross", "unknown key", "'crossbar'")),
        ("[noc]\ncycle_ns = 1.0", "", ("noc", "table is required")),
        ("[noc]\ncycle_ns = 1.0", "[extra]", ("extra", "unknown key")),
        ('name = "mine"', 'name = ""', ("name", "not empty")),
        ('name = "mine"', "name = 3", ("name", "3", "text")),
        ('name = "mine"', 'name = "mine"\nnoc = 3', ()),
        ("rows = 2", "rows = 2\nrows = 2", ("not valid TOML",)),
        ("rows = 2", "rows = ", ("not valid TOML",)),
    ],
)
def test_a_bad_file_is_named_with_key_value_and_rule(tmp_path: Path, found: str, instead: str, words: tuple[str, ...]) -> None:
    assert found in LEAST
    error = refused(written(tmp_path, LEAST.replace(found, instead)), "mine.toml", *words)
    assert error.allowed


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    refused(tmp_path / "none.toml", "none.toml", "no such file")
    refused(tmp_path, "cannot be read")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    refused(tmp_path / "bytes.toml", "cannot be read")
    written(tmp_path, "a = " + "[" * 100_000)
    refused(tmp_path / "mine.toml", "mine.toml")


@pytest.mark.parametrize("name", ["dynap", "dynapse", "", "..", "dynap-se/", "a\0b", "hardware/dynap-se"])
def test_unknown_names(name: str) -> None:
    refused(name)


def test_an_unknown_name_gets_a_hint_and_a_list() -> None:
    refused("dynap", "did you mean 'dynap-se'?", "loihi")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mesh": (0, 4)}, ("mesh.cols", "0")),
        ({"mesh": (4,)}, ("mesh", "(cols, rows)")),
        ({"mesh": 8}, ("mesh", "(cols, rows)")),
        ({"mesh": (2.5, 4)}, ("mesh.cols", "2.5")),
        ({"pitch_mm": -1.0}, ("mesh.pitch_x_mm", "-1.0")),
        ({"overrides": {"noc.router": 1}}, ("overrides: noc.router", "'router_cycles'")),
        ({"overrides": {"router_cycles": 1}}, ("'noc.router_cycles'",)),
        ({"overrides": {"noc": {"router_cycles": 1}}}, ("whole table",)),
        ({"overrides": {"nonsense": 1}}, ("overrides", "nonsense")),
        ({"overrides": {3: 1}}, ("overrides", "3")),
        ({"overrides": {"source.noc.cycle_ns": 1}}, ("overrides",)),
        ({"overrides": ["noc.router_cycles"]}, ("overrides", "dictionary")),
        ({"overrides": {"energy.router_pj_per_flit": 1.0}}, ("lumped",)),
        ({"mesh": (4, 4), "overrides": {"mesh.blocked": [[4, 0]]}}, ("mesh.blocked", "4 x 4")),
        ({"overrides": {"noc.wire_ns_per_mm": 1e9, "noc.link_cycles_x": None, "noc.cycle_ns": 1e-6}}, ("noc.wire_ns_per_mm",)),
        ({"overrides": {"noc.packet_bits": 1_000_000, "noc.flit_bits": 1}}, ("noc.flit_bits", "4096")),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], words: tuple[str, ...]) -> None:
    refused("dynap-se", *words, **arguments)


# --- files that ship


def test_every_shipped_chip_loads_and_is_sourced() -> None:
    assert {"dynap-se", "dynap-se-1v8", "truenorth", "loihi", "loihi-sanafe", "mesh-28nm", "mesh-45nm", "spinemap"} <= set(
        available_hardware()
    )
    assert {"gpa-grid", "gpa-grid-2mm", "booksim-lean"} <= set(available_hardware())
    import tomllib

    for name in available_hardware():
        hw = load_hardware(name)
        assert hw.name == name
        assert hw.description
        stated = tomllib.loads(shipped_path("hardware", name).read_text(encoding="utf-8"))
        tables = {key: value for key, value in stated.items() if isinstance(value, dict) and key != "source"}
        keys = {f"{table}.{key}" for table, values in tables.items() for key in values}
        assert set(hw.source) == keys, name
        assert all(len(source.citation) > 5 for source in hw.source.values())


def test_auto_meshes_are_the_ones_promised() -> None:
    unsized = {name for name in available_hardware() if not load_hardware(name).is_sized}
    assert unsized == {"dynap-se", "dynap-se-1v8", "spinemap", "mesh-28nm", "mesh-45nm"}


def test_known_constants() -> None:
    dynap = load_hardware("dynap-se")
    assert (dynap.noc.cycle_ns, dynap.noc.router_cycles, dynap.link_cycles_x, dynap.crossbar.n_in) == (15.4, 0, 1, 128)
    lean = load_hardware("booksim-lean")
    assert (lean.noc.router_cycles, lean.link_cycles_x, lean.noc.eject_cycles, lean.noc.encode_cycles) == (2, 1, 3, 0)
    assert (lean.noc.credit_cycles, lean.noc.multicast, lean.flits_per_packet) == (0, "unicast", 1)
    grid, wide, base = load_hardware("gpa-grid"), load_hardware("gpa-grid-2mm"), load_hardware("mesh-45nm")
    assert (grid.crossbar.n_out, grid.n_tiles, grid.mesh.pitch_x_mm, wide.mesh.pitch_y_mm) == (16, 930, 4.0, 2.0)
    assert grid.noc == base.noc
    assert grid.energy == base.energy
    assert grid.hop_x_pj == pytest.approx(7.2, abs=0.05)
    assert load_hardware("spinemap").hop_x_pj == pytest.approx(2.43, abs=0.005)
    assert load_hardware("mesh-28nm").hop_x_pj == pytest.approx(1.23, abs=0.005)


def test_loihi_keeps_its_published_times_and_energies_by_its_rule() -> None:
    # two hops of the core mesh cross one tile
    for name, y_pj in (("loihi", 4.0), ("loihi-sanafe", 4.2)):
        hw = load_hardware(name)
        assert 2 * hw.link_cycles_x * hw.noc.cycle_ns == pytest.approx(4.1, rel=0.02)
        assert 2 * hw.link_cycles_y * hw.noc.cycle_ns == pytest.approx(6.5, rel=0.02)
        assert 2 * hw.hop_x_pj == pytest.approx(3.0)
        assert 2 * hw.hop_y_pj == pytest.approx(y_pj)
        assert hw.n_tiles == 128
    assert load_hardware("loihi").crossbar.op_cycles * 0.29 == pytest.approx(3.5, rel=0.02)


def test_shipped_files_are_found_in_a_checkout_and_in_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shipped_path("hardware", "loihi").is_file()
    package = tmp_path / "spikemesh"
    folder = package / "_shipped" / "hardware"
    folder.mkdir(parents=True)
    written(folder, LEAST)
    monkeypatch.setattr(spikemesh.shipped, "_PACKAGE", package)
    assert shipped_names("hardware") == ["mine"]
    assert load_hardware("mine").name == "mine"
    with pytest.raises(ValueError, match="kind"):
        shipped_names("chips")


def test_shipped_names_hide_helpers_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "spikemesh" / "_shipped" / "mapping"
    folder.mkdir(parents=True)
    for name in ("b.toml", "a.toml", "_c.toml", "pass.py"):
        (folder / name).touch()
    (folder.parent / "secret.toml").touch()
    monkeypatch.setattr(spikemesh.shipped, "_PACKAGE", tmp_path / "spikemesh")
    assert shipped_names("mapping") == ["a", "b"]
    assert shipped_path("mapping", "pass.py").name == "pass.py"
    for name in ("../secret", "..", ""):
        with pytest.raises(DescriptionError):
            shipped_path("mapping", name)


def test_content_from_python_is_checked_too() -> None:
    with pytest.raises(DescriptionError, match="description: mesh"):
        Hardware.of({"name": "x"})


def test_the_page_of_chips_has_every_key_and_every_chip() -> None:
    page = (Path(__file__).parents[2] / "docs" / "hardware.md").read_text(encoding="utf-8")
    for section, model in SECTIONS.items():
        for key, field in model.model_fields.items():
            assert f"| `{section}.{key}` |" in page, key
            assert f"| {field.description} |" in page, key
    for name in available_hardware():
        hw = load_hardware(name)
        line = f"| `{name}` | {hw.crossbar.n_in} x {hw.crossbar.n_out} |"
        assert line in page, line
        hops = f"| {hw.hop_x_pj:.3g} / {hw.hop_y_pj:.3g} | {hw.weakest_confidence} |"
        assert hops in next(text for text in page.splitlines() if text.startswith(line))
