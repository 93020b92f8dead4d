import sqlite3

import pytest

from spikemesh.cli import main
from spikemesh.errors import DataError
from spikemesh.scenario.sweep import read_sweep, run_sweep
from spikemesh.scenario.sweep.summary import sweep_results


@pytest.fixture
def swept(sweep_folder):
    """A sweep of 12 points, of which those with the second recipe fail."""
    file = sweep_folder / "sweep.toml"
    file.write_text(file.read_text().replace('"random", "pacman"', '"random", "no-such"'))
    run_sweep(file, out=sweep_folder / "out", workers=0)
    return sweep_folder / "out"


def test_the_page_of_a_sweep_has_its_axes_points_and_failures(swept, capsys):
    assert main(["report", str(swept / "sweep.sqlite")]) == 0
    html = (swept / "report.html").read_text()
    assert "6 points are done, 6 failed, 0 have not run" in html
    assert html.count("<td>n/a</td>") > 6 and "no-such" in html
    assert "Points that failed" in html and "Along each axis" in html
    assert html.count("Plotly.newPlot") >= 3
    assert main(["report", str(swept), "--out", str(swept.parent / "page.html"), "--json"]) == 0
    assert (swept.parent / "page.html").read_text() == html


def test_a_sweep_that_has_not_ended_is_told_as_it_is(swept):
    with sqlite3.connect(swept / "sweep.sqlite") as database:
        database.execute("DELETE FROM runs WHERE number IN (0, 6)")
    results = sweep_results(swept)
    assert results.manifest["sweep"]["counts"] == {"done": 5, "failed": 5, "pending": 2}
    assert results.table.equals(read_sweep(swept))


def test_reading_writes_nothing_to_a_file_that_is_no_sweeps(tmp_path):
    empty = tmp_path / "sweep.sqlite"
    empty.write_bytes(b"")
    for read in (read_sweep, sweep_results):
        with pytest.raises(DataError, match="not the table of a sweep"):
            read(tmp_path)
    assert empty.read_bytes() == b""
