"""Reads what stages made. A file that cannot be read is reported as its stage, which is then made again."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError, SpikemeshError
from spikemesh.network import SpikeTrace, SpikingNetwork, load_network, load_trace
from spikemesh.network.archive import Archive, write_archive
from spikemesh.scenario.sweep.store import Store
from spikemesh.scenario.sweep.tasks import Ref

if TYPE_CHECKING:
    from spikemesh.mapping.partition.partition import Partition

__all__ = ["Damaged", "Samples", "Shelf", "save_arrays", "save_partition"]

FORMAT, VERSION = "spikemesh-stage", 1
KEPT = 6
"""Networks, traces and the like that a worker keeps in memory; neighbouring points share them."""


class Damaged(Exception):
    """A stage that is not there, or not whole."""

    def __init__(self, ref: Ref) -> None:
        super().__init__(ref)
        self.ref = ref


@dataclass(frozen=True, eq=False)
class Samples:
    """What is shown. inputs : (n, pixels) float32 in [0, 1]. labels, ann_predictions : (n,) int64, or None."""

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64] | None
    ann_predictions: NDArray[np.int64] | None


class Shelf:
    """The stages of a store, as what they hold."""

    kept: OrderedDict[Path, Any] = OrderedDict()  # noqa: RUF012 - one for the process: stages never change

    def __init__(self, store: Store) -> None:
        self.store = store

    def network(self, refs: Sequence[Ref]) -> SpikingNetwork:
        """The network of the first of ``refs`` that has one of its own."""
        return self._load(self._first(refs, "network.npz"), "network.npz", load_network)

    def trace(self, refs: Sequence[Ref]) -> SpikeTrace:
        """The spikes of the first of ``refs`` that has some of its own."""
        return self._load(self._first(refs, "trace.npz"), "trace.npz", load_trace)

    def rates(self, refs: Sequence[Ref]) -> NDArray[np.float64]:
        """(n_neurons,) Hz that weigh the network for the next pass: as the last pass left them, else those of the trace."""
        ref = self._first(refs, "rates.npz", "trace.npz")
        if not (self.store.path(ref) / "rates.npz").is_file():
            return self.trace([ref]).rates_hz
        return self._load(ref, "rates.npz", lambda path: load_arrays(path, rates=("f", 1))["rates"])

    def original(self, refs: Sequence[Ref]) -> NDArray[np.bool_] | None:
        """See :class:`spikemesh.mapping.Mapping`; of the first of ``refs`` that has it, None where none has."""
        for ref in refs:
            if (self.store.path(ref) / "original.npz").is_file():
                arrays = self._load(ref, "original.npz", lambda path: load_arrays(path, original=("i", 1)))
                return arrays["original"].astype(bool)
        return None

    def samples(self, ref: Ref) -> Samples:
        def load(path: Path) -> Samples:
            arrays = load_arrays(path, inputs=("f", 2), labels=("i", 1), ann=("i", 1))
            return Samples(arrays["inputs"], arrays.get("labels"), arrays.get("ann"))

        return self._load(ref, "samples.npz", load)

    def answers(self, ref: Ref) -> NDArray[np.int64] | None:
        """(n_test,) int64 classes that the trained model gives the test samples; None for a network that has none."""
        if not (self.store.path(ref) / "answers.npz").is_file():
            return None
        return self._load(ref, "answers.npz", lambda path: load_arrays(path, ann=("i", 1))["ann"])

    def partition(self, refs: Sequence[Ref], network: SpikingNetwork, rates: NDArray[np.float64], weighting: str) -> Partition:
        """The clusters of the first of ``refs`` that has some, measured again."""
        ref = self._first(refs, "clusters.npz")
        return self._load(ref, "clusters.npz", lambda path: load_partition(path, network, rates, weighting))

    def tiles(self, ref: Ref) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(cluster of each neuron, tile of each cluster)."""
        arrays = self._load(ref, "placed.npz", lambda path: load_arrays(path, assignment=("i", 1), tile_of_cluster=("i", 1)))
        return arrays["assignment"], arrays["tile_of_cluster"]

    def age(self, refs: Sequence[Ref], name: str) -> int:
        """How many stages ago a file was made; as many as there are where it was not."""
        return next((k for k, ref in enumerate(refs) if (self.store.path(ref) / name).is_file()), len(refs))

    def _first(self, refs: Sequence[Ref], *names: str) -> Ref:
        for ref in refs:
            if not self.store.has(ref):
                raise Damaged(ref)
            if any((self.store.path(ref) / name).is_file() for name in names):
                return ref
        raise Damaged(refs[-1])

    def _load(self, ref: Ref, name: str, load: Callable[[Path], Any]) -> Any:
        path = self.store.path(ref) / name
        if path not in self.kept:
            try:
                self.kept[path] = load(path)
            except (SpikemeshError, OSError) as error:
                raise Damaged(ref) from error
        self.kept.move_to_end(path)
        if len(self.kept) > KEPT:
            self.kept.popitem(last=False)
        return self.kept[path]


def save_arrays(path: Path, **arrays: NDArray | None) -> None:
    """Arrays in an archive; those that are None are left out."""
    held = {name: values for name, values in arrays.items() if values is not None}
    write_archive(path, {"format": FORMAT, "version": VERSION}, held, DataError)


def load_arrays(path: Path, **kinds: tuple[str, int]) -> dict[str, Any]:
    """The arrays that are there, each of its kind and number of axes; a DataError for anything else."""
    archive = Archive(path, FORMAT, VERSION, DataError)
    arrays = {name: archive.array(name, *kind) for name, kind in kinds.items() if archive.has(name)}
    archive.finish()
    return arrays


def save_partition(part: Partition, path: Path) -> None:
    """Everything that later passes may ask of a partition, but for what measuring it gives again."""
    import json

    told = {
        "capacity": "inf" if math.isinf(part.capacity) else int(part.capacity),
        "axons": part.axons,
        "method": part.method,
        "seed": part.seed,
        "options": dict(part.options),
        "objective": part.objective,
    }
    text = np.frombuffer(json.dumps(told, default=str, sort_keys=True).encode(), np.uint8)
    save_arrays(path, assignment=part.assignment, told=text.astype(np.int16))


def load_partition(path: Path, network: SpikingNetwork, rates: NDArray[np.float64], weighting: str) -> Partition:
    import json

    from spikemesh.mapping.partition.partition import Partition

    arrays = load_arrays(path, assignment=("i", 1), told=("i", 1))
    told = json.loads(arrays["told"].astype(np.uint8).tobytes().decode())
    objective = told.pop("objective")
    told["capacity"] = float(told["capacity"])
    part = Partition.of(network, rates, arrays["assignment"], weighting=weighting, **told)
    return replace(part, objective=objective)
