"""A network of integrate-and-fire neurons: layers of neurons joined by connectivities.

The neuron is the one of the GPA paper's flow: threshold 1, reset by subtraction, no leak, a constant current (the bias) every
step. Neuron i of step k: ``v_i += bias_i + sum of the weights of the spikes that reached it``; it fires where ``v_i >= 1``
and loses 1. Input neurons are neurons too: their current is the sample's pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import NetworkError
from spikemesh.network.connectivity import Connectivity, Edges, Sparse, as_floats, check_ids
from spikemesh.network.targets import TargetSets, connectivity_targets, merge_targets

if TYPE_CHECKING:
    import networkx
    import pandas
    import scipy.sparse

__all__ = ["Layer", "Projection", "SpikingNetwork"]

LISTABLE_SYNAPSES = 400_000_000
"""Beyond this many synapses ``SpikingNetwork.synapses`` refuses: they would not fit a workstation's memory."""
STREAMED_SYNAPSES = 50_000_000
"""Beyond this many, what can do without a list of synapses does."""


@dataclass(frozen=True)
class Layer:
    """A block of neurons with consecutive indices. ``shape`` is (height, width, channels) or (units,)."""

    name: str
    shape: tuple[int, ...]
    kind: str = "neurons"
    """input, dense, conv, pool, add, unit, ... : what made it; "input" layers receive the samples"""

    def __post_init__(self) -> None:
        if not self.shape or min(self.shape) < 1:
            raise NetworkError(f"layer {self.name!r} has shape {tuple(self.shape)}; every axis must be at least 1")

    @property
    def size(self) -> int:
        return math.prod(int(n) for n in self.shape)


@dataclass(frozen=True, eq=False)
class Projection:
    """A connectivity between the block that starts at neuron ``pre_start`` and the one at ``post_start``."""

    pre_start: int
    post_start: int
    connectivity: Connectivity

    def edges(self) -> Edges:
        """Its synapses in the network's neuron indices."""
        local = self.connectivity.edges()
        return Edges(local.pre + np.int32(self.pre_start), local.post + np.int32(self.post_start), local.weight)


@dataclass(frozen=True, eq=False)
class SpikingNetwork:
    """An integrate-and-fire network; neurons are numbered layer after layer.

    Parameters
    ----------
    layers : in order; neuron indices follow it.
    projections : every synapse, as connectivities between blocks of neurons. Synapses may also run backwards (recurrent).
    bias : (n_neurons,) float64, current per step in units of the threshold; zeros by default.
    initial_potential : (n_neurons,) float64, membrane potential before the first step; zeros by default.
    input_ids, output_ids : (n,) int32. By default the neurons of the layers of kind "input" and of the last layer.
    reset : "subtract" (the threshold is taken off) or "zero".
    refractory_ms : a neuron that fired integrates but does not fire again before this time has passed.
    dt_ms : length of a step.
    weights : "trained", "drawn" or "given": where the weights came from.
    name : what the tables call it.
    report : what became of each layer of the model it was converted from, if it was.

    Raises
    ------
    NetworkError
        where parts contradict each other, or a number is NaN or infinite.
    """

    layers: tuple[Layer, ...]
    projections: tuple[Projection, ...]
    # None asks __post_init__ for the default; afterwards all four are arrays
    bias: NDArray[np.float64] = None  # type: ignore[assignment]
    initial_potential: NDArray[np.float64] = None  # type: ignore[assignment]
    input_ids: NDArray[np.int32] = None  # type: ignore[assignment]
    output_ids: NDArray[np.int32] = None  # type: ignore[assignment]
    reset: str = "subtract"
    refractory_ms: float = 0.0
    dt_ms: float = 1.0
    weights: str = "given"
    name: str = "network"
    report: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        n = sum(layer.size for layer in self.layers)
        if n == 0:
            raise NetworkError("a network needs at least one neuron")
        if n > np.iinfo(np.int32).max:
            raise NetworkError(f"{n} neurons are more than 32-bit indices can name")
        for p in self.projections:
            for what, start, size in (
                ("presynaptic", p.pre_start, p.connectivity.n_pre),
                ("postsynaptic", p.post_start, p.connectivity.n_post),
            ):
                if start < 0 or start + size > n:
                    raise NetworkError(f"a projection's {what} block {start}..{start + size - 1} exceeds the {n} neurons")
        for name in ("bias", "initial_potential"):
            values = getattr(self, name)
            values = np.zeros(n) if values is None else as_floats(values, name)
            if values.shape != (n,) or not np.isfinite(values).all():
                raise NetworkError(f"{name} must be {n} finite numbers, one a neuron")
            object.__setattr__(self, name, values)
        starts = self.layer_starts
        if self.input_ids is None:
            blocks = [np.arange(starts[k], starts[k + 1]) for k, layer in enumerate(self.layers) if layer.kind == "input"]
            object.__setattr__(self, "input_ids", np.concatenate([*blocks, np.empty(0)]).astype(np.int32))
        if self.output_ids is None:
            object.__setattr__(self, "output_ids", np.arange(starts[-2], starts[-1], dtype=np.int32))
        for name in ("input_ids", "output_ids"):
            object.__setattr__(self, name, _checked_ids(name, getattr(self, name), n))
        if self.reset not in ("subtract", "zero"):
            raise NetworkError(f"reset must be 'subtract' or 'zero', not {self.reset!r}")
        if not 0 < self.dt_ms < math.inf or not 0 <= self.refractory_ms < math.inf:
            raise NetworkError(f"dt_ms must be positive and refractory_ms not negative: {self.dt_ms}, {self.refractory_ms}")

    @classmethod
    def from_edges(
        cls,
        pre: ArrayLike,
        post: ArrayLike,
        weight: ArrayLike,
        layer_sizes: Sequence[int] | None = None,
        *,
        n_neurons: int | None = None,
        **more: Any,
    ) -> SpikingNetwork:
        """Any graph, from three arrays of equal length; recurrent and parallel synapses are allowed.

        Parameters
        ----------
        pre, post : (n_synapses,) integers, neuron indices from 0.
        weight : (n_synapses,) finite numbers in units of the threshold.
        layer_sizes : neurons of each layer, in index order; the first is the input layer, the last the output. Without
            it there is one layer per breadth-first depth only where an algorithm asks for one; inputs are the neurons
            that no synapse reaches and outputs those that reach none.
        n_neurons : needed only where the last neurons have no synapse and ``layer_sizes`` is not given.
        more : further fields of :class:`SpikingNetwork`.

        Raises
        ------
        NetworkError
            for indices out of range, lengths that differ, weights that are NaN or infinite.
        """
        if layer_sizes is not None:
            sizes = [int(s) for s in layer_sizes]
            if not sizes or min(sizes) < 1:
                raise NetworkError(f"layer_sizes must be positive: {sizes}")
            n = sum(sizes)
            if n_neurons is not None and n_neurons != n:
                raise NetworkError(f"layer_sizes add up to {n}, n_neurons says {n_neurons}")
            layers = tuple(Layer(f"layer{k}", (size,), "input" if k == 0 else "neurons") for k, size in enumerate(sizes))
        else:
            ids = [check_ids(name, a) for name, a in (("pre", pre), ("post", post))]
            seen = max((int(a.max()) for a in ids if a.size), default=-1) + 1
            n = seen if n_neurons is None else n_neurons
            if n < 1:
                raise NetworkError("a network needs at least one neuron: give synapses, n_neurons or layer_sizes")
            layers = (Layer("neurons", (n,)),)
        sparse = Sparse.of(pre, post, weight, n, n)
        if layer_sizes is None:
            more.setdefault("input_ids", np.flatnonzero(sparse.fan_in() == 0).astype(np.int32))
            more.setdefault("output_ids", np.flatnonzero(sparse.fan_out() == 0).astype(np.int32))
        return cls(layers=layers, projections=(Projection(0, 0, sparse),), **more)

    @cached_property
    def layer_starts(self) -> NDArray[np.int64]:
        """(n_layers + 1,) index of each layer's first neuron, and n_neurons."""
        return np.concatenate([[0], np.cumsum([layer.size for layer in self.layers])]).astype(np.int64)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Neurons of each layer, inputs included."""
        return tuple(layer.size for layer in self.layers)

    @cached_property
    def layer_of_neuron(self) -> NDArray[np.int32]:
        """(n_neurons,) index of each neuron's layer."""
        return np.repeat(np.arange(len(self.layers), dtype=np.int32), self.layer_sizes)

    @property
    def n_neurons(self) -> int:
        """Neurons, inputs included."""
        return int(self.layer_starts[-1])

    @cached_property
    def n_synapses(self) -> int:
        """Real synapses: taps on a zero border are none, biases are currents."""
        return sum(p.connectivity.n_synapses for p in self.projections)

    @property
    def is_streamed(self) -> bool:
        """Whether it has so many synapses that mapping works on ``target_sets`` and ``projections`` instead of a list.

        Beyond 50 million, unless most stand in lists anyway; beyond 400 million always.
        """
        if not STREAMED_SYNAPSES < self.n_synapses <= LISTABLE_SYNAPSES:
            return self.n_synapses > LISTABLE_SYNAPSES
        held = sum(p.connectivity.n_synapses for p in self.projections if isinstance(p.connectivity, Sparse))
        return 2 * held < self.n_synapses

    @cached_property
    def is_input(self) -> NDArray[np.bool_]:
        """(n_neurons,) whether a neuron receives the samples."""
        mask = np.zeros(self.n_neurons, bool)
        mask[self.input_ids] = True
        return mask

    def fan_in(self) -> NDArray[np.int64]:
        """(n_neurons,) synapses that end at each neuron; lists no synapse."""
        return self._count("post_start", "fan_in")

    def fan_out(self) -> NDArray[np.int64]:
        """(n_neurons,) synapses that start at each neuron; lists no synapse."""
        return self._count("pre_start", "fan_out")

    def _count(self, start: str, method: str) -> NDArray[np.int64]:
        counts = np.zeros(self.n_neurons, np.int64)
        for p in self.projections:
            block = getattr(p.connectivity, method)()
            counts[getattr(p, start) : getattr(p, start) + len(block)] += block
        return counts

    @cached_property
    def synapses(self) -> Edges:
        """Every synapse, sorted by (pre, post), parallel ones in the order of their projections. Refused beyond 400 million.

        pre, post: int32; weight: float as the projections hold it. Listed once, then kept.
        """
        if self.n_synapses > LISTABLE_SYNAPSES:
            raise NetworkError(
                f"{self.name} has {self.n_synapses} synapses, too many to list; use its projections, which list none"
            )
        parts = [p.edges() for p in self.projections]
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return Edges(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))
        return Edges.sorted(
            np.concatenate([e.pre for e in parts]),
            np.concatenate([e.post for e in parts]),
            np.concatenate([e.weight for e in parts]),
        )

    @cached_property
    def target_sets(self) -> TargetSets:
        """Neurons grouped by their targets, see :class:`spikemesh.network.targets.TargetSets`; lists no synapse of a window."""
        parts = [(p.pre_start, p.post_start, connectivity_targets(p.connectivity)) for p in self.projections]
        return merge_targets(self.n_neurons, parts)

    @cached_property
    def indptr(self) -> NDArray[np.int64]:
        """(n_neurons + 1,) where each neuron's outgoing synapses begin in ``synapses``."""
        counts = np.bincount(self.synapses.pre, minlength=self.n_neurons)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def with_synapses(self, pre: ArrayLike, post: ArrayLike, weight: ArrayLike, **changes: Any) -> SpikingNetwork:
        """The same neurons with another list of synapses (a pruned network, weights at fewer bits)."""
        sparse = Sparse.of(pre, post, weight, self.n_neurons, self.n_neurons)
        return replace(self, projections=(Projection(0, 0, sparse),), **changes)

    def save(self, path: str | Path) -> None:
        """Writes the network to one .npz file; see :func:`spikemesh.network.storage.save_network`."""
        from spikemesh.network.storage import save_network

        save_network(self, path)

    def to_scipy(self) -> scipy.sparse.csr_array:
        """(n_neurons, n_neurons) sparse matrix, rows presynaptic; parallel synapses add up."""
        import scipy.sparse

        n = self.n_neurons
        return scipy.sparse.coo_array((self.synapses.weight, (self.synapses.pre, self.synapses.post)), (n, n)).tocsr()

    def to_pandas(self) -> pandas.DataFrame:
        """One row a synapse: pre, post, weight, pre_layer, post_layer."""
        import pandas as pd

        names = np.array([layer.name for layer in self.layers])
        return pd.DataFrame(
            {
                "pre": self.synapses.pre,
                "post": self.synapses.post,
                "weight": self.synapses.weight,
                "pre_layer": names[self.layer_of_neuron[self.synapses.pre]],
                "post_layer": names[self.layer_of_neuron[self.synapses.post]],
            }
        )

    def to_networkx(self) -> networkx.MultiDiGraph:
        """A directed multigraph: nodes carry ``layer``, edges ``weight``."""
        import networkx as nx

        graph = nx.MultiDiGraph(name=self.name)
        graph.add_nodes_from((i, {"layer": int(k)}) for i, k in enumerate(self.layer_of_neuron))
        graph.add_weighted_edges_from(_triples(self.synapses))
        return graph

    def to_brian2(self, **options: Any) -> Any:
        """A runnable Brian2 network; see :func:`spikemesh.network.brian2_export.to_brian2` for the options."""
        from spikemesh.network.brian2_export import to_brian2

        return to_brian2(self, **options)


def _checked_ids(name: str, values: ArrayLike, n: int) -> NDArray[np.int32]:
    ids = check_ids(name, values, n)
    if len(np.unique(ids)) < len(ids):
        raise NetworkError(f"{name} names a neuron twice")
    return ids.astype(np.int32)


def _triples(synapses: Edges) -> Iterable[tuple[int, int, float]]:
    return zip(synapses.pre.tolist(), synapses.post.tolist(), synapses.weight.tolist(), strict=True)
