import re

import pandas as pd
import pytest

from spikemesh.errors import DataError
from spikemesh.report import Results, shown, study_columns, write_folder, write_report

DRAWING = {
    "chip": "dynap-se",
    "recipe": "auto",
    "mesh": {"cols": 2, "rows": 1},
    "facts": {"mesh": "2 x 1 tiles"},
    "layers": ["input", "dense<1>"],
    "clusters": {"tile": [1], "neurons": [3], "rows": [2], "crosspoints": [6], "layer": [1]},
    "link_flits": [[4, 0, 0, 0], [0, 2, 0, 0]],
    "latency_parts_cycles": {"encoder": 1.5, "network": 2.0},
    "energy_pj": {"interconnect": 10.0, "tile": 5.0},
    "trail": [],
}
MANIFEST = {
    "scenario": "s",
    "title": "a < b",
    "question": "why?",
    "created": "now",
    "seed": 1,
    "samples": 2,
    "duration_ms": 10.0,
    "notes": [],
}
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
    assert html.count("Plotly.newPlot") >= 4


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
    [(float("nan"), "n/a"), (1234567.0, "1,234,567"), (0.12345, "0.1235"), (3, "3"), ("pacman", "pacman"), (98765.4, "98,765")],
)
def test_numbers_are_written_for_people(value, text):
    assert shown(value) == text
