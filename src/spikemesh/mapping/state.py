"""What passes hand on: the network so far, its clusters, their tiles, and the trail of what was done."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import MappingError
from spikemesh.hardware import Hardware
from spikemesh.mapping.mapping import Mapping, PassRecord
from spikemesh.mapping.measure import checked_assignment, rates_or_ones
from spikemesh.mapping.partition.partition import Partition
from spikemesh.network import WEIGHTINGS, SpikeTrace, SpikingNetwork

__all__ = ["FIELDS", "MappingState"]

FIELDS = ("network", "rates_hz", "hardware", "partition", "tile_of_cluster", "original_synapses")
"""What a pass may name in ``reads`` and ``writes``."""


@dataclass(frozen=True, eq=False)
class MappingState:
    """A mapping in the making. Frozen: a pass returns a new state (``with_network``, ``with_clusters``, ``with_tiles``).

    network : as legalised so far.
    rates_hz : (n_neurons,) float64, rates that weigh the SNN graph; None is replaced by 1 Hz for every neuron.
    hardware : the chip; its mesh may still be "auto" until clusters are placed.
    seed : of every pass.
    weighting : omega of a synapse, one of :data:`spikemesh.network.WEIGHTINGS`.
    map_inputs : False keeps input neurons off the chip.
    partition : clusters, once a pass has made them.
    tile_of_cluster : (n_clusters,) int32, once a pass has placed them.
    original_synapses : (n_synapses,) bool or None, see :class:`Mapping`.
    trail : one record a pass.
    trace : spikes that the mapping was asked with, for passes that calibrate on samples; None where only rates are known, or
        once the network is no longer theirs.
    measured : what the pass just run found besides costs; goes to its record.
    """

    network: SpikingNetwork
    rates_hz: NDArray[np.float64]
    hardware: Hardware
    seed: int = 0
    weighting: str = "rate_weight"
    map_inputs: bool = True
    partition: Partition | None = None
    tile_of_cluster: NDArray[np.int32] | None = None
    original_synapses: NDArray[np.bool_] | None = None
    trail: tuple[PassRecord, ...] = ()
    trace: SpikeTrace | None = None
    measured: Dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rates_hz", rates_or_ones(self.network, self.rates_hz))
        if self.weighting not in WEIGHTINGS:
            raise MappingError(f"weighting must be one of {', '.join(WEIGHTINGS)}, not {self.weighting!r}")
        if self.partition is not None:
            checked_assignment(self.network, self.partition.assignment)
        if self.tile_of_cluster is not None:
            tiles = np.asarray(self.tile_of_cluster)
            if self.partition is None or tiles.shape != (self.partition.n_clusters,):
                clusters = 0 if self.partition is None else self.partition.n_clusters
                raise MappingError(f"tile_of_cluster has shape {tiles.shape}; there are {clusters} clusters")
            if not np.issubdtype(tiles.dtype, np.integer):
                raise MappingError(f"tile_of_cluster must be integers, not {tiles.dtype}")
            object.__setattr__(self, "tile_of_cluster", tiles.astype(np.int32))
        if self.original_synapses is not None and self.original_synapses.shape != (self.network.n_synapses,):
            raise MappingError(
                f"original_synapses has shape {self.original_synapses.shape}; there are {self.network.n_synapses} synapses"
            )

    @property
    def assignment(self) -> NDArray[np.int32]:
        """(n_neurons,) int32, cluster of each neuron, -1 off the chip; a MappingError before a pass has made clusters."""
        if self.partition is None:
            raise MappingError("no pass has made clusters yet")
        return self.partition.assignment

    def with_network(self, network: SpikingNetwork, **changes: Any) -> MappingState:
        """The state with another network; clusters and tiles, which belonged to the old one, are gone."""
        return replace(self, network=network, partition=None, tile_of_cluster=None, **changes)

    def with_clusters(self, assignment: ArrayLike, method: str = "custom", **options: Any) -> MappingState:
        """The state with these clusters, measured.

        assignment : (n_neurons,) integers, clusters from 0; -1 for input neurons off the chip.
        method, options : what the trail calls it.
        """
        crossbar = self.hardware.crossbar
        made = Partition.of(
            self.network,
            self.rates_hz,
            assignment,
            capacity=crossbar.n_out,
            axons=crossbar.n_in,
            method=method,
            seed=self.seed,
            options=options,
            weighting=self.weighting,
        )
        return replace(self, partition=made, tile_of_cluster=None)

    def with_partition(self, partition: Partition) -> MappingState:
        """The state with the clusters of a partition."""
        return replace(self, partition=partition, tile_of_cluster=None)

    def with_tiles(self, tile_of_cluster: ArrayLike) -> MappingState:
        """The state with cluster c on tile ``tile_of_cluster[c]``."""
        return replace(self, tile_of_cluster=np.asarray(tile_of_cluster))

    @cached_property
    def costs(self) -> dict[str, float]:
        """What can be counted so far: synapses, clusters, InterW, packets/s, hop cost."""
        known = {"synapses": float(self.network.n_synapses)}
        if self.partition is not None:
            known["clusters"] = float(self.partition.n_clusters)
            known["inter_weight"] = self.partition.inter_weight
            known["packets"] = self.partition.packets
            if self.tile_of_cluster is not None and self.hardware.is_sized:
                from spikemesh.mapping.place.measure import hop_cost

                known["hop_cost"] = hop_cost(self.partition.traffic, self.tile_of_cluster, self.hardware.cols)
        return known

    def mapping(self, recipe: str) -> Mapping:
        """The finished mapping; a MappingError where clusters or tiles are missing."""
        if self.tile_of_cluster is None:
            raise MappingError(f"recipe {recipe!r} ends before every cluster has a tile")
        return Mapping(
            network=self.network,
            hardware=self.hardware,
            assignment=self.assignment,
            tile_of_cluster=self.tile_of_cluster,
            recipe=recipe,
            seed=self.seed,
            trail=self.trail,
            original_synapses=self.original_synapses,
        )
