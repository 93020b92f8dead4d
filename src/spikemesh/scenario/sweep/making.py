"""How each stage is made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from spikemesh.errors import DataError, MappingError, TraceError
from spikemesh.hardware import Hardware
from spikemesh.mapping.passes import Pass, apply
from spikemesh.mapping.stages import CheckPass
from spikemesh.mapping.state import MappingState
from spikemesh.network import SpikeTrace, SpikingNetwork, load_network, load_trace
from spikemesh.scenario.sweep.recipes import rebuilt
from spikemesh.scenario.sweep.shelf import Shelf, save_arrays, save_partition
from spikemesh.scenario.sweep.tasks import Ref, Task
from spikemesh.workloads.prepare import Prepared, prepare

__all__ = ["chip_of_facts", "make"]

MOST_LISTED_SYNAPSES = 20_000_000
"""Brian2 lists synapses; beyond this many it would need gigabytes a worker, and the layered engine fires the same spikes."""


def make(task: Task, shelf: Shelf, folder: Path) -> None:
    """Makes a stage in an empty folder, from the stages that it needs."""
    MAKERS[task.kind](task, shelf, folder)


# --- what runs, and its spikes ------------------------------------------------------------------------------------------


def make_network(task: Task, shelf: Shelf, folder: Path) -> None:
    spec = task.spec
    if "file" in spec:
        load_network(_unchanged(task)).save(folder / "network.npz")
        return
    prepared = prepare(spec["workload"], spec["weights"], spec["seed"])
    data = _same_data(prepared, spec)
    prepared.network.save(folder / "network.npz")
    if data is not None and prepared.classifies:
        save_arrays(folder / "answers.npz", ann=prepared.ann_predictions(data.x_test))


def make_samples(task: Task, shelf: Shelf, folder: Path) -> None:
    from spikemesh.workloads.catalogue import find

    spec, n = task.spec, task.spec["samples"]
    found = find(spec["workload"])
    network = shelf.network([spec["network"]])
    words = (found.verdict, found.source, found.table)
    prepared = Prepared(network, found.load(spec["seed"]), *words, seed=spec["seed"], _workload=found)
    data = _same_data(prepared, spec)
    inputs = np.asarray(prepared.inputs(n), np.float32).reshape(n, -1)
    answers = shelf.answers(spec["network"])
    save_arrays(
        folder / "samples.npz",
        inputs=inputs,
        labels=np.asarray(data.y_test[:n], np.int64) if data is not None and found.classifies else None,
        ann=None if answers is None else answers[:n],
    )


def make_trace(task: Task, shelf: Shelf, folder: Path) -> None:
    spec = task.spec
    if "file" in spec:
        load_trace(_unchanged(task)).save(folder / "trace.npz")
        return
    network = shelf.network([spec["network"]])
    fire(network, shelf, spec["samples"], spec).save(folder / "trace.npz")


def fire(network: SpikingNetwork, shelf: Shelf, samples: Ref, run: dict[str, Any]) -> SpikeTrace:
    """The spikes of a network on the samples: by Brian2, or beyond its reach by the engine that fires the same ones."""
    shown = shelf.samples(samples)
    options = {"duration_ms": run["duration_ms"], "seed": run["seed"], "encoding": run["encoding"], "labels": shown.labels}
    if network.n_synapses > MOST_LISTED_SYNAPSES:
        from spikemesh.spiking import run_layered

        return run_layered(network, shown.inputs, workers=1, **options)
    from spikemesh.spiking import run_brian2

    return run_brian2(network, shown.inputs, **options)


def _unchanged(task: Task) -> Path:
    """The path of a file that the user named, if it still is what it was when the sweep was read."""
    path = Path(task.where["path"])
    try:
        with path.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == task.spec["file"]
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not same:
        raise DataError(f"{path}: was changed while the sweep ran; start it again")
    return path


def _same_data(prepared: Prepared, spec: dict[str, Any]) -> Any:
    """The data set, if it is the one that the sweep was planned with; on another machine it may be another one."""
    data = prepared.dataset
    if (None if data is None else data.digest) != spec["data"]:
        raise DataError(f"{spec['workload']}: this worker's data set is not the one that the sweep was planned with")
    return data


# --- how it is mapped ---------------------------------------------------------------------------------------------------


def _begin(spec: dict[str, Any], shelf: Shelf) -> MappingState:
    network = shelf.network(spec["network"])
    trace, rates = shelf.trace(spec["trace"]), shelf.rates(spec["trace"])
    if len(rates) != network.n_neurons:
        raise TraceError(f"the trace has {len(rates)} neurons, {network.name} has {network.n_neurons}")
    return MappingState(
        network,
        rates,
        chip_of_facts(spec["hardware"]),
        spec["seed"],
        spec["weighting"],
        spec["map_inputs"],
        # a trace older than the network is another network's: its rates still weigh, its samples say nothing
        trace=trace if shelf.age(spec["trace"], "trace.npz") <= shelf.age(spec["network"], "network.npz") else None,
        original_synapses=shelf.original([ref for ref in spec["network"] if ref[0] != "network"]),
    )


def _run(spec: dict[str, Any], shelf: Shelf, state: MappingState, *more: Pass) -> MappingState:
    for step in (*rebuilt(spec["passes"], shelf.store.root / "passes"), *more):
        state = apply(step, state)
    return state


def _save_network(
    spec: dict[str, Any], shelf: Shelf, before: MappingState, after: MappingState, folder: Path, clustered: bool = False
) -> None:
    """The network where passes changed it, with its own spikes where there is something to show it.

    Clusters are made for the rates of that network; once they are ``clustered``, the rates stay those that made them.
    """
    if after.original_synapses is not None:
        save_arrays(folder / "original.npz", original=after.original_synapses.astype(np.int8))
    if after.network is before.network:
        return
    after.network.save(folder / "network.npz")
    if spec["samples"] is not None:
        fire(after.network, shelf, spec["samples"], spec["run"]).save(folder / "trace.npz")
    if spec["samples"] is None or clustered:
        save_arrays(folder / "rates.npz", rates=after.rates_hz)


def make_legal(task: Task, shelf: Shelf, folder: Path) -> None:
    before = _begin(task.spec, shelf)
    _save_network(task.spec, shelf, before, _run(task.spec, shelf, before), folder)


def make_clusters(task: Task, shelf: Shelf, folder: Path) -> None:
    before = _begin(task.spec, shelf)
    after = _run(task.spec, shelf, before)
    if after.partition is None:
        raise MappingError("the recipe places clusters before it makes any")
    _save_network(task.spec, shelf, before, after, folder, clustered=True)
    save_partition(after.partition, folder / "clusters.npz")


def make_placed(task: Task, shelf: Shelf, folder: Path) -> None:
    spec = task.spec
    state = _begin(spec, shelf)
    clusters = [ref for ref in spec["network"] if ref[0] == "clusters"]
    part = shelf.partition(clusters, state.network, state.rates_hz, spec["weighting"])
    state = replace(state, partition=part, hardware=state.hardware.sized_for(part.n_clusters))
    checks = bool(spec["passes"]) and spec["passes"][-1]["pass"] == CheckPass.name
    after = _run(spec, shelf, state, *(() if checks else (CheckPass(),)))  # no mapping leaves unchecked
    if after.network is not state.network:
        raise MappingError("a pass changed the network after its clusters were made")
    if after.tile_of_cluster is None:
        raise MappingError("the recipe ends before every cluster has a tile")
    save_arrays(folder / "placed.npz", assignment=after.assignment, tile_of_cluster=after.tile_of_cluster)


def chip_of_facts(facts: dict[str, Any]) -> Hardware:
    """The chip of dotted keys and values."""
    content: dict[str, Any] = {}
    for dotted, value in facts.items():
        section, _, key = dotted.rpartition(".")
        (content.setdefault(section, {}) if section else content)[key] = value
    return Hardware.of(content, facts["name"])


MAKERS: dict[str, Callable[[Task, Shelf, Path], None]] = {
    "network": make_network,
    "samples": make_samples,
    "trace": make_trace,
    "legal": make_legal,
    "clusters": make_clusters,
    "placed": make_placed,
}
