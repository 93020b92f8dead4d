"""A run of the decomposition paper's figures that was killed goes on where it stopped."""

import pandas as pd
import pytest

from spikemesh.errors import DescriptionError
from spikemesh.scenario import run_scenario


def run(folder, *more):
    options = ["--quick", "--application", "ImgSmooth", "--duration-ms", "50", "--out", str(folder)]
    return run_scenario("fig5-fig9", [*options, *more])


def test_inputs_on_the_chip_fill_columns(tmp_path):
    tables = []
    for more in ([], ["--map-inputs"]):
        folder = tmp_path / f"inputs{len(more)}"
        assert run(folder, *more) == 0
        table = pd.read_csv(folder / "table.csv")
        tables.append(table[table["application"] == "ImgSmooth"].set_index("recipe"))
    off, on = tables
    assert on.loc["decomposed", "crossbars"] > off.loc["decomposed", "crossbars"]
    assert on.loc["decomposed", "neuron_utilisation"] > 0.9 > 0.5 > off.loc["decomposed", "neuron_utilisation"]


def test_finished_applications_are_kept(tmp_path, capsys):
    folder = tmp_path / "figures"
    assert run(folder, "--resume") == 0  # nothing to resume yet
    first = pd.read_csv(folder / "table.csv")
    said = capsys.readouterr().err
    assert run(folder, "--resume") == 0
    assert "crossbars" in said and "crossbars" not in capsys.readouterr().err
    pd.testing.assert_frame_equal(pd.read_csv(folder / "table.csv"), first)
    assert first["application"].str.startswith("mean").any() and (first["recipe"] == "paper, SpiNeMap").sum() == 1
    with pytest.raises(DescriptionError, match="same options"):
        run(folder, "--resume", "--samples", "1")
