"""Counts times prices: the energy of a run, part by part (design, section 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from spikemesh.hardware import Hardware
from spikemesh.metrics.counts import Counts, count
from spikemesh.simulation.record import RunRecord

__all__ = ["Energy", "energy", "price"]

NW_NS = 1e-6
"""nW * ns in pJ"""
UW_NS = 1e-3
"""uW * ns in pJ"""
GRID_BITS = 47


@dataclass(frozen=True)
class Energy:
    """Energy of a run over all samples, in pJ.

    The parts, in the order of the groups they add up to:
    interconnect: ``hops_x``, ``hops_y``, ``inject``, ``eject``; tile: ``spike``, ``row``, ``op``, ``update``;
    static: ``neuron``, ``crosspoint``, ``core``, ``router``; wasted static: ``unused_neuron``, ``unused_crosspoint``;
    wasted dynamic: ``idle_crosspoint``.

    Parts are rounded to a binary grid, less than 2**-46 of the total apart, so that they add up to their groups and to
    ``total`` exactly, in whatever order they are added.
    """

    hops_x: float
    hops_y: float
    inject: float
    eject: float
    spike: float
    row: float
    op: float
    update: float
    neuron: float
    crosspoint: float
    core: float
    router: float
    unused_neuron: float
    unused_crosspoint: float
    idle_crosspoint: float

    @property
    def interconnect(self) -> float:
        """Flits over links, packets encoded and injected, packets delivered."""
        return self.hops_x + self.hops_y + self.inject + self.eject

    @property
    def tile(self) -> float:
        """Spikes, rows, synaptic events, neuron updates."""
        return self.spike + self.row + self.op + self.update

    @property
    def static(self) -> float:
        """What used neurons, used crosspoints, cores and routers draw over the run time."""
        return self.neuron + self.crosspoint + self.core + self.router

    @property
    def wasted_static(self) -> float:
        """What the unused neurons and crosspoints of used crossbars draw over the run time."""
        return self.unused_neuron + self.unused_crosspoint

    @property
    def wasted_dynamic(self) -> float:
        """What unused crosspoints cost on the rows that were read."""
        return self.idle_crosspoint

    @property
    def wasted(self) -> float:
        """Static and dynamic."""
        return self.wasted_static + self.wasted_dynamic

    @property
    def total(self) -> float:
        """interconnect + tile + static + wasted static + wasted dynamic."""
        return self.interconnect + self.tile + self.static + self.wasted_static + self.wasted_dynamic

    @property
    def parts(self) -> dict[str, float]:
        """Part -> pJ."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def groups(self) -> dict[str, float]:
        """Group -> pJ: interconnect, tile, static, wasted_static, wasted_dynamic."""
        names = ("interconnect", "tile", "static", "wasted_static", "wasted_dynamic")
        return {name: getattr(self, name) for name in names}


def price(counts: Counts, hardware: Hardware) -> Energy:
    """The energy of ``counts`` at the prices of ``hardware``."""
    e, p, ns = hardware.energy, hardware.power, counts.run_time_ns
    return Energy(
        *_on_a_grid(
            [
                counts.flit_hops_x * hardware.hop_x_pj,
                counts.flit_hops_y * hardware.hop_y_pj,
                counts.packets * e.inject_pj,
                counts.deliveries * e.eject_pj,
                counts.spikes * e.spike_pj,
                counts.row_reads * e.row_pj,
                counts.synaptic_events * e.op_pj,
                counts.active_updates * e.update_pj + counts.idle_updates * e.idle_update_pj,
                ns * counts.neurons * p.neuron_nw * NW_NS,
                ns * counts.crosspoints * p.synapse_nw * NW_NS,
                ns * counts.cores * p.core_uw * UW_NS,
                ns * counts.routers * p.router_uw * UW_NS,
                ns * counts.unused_neurons * p.neuron_nw * NW_NS,
                ns * counts.unused_crosspoints * p.synapse_nw * NW_NS,
                counts.idle_crosspoints * e.idle_cell_pj,
            ]
        )
    )


def _on_a_grid(values: list[float]) -> list[float]:
    """The values as whole multiples of a power of two so fine that no sum of them needs more than a double's 53 bits."""
    exponent = math.frexp(math.fsum(values))[1] - GRID_BITS
    return [math.ldexp(round(math.ldexp(value, -exponent)), exponent) for value in values]


def energy(record: RunRecord, hardware: Hardware | None = None) -> Energy:
    """The energy of a run over all samples, pJ.

    ``hardware`` : prices of another chip for what happened on the record's own. Counts and run time stay those of the
    record: its flits, its cycles, its crossbars.
    """
    return price(count(record), record.hardware if hardware is None else hardware)
