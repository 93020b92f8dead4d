"""Text that other tools write: lists of synapses (pre, post, weight, delay) and of spikes (neuron, time).

Lines of numbers, parted by commas, semicolons, tabs or blanks; ``#`` begins a comment. Columns are named by a first line of
words, by a comment ``# columns = ["i", "j", "weight", "delay"]`` as PyNN writes it, or stand in the usual order.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import NetworkError, SpikemeshError, TraceError
from spikemesh.network.archive import replacing
from spikemesh.network.network import SpikingNetwork
from spikemesh.network.trace import SLACK, SpikeTrace

__all__ = ["SynapseList", "network_from_text", "read_spikes", "read_synapses", "write_spikes", "write_synapses"]

SYNAPSE_COLUMNS = {
    "pre": ("pre", "i", "source", "src"),
    "post": ("post", "j", "target", "dst"),
    "weight": ("weight", "w"),
    "delay": ("delay", "delay_ms"),
}
SPIKE_COLUMNS = {
    "sample": ("sample",),
    "neuron": ("neuron", "id", "i"),
    "time": ("time", "time_ms", "t", "t_ms"),
}


@dataclass(frozen=True, eq=False)
class SynapseList:
    """A file's synapses in its order. pre, post: (n,) int64; weight: (n,) float64; delay_ms: (n,) float64 or None."""

    pre: NDArray[np.int64]
    post: NDArray[np.int64]
    weight: NDArray[np.float64]
    delay_ms: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.pre)


def read_synapses(path: str | Path) -> SynapseList:
    """A list of synapses: columns pre, post, weight and, if there, delay in ms.

    Raises
    ------
    NetworkError
        for a file that cannot be read, a line that is not numbers, indices that are no whole numbers of at least 0.
    """
    columns = _columns(Path(path), SYNAPSE_COLUMNS, ("pre", "post", "weight"), NetworkError)
    return SynapseList(
        _whole(path, "pre", columns["pre"], NetworkError),
        _whole(path, "post", columns["post"], NetworkError),
        columns["weight"],
        columns.get("delay"),
    )


def network_from_text(
    files: str | Path | Sequence[str | Path | Sequence[str | Path]],
    layer_sizes: Sequence[int] | None = None,
    *,
    biases: Sequence[ArrayLike | str | Path | None] | None = None,
    weight_scale: float = 1.0,
    **more: Any,
) -> tuple[SpikingNetwork, NDArray[np.float64]]:
    """A network from lists of synapses, and its delays.

    Parameters
    ----------
    files : one file whose indices run over all neurons; or one entry for each pair of consecutive layers whose indices begin
        at 0 in each layer, as snn_toolbox saves its PyNN and Brian2 networks. An entry may be several files (excitatory and
        inhibitory ones, say).
    layer_sizes : neurons of each layer, inputs first; needed with more than one entry.
    biases : one entry for each layer after the first: numbers, a file of numbers (snn_toolbox's ``<layer>_biases``), or None.
    weight_scale : factor on weights, to bring the threshold to 1; it does not touch the biases.
    more : further fields of :class:`SpikingNetwork`.

    Returns
    -------
    the network, and (n_synapses,) float64 delays in the order of ``network.synapses`` as ``run_brian2(delays_ms=...)`` takes
    them: what a file's delay exceeds one step by, since every spike takes one.

    Raises
    ------
    NetworkError
        for files that cannot be read or do not fit the layers.
    """
    layer_wise = not isinstance(files, str | Path)
    entries: list[Any] = list(files) if layer_wise else [files]  # type: ignore[arg-type]
    if layer_wise and (layer_sizes is None or len(entries) != len(layer_sizes) - 1):
        have = "no layer_sizes" if layer_sizes is None else f"{len(layer_sizes)} layers"
        raise NetworkError(f"{len(entries)} lists of synapses need one more layer each side: {have} given")
    starts = np.concatenate([[0], np.cumsum(layer_sizes or [0])]).astype(np.int64)
    parts = []
    for k, entry in enumerate(entries):
        for path in [entry] if isinstance(entry, str | Path) else entry:
            part = read_synapses(path)
            if layer_wise and layer_sizes is not None:
                for name, ids, size in (("pre", part.pre, layer_sizes[k]), ("post", part.post, layer_sizes[k + 1])):
                    if len(ids) and ids.max() >= size:
                        raise NetworkError(f"{path}: {name} names neuron {ids.max()}; the layer has {size}")
            shift = (int(starts[k]), int(starts[k + 1])) if layer_wise else (0, 0)
            parts.append((part.pre + shift[0], part.post + shift[1], part.weight, part.delay_ms))
    pre, post, weight = (np.concatenate([p[c] for p in parts]) for c in range(3))
    network = SpikingNetwork.from_edges(pre, post, weight * weight_scale, layer_sizes, **more)
    if biases is not None:
        network = _with_biases(network, biases, starts)
    delay = np.concatenate([np.full(len(p[0]), network.dt_ms) if p[3] is None else p[3] for p in parts])
    if not (np.isfinite(delay).all() and (delay >= 0).all()):
        raise NetworkError("delays must be finite and not negative")
    # the stable order in which the network keeps its synapses
    order = np.lexsort((post, pre))
    return network, np.maximum(delay[order] - network.dt_ms, 0.0)


def _with_biases(
    network: SpikingNetwork, biases: Sequence[ArrayLike | str | Path | None], starts: NDArray[np.int64]
) -> SpikingNetwork:
    from dataclasses import replace

    if len(biases) != len(starts) - 2:
        raise NetworkError(f"{len(biases)} biases for {len(starts) - 2} layers after the inputs")
    bias = np.zeros(network.n_neurons)
    for k, entry in enumerate(biases):
        if entry is None:
            continue
        values = _table(Path(entry), NetworkError)[1].ravel() if isinstance(entry, str | Path) else np.asarray(entry)
        size = int(starts[k + 2] - starts[k + 1])
        if values.shape != (size,):
            raise NetworkError(f"the biases of layer {k + 1} have shape {values.shape}; it has {size} neurons")
        bias[starts[k + 1] : starts[k + 2]] = values
    return replace(network, bias=bias)


def write_synapses(network: SpikingNetwork, path: str | Path, delays_ms: ArrayLike | None = None) -> None:
    """Writes the columns pre, post, weight, delay (ms, the one step that every spike takes included) as CSV.

    Weights are written so that they come back to the last bit. A NetworkError where the file cannot be written.
    """
    synapses = network.synapses
    extra = np.zeros(len(synapses)) if delays_ms is None else np.asarray(delays_ms, np.float64)
    if extra.shape != (len(synapses),):
        raise NetworkError(f"delays_ms must be one a synapse: shape {extra.shape} for {len(synapses)} synapses")
    rows = zip(
        synapses.pre.tolist(),
        synapses.post.tolist(),
        synapses.weight.astype(np.float64).tolist(),
        (extra + network.dt_ms).tolist(),
        strict=True,
    )
    _write(Path(path), "pre,post,weight,delay", rows, NetworkError)


def read_spikes(
    path: str | Path,
    *,
    n_neurons: int,
    duration_ms: float | None = None,
    n_samples: int | None = None,
    dt_ms: float = 1.0,
) -> SpikeTrace:
    """A list of spikes as a trace: columns neuron and time in ms, or sample, neuron and time.

    Parameters
    ----------
    n_neurons : of the network that fired.
    duration_ms : of a sample; by default up to the end of the last step with a spike.
    n_samples : by default as many as the file names, one where it names none.
    dt_ms : length of a step; times between steps are kept.

    Raises
    ------
    TraceError
        for a file that cannot be read, a line that is not numbers, an unknown neuron, a time outside the run.
    """
    columns = _columns(Path(path), SPIKE_COLUMNS, ("neuron", "time"), TraceError)
    neurons = _whole(path, "neuron", columns["neuron"], TraceError)
    times = columns["time"]
    samples = _whole(path, "sample", columns.get("sample", np.zeros(len(neurons))), TraceError)
    if duration_ms is None:
        last = times.max(initial=0.0)
        duration_ms = float(np.floor(last / dt_ms + SLACK) + 1) * dt_ms if dt_ms > 0 else 0.0
    try:
        return SpikeTrace.of(
            samples,
            times,
            neurons,
            n_samples=int(samples.max(initial=0)) + 1 if n_samples is None else n_samples,
            n_neurons=n_neurons,
            duration_ms=duration_ms,
            dt_ms=dt_ms,
        )
    except TraceError as problem:
        raise TraceError(f"{path}: {problem}") from None


def write_spikes(trace: SpikeTrace, path: str | Path) -> None:
    """Writes the columns sample, neuron, time_ms as CSV. A TraceError where the file cannot be written."""
    rows = zip(trace.samples.tolist(), trace.neurons.tolist(), trace.times_ms.tolist(), strict=True)
    _write(Path(path), "sample,neuron,time_ms", rows, TraceError)


def _write(path: Path, title: str, rows: Any, error: type[SpikemeshError]) -> None:
    with replacing(path, error) as file:
        file.write(f"{title}\n".encode())
        for row in rows:
            file.write((",".join(map(repr, row)) + "\n").encode())


def _columns(
    path: Path, known: dict[str, tuple[str, ...]], needed: tuple[str, ...], error: type[SpikemeshError]
) -> dict[str, NDArray[np.float64]]:
    """The file's columns by name; unnamed ones stand in the usual order, optional ones last (``sample`` first)."""
    titles, table = _table(path, error)
    if titles is None:
        width = table.shape[1] if table.size else len(needed)
        usual = list(known) if width == len(known) else list(needed)
        if width != len(usual):
            raise error(f"{path}: has {width} columns; {' '.join(needed)} or {' '.join(known)} are understood")
        titles = usual
    elif table.size and len(titles) != table.shape[1]:
        raise error(f"{path}: names {len(titles)} columns and has {table.shape[1]}")
    columns = {}
    for name, aliases in known.items():
        places = [k for k, title in enumerate(titles) if title.lower() in aliases]
        if places:
            columns[name] = table[:, places[0]] if table.size else np.empty(0)
        elif name in needed:
            raise error(f"{path}: has no column {name} among {', '.join(titles)}")
    return columns


def _table(path: Path, error: type[SpikemeshError]) -> tuple[list[str] | None, NDArray[np.float64]]:
    """Column titles, if the file names them, and its numbers: (n_rows, n_columns) float64."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"{path}: cannot be read: {problem}") from None
    # numpy 2 writes scalars this way where a tool formats them with %r
    text = re.sub(r"np\.\w+\(([^()]*)\)", r"\1", text)
    named = re.search(r"^#\s*columns\s*=\s*(.*)$", text, re.MULTILINE)
    titles = re.findall(r"\w+", named.group(1)) if named else None
    lines = text.splitlines()
    first = next((k for k, line in enumerate(lines) if line.split("#")[0].strip()), len(lines))
    delimiter = next((d for d in ",;" if first < len(lines) and d in lines[first]), None)
    skip = 0
    if first < len(lines):
        fields = [f.strip().strip("\"'") for f in lines[first].split("#")[0].strip().split(delimiter)]
        if not all(map(_is_number, fields)) and all(re.fullmatch(r"[A-Za-z]\w*", f) for f in fields):
            titles, skip = fields, first + 1
    if first + bool(skip) >= len(lines):
        return titles, np.empty((0, 0))
    try:
        table = np.loadtxt(io.StringIO(text), np.float64, delimiter=delimiter, skiprows=skip, ndmin=2)
    except ValueError as problem:
        raise error(f"{path}{_where(lines, skip, delimiter)}: {problem}") from None
    if not np.isfinite(table).all():
        raise error(f"{path}: holds numbers that are NaN or infinite")
    return titles, table


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _where(lines: list[str], skip: int, delimiter: str | None) -> str:
    """``, line n`` of the first line that is not as many numbers as the one before it."""
    width = None
    for k, line in enumerate(lines[skip:], skip + 1):
        content = line.split("#")[0].strip()
        if not content:
            continue
        fields = content.split(delimiter)
        if not all(_is_number(f) for f in fields) or len(fields) != (width or len(fields)):
            return f", line {k}"
        width = len(fields)
    return ""


def _whole(path: str | Path, name: str, values: NDArray, error: type[SpikemeshError]) -> NDArray[np.int64]:
    """Indices, which some tools write as 12.0."""
    good = (values >= 0) & (values < 2**31) & (values == np.floor(values))
    if not good.all():
        row = int(np.argmin(good))
        raise error(f"{path}: {name} = {values[row]:g} in row {row + 1} is no whole number of at least 0")
    return values.astype(np.int64)
