import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikemesh.errors import DataError, SpikemeshError
from spikemesh.report import Margins, Results, Stored, compare_tables, plain, read_stored, write_folder

ROWS = [
    {"chip": "a", "recipe": "auto", "hop_cost": 10.0, "accuracy_mapped": 0.9, "verdict": "drained", "tiles": 4, "seconds": 1.0},
    {
        "chip": "a",
        "recipe": "random",
        "hop_cost": 30.0,
        "accuracy_mapped": 0.8,
        "verdict": "drained",
        "tiles": 4,
        "seconds": 1.0,
    },
]


def stored(rows, **manifest) -> Stored:
    return Stored("somewhere", pd.DataFrame(rows), manifest)


def changed(**values) -> list[dict]:
    return [ROWS[0] | values, ROWS[1]]


def compared(rows, *margins, **manifest):
    return compare_tables(stored(rows), stored(ROWS, **manifest), Margins(margins))


@pytest.mark.parametrize(
    ("now", "margins", "worse"),
    [
        ({}, (), []),
        ({"hop_cost": 10.05}, (), []),  # within 1 %
        ({"hop_cost": 10.2}, (), ["hop_cost"]),
        ({"hop_cost": 10.2}, ("0.05",), []),
        ({"hop_cost": 10.2}, ("0.5", "hop_*=0.01"), ["hop_cost"]),
        ({"hop_cost": 99.0}, ("hop_cost=inf",), []),
        ({"hop_cost": 5.0, "accuracy_mapped": 0.7}, (), ["accuracy_mapped"]),
        ({"accuracy_mapped": 0.95, "tiles": 9, "seconds": 99.0}, (), []),  # better, without direction, the machine's
        ({"hop_cost": float("nan")}, (), ["hop_cost"]),
        ({"verdict": "cut"}, (), ["verdict"]),
        ({"recipe": "other"}, (), ["(row)"]),
    ],
)
def test_what_is_worse_by_more_than_the_margin_is_a_regression(now, margins, worse):
    assert [r.column for r in compared(changed(**now), *margins).regressions] == worse


def test_a_regression_says_where_and_by_how_much():
    (found,) = compared(changed(accuracy_mapped=0.45)).regressions
    assert (found.row, found.before, found.now) == ("auto", 0.9, 0.45)
    assert found.change == pytest.approx(-0.5)


def test_a_column_that_is_gone_is_a_regression_and_a_new_row_is_told():
    rows = [{k: v for k, v in row.items() if k != "hop_cost"} for row in ROWS]
    found = compared([*rows, rows[0] | {"recipe": "third"}])
    assert [r.now for r in found.regressions] == ["gone", "gone"]
    assert found.new_rows == ["third"]


def test_a_manifest_gives_directions_and_what_was_asked_differently():
    found = compare_tables(
        stored([{"x": 1, "loss": 2.0, "count": 7}], seed=1),
        stored([{"x": 1, "loss": 1.0, "count": 8}], seed=0, directions={"loss": "lower", "count": "equal"}),
        Margins(),
    )
    assert [r.column for r in found.regressions] == ["loss", "count"]
    assert found.notes == ["seed was 0, is 1"]


def test_rows_are_told_apart_by_what_the_pictures_have_on_their_axis():
    rows = [{"measured": 5, "hop_cost": 1.0, "pitch_mm": p} for p in (0.5, 1.0)]
    curves = [{"x": "pitch_mm", "y": ["hop_cost"]}]
    now = [row | {"measured": 6 + k} for k, row in enumerate(rows)]
    found = compare_tables(stored(now), stored(rows, curves=curves), Margins())
    assert (found.kept, found.regressions) == (2, [])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), st.floats(0, 2))
def test_a_table_is_never_worse_than_itself_and_worse_has_an_opposite(values, margin):
    before = stored([{"n": k, "hop_cost": v} for k, v in enumerate(values)])
    now = stored([{"n": k, "hop_cost": v + 1} for k, v in enumerate(values)])
    assert not compare_tables(before, before, Margins([str(margin)])).regressions
    there, back = (compare_tables(*pair, Margins(["0"])) for pair in ((now, before), (before, now)))
    assert len(there.regressions) == back.better == len(values)


def test_folder_csv_and_json_hold_the_same(tmp_path):
    folder = write_folder(tmp_path / "run", Results(pd.DataFrame(ROWS), {"seed": 0}), report=False)
    (tmp_path / "alone.csv").write_bytes((folder / "table.csv").read_bytes())
    (tmp_path / "rows.json").write_text(json.dumps(plain(ROWS)))
    (tmp_path / "all.json").write_text(json.dumps({"table": plain(ROWS), "manifest": {"seed": 0}}))
    for source in (folder, folder / "table.csv", tmp_path / "alone.csv", tmp_path / "rows.json", tmp_path / "all.json"):
        found = compare_tables(stored(ROWS), read_stored(source), Margins())
        assert (found.kept, found.regressions) == (6, [])


@pytest.mark.parametrize("name", ["no-such", "a.txt", "broken.json", "list.json", "empty.csv"])
def test_what_is_no_baseline_is_named(tmp_path, name):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match=name):
        read_stored(tmp_path / name)


@pytest.mark.parametrize("word", ["-1", "much", "hop_cost=", "=1", "nan", ""])
def test_a_margin_is_a_number(word):
    with pytest.raises(SpikemeshError, match="--margin"):
        Margins([word])


def test_nothing_in_common_is_said():
    with pytest.raises(SpikemeshError, match="nothing to compare"):
        compare_tables(stored([{"a": "x"}]), stored([{"b": "y"}]), Margins())
