"""Networks and spike traces in files. The layout is described in ``docs/formats.md``; both kinds carry a version.

Implicit connectivities stay implicit: a convolution of a million synapses is its kernel and its window.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import NetworkError, TraceError
from spikemesh.network.archive import Archive, write_archive
from spikemesh.network.connectivity import (
    Connectivity,
    Convolution,
    Dense,
    OneToOne,
    Pooling,
    Sparse,
    Window,
)
from spikemesh.network.network import Layer, Projection, SpikingNetwork
from spikemesh.network.trace import SpikeTrace

__all__ = ["NETWORK_FORMAT", "TRACE_FORMAT", "load_network", "load_trace", "save_network", "save_trace"]

NETWORK_FORMAT, TRACE_FORMAT = "spikemesh-network", "spikemesh-trace"
VERSION = 1

WINDOW = ("in_hw", "out_hw", "size", "stride", "pad", "dilation")
NO_WINDOW: dict[str, Any] = dict.fromkeys(WINDOW)


def save_network(network: SpikingNetwork, path: str | Path) -> None:
    """Writes the network; ``report`` is not kept, and connectivities of other classes than spikemesh's become lists.

    Raises
    ------
    NetworkError
        where the file cannot be written. Nothing half-written is left behind.
    """
    described: list[dict[str, Any]] = []
    arrays: dict[str, NDArray] = {}
    for k, p in enumerate(network.projections):
        kind, facts, held = _describe(p.connectivity)
        described.append({"kind": kind, "pre_start": p.pre_start, "post_start": p.post_start, **facts})
        arrays |= {f"projection{k}.{name}": values for name, values in held.items()}
    header = {
        "format": NETWORK_FORMAT,
        "version": VERSION,
        "name": network.name,
        "weights": network.weights,
        "reset": network.reset,
        "refractory_ms": float(network.refractory_ms),
        "dt_ms": float(network.dt_ms),
        "layers": [
            {"name": layer.name, "shape": [int(s) for s in layer.shape], "kind": layer.kind} for layer in network.layers
        ],
        "projections": described,
    }
    for name in ("bias", "initial_potential"):
        if getattr(network, name).any():
            arrays[name] = getattr(network, name)
    for name in ("input_ids", "output_ids"):
        arrays[name] = _runs(getattr(network, name))
    write_archive(path, _plain(header), arrays, NetworkError)


def load_network(path: str | Path) -> SpikingNetwork:
    """The network of a file.

    Raises
    ------
    NetworkError
        for a file that is missing, truncated, damaged, of another kind or version, or whose parts contradict each other;
        the message names the file and the key.
    """
    archive = Archive(path, NETWORK_FORMAT, VERSION, NetworkError)
    facts = {key: archive.text(key) for key in ("name", "weights", "reset")}
    numbers = {key: archive.number(key) for key in ("refractory_ms", "dt_ms")}
    layers = tuple(
        Layer(
            archive.as_text("layers", entry["name"]),
            archive.as_integers("layers", entry["shape"], least=1),
            archive.as_text("layers", entry["kind"]),
        )
        for entry in archive.listing("layers", {"name", "shape", "kind"})
    )
    keys = {"kind", "pre_start", "post_start", "groups", "post_offset", "n_pre", "n_post", *WINDOW}
    projections = tuple(_projection(archive, k, entry) for k, entry in enumerate(archive.listing("projections", keys)))
    arrays = {name: archive.array(name, "f", 1) for name in ("bias", "initial_potential") if archive.has(name)}
    n_neurons = sum(layer.size for layer in layers)
    arrays |= {name: _from_runs(archive, name, n_neurons) for name in ("input_ids", "output_ids")}
    archive.finish()
    try:
        return SpikingNetwork(layers, projections, **arrays, **facts, **numbers)  # type: ignore[arg-type]
    except NetworkError as problem:
        raise NetworkError(f"{path}: {problem}") from None


def _runs(ids: NDArray[np.int32]) -> NDArray[np.int64]:
    """(n, 2): first id and length of each run of consecutive ids, in their order."""
    first = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 2) != 1)
    return np.stack([ids[first].astype(np.int64), np.diff(np.append(first, len(ids)))], axis=1)


def _from_runs(archive: Archive, name: str, n_neurons: int) -> NDArray[np.int64]:
    runs = archive.array(name, "i", 2)
    if runs.shape[1] != 2 or (runs[:, 0] < 0).any() or (runs[:, 1] < 1).any() or (runs[:, 1] > n_neurons).any():
        archive.fail(name, "must hold runs of neurons: a first one and a length each")
    lengths = runs[:, 1]
    if lengths.sum() > n_neurons:
        archive.fail(name, f"names {lengths.sum()} neurons; there are {n_neurons}")
    starts = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(runs[:, 0] - starts, lengths)


def _describe(c: Connectivity) -> tuple[str, dict[str, Any], dict[str, NDArray]]:
    """Kind, header entries and arrays of a connectivity. Every entry is always there, null where it means nothing."""
    facts: dict[str, Any] = {"groups": None, "post_offset": None, "n_pre": None, "n_post": None, **NO_WINDOW}
    if isinstance(c, Dense):
        return "dense", facts, {"weight": c.weight}
    if isinstance(c, Convolution | Pooling):
        facts |= {name: list(getattr(c.window, name)) for name in WINDOW}
        if isinstance(c, Pooling):
            return "pooling", facts, {"scale": c.scale}
        return "convolution", facts | {"groups": c.groups}, {"kernel": c.kernel}
    facts |= {"n_pre": c.n_pre, "n_post": c.n_post}
    if isinstance(c, OneToOne):
        return "one-to-one", facts | {"post_offset": c.post_offset}, {"weight": c.weight}
    edges = c.edges()
    return "sparse", facts, {"pre": edges.pre, "post": edges.post, "weight": edges.weight}


def _projection(archive: Archive, k: int, entry: dict[str, Any]) -> Projection:
    key = f"projection{k}"
    try:
        connectivity = _connectivity(archive, key, entry)
    except NetworkError as problem:
        if str(problem).startswith(str(archive.path)):
            raise
        archive.fail(key, f"contradicts itself: {problem}")
    return Projection(archive.as_integer(key, entry["pre_start"]), archive.as_integer(key, entry["post_start"]), connectivity)


def _connectivity(archive: Archive, key: str, entry: dict[str, Any]) -> Connectivity:
    kind = entry["kind"]
    if kind == "dense":
        return Dense(archive.array(f"{key}.weight", "f", 2))
    if kind in ("convolution", "pooling"):
        pairs = {}
        for name in WINDOW:
            a, b = archive.as_integers(f"{key}.{name}", entry[name], 2, 0 if name == "pad" else 1)
            pairs[name] = (a, b)
        window = Window(**pairs)
        if kind == "pooling":
            return Pooling(window, archive.array(f"{key}.scale", "f", 1))
        groups = archive.as_integer(f"{key}.groups", entry["groups"], 1)
        return Convolution(archive.array(f"{key}.kernel", "f", 4), window, groups)
    if kind not in ("one-to-one", "sparse"):
        archive.fail(key, f"is of unknown kind {kind!r}")
    n_pre, n_post = (archive.as_integer(f"{key}.{name}", entry[name]) for name in ("n_pre", "n_post"))
    if kind == "one-to-one":
        one = OneToOne(
            archive.array(f"{key}.weight", "f", 1),
            archive.as_integer(f"{key}.post_offset", entry["post_offset"]),
            n_post,
        )
        if one.n_pre != n_pre:
            archive.fail(f"{key}.weight", f"has {one.n_pre} entries for n_pre = {n_pre}")
        return one
    pre, post = (archive.array(f"{key}.{name}", "i", 1) for name in ("pre", "post"))
    return Sparse.of(pre, post, archive.array(f"{key}.weight", "f", 1), n_pre, n_post)


def save_trace(trace: SpikeTrace, path: str | Path) -> None:
    """Writes the trace: spikes per sample, neuron and step of each spike (or its time where it lies between steps).

    Raises
    ------
    TraceError
        where the file cannot be written. Nothing half-written is left behind.
    """
    header = {
        "format": TRACE_FORMAT,
        "version": VERSION,
        "n_neurons": trace.n_neurons,
        "duration_ms": float(trace.duration_ms),
        "dt_ms": float(trace.dt_ms),
    }
    arrays: dict[str, NDArray] = {"spikes_per_sample": np.diff(trace.sample_starts), "neurons": trace.neurons}
    if np.array_equal(trace.steps * trace.dt_ms, trace.times_ms):
        arrays["steps"] = trace.steps
    else:
        arrays["times_ms"] = trace.times_ms
    for name in ("predictions", "labels", "output_potential"):
        values = getattr(trace, name)
        if values is not None:
            arrays[name] = values
    write_archive(path, _plain(header), arrays, TraceError)


def load_trace(path: str | Path) -> SpikeTrace:
    """The trace of a file.

    Raises
    ------
    TraceError
        for a file that is missing, truncated, damaged, of another kind or version, or whose parts contradict each other;
        the message names the file and the key.
    """
    archive = Archive(path, TRACE_FORMAT, VERSION, TraceError)
    n_neurons = archive.integer("n_neurons", least=1)
    duration_ms, dt_ms = archive.number("duration_ms"), archive.number("dt_ms")
    per_sample = archive.array("spikes_per_sample", "i", 1)
    neurons = archive.array("neurons", "i", 1)
    times = archive.array("steps", "i", 1) * dt_ms if archive.has("steps") else archive.array("times_ms", "f", 1)
    kept = {name: archive.array(name, "i", 1) for name in ("predictions", "labels") if archive.has(name)}
    potential = archive.array("output_potential", "f", 2) if archive.has("output_potential") else None
    archive.finish()
    in_range = (per_sample >= 0) & (per_sample <= len(neurons))
    if not in_range.all() or int(per_sample.sum()) != len(neurons):
        archive.fail("spikes_per_sample", f"adds up to {int(per_sample.sum())} for {len(neurons)} neurons")
    try:
        return SpikeTrace.of(
            np.repeat(np.arange(len(per_sample), dtype=np.int32), per_sample),
            times,
            neurons,
            n_samples=len(per_sample),
            n_neurons=n_neurons,
            duration_ms=duration_ms,
            dt_ms=dt_ms,
            predictions=kept.get("predictions"),
            labels=kept.get("labels"),
            output_potential=potential,
        )
    except TraceError as problem:
        raise TraceError(f"{path}: {problem}") from None


def _plain(value: Any) -> Any:
    """The header with numpy's integers as Python's, which JSON knows."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return int(value) if isinstance(value, np.integer) else value
