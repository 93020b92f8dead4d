"""Every reader of a file, with good files to begin from: for fuzzing, ours and that of anyone who adds a reader.

A reader must end in a result that can be used or in a SpikemeshError, whatever the file holds. :func:`check` says which of the
two it was and lets anything else through, which is a bug.
"""

from __future__ import annotations

import io
import json
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from spikemesh.errors import SpikemeshError
from spikemesh.shipped import shipped_folder

__all__ = ["READERS", "Reader", "check"]


@dataclass(frozen=True)
class Reader:
    """One kind of file. ``seeds()`` gives good ones; ``read(folder, content)`` writes the content as a file, reads it, uses it."""

    seeds: Callable[[], list[bytes]]
    read: Callable[[Path, bytes], Any]


def check(name: str, content: bytes, folder: Path | None = None) -> bool:
    """Whether the reader took the content; False where it refused it with a SpikemeshError of one sentence.

    Raises
    ------
    AssertionError
        where the refusal names no file, or a partial file is left. Any other exception is the reader's own bug.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as made:
            return check(name, content, Path(made))
    try:
        READERS[name].read(folder, content)
        return True
    except SpikemeshError as error:
        assert str(error).strip(), "a refusal says why"
        return False
    finally:
        left = [path.name for path in folder.rglob("*") if ".partial" in path.name]
        assert not left, f"half-written files are left: {left}"


def _placed(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


# --- descriptions -----------------------------------------------------------------------------------------------------


def _shipped(kind: str, pattern: str = "*.toml") -> list[bytes]:
    return [path.read_bytes() for path in sorted(shipped_folder(kind).glob(pattern))]


def _hardware(folder: Path, content: bytes) -> None:
    from spikemesh.hardware import load_hardware

    chip = load_hardware(_placed(folder, "chip.toml", content))
    json.dumps(str(chip.parameters()))
    assert chip.weakest_confidence is None or chip.source


def _recipe(folder: Path, content: bytes) -> None:
    from spikemesh.mapping.recipe import load_recipe

    assert load_recipe(_placed(folder, "recipe.toml", content)).pipeline


def _sweep(folder: Path, content: bytes) -> None:
    from itertools import islice

    from spikemesh.scenario.sweep import load_sweep

    sweep = load_sweep(_placed(folder, "sweep.toml", content))
    assert len(list(islice(sweep.points(), 50))) == min(50, len(sweep.sweep))


# --- networks and traces ----------------------------------------------------------------------------------------------


@cache
def _network() -> Any:
    from spikemesh.testing.mapped import layered_network

    return layered_network(3, (4, 5, 3), name="small")


@cache
def _saved(what: str) -> bytes:
    """A small network, one with convolutions, or a trace, as files."""
    from spikemesh.network import Convolution, Dense, Layer, Pooling, Projection, SpikingNetwork, Window
    from spikemesh.testing.mapped import random_trace

    made: Any = _network()
    if what == "trace":
        made = random_trace(4, made, n_samples=2, n_steps=4, rate=0.3)
    elif what == "convolution":
        kernel = np.ones((2, 3, 1, 2), np.float32)
        convolution = Convolution(kernel, Window.of((3, 4), (2, 3), (1, 1), "same"))
        pooling = Pooling(Window.of((3, 4), (2, 2), (2, 2), "valid"), np.ones(2))
        layers = (Layer("in", (3, 4, 1), "input"), Layer("c", (3, 4, 2)), Layer("p", (1, 2, 2)), Layer("o", (2,)))
        projections = (Projection(0, 12, convolution), Projection(12, 36, pooling), Projection(36, 40, Dense(np.ones((4, 2)))))
        made = SpikingNetwork(layers, projections, input_ids=np.arange(12), output_ids=np.arange(40, 42))
    with tempfile.TemporaryDirectory() as folder:
        made.save(Path(folder) / "made.npz")
        return (Path(folder) / "made.npz").read_bytes()


def _members(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {name: file.read(name) for name in file.namelist()}


def _archive(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return out.getvalue()


def _header_of(what: str) -> bytes:
    member = _members(_saved(what))["header.npy"]
    return np.load(io.BytesIO(member)).tobytes()


def _with_header(what: str, header: bytes) -> bytes:
    """The archive with another header; its sums are right, so the reader gets to see it."""
    out = io.BytesIO()
    np.save(out, np.frombuffer(header, np.uint8))
    return _archive({**_members(_saved(what)), "header.npy": out.getvalue()})


def _with_member(what: str, content: bytes) -> bytes:
    """The archive with the bytes of one array exchanged; the first byte chooses which."""
    members = _members(_saved(what))
    names = sorted(name for name in members if name != "header.npy")
    return _archive({**members, names[(content or b"\0")[0] % len(names)]: content[1:]})


def _array_seeds(what: str) -> list[bytes]:
    members = _members(_saved(what))
    names = sorted(name for name in members if name != "header.npy")
    return [bytes([k]) + members[name] for k, name in enumerate(names)]


def _read_network(folder: Path, content: bytes) -> None:
    from spikemesh.network import load_network

    network = load_network(_placed(folder, "net.npz", content))
    assert network.n_neurons == sum(network.layer_sizes)
    if network.n_synapses < 10_000:
        assert len(network.synapses) == network.n_synapses
        network.save(folder / "again.npz")


def _read_trace(folder: Path, content: bytes) -> None:
    from spikemesh.network import load_trace

    trace = load_trace(_placed(folder, "trace.npz", content))
    assert trace.n_spikes == len(trace.neurons)
    if trace.n_neurons < 100_000:
        assert trace.rates_hz.shape == (trace.n_neurons,)


def _synapse_text(folder: Path, content: bytes) -> None:
    from spikemesh.network.text_formats import network_from_text

    path = _placed(folder, "synapses.csv", content)
    if _small(content):
        network_from_text(path)


def _spike_text(folder: Path, content: bytes) -> None:
    from spikemesh.network.text_formats import read_spikes

    trace = read_spikes(_placed(folder, "spikes.csv", content), n_neurons=20, n_samples=3)
    assert trace.n_spikes >= 0


def _small(content: bytes) -> bool:
    """A list may name neuron 2**31 - 1, and a network of so many is what it asks for: not in a fuzzer's memory."""
    return not any(len(word) > 6 for word in content.replace(b"e", b"0000000").replace(b"E", b"0000000").split())


# --- data -------------------------------------------------------------------------------------------------------------


def _npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


@cache
def _data_seeds(what: str) -> list[bytes]:
    rng = np.random.default_rng(0)
    if what == "images":
        x, y = rng.integers(0, 256, (3, 28, 28)).astype(np.uint8), np.arange(3)
        return [_npz(x_train=x, y_train=y, x_test=x, y_test=y)]
    if what == "beats":
        return [_npz(x=rng.random((4, 50)), y=np.arange(4), record=np.array([100, 106, 100, 106]))]
    if what == "record":
        return [_npz(signal=rng.random((400, 2)), fs=360, beat_sample=np.array([3, 90, 200]))]
    return [_npz(x=rng.random((3, 4))), _npz(x=np.asfortranarray(rng.random((3, 4))))]


def _images(folder: Path, content: bytes) -> None:
    from spikemesh.workloads.datasets import _images

    data = _images("mnist", _placed(folder, "mnist.npz", content), (28, 28), "fuzz")
    assert data.x_train.shape[1:] == (28, 28, 1) and 0 <= data.x_train.min() <= data.x_train.max() <= 1


def _beats(folder: Path, content: bytes) -> None:
    from spikemesh.workloads.heartbeats import read_beats

    assert len(read_beats(_placed(folder, "beats.npz", content)).x_test)


def _record(folder: Path, content: bytes) -> None:
    from spikemesh.workloads.heart_rate import load_record

    signal, beats = load_record(_placed(folder, "record.npz", content))
    assert signal.ndim == beats.ndim == 1


def _calibration(folder: Path, content: bytes) -> None:
    from spikemesh.errors import DataError
    from spikemesh.network.archive import read_arrays

    assert read_arrays(_placed(folder, "calibration.npz", content), ("x",), DataError)["x"].dtype.kind in "biuf"


# --- results and sweeps -----------------------------------------------------------------------------------------------


@cache
def _results() -> dict[str, bytes]:
    """The files of a small results folder."""
    import pandas as pd

    from spikemesh.report import Results, write_folder
    from spikemesh.testing.drawings import DRAWING, MANIFEST

    table = pd.DataFrame({"chip": ["dynap-se"], "recipe": ["auto"], "hop_cost": [1.5], "latency_mean_ns": [2.0]})
    with tempfile.TemporaryDirectory() as folder:
        made = write_folder(Path(folder) / "run", Results(table, MANIFEST, [DRAWING]), report=False)
        return {path.name: path.read_bytes() for path in made.iterdir()}


def _results_reader(name: str) -> Reader:
    def read(folder: Path, content: bytes) -> None:
        from spikemesh.report import Margins, compare_tables, read_stored, write_report

        for file, whole in _results().items():
            _placed(folder, file, whole)
        _placed(folder, name, content)
        write_report(folder, folder / "report.html", plotly="")
        compare_tables(read_stored(folder), read_stored(folder), Margins())

    return Reader(lambda: [_results()[name]], read)


def _baseline_json(folder: Path, content: bytes) -> None:
    from spikemesh.report import Margins, compare_tables, read_stored

    path = _placed(folder, "rows.json", content)
    compare_tables(read_stored(path), read_stored(path), Margins())


@cache
def _sweep_table() -> bytes:
    from spikemesh.scenario.sweep.table import RunTable
    from spikemesh.scenario.sweep.tasks import Outcome

    with tempfile.TemporaryDirectory() as folder:
        table = RunTable(Path(folder) / "sweep.sqlite")
        points = [{"recipe": "auto", "pitch_mm": 0.5}, {"recipe": "auto", "pitch_mm": 1.0}]
        table.plan(["a", "b"], points, ["recipe", "pitch_mm"])
        table.record("a", 0, points[0], Outcome("done", result='{"hop_cost":1.5,"verdict":"drained"}'))
        table.record("b", 1, points[1], Outcome("failed", error="MappingError: no"))
        table.close()
        return (Path(folder) / "sweep.sqlite").read_bytes()


def _sweep_file(folder: Path, content: bytes) -> None:
    from spikemesh.report import write_report
    from spikemesh.scenario.sweep import read_sweep
    from spikemesh.scenario.sweep.summary import sweep_results

    _placed(folder, "sweep.sqlite", content)
    assert len(read_sweep(folder)) >= 0
    write_report(sweep_results(folder), folder / "report.html", plotly="")


def _sweep_cells(folder: Path, content: bytes) -> None:
    """What the columns of the table hold exchanged: the content is 'table.column=value' lines."""
    _placed(folder, "sweep.sqlite", _sweep_table())
    database = sqlite3.connect(folder / "sweep.sqlite")
    for line in content.decode(errors="replace").splitlines():
        target, _, value = line.partition("=")
        table, _, column = target.partition(".")
        if target in CELLS:
            database.execute(f"UPDATE {table} SET {column} = ?", (value,))
    database.commit()
    database.close()
    _sweep_file(folder, (folder / "sweep.sqlite").read_bytes())


CELLS = ("points.point", "runs.result", "runs.error", "about.value")
CELL_SEEDS = [
    b'points.point={"recipe":"auto","pitch_mm":1.0}',
    b'runs.result={"hop_cost":1.5,"latency_mean_ns":null,"x":"inf"}\nruns.error=none',
]

READERS: dict[str, Reader] = {
    "hardware": Reader(lambda: _shipped("hardware"), _hardware),
    "recipe": Reader(lambda: [seed for seed in _shipped("mapping") if b".py" not in seed], _recipe),
    "sweep-toml": Reader(lambda: _shipped("scenarios", "sweeps/*.toml"), _sweep),
    "network": Reader(lambda: [_saved("network"), _saved("convolution")], _read_network),
    "network-header": Reader(
        lambda: [_header_of("network")], lambda folder, content: _read_network(folder, _with_header("network", content))
    ),
    "convolution-header": Reader(
        lambda: [_header_of("convolution")], lambda folder, content: _read_network(folder, _with_header("convolution", content))
    ),
    "network-arrays": Reader(
        lambda: _array_seeds("network"), lambda folder, content: _read_network(folder, _with_member("network", content))
    ),
    "trace": Reader(lambda: [_saved("trace")], _read_trace),
    "trace-header": Reader(
        lambda: [_header_of("trace")], lambda folder, content: _read_trace(folder, _with_header("trace", content))
    ),
    "trace-arrays": Reader(
        lambda: _array_seeds("trace"), lambda folder, content: _read_trace(folder, _with_member("trace", content))
    ),
    "synapse-text": Reader(lambda: [b"pre,post,weight,delay\n0,1,0.5,1\n", b"# c\n0 1 2\n1\t2 3\n"], _synapse_text),
    "spike-text": Reader(lambda: [b"sample,neuron,time_ms\n0,1,2.0\n", b"1; 2.5\n2; 3\n"], _spike_text),
    "images": Reader(lambda: _data_seeds("images"), _images),
    "beats": Reader(lambda: _data_seeds("beats"), _beats),
    "record": Reader(lambda: _data_seeds("record"), _record),
    "calibration": Reader(lambda: _data_seeds("calibration"), _calibration),
    "results-manifest": _results_reader("manifest.json"),
    "results-mappings": _results_reader("mappings.json"),
    "results-table": _results_reader("table.csv"),
    "baseline-json": Reader(
        lambda: [b'[{"recipe": "auto", "hop_cost": 1.5}]', b'{"table": [{"hop_cost": "inf"}]}'], _baseline_json
    ),
    "sweep-file": Reader(lambda: [_sweep_table()], _sweep_file),
    "sweep-cells": Reader(lambda: CELL_SEEDS, _sweep_cells),
}
