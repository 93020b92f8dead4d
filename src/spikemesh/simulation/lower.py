"""From a mapping and its spikes to what an engine reads: integers only, one sample at a time.

Step k fires at cycle k * cycles_per_step. A spike drives one row of every crossbar that holds a target of its neuron:
on its own tile at once (an own row), elsewhere by the mesh (a remote row). A neuron kept off chip has no tile to send from:
every crossbar that it feeds reads it as an own row, delivered in the cycle in which it fires.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import InfeasibleError, SimulationError, TraceError
from spikemesh.mapping.check import violations
from spikemesh.simulation.program import UNLIMITED, Chip, Traffic

if TYPE_CHECKING:
    from spikemesh.hardware import Hardware
    from spikemesh.mapping.mapping import Mapping
    from spikemesh.network import SpikeTrace

__all__ = ["Program", "Routes", "Wiring", "chip_of", "lower", "manhattan", "wire"]

TILE_WORK = 4
"""Link hops that the SimPy model could do in the time in which it builds a tile."""


@dataclass(frozen=True, eq=False)
class Routes:
    """The rows that one spike of each neuron drives, as flat arrays grouped by neuron.

    Neuron i drives rows starts[i] ... starts[i + 1] - 1, ascending by tile. ``entry``: (n,) int64 index into the mapping's
    axons; ``tile``, ``synapses``: (n,) int32 tile whose crossbar holds the row, and crosspoints on it.
    """

    starts: NDArray[np.int64]
    entry: NDArray[np.int64]
    tile: NDArray[np.int32]
    synapses: NDArray[np.int32]

    @classmethod
    def of(cls, mapped: Mapping, chosen: NDArray[np.bool_]) -> Routes:
        """The axons of ``mapped`` for which ``chosen`` holds, each with its tile."""
        axons = mapped.axons
        entry = np.flatnonzero(chosen)
        neuron, tile = axons.neuron[entry], mapped.tile_of_cluster[axons.cluster[entry]]
        order = np.lexsort((tile, neuron))
        entry = entry[order]
        starts = np.searchsorted(neuron[order], np.arange(mapped.network.n_neurons + 1))
        return cls(starts, entry, tile[order].astype(np.int32), axons.n_synapses[entry].astype(np.int32))

    def rows(self, neurons: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(spike, route) of all rows that spikes of ``neurons`` drive: index into ``neurons``, index into this table."""
        first, count = self.starts[neurons], self.starts[neurons + 1] - self.starts[neurons]
        spike = np.repeat(np.arange(len(neurons)), count)
        within = np.arange(len(spike)) - np.repeat(np.cumsum(count) - count, count)
        return spike, first[spike] + within


@dataclass(frozen=True, eq=False)
class Wiring:
    """A mapping on its chip, as integers: what a spike of each neuron sets off. Made by :func:`wire`."""

    mapping: Mapping
    hardware: Hardware
    chip: Chip
    acceleration: float
    cycles_per_step: int
    remote: Routes
    own: Routes

    def spikes(
        self, fired: NDArray[np.int64], neurons: NDArray[np.int32]
    ) -> tuple[Traffic, NDArray[np.int64], NDArray[np.int64]]:
        """Any spikes on the chip, given sorted by (fired, neuron): cycles (n,) int64 and neurons (n,) int32.

        Returns the traffic, and for each of its remote rows and of its own rows the entry of the mapping's axons.
        """
        spike, route = self.remote.rows(neurons)
        own_spike, own_route = self.own.rows(neurons)
        packet = np.arange(len(spike), dtype=np.int64)
        if self.chip.tree and len(spike):
            packet = np.cumsum(np.diff(spike, prepend=spike[0]) > 0, dtype=np.int64)
        neuron = neurons[spike].astype(np.int32)
        traffic = Traffic(
            fired=fired[spike],
            neuron=neuron,
            source=self.mapping.tile_of_neuron[neuron],
            destination=self.remote.tile[route],
            synapses=self.remote.synapses[route],
            packet=packet,
            own_fired=fired[own_spike],
            own_neuron=neurons[own_spike].astype(np.int32),
            own_tile=self.own.tile[own_route],
            own_synapses=self.own.synapses[own_route],
        )
        return traffic, self.remote.entry[route], self.own.entry[own_route]

    def work(self, counts: NDArray[np.int64]) -> int:
        """What a run costs, before it is run: rows read plus links crossed, a tree's shared links not deducted.

        counts : (n_neurons,) spikes of each neuron.
        """
        neuron = np.repeat(np.arange(len(counts)), np.diff(self.remote.starts))
        links = manhattan(self.mapping.tile_of_neuron[neuron], self.remote.tile, self.chip.cols)
        own = counts * np.diff(self.own.starts)
        return int((counts[neuron] * (links + 1)).sum() + own.sum())


@dataclass(frozen=True, eq=False)
class Program:
    """A mapping and a trace as an engine runs them; made by :func:`lower`.

    Each sample's :class:`Traffic` is made when asked for, so that only one need be in memory.
    """

    wiring: Wiring
    trace: SpikeTrace

    @property
    def chip(self) -> Chip:
        return self.wiring.chip

    @property
    def cycles_per_step(self) -> int:
        return self.wiring.cycles_per_step

    @property
    def n_samples(self) -> int:
        return self.trace.n_samples

    def traffic(self, sample: int) -> Traffic:
        """The spikes of one sample on the chip, sorted as engines expect them."""
        return self.rows(sample)[0]

    def rows(self, sample: int) -> tuple[Traffic, NDArray[np.int64], NDArray[np.int64]]:
        """As ``traffic``, with the axon entry of each remote row and of each own row."""
        begin, end = self.trace.sample_starts[sample : sample + 2]
        fired = self.trace.steps[begin:end].astype(np.int64) * self.cycles_per_step
        return self.wiring.spikes(fired, self.trace.neurons[begin:end])

    def work(self) -> int:
        """Rows and link hops of all samples, at most, and the building of an empty chip for each in the same measure."""
        return self.wiring.work(self.trace.counts) + self.n_samples * self.chip.n_tiles * TILE_WORK


def lower(mapped: Mapping, trace: SpikeTrace, hardware: Hardware | None = None, acceleration: float = 1.0) -> Program:
    """Turns a mapping and its spikes into integers (design sections "Definitions" and "The chip and its mesh").

    Parameters
    ----------
    trace : spikes of ``mapped.network``, its step as long as the chip's.
    hardware, acceleration : as for :func:`wire`.

    Raises
    ------
    TraceError
        for a trace of another network, or with another step.
    SimulationError, InfeasibleError
        as :func:`wire`.
    """
    if trace.n_neurons != mapped.network.n_neurons:
        raise TraceError(
            f"the trace has {trace.n_neurons} neurons, the mapped network {mapped.network.n_neurons}: where a recipe changes "
            "the network (decomposed units, for example), it needs the trace of the mapping's own network, as "
            "spikemesh.replay(mapping.network, trace) gives it"
        )
    wiring = wire(mapped, hardware, acceleration)
    hw = wiring.hardware
    if not math.isclose(trace.dt_ms, hw.time.step_ms, rel_tol=1e-9):
        raise TraceError(
            f"the trace has steps of {trace.dt_ms:g} ms, {hw.name} has time.step_ms = {hw.time.step_ms:g}: record the trace "
            f"with that step, or override time.step_ms"
        )
    return Program(wiring, trace)


def wire(mapped: Mapping, hardware: Hardware | None = None, acceleration: float = 1.0) -> Wiring:
    """Works out which rows a spike of each neuron drives, and on which tiles.

    Parameters
    ----------
    hardware : the chip to run on where it is not ``mapped.hardware``; its mesh must be the same, or "auto".
    acceleration : how many times faster than real time the network runs; it shortens a step in cycles.

    Raises
    ------
    SimulationError
        for a chip with another mesh, an acceleration that is not positive, or a step shorter than a cycle.
    InfeasibleError
        for a chip with smaller crossbars than the mapping needs.
    """
    hw = place_on(mapped, hardware)
    axons = mapped.axons
    source, tile = mapped.tile_of_neuron[axons.neuron], mapped.tile_of_cluster[axons.cluster]
    stays = (source < 0) | (source == tile)
    return Wiring(
        mapping=mapped,
        hardware=hw,
        chip=chip_of(hw),
        acceleration=float(acceleration),
        cycles_per_step=hw.cycles_per_step(acceleration),
        remote=Routes.of(mapped, ~stays),
        own=Routes.of(mapped, stays),
    )


def place_on(mapped: Mapping, hardware: Hardware | None) -> Hardware:
    """The chip that ``mapped`` runs on: its own, or ``hardware`` with the same mesh.

    Raises
    ------
    SimulationError
        where the meshes differ, so that tile numbers would mean other places, or where a cluster's tile is blocked.
    InfeasibleError
        where the clusters do not fit the crossbars of ``hardware``.
    """
    home = mapped.hardware.sized_for(mapped.n_clusters)
    hw = home if hardware is None else hardware
    if not hw.is_sized:
        hw = hw.with_overrides({"mesh.cols": home.cols, "mesh.rows": home.rows})
    if (hw.cols, hw.rows) != (home.cols, home.rows):
        raise SimulationError(
            f"the mapping was made for a mesh of {home.cols} x {home.rows} tiles, {hw.name} has {hw.cols} x {hw.rows}: map "
            "again, or load the chip with the same mesh"
        )
    taken = np.setdiff1d(mapped.tile_of_cluster, hw.usable_tiles)
    if len(taken):
        raise SimulationError(f"the mapping puts a cluster on tile {int(taken[0])}, which {hw.name} does not have or blocks")
    smaller = hw.crossbar.n_in < home.crossbar.n_in or hw.crossbar.n_out < home.crossbar.n_out
    if smaller and (found := violations(mapped.network, hw, mapped.assignment, mapped.tile_of_cluster)):
        raise InfeasibleError(found)
    return hw


def chip_of(hw: Hardware) -> Chip:
    """The mesh and tiles of ``hw`` as integers; a SimulationError while its mesh is "auto"."""
    if not hw.is_sized:
        raise SimulationError(f"the mesh of {hw.name} is 'auto': load it with mesh=(cols, rows)")
    buffer = hw.noc.buffer_packets
    return Chip(
        cols=hw.cols,
        rows=hw.rows,
        router_cycles=hw.noc.router_cycles,
        link_cycles_x=hw.link_cycles_x,
        link_cycles_y=hw.link_cycles_y,
        eject_cycles=hw.noc.eject_cycles,
        encode_cycles=hw.noc.encode_cycles,
        credit_cycles=hw.noc.credit_cycles,
        buffer_packets=UNLIMITED if math.isinf(buffer) else int(buffer),
        flits_per_packet=hw.flits_per_packet,
        row_cycles=hw.crossbar.row_cycles,
        op_cycles=hw.crossbar.op_cycles,
        tree=hw.noc.multicast == "tree",
    )


def manhattan(source: NDArray[np.integer], destination: NDArray[np.integer], cols: int) -> NDArray[np.int64]:
    """(n,) links between tiles under XY routing."""
    source, destination = source.astype(np.int64), destination.astype(np.int64)
    return np.abs(source % cols - destination % cols) + np.abs(source // cols - destination // cols)
