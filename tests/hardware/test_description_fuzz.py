"""Whatever a description says, it ends as a chip or as a DescriptionError."""

import contextlib
import math
import tomllib
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikemesh.errors import DescriptionError, SpikemeshError
from spikemesh.hardware import Hardware, available_hardware, load_hardware
from spikemesh.hardware.sections import KEYS, SECTIONS
from spikemesh.shipped import shipped_path

odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, -1, 2**31, 2**63, 10**400, 10**5000, 1e-320, 1e308, "inf", "auto", "tree", "", "nan"]),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.one_of(st.integers(-2, 9), st.lists(st.integers(-2, 9), max_size=3)), max_size=4),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)
short_names = [key.rpartition(".")[2] for key in KEYS]
tables = st.dictionaries(st.one_of(st.sampled_from(short_names), st.text(max_size=6)), odd_values, max_size=6)
descriptions = st.dictionaries(
    st.one_of(st.sampled_from([*SECTIONS, "name", "description", "source"]), st.text(max_size=6)),
    st.one_of(tables, odd_values),
    max_size=9,
)
SHIPPED = {name: tomllib.loads(shipped_path("hardware", name).read_text(encoding="utf-8")) for name in available_hardware()}


def usable(hw: Hardware) -> None:
    """Everything that follows from a chip must hold or be refused in words."""
    sized = hw.sized_for(1)
    if sized.n_tiles <= 4096:
        assert len(sized.usable_tiles) >= 1
    assert 1 <= hw.link_cycles_x <= 1_000_000
    assert 1 <= hw.link_cycles_y <= 1_000_000
    assert hw.flits_per_packet >= 1
    assert math.isfinite(hw.hop_x_pj)
    assert math.isfinite(hw.hop_y_pj)
    with contextlib.suppress(SpikemeshError):
        assert hw.cycles_per_step(1.0) >= 1
    assert hw.with_overrides({}).parameters() == hw.parameters()


def chip_or_refusal(content: Any) -> Hardware | None:
    try:
        hw = Hardware.of(content, "fuzz.toml")
    except DescriptionError as error:
        assert str(error).startswith("fuzz.toml")
        assert error.allowed
        assert len(str(error)) < 1000
        return None
    usable(hw)
    return hw


@given(descriptions)
@settings(max_examples=250, deadline=None)
def test_random_tables(content: dict[str, Any]) -> None:
    chip_or_refusal(content)


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_mutated_shipped_files(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(SHIPPED)))
    content = {key: dict(value) if isinstance(value, dict) else value for key, value in SHIPPED[name].items()}
    for _ in range(data.draw(st.integers(1, 4))):
        section = data.draw(st.sampled_from([*SECTIONS, "source"]))
        table = content.setdefault(section, {})
        if not isinstance(table, dict) or data.draw(st.integers(0, 9)) == 0:
            content[section] = data.draw(odd_values)
            continue
        known = list(SECTIONS[section].model_fields) if section in SECTIONS else list(KEYS)
        key = data.draw(st.sampled_from(known))
        if data.draw(st.integers(0, 3)) == 0:
            table.pop(key, None)
        else:
            table[key] = data.draw(odd_values)
    chip_or_refusal(content)


@given(st.dictionaries(st.sampled_from([*KEYS, "noc", "x", "noc.x"]), odd_values, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_overrides(overrides: dict[str, Any]) -> None:
    try:
        hw = load_hardware("mesh-45nm", overrides=overrides)
    except DescriptionError as error:
        assert "mesh-45nm" in str(error) or str(error).startswith("overrides")
        return
    usable(hw)
