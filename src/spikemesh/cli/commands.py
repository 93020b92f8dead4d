"""What the commands do, one function a command; imported when the command runs."""

from __future__ import annotations

import json as json_format
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spikemesh.errors import DataError, SpikemeshError
from spikemesh.hardware import load_hardware
from spikemesh.network import SpikingNetwork
from spikemesh.network.archive import read_arrays
from spikemesh.network.network import LISTABLE_SYNAPSES
from spikemesh.report import plain
from spikemesh.scenario import Progress

__all__ = [
    "compare_command",
    "convert_command",
    "map_command",
    "print_json",
    "report_command",
    "simulate_command",
    "traffic_command",
]


def convert_command(model: str, calibration: Path | None, out: Path | None, percentile: float, json: bool) -> int:
    """Converts a .keras file (with calibration data) or a workload; prints the conversion report."""
    if model.endswith((".keras", ".h5")):
        from spikemesh.conversion import convert, load_keras_model

        if calibration is None:
            raise SpikemeshError("converting a model file needs --calibration: samples that set the weights' scale")
        network = convert(load_keras_model(model), _samples(calibration), percentile=percentile)
    else:
        from spikemesh.workloads import prepare

        network = prepare(model, progress=Progress().say).network
    out = Path(f"{network.name}.npz") if out is None else out
    network.save(out)
    if json:
        facts = {"file": out, "name": network.name, "neurons": network.n_neurons, "synapses": network.n_synapses}
        print_json({**facts, "layers": [{"name": x.name, "kind": x.kind, "shape": x.shape} for x in network.layers]})
    else:
        if network.report is not None:
            print(network.report)
        print(f"{out}: {network.n_neurons} neurons, {network.n_synapses} synapses")
    return 0


def map_command(
    network: str,
    hardware: str,
    recipes: list[str],
    trace_file: Path | None,
    samples: int,
    duration_ms: float,
    seed: int,
    out: Path | None,
    json: bool,
) -> int:
    """Maps one network by several recipes and prints one table; ``out`` gets it, and each cluster graph as GraphML."""
    import networkx
    import pandas as pd

    from spikemesh.mapping import map_many
    from spikemesh.metrics import metrics
    from spikemesh.scenario.networks import network_and_rates
    from spikemesh.scenario.printing import print_table
    from spikemesh.scenario.spikes import Spikes
    from spikemesh.spiking import replay

    net, trace = network_and_rates(network, trace_file, samples, duration_ms, seed, Progress())
    spikes = None if trace is None else Spikes(net, trace, partial(replay, trace=trace))
    respond = None if spikes is None else spikes.of
    mappings = map_many(net, trace, load_hardware(hardware), recipes or _usual_recipes(net), seed=seed, respond=respond)
    rows, rates = [], {}
    for name, mapped in mappings.items():
        rates[name] = np.ones(mapped.network.n_neurons) if spikes is None else spikes.of(mapped.network).rates_hz
        seconds = sum(p.seconds for p in mapped.trail)
        rows.append({"recipe": name, **metrics(mapped, rates_hz=rates[name]), "seconds": seconds})
    table = pd.DataFrame(rows)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        table.to_csv(out / "table.csv", index=False)
        for name, mapped in mappings.items():
            networkx.write_graphml(mapped.to_networkx(rates[name]), out / f"{Path(name).stem}.graphml")
    if json:
        print_json(rows)
    else:
        print_table(table, f"{net.name} on {hardware}")
    return 0


def _usual_recipes(net: SpikingNetwork) -> list[str]:
    """What ``map`` compares where no recipe is named; says which the network is too large for."""
    usual, of_any_size = ["random", "pacman", "snn-gpa", "spinemap"], ["pacman", "auto"]
    if net.n_synapses <= LISTABLE_SYNAPSES:
        return usual
    left_out = ", ".join(name for name in usual if name not in of_any_size)
    print(
        f"recipes: {', '.join(of_any_size)}; left out, because {net.n_synapses} synapses are too many to list: {left_out}",
        file=sys.stderr,
    )
    return of_any_size


def simulate_command(
    network: str,
    hardware: str,
    recipes: list[str],
    trace_file: Path | None,
    samples: int,
    duration_ms: float,
    acceleration: float,
    engine: str,
    seed: int,
    out: Path | None,
    json: bool,
) -> int:
    """Executes the spikes of one network under each recipe and prints one table; ``out`` becomes a results folder."""
    import pandas as pd

    from spikemesh.mapping import map_many
    from spikemesh.metrics import metrics
    from spikemesh.report import new_folder, write_folder
    from spikemesh.scenario.assembling import assemble_run
    from spikemesh.scenario.drawing import drawing_of
    from spikemesh.scenario.networks import network_and_trace
    from spikemesh.scenario.printing import print_table
    from spikemesh.scenario.spikes import Spikes
    from spikemesh.simulation import simulate
    from spikemesh.spiking import replay

    progress = Progress()
    folder = None if out is None else new_folder("simulate", out)
    chip = load_hardware(hardware)
    net, trace = network_and_trace(network, trace_file, samples, duration_ms, seed, progress)
    spikes = Spikes(net, trace, partial(replay, trace=trace))
    rows, drawings = [], []
    for name, mapped in map_many(net, trace, chip, recipes, seed=seed, respond=spikes.of).items():
        record = simulate(mapped, spikes.of(mapped.network), engine=engine, acceleration=acceleration)
        progress.say(f"{name}: {record.n_packets} packets on {record.engine} in {record.seconds:.1f} s, {record.verdict}")
        rows.append({"chip": chip.name, "recipe": name, "verdict": record.verdict, **metrics(record)})
        if folder is not None:
            drawings.append(drawing_of(name, mapped, record, net))
    if folder is not None:
        options = {"hardware": hardware, "recipe": recipes, "acceleration": acceleration, "engine": engine, "seed": seed}
        write_folder(folder, assemble_run(net, trace, chip, rows, drawings, options | {"trace": trace_file}))
    if json:
        print_json(rows)
    else:
        print_table(pd.DataFrame(rows), f"{net.name} on {hardware}")
        if folder is not None:
            print(f"{folder}: table.csv, manifest.json, report.html")
    return 0


def traffic_command(
    pattern: str,
    hardware: str,
    mesh: str,
    rates: str,
    cycles: int,
    engine: str,
    seed: int,
    picture: Path | None,
    json: bool,
) -> int:
    """Prints the latency-load curve of one pattern; draws it where asked."""
    from spikemesh.simulation.synthetic import latency_load

    chip = load_hardware(hardware, mesh=_mesh(mesh))
    curve = latency_load(chip, pattern, _numbers(rates, "--rates"), seeds=(seed,), measure=cycles, engine=engine)
    if picture is not None:
        from spikemesh.report.curves import draw_latency_load

        draw_latency_load(curve, f"{pattern} on {chip.name}, {mesh}", picture)
    if json:
        print_json(curve.to_dict("records"))
    else:
        print(curve.to_string(index=False, float_format=lambda v: f"{v:.4g}"))
    return 0


def list_command(kind: str | None, json: bool) -> int:
    """Prints the names of everything, or of one kind with what each is."""
    from spikemesh.scenario import KINDS, available
    from spikemesh.scenario.catalogue import described

    if json:
        print_json({k: available(k) for k in (KINDS if kind is None else (kind,))})
    elif kind is None:
        for k in KINDS:
            print(f"{k}: {', '.join(available(k))}")
        print("\n`spikemesh list KIND` says what each of them is.")
    else:
        found = described(kind)
        width = max(map(len, found), default=0)
        for name, text in found.items():
            print(f"{name:{width}}  {text}".rstrip())
    return 0


def compare_command(before: Path, now: Path, margins: list[str], json: bool) -> int:
    """Prints what got worse from one stored table to another."""
    from dataclasses import asdict

    from spikemesh.report import Margins, compare_tables, read_stored
    from spikemesh.scenario.guarding import print_comparison

    found = compare_tables(read_stored(now), read_stored(before), Margins(margins))
    if json:
        print_json(asdict(found))
    else:
        print_comparison(found, before)
    return 1 if found.regressions else 0


def report_command(source: Path, out: Path | None, json: bool) -> int:
    """Writes the page of a results folder or of a sweep."""
    from spikemesh.report import write_report

    folder = source.parent if source.is_file() else source
    out = folder / "report.html" if out is None else out
    if source.suffix == ".sqlite" or (source / "sweep.sqlite").is_file():
        from spikemesh.scenario.sweep.summary import sweep_results

        write_report(sweep_results(source), out)
    else:
        write_report(source, out)
    if json:
        print_json({"report": out})
    else:
        print(out)
    return 0


def new_command(kind: str, name: str, out: Path, json: bool) -> int:
    """Writes a commented template."""
    from spikemesh.scenario.templates import write_template

    path = write_template(kind, name, out)
    if json:
        print_json({"file": path})
    else:
        use = {"hardware": "simulate digits_cnn --hardware", "recipe": "map digits_cnn --recipe", "scenario": "run"}
        print(f"{path}: edit it, then try: spikemesh {use[kind]} {path}")
    return 0


def _mesh(text: str) -> tuple[int, int]:
    cols, cross, rows = text.lower().partition("x")
    if not (cross and cols.isdigit() and rows.isdigit() and int(cols) and int(rows)):
        raise SpikemeshError(f"--mesh = {text!r}: must be COLSxROWS, for example 8x8")
    return int(cols), int(rows)


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise SpikemeshError(f"{option} = {text!r}: must be numbers with commas between, for example 0.1,0.2") from None


def _samples(path: Path) -> np.ndarray:
    return read_arrays(path, ("x",), DataError)["x"]


def print_json(value: Any) -> None:
    """JSON on standard output."""
    print(json_format.dumps(plain(value), indent=1))
