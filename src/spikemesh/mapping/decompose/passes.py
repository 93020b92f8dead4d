"""Decomposition as a pass of a recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.decompose.bounds import least_crossbars
from spikemesh.mapping.decompose.choosing import pack_best
from spikemesh.mapping.decompose.coding import CodingOptions
from spikemesh.mapping.decompose.fitting import pack_fit
from spikemesh.mapping.decompose.packing import Packing
from spikemesh.mapping.decompose.rates import sample_rates
from spikemesh.mapping.decompose.settling import settle
from spikemesh.mapping.decompose.shapes import chain, tree
from spikemesh.mapping.decompose.transform import SHAPES, Decomposed, with_units
from spikemesh.mapping.decompose.units import Units, whole
from spikemesh.mapping.legalisation import drop_synapses, quantise_weights
from spikemesh.mapping.stages import PartitionPass
from spikemesh.mapping.state import MappingState
from spikemesh.network import SpikingNetwork

__all__ = ["PACKINGS", "Decompose"]

PACKINGS = ("blocks", "fit", "none")


@dataclass(frozen=True)
class Decompose(CodingOptions):
    """Splits neurons into units, so that every fan-in fits the rows and no synapse is lost, and packs the units.

    packing : "blocks": trees whose leaves fill crossbars with shared rows (:mod:`~spikemesh.mapping.decompose.carving`). "fit":
        the paper's chains, packed as SpiNeMap's public code packs (:mod:`~spikemesh.mapping.decompose.fitting`). "none":
        uniform units of ``fan_in`` inputs; a later pass makes the clusters.
    shape, fan_in : of the units of packing "none"; fan_in is the crossbar's rows by default.
    order : "natural" or "sign".

    The other options are those of :class:`~spikemesh.mapping.decompose.coding.CodingOptions`; precision and tolerance are left
    out where there is no trace.

    Reads the trace that the mapping was asked with, where there is one, to calibrate. The rates of units are estimated by the
    rate model from those of the neurons; the trail has ``rates_estimated`` = 1, and in ``crossbars_least`` how many crossbars no
    packing goes below (:func:`~spikemesh.mapping.decompose.bounds.least_crossbars`). On a chip without a row limit nothing
    need be split, and a packing has nothing to fill: clusters are then made as the pass ``partition`` makes them by default.
    """

    name: ClassVar[str] = "decompose"
    reads: ClassVar[tuple[str, ...]] = ("network", "rates_hz", "hardware")
    writes: ClassVar[tuple[str, ...]] = ("network", "rates_hz", "original_synapses", "partition")
    packing: str = "blocks"
    shape: str = "tree"
    fan_in: int | None = None
    order: str = "natural"
    offset: str = "auto"

    def run(self, state: MappingState) -> MappingState:
        if self.packing not in PACKINGS:
            raise MappingError(f"packing must be one of {', '.join(PACKINGS)}, not {self.packing!r}")
        crossbar = state.hardware.crossbar
        network = drop_synapses(state.network, math.inf)  # merges parallel synapses, drops none
        on_chip = np.ones(network.n_neurons, bool) if state.map_inputs else ~network.is_input
        packed, measured = None, {}
        if self.packing != "none" and not math.isinf(crossbar.n_in):
            limits = int(crossbar.n_in), int(min(crossbar.n_out, max(int(on_chip.sum()), 1)))
            packed = self._packed(network, *limits, on_chip)
            measured["crossbars_least"] = float(least_crossbars(network, *limits, on_chip))
        units = packed.units if packed is not None else self._uniform(network, crossbar.n_in)
        trace = state.trace
        rates = None if trace is None else sample_rates(trace)
        if trace is None or rates is None:
            split = with_units(network, units, replace(self, precision=0.0))
        elif self.tolerance and units.n_links:
            split, found = settle(network, units, self, trace, rates, trace.labels is not None)
            measured |= found
        else:
            split = with_units(network, units, self, rates, trace.n_steps)
        after = _written(state, split, packed, rates, measured)
        return PartitionPass().run(after) if packed is None and self.packing != "none" else after

    def _packed(self, network: SpikingNetwork, n_in: int, columns: int, on_chip: NDArray[np.bool_]) -> Packing:
        if n_in < 2:
            raise MappingError(f"a crossbar of {n_in} row(s) has no room for a unit of two inputs")
        pack = pack_best if self.packing == "blocks" else pack_fit
        return pack(network, n_in, columns, on_chip=on_chip, order=self.order)

    def _uniform(self, network: SpikingNetwork, n_in: float) -> Units:
        if self.shape not in SHAPES:
            raise MappingError(f"shape must be one of {', '.join(SHAPES)}, not {self.shape!r}")
        if self.fan_in is None and math.isinf(n_in):
            return whole(network)
        fan_in = int(n_in) if self.fan_in is None else self.fan_in
        if fan_in > n_in:
            raise MappingError(f"fan_in = {fan_in} exceeds the {int(n_in)} rows of a crossbar")
        return (chain if self.shape == "chain" else tree)(network, fan_in, self.order)


def _written(
    state: MappingState,
    split: Decomposed,
    packed: Packing | None,
    rates: NDArray[np.float64] | None,
    measured: dict[str, float],
) -> MappingState:
    """The state with the network of units, the estimated rates, and the clusters of a packing."""
    network = quantise_weights(split.network, state.hardware.crossbar.weight_bits)
    per_step = state.rates_hz * network.dt_ms * 1e-3
    found = split.unit_rates(per_step if rates is None else rates).mean(axis=0)
    unit_rates = found / (network.dt_ms * 1e-3)
    unit_rates[: len(state.rates_hz)] = state.rates_hz
    measured = measured | {
        "units": float(split.units.n_units),
        "links": float(split.n_links),
        "depth": float(split.depth),
        "link_spikes_per_step": float(found[len(state.rates_hz) :].sum()),
        "link_spikes_per_step_blank": float(split.blank_rates.sum()),
        "rates_estimated": 1.0,
    }
    if rates is not None:
        clipped, sums = split.clips(rates)
        measured["clipped_share"] = clipped / max(sums, 1)
    after = state.with_network(
        network,
        rates_hz=unit_rates,
        original_synapses=split.original_synapses,
        trace=None,
        measured=measured,
    )
    if packed is None:
        return after
    return after.with_clusters(packed.cluster, "decompose")
