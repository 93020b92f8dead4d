"""`spikemesh map` on workloads that have no data set."""

from __future__ import annotations

import json

from spikemesh.cli.app import run_app


def test_a_workload_without_data_is_mapped_at_one_hertz(capsys):
    assert run_app(["map", "synthetic_4k", "--hardware", "gpa-grid", "--recipe", "pacman", "--recipe", "random", "--json"]) == 0
    told = capsys.readouterr()
    pacman, random = json.loads(told.out)
    assert pacman["packets_per_s"] < random["packets_per_s"] <= 3_750_000
    assert "1 Hz" in told.err


def test_a_workload_with_pictures_of_its_own_runs_them(capsys):
    options = ["--samples", "1", "--duration-ms", "20", "--recipe", "pacman", "--json"]
    assert run_app(["map", "ImgSmooth", *options]) == 0
    told = capsys.readouterr()
    assert "1 Hz" not in told.err and "its own samples" in told.err
    assert json.loads(told.out)[0]["packets_per_s"] > 9025  # pixels spike more often than once a second


def test_networks_too_large_to_list_are_mapped_by_the_recipes_that_do_without(capsys, monkeypatch):
    monkeypatch.setattr("spikemesh.cli.commands.LISTABLE_SYNAPSES", 1000)
    assert run_app(["map", "ImgSmooth", "--samples", "1", "--duration-ms", "20", "--json"]) == 0
    printed = capsys.readouterr()
    assert [row["recipe"] for row in json.loads(printed.out)] == ["pacman", "auto"]
    assert "left out" in printed.err
    assert "random, snn-gpa, spinemap" in printed.err
