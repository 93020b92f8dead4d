import re

import pandas as pd
import pytest

from spikemesh.errors import DataError
from spikemesh.report import Results, shown, study_columns, write_folder, write_report
from spikemesh.testing.drawings import DRAWING, MANIFEST

NETWORK = {"name": "net", "neurons": 3, "synapses": 6, "weights": "drawn", "dataset": "none"}


def page(tmp_path, results: Results) -> str:
    folder = write_folder(tmp_path / "run", results)
    return (folder / "report.html").read_text(encoding="utf-8")


def test_a_comparison_opens_offline_and_marks_the_best(tmp_path):
    table = pd.DataFrame({"chip": ["dynap-se"] * 2, "recipe": ["auto", "random"], "hop_cost": [1.0, 2.0], "crossbars": [3, 3]})
    drawings = [DRAWING, DRAWING | {"recipe": "random"}]
    html = page(tmp_path, Results(table, {**MANIFEST, "network": NETWORK}, drawings))
    assert "<title>a &lt; b</title>" in html, "names are escaped"
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']https?:", html), "nothing is fetched"
    best = re.findall(r'<td class="best">([^<]+)</td>', html)
    assert best == ["1"], "the lower hop cost, and no mark where all are equal"
    assert html.count("Plotly.newPlot") >= 6
    assert "dense&lt;1&gt; 0-2" in html, "a cluster says what it holds"
    assert "the weakest is graded <b>READ</b>" in html


def test_every_metric_shown_is_one_click_from_its_definition(tmp_path):
    table = pd.DataFrame({"chip": ["dynap-se"], "recipe": ["auto"], "hop_cost": [1.0], "mean_power_mw": [2.0]})
    html = page(tmp_path, Results(table, MANIFEST, [DRAWING]))
    links = set(re.findall(r'href="#([^"]+)"', html))
    assert {"def-hop_cost", "def-mean_power_mw"} <= links
    assert links <= set(re.findall(r'id="([^"]+)"', html))


def test_folders_of_before_are_still_drawn(tmp_path):
    table = pd.DataFrame({"chip": ["dynap-se"], "recipe": ["auto"], "hop_cost": [1.0]})
    newer = ("load_over_time", "latency_quantiles_cycles", "energy_parts_pj")
    older = {key: value for key, value in DRAWING.items() if key not in newer}
    older["clusters"] = {k: v for k, v in DRAWING["clusters"].items() if k not in ("contents", "traffic")}
    html = page(tmp_path, Results(table, MANIFEST, [older]))
    assert "mostly dense" in html
    assert 'class="steps"' not in html


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"link_flits": [[1, 2, 3]]}, "link_flits"),
        ({"link_flits": [[1, 2, 3, 4]]}, "link_flits"),
        ({"layers": []}, "layer"),
        ({"mesh": {"cols": 0, "rows": 1}}, "mesh.cols"),
        ({"clusters": DRAWING["clusters"] | {"tile": [9]}}, "tile"),
        ({"clusters": DRAWING["clusters"] | {"rows": []}}, "clusters.rows"),
        ({"load_over_time": {"first_step": [0], "step_ms": 1.0, "links": [[8, 1]]}}, "load_over_time"),
        ({"chip": None}, "chip"),
    ],
)
def test_a_drawing_that_contradicts_itself_is_named(tmp_path, change, named):
    table = pd.DataFrame({"chip": ["dynap-se"], "recipe": ["auto"], "hop_cost": [1.0]})
    with pytest.raises(DataError, match=named):
        write_report(Results(table, MANIFEST, [DRAWING | change]), tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_a_curve_of_no_column_is_named(tmp_path):
    with pytest.raises(DataError, match="no column 'z'"):
        write_report(Results(pd.DataFrame({"x": [1]}), {"curves": [{"x": "x", "y": ["z"]}]}), tmp_path / "report.html")


def test_a_study_shows_its_curves_and_columns(tmp_path):
    table = pd.DataFrame({"pitch_mm": [1.0, 2.0], "recipe": ["auto", "auto"], "hop_cost": [1.0, 2.0], "hidden_metric": [7, 8]})
    curve = {"title": "cost", "x": "pitch_mm", "y": ["hop_cost"], "by": "recipe", "log": "x"}
    html = page(tmp_path, Results(table, {**MANIFEST, "curves": [curve]}))
    assert "What was found" in html
    assert "hidden_metric" not in html
    assert "pitch_mm" in html


def test_a_report_of_nothing_is_refused(tmp_path):
    with pytest.raises(DataError, match="manifest"):
        write_report(tmp_path, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_listed_columns_come_before_those_of_curves():
    table = pd.DataFrame({"a": [1], "b": [2], "c": [3]})
    assert study_columns(table, {"columns": ["c"], "curves": [{"x": "a", "y": ["b"]}]}) == ["c"]
    assert study_columns(table, {"curves": [{"x": "a", "y": ["b"]}]}) == ["a", "b"]
    assert study_columns(table, {}) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "n/a"),
        (float("-inf"), "-inf"),
        (1234567.0, "1,234,567"),
        (0.12345, "0.1235"),
        (3, "3"),
        ("pacman", "pacman"),
        (98765.4, "98,765"),
    ],
)
def test_numbers_are_written_for_people(value, text):
    assert shown(value) == text
