import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikemesh.errors import DataError, DescriptionError
from spikemesh.report import Results, new_folder, plain, read_folder, write_folder

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def some_results() -> Results:
    table = pd.DataFrame({"chip": ["a", "a"], "recipe": ["x", "y"], "hop_cost": [1.5, np.nan]})
    return Results(table, {"scenario": "test", "seed": np.int64(3)}, [{"link_flits": np.arange(4)}])


def test_a_folder_reads_back_as_it_was_written(tmp_path):
    folder = write_folder(tmp_path / "run", some_results(), report=False)
    read = read_folder(folder)
    pd.testing.assert_frame_equal(read.table, some_results().table)
    assert read.manifest["seed"] == 3
    assert read.mappings == [{"link_flits": [0, 1, 2, 3]}]
    assert read.manifest["versions"]["numpy"] == np.__version__
    assert [p.name for p in tmp_path.iterdir()] == ["run"], "nothing temporary is left"


def test_a_failed_write_leaves_the_earlier_folder_whole(tmp_path):
    folder = write_folder(tmp_path / "run", some_results(), report=False)
    broken = Results(some_results().table, {"seed": object()}, [])
    with pytest.raises(TypeError):
        write_folder(folder, broken, report=False)
    assert read_folder(folder).manifest["seed"] == 3
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_a_killed_writer_had_set_aside_comes_back(tmp_path):
    folder = write_folder(tmp_path / "run", some_results(), report=False)
    folder.rename(tmp_path / ".run.replaced")
    with pytest.raises(TypeError):
        write_folder(folder, Results(some_results().table, {"seed": object()}, []), report=False)
    assert read_folder(folder).manifest["seed"] == 3


def test_an_earlier_folder_is_replaced_as_a_whole(tmp_path):
    folder = write_folder(tmp_path / "run", some_results(), report=False)
    (folder / "stale.txt").write_text("old")
    write_folder(folder, some_results(), report=False)
    assert not (folder / "stale.txt").exists()


def test_out_refuses_what_is_not_ours(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(DescriptionError, match="results folder"):
        new_folder("s", tmp_path)
    assert new_folder("s", tmp_path / "fresh") == tmp_path / "fresh"


@pytest.mark.parametrize("name", ["manifest.json", "mappings.json", "table.csv"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign"])
def test_a_damaged_folder_is_named(tmp_path, name, damage):
    folder = write_folder(tmp_path / "run", some_results(), report=False)
    victim = folder / name
    if damage == "missing":
        victim.unlink()
    elif damage == "truncated":
        victim.write_bytes(victim.read_bytes()[: 0 if name == "table.csv" else 20])
    else:
        victim.write_bytes(b"\xff\xfe\x00garbage")
    with pytest.raises(DataError, match=name):
        read_folder(folder)


@given(json_values)
def test_plain_is_json_and_keeps_numbers(value):
    text = json.dumps(plain(value), allow_nan=False)
    assert json.loads(text) == plain(json.loads(text))
