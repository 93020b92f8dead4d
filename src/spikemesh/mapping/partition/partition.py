"""The front door of partitioning: checks the request, runs a method, checks and measures what it returns."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.measure import Measure, measure, rates_or_ones
from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import find_partitioner, suggestion
from spikemesh.network import WEIGHTINGS, SpikingNetwork

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["EFFORTS", "OBJECTIVES", "Partition", "partition"]

OBJECTIVES = ("packets", "inter-weight")
EFFORTS = ("fast", "quality")


@dataclass(frozen=True, eq=False)
class Partition:
    """Neurons in clusters, and what that costs (:class:`spikemesh.mapping.measure.Measure` defines each number).

    assignment : (n_neurons,) int32, cluster of each neuron; -1 for inputs kept off the chip. No cluster is empty.
    capacity, axons : the limits that it keeps; ``axons`` is None where rows were unlimited.
    method, seed, options, weighting, objective : how it was made.
    seconds : time that the method took, measuring excluded.
    """

    assignment: NDArray[np.int32]
    capacity: float
    axons: int | None
    method: str
    seed: int
    options: Dict[str, Any]
    weighting: str
    objective: str
    seconds: float
    measured: Measure

    @classmethod
    def of(
        cls,
        net: SpikingNetwork,
        rates_hz: ArrayLike | None,
        assignment: ArrayLike,
        *,
        capacity: float = math.inf,
        axons: float | None = None,
        method: str = "custom",
        seed: int = 0,
        options: Dict[str, Any] | None = None,
        weighting: str = "rate_weight",
        seconds: float = 0.0,
    ) -> Partition:
        """A partition made elsewhere, measured; whether it keeps the limits is for ``check`` to say.

        Raises
        ------
        MappingError
            for an assignment that is not one integer a neuron, or that leaves a cluster empty.
        """
        measured = measure(net, rates_hz, assignment, capacity, weighting)
        if (measured.sizes == 0).any():
            raise MappingError(f"cluster {int(np.argmin(measured.sizes))} of the assignment is empty")
        part = np.asarray(assignment).astype(np.int32)
        rows = None if axons is None or axons == math.inf else int(axons)
        return cls(part, capacity, rows, method, seed, dict(options or {}), weighting, "packets", seconds, measured)

    @property
    def n_clusters(self) -> int:
        return self.measured.n_clusters

    @property
    def inter_weight(self) -> float:
        """Sum of omega over synapses between clusters."""
        return self.measured.inter_weight

    @property
    def intra_weight(self) -> float:
        """Sum of omega over synapses inside one cluster."""
        return self.measured.intra_weight

    @property
    def packets(self) -> float:
        """Packets/s that the mesh must carry."""
        return self.measured.packets

    @property
    def packets_bound(self) -> float:
        """Packets/s that no partition of this capacity can go below."""
        return self.measured.packets_bound

    @property
    def traffic(self) -> csr_array:
        """(n_clusters, n_clusters) packets/s from cluster a to cluster b, nothing on the diagonal."""
        return self.measured.traffic

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(n_clusters,) neurons of each cluster."""
        return self.measured.sizes

    @property
    def axon_counts(self) -> NDArray[np.int64]:
        """(n_clusters,) distinct presynaptic neurons that feed each cluster, its own members included."""
        return self.measured.axon_counts


def partition(
    net: SpikingNetwork,
    rates_hz: ArrayLike | None = None,
    method: str = "auto",
    objective: str = "packets",
    effort: str = "fast",
    capacity: float = 16,
    axons: float | None = None,
    clusters: int | None = None,
    weighting: str = "rate_weight",
    seed: int = 0,
    map_inputs: bool = True,
    **options: Any,
) -> Partition:
    """Clusters of at most ``capacity`` neurons fed by at most ``axons`` distinct neurons.

    Parameters
    ----------
    rates_hz : (n_neurons,) firing rates (``trace.rates_hz``); None counts every neuron at 1 Hz.
    method : a name of ``available("partitioners")``; "auto" is spikemesh's own.
    objective : "packets" or "inter-weight": what "auto" makes small. The other methods have the objective of their paper.
    effort : "fast" or "quality", for methods that can spend more time.
    capacity : neurons a cluster; ``math.inf`` for no limit.
    axons : rows a cluster; None or ``math.inf`` for no limit.
    clusters : how many to make, instead of ceil(n / capacity). ``axons`` can still force more.
    weighting : omega of a synapse, one of :data:`spikemesh.network.WEIGHTINGS`.
    map_inputs : False keeps input neurons off the chip; they take rows of the crossbars that they feed, and no column.
    options : of the method; an unknown one is an error that names those there are.

    Returns
    -------
    Partition; the same for the same arguments.

    Raises
    ------
    MappingError
        for an unknown name, a limit under 1, too few clusters, or a neuron whose distinct inputs exceed ``axons``.
    """
    for what, value, allowed in (
        ("objective", objective, OBJECTIVES),
        ("effort", effort, EFFORTS),
        ("weighting", weighting, WEIGHTINGS),
    ):
        if value not in allowed:
            raise MappingError(f"{what} must be one of {', '.join(allowed)}, not {value!r}{suggestion(value, allowed)}")
    chosen = find_partitioner(method)
    given = {"objective": objective, "effort": effort}
    options = chosen.checked_options({**{k: v for k, v in given.items() if k in chosen.options}, **options})
    problem = _problem(net, rates_hz, capacity, axons, clusters, weighting, seed, map_inputs)

    start = time.perf_counter()
    raw = chosen.run(problem, **options)
    seconds = time.perf_counter() - start

    local = _compact(_checked(problem, method, raw), problem, clusters)
    assignment = np.full(net.n_neurons, -1, np.int32)
    assignment[problem.neuron_ids[: problem.n]] = local
    measured = measure(net, rates_or_ones(net, rates_hz), assignment, capacity, weighting)
    _check_caps(method, measured, problem)
    return Partition(assignment, capacity, problem.axons, method, seed, options, weighting, objective, seconds, measured)


def _problem(
    net: SpikingNetwork,
    rates_hz: ArrayLike | None,
    capacity: float,
    axons: float | None,
    clusters: int | None,
    weighting: str,
    seed: int,
    map_inputs: bool,
) -> PartitionProblem:
    on_chip = None if map_inputs else ~net.is_input
    n = net.n_neurons if on_chip is None else int(on_chip.sum())
    if n == 0:
        raise MappingError("every neuron is an input kept off the chip: there is nothing to partition")
    cap = n if capacity == math.inf else _whole("capacity", capacity)
    rows = None if axons is None or axons == math.inf else _whole("axons", axons)
    least = -(-n // cap)
    if clusters is None:
        k = least
    else:
        k = _whole("clusters", clusters)
        if not least <= k <= n:
            raise MappingError(f"clusters = {k}: {n} neurons of capacity {cap} need from {least} to {n} clusters")
    problem = PartitionProblem.of(net, rates_or_ones(net, rates_hz), weighting, cap, rows, k, seed, on_chip)
    if rows is not None:
        fan_in = net.fan_in()[problem.neuron_ids[: problem.n]] if net.is_streamed else np.diff(problem.feeders[0])
        if fan_in.max(initial=0) > rows:
            worst = int(problem.neuron_ids[int(fan_in.argmax())])
            raise MappingError(
                f"{int((fan_in > rows).sum())} neuron(s) have more than {rows} distinct inputs (neuron {worst} has "
                f"{int(fan_in.max())}) and fit no crossbar: legalise first, with drop or decompose"
            )
    return problem


def _whole(what: str, value: float) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or value != value:
        raise MappingError(f"{what} must be a whole number of at least 1, not {value!r}")
    if value < 1 or value != int(value):
        raise MappingError(f"{what} must be a whole number of at least 1, not {value!r}")
    return int(value)


def _checked(problem: PartitionProblem, method: str, raw: object) -> NDArray[np.int64]:
    part = np.asarray(raw)
    if part.shape != (problem.n,) or not np.issubdtype(part.dtype, np.integer) or (part < 0).any():
        raise MappingError(
            f"partitioner {method!r} must return {problem.n} cluster numbers >= 0; it returned {part.dtype} "
            f"of shape {part.shape}"
        )
    return part.astype(np.int64)


def _compact(part: NDArray[np.int64], problem: PartitionProblem, clusters: int | None) -> NDArray[np.int32]:
    """Numbers clusters without gaps; where ``clusters`` asked for more than there are, halves the largest ones."""
    _, part = np.unique(part, return_inverse=True)
    sizes = np.bincount(part).tolist()
    while clusters is not None and len(sizes) < clusters:
        largest = int(np.argmax(sizes))
        moved = np.flatnonzero(part == largest)[sizes[largest] - sizes[largest] // 2 :]
        part[moved] = len(sizes)
        sizes[largest] -= len(moved)
        sizes.append(len(moved))
    return part.astype(np.int32)


def _check_caps(method: str, measured: Measure, problem: PartitionProblem) -> None:
    for what, found, limit in (
        ("neurons", measured.sizes, problem.capacity),
        ("rows", measured.axon_counts, problem.axons),
    ):
        if limit is not None and found.max(initial=0) > limit:
            worst = int(found.argmax())
            raise MappingError(
                f"partitioner {method!r} broke its limit: cluster {worst} has {int(found.max())} {what}, {limit} fit"
            )
