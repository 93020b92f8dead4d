"""The stages that every recipe has: partition, place, check."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from spikemesh.errors import InfeasibleError, MappingError
from spikemesh.mapping.check import violations
from spikemesh.mapping.partition.partition import partition
from spikemesh.mapping.state import MappingState

__all__ = ["CheckPass", "PartitionPass", "PlacePass"]


@dataclass(frozen=True)
class PartitionPass:
    """Neurons to clusters that fit the chip's crossbars.

    method, objective, effort, options : see :func:`spikemesh.mapping.partition.partition`.
    clusters : how many to make; ceil(n / capacity) by default.
    capacity : neurons a cluster where fewer than the crossbar's columns are wanted.
    """

    name: ClassVar[str] = "partition"
    reads: ClassVar[tuple[str, ...]] = ("network", "rates_hz", "hardware")
    writes: ClassVar[tuple[str, ...]] = ("partition",)
    method: str = "auto"
    objective: str = "packets"
    effort: str = "fast"
    clusters: int | None = None
    capacity: int | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def run(self, state: MappingState) -> MappingState:
        crossbar = state.hardware.crossbar
        if self.capacity is not None and self.capacity > crossbar.n_out:
            raise MappingError(f"capacity = {self.capacity}: a crossbar of {state.hardware.name} has {crossbar.n_out} columns")
        made = partition(
            state.network,
            state.rates_hz,
            method=self.method,
            objective=self.objective,
            effort=self.effort,
            capacity=crossbar.n_out if self.capacity is None else self.capacity,
            axons=None if math.isinf(crossbar.n_in) else crossbar.n_in,
            clusters=self.clusters,
            weighting=state.weighting,
            seed=state.seed,
            map_inputs=state.map_inputs,
            **self.options,
        )
        return state.with_partition(made)


@dataclass(frozen=True)
class PlacePass:
    """Clusters to tiles.

    method, objective, options : see :func:`spikemesh.mapping.place.place`.
    """

    name: ClassVar[str] = "place"
    reads: ClassVar[tuple[str, ...]] = ("partition", "hardware")
    writes: ClassVar[tuple[str, ...]] = ("tile_of_cluster",)
    method: str = "auto"
    objective: str = "hops"
    options: dict[str, Any] = field(default_factory=dict)

    def run(self, state: MappingState) -> MappingState:
        from spikemesh.mapping.place import place

        placed = place(
            state.partition,
            state.hardware,
            method=self.method,
            objective=self.objective,
            seed=state.seed,
            **self.options,
        )
        return state.with_tiles(placed.tile_of_cluster)


@dataclass(frozen=True)
class CheckPass:
    """Raises an InfeasibleError that lists every limit of the chip that the mapping breaks."""

    name: ClassVar[str] = "check"
    reads: ClassVar[tuple[str, ...]] = ("network", "hardware", "partition", "tile_of_cluster")
    writes: ClassVar[tuple[str, ...]] = ()

    def run(self, state: MappingState) -> MappingState:
        assert state.tile_of_cluster is not None  # apply() has checked what is read
        found = violations(state.network, state.hardware, state.assignment, state.tile_of_cluster)
        if found:
            raise InfeasibleError(found)
        return state
