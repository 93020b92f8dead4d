"""What happened on the chip: one record, whichever engine ran.

Counts and cycles only; prices and statistics are metrics' business, so that one run can be priced twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spikemesh.simulation.program import Chip

if TYPE_CHECKING:
    from spikemesh.hardware import Hardware
    from spikemesh.mapping.mapping import Mapping

__all__ = ["RunRecord"]


@dataclass(frozen=True, eq=False)
class RunRecord:
    """One run of all samples of a trace. Cycles are int64 from each sample's own cycle 0; -1 where not reached.

    Remote rows, one for each (spike, destination tile other than its own), sample after sample, each sorted by (fired,
    neuron, destination): ``sample``, ``neuron``, ``source``, ``destination``, ``synapses`` (n_rows,) int32; ``packet``
    (n_rows,) int64, number of the carrying packet within its sample (a tree packet carries several rows); ``fired``,
    ``encoded``, ``injected``, ``granted`` (local output's grant), ``delivered``, ``row_read`` (n_rows,) int64.

    Own rows, spikes read by their own tile's crossbar (and those that come from off chip): ``own_sample``, ``own_neuron``,
    ``own_tile``, ``own_synapses`` (n_own,) int32; ``own_fired``, ``own_row_read`` (n_own,) int64.

    link_flits: (n_tiles, 4) int64, flits sent east, west, north, south by each router, over all samples. A link is busy one
    cycle a flit.
    last_row_read: (n_samples,) int64, cycle of each sample's last row read, 0 without any.
    spikes: (n_neurons,) int64, spikes of each neuron over all samples, also of those that reach no crossbar.
    verdict: "drained", "saturated" or "cut"; engine: "simpy" or "compiled"; seconds: what the engine took.
    late: (n_rows,) is derived: row_read > fired + cycles_per_step.
    """

    mapping: Mapping
    hardware: Hardware
    chip: Chip
    acceleration: float
    cycles_per_step: int
    n_samples: int
    n_steps: int
    sample: NDArray[np.int32]
    neuron: NDArray[np.int32]
    source: NDArray[np.int32]
    destination: NDArray[np.int32]
    synapses: NDArray[np.int32]
    packet: NDArray[np.int64]
    fired: NDArray[np.int64]
    encoded: NDArray[np.int64]
    injected: NDArray[np.int64]
    granted: NDArray[np.int64]
    delivered: NDArray[np.int64]
    row_read: NDArray[np.int64]
    own_sample: NDArray[np.int32]
    own_neuron: NDArray[np.int32]
    own_tile: NDArray[np.int32]
    own_synapses: NDArray[np.int32]
    own_fired: NDArray[np.int64]
    own_row_read: NDArray[np.int64]
    link_flits: NDArray[np.int64]
    last_row_read: NDArray[np.int64]
    spikes: NDArray[np.int64]
    verdict: str
    engine: str
    seconds: float

    @property
    def n_packets(self) -> int:
        """Packets that entered the mesh (a tree packet counts once)."""
        if not len(self.packet):
            return 0
        new = (self.sample[1:] != self.sample[:-1]) | (self.packet[1:] != self.packet[:-1])
        return 1 + int(new.sum())

    @property
    def flit_hops_x(self) -> int:
        """Flits over east and west links."""
        return int(self.link_flits[:, :2].sum())

    @property
    def flit_hops_y(self) -> int:
        """Flits over north and south links."""
        return int(self.link_flits[:, 2:].sum())

    @property
    def late(self) -> NDArray[np.bool_]:
        """(n_rows,) remote rows read too late to act in the step after their spike."""
        return self.row_read > self.fired + self.cycles_per_step

    @property
    def on_time(self) -> bool:
        """Whether every row, own ones included, was read in time for the step after its spike.

        Every spike then acted where the trace assumed it: the network on its chip answers as the trace says.
        """
        own = self.own_row_read <= self.own_fired + self.cycles_per_step
        return self.verdict == "drained" and bool(own.all()) and not self.late.any()
