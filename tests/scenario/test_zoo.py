"""A workload's outcome becomes a number with its interval."""

import json

import numpy as np
import pytest

import spikemesh as sm
from spikemesh.metrics import wilson_interval
from spikemesh.scenario.zoo import summary
from spikemesh.workloads import Outcome


def test_shares_get_wilsons_interval_and_means_students():
    right = np.arange(50) % 5 > 0
    found = summary(Outcome("a", "accuracy, %", right, "samples", ~right, "always wrong", ann=right))
    low, high = wilson_interval(40, 50)
    assert (found.value, found.low, found.high) == pytest.approx((80, 100 * low, 100 * high))
    assert found.baseline_value == pytest.approx(20) and found.ann_value == pytest.approx(80) and found.beats_baseline
    errors = np.array([1.0, 2.0, 3.0, 6.0])
    found = summary(Outcome("a", "error", errors, "records", errors + 1, "guessing", higher_is_better=False))
    half = 3.182446 * errors.std(ddof=1) / 2
    assert (found.value, found.low, found.high) == pytest.approx((3, 3 - half, 3 + half), rel=1e-6)
    assert found.beats_baseline and np.isnan(found.ann_value)
    assert "3.00" in str(found) and "4 records" in str(found) and "guessing: 4.00" in str(found)
    assert np.isnan(summary(Outcome("a", "error", errors[:1], "records", errors[:1], "guessing")).low)


def test_the_scenario_writes_a_row_a_workload(tmp_path, capsys):
    out = tmp_path / "zoo"
    assert sm.run_scenario("zoo", ["--network", "EdgeDet", "--samples", "2", "--out", str(out), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["table"]
    assert row["network"] == "EdgeDet" and row["n"] == 2 and row["value"] > row["baseline_value"]
    assert (out / "report.html").is_file()
