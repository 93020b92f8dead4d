"""Whatever a file holds, its reader ends in a result or in a SpikemeshError: good files, damaged at random. The same readers
are fuzzed for longer by atheris_readers.py beside this file."""

import copy
import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikemesh.testing.readers import READERS, check

EXAMPLES = int(os.environ.get("SPIKEMESH_FUZZ_EXAMPLES", "25"))  # more of them by hand
quiet = settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])

odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2**31, 2**63, 10**400, 1e308, -0.0, "", "inf", "nan", [], {}, [[]], [None], {"": None}]),
    st.integers(-3, 99),
    st.floats(),
    st.text(max_size=4),
)
pieces = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [b'"', b"\0", b"[", b"]", b"=", b"-", b"9" * 30, b"1e999", b"nan", b"\xff\xfe", b"\n", b"inf", b"{}", b"../"]
    ),
)
edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), pieces), min_size=1, max_size=4)


@pytest.mark.parametrize("name", READERS)
def test_every_good_file_is_read(name, tmp_path):
    for k, seed in enumerate(READERS[name].seeds()):
        (tmp_path / str(k)).mkdir()
        assert check(name, seed, tmp_path / str(k))


@pytest.mark.parametrize("name", READERS)
@quiet
@given(st.data())
def test_a_damaged_file_is_read_or_refused(name, data):
    seeds = READERS[name].seeds()
    content = seeds[data.draw(st.integers(0, len(seeds) - 1), "file")]
    for place, gone, piece in data.draw(edits, "edits"):
        at = int(place * len(content))
        content = content[:at] + piece + content[at + gone :]
    check(name, content)


def places(tree: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything inside a JSON tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    found = [(tree, key) for key, _ in items]
    return found + [place for _, inner in list(items) for place in places(inner)]


JSON_READERS = [name for name in READERS if name.endswith(("-header", "-manifest", "-mappings", "-json"))]


@pytest.mark.parametrize("name", JSON_READERS)
@quiet
@given(st.data())
def test_json_with_other_values_is_read_or_refused(name, data):
    seeds = READERS[name].seeds()
    tree = json.loads(seeds[data.draw(st.integers(0, len(seeds) - 1), "file")])
    for _ in range(data.draw(st.integers(1, 3), "edits")):
        known = places(tree)
        if known:
            container, key = data.draw(st.sampled_from(range(len(known))).map(known.__getitem__), "place")
            if data.draw(st.booleans(), "drop"):
                del container[key]
            else:
                container[key] = copy.deepcopy(data.draw(odd_values, "value"))
    check(name, json.dumps(tree).encode())


@pytest.mark.parametrize("key", ["dt_ms", "duration_ms"])
def test_a_number_too_large_for_a_float_is_refused(key):
    header = json.loads(READERS["trace-header"].seeds()[0])
    assert not check("trace-header", json.dumps(header | {key: 10**400}).encode())
