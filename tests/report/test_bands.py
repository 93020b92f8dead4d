"""A curve may have a shaded band of its column's half width."""

import numpy as np
import pandas as pd
import pytest

from spikemesh.errors import DataError
from spikemesh.report.drawings import Curve, checked_manifest
from spikemesh.report.figures import curves


def test_a_band_lies_around_its_line_and_leaves_out_what_is_unknown():
    table = pd.DataFrame({"t": [np.nan, 1.0, 2.0], "error": [np.nan, 0.5, 0.25], "std": [np.nan, 0.1, 0.05]})
    figure = curves(table, Curve(x="t", y=["error"], band={"error": "std"}))
    band, line = figure.data
    assert list(band.x) == [1, 2, 2, 1] and list(band.y) == pytest.approx([0.6, 0.3, 0.2, 0.4])
    assert band.fill == "toself" and not band.showlegend and line.name == ""
    assert len(curves(table, Curve(x="t", y=["error"])).data) == 1


def test_bands_name_columns():
    with pytest.raises(DataError, match="width"):
        checked_manifest({"curves": [{"x": "t", "y": ["e"], "band": {"e": "width"}}]}, ["t", "e"], "here")


def test_names_have_bars_side_by_side_and_numbers_a_line():
    table = pd.DataFrame({"net": ["a", "b", "a"], "by": ["x", "x", "y"], "n": [1, 2, 3], "share": [0.5, 0.2, np.nan]})
    bars = curves(table, Curve(x="net", y=["share"], by="by"))
    assert [(bar.type, bar.name, list(bar.x), list(bar.y)) for bar in bars.data] == [("bar", "x", ["a", "b"], [0.5, 0.2])]
    assert [line.type for line in curves(table, Curve(x="n", y=["share"], by="by")).data] == ["scatter", "scatter"]


def test_what_a_table_says_of_a_name_in_several_rows_is_one_bar():
    table = pd.DataFrame({"net": ["a", "a", "b", "c"], "share": [0.5, 0.5, 0.2, np.nan]})
    (bars,) = curves(table, Curve(x="net", y=["share"])).data
    assert (list(bars.x), list(bars.y)) == (["a", "b"], [0.5, 0.2])
