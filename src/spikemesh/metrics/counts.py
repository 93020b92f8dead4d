"""What is paid for: counts of a run, free of prices, so that one record can be priced twice."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.mapping import Mapping
from spikemesh.simulation.record import RunRecord

__all__ = ["Counts", "Crossbars", "count", "run_time_ns"]


@dataclass(frozen=True)
class Counts:
    """Everything that a price is put on. Events are summed over samples; what stands still is counted once.

    flit_hops_x, flit_hops_y : flits over east-west and north-south links.
    packets : packets injected (a tree packet once). deliveries : packets delivered, one for each destination tile.
    spikes : spikes of neurons on the chip, whether or not they drive a row.
    row_reads, synaptic_events : rows read, own tile's included, and crosspoints in use on them.
    idle_crosspoints : crosspoints not in use on the rows read, once for each read.
    active_updates, idle_updates : neuron-steps of neurons on the chip, with and without a spike.
    neurons, crosspoints : in use. unused_neurons, unused_crosspoints : not in use, on the crossbars used.
    cores : tiles that hold a cluster. routers : all tiles.
    run_time_ns : summed over samples.
    """

    flit_hops_x: int = 0
    flit_hops_y: int = 0
    packets: int = 0
    deliveries: int = 0
    spikes: int = 0
    row_reads: int = 0
    synaptic_events: int = 0
    idle_crosspoints: int = 0
    active_updates: int = 0
    idle_updates: int = 0
    neurons: int = 0
    crosspoints: int = 0
    unused_neurons: int = 0
    unused_crosspoints: int = 0
    cores: int = 0
    routers: int = 0
    run_time_ns: float = 0.0


@dataclass(frozen=True, eq=False)
class Crossbars:
    """Rows, columns and crosspoints of the crossbars in use: (n_clusters,) int64 each.

    Where the chip has no limit (n_in or n_out "inf") a crossbar has what its cluster uses.
    """

    columns: NDArray[np.int64]
    rows: NDArray[np.int64]
    neurons: NDArray[np.int64]
    crosspoints: NDArray[np.int64]

    @classmethod
    def of(cls, mapping: Mapping, n_in: float, n_out: float) -> Crossbars:
        def each(limit: float, used: NDArray[np.int64]) -> NDArray[np.int64]:
            return used if math.isinf(limit) else np.full(len(used), int(limit), np.int64)

        neurons = mapping.neurons_per_cluster
        return cls(each(n_out, neurons), each(n_in, mapping.rows_per_cluster), neurons, mapping.crosspoints_per_cluster)

    @property
    def unused_neurons(self) -> int:
        return int(np.maximum(self.columns - self.neurons, 0).sum())

    @property
    def unused_crosspoints(self) -> int:
        return int(np.maximum(self.rows * self.columns - self.crosspoints, 0).sum())


def run_time_ns(record: RunRecord) -> NDArray[np.float64]:
    """(n_samples,) max(network time / acceleration, last row read), ns (design, section 3)."""
    network_ns = record.n_steps * record.hardware.time.step_ms * 1e6 / record.acceleration
    return np.maximum(network_ns, record.last_row_read * record.hardware.noc.cycle_ns)


def count(record: RunRecord) -> Counts:
    """The counts of a run. In a run that was cut, only what happened counts."""
    mapping, crossbar = record.mapping, record.hardware.crossbar
    used = Crossbars.of(mapping, crossbar.n_in, crossbar.n_out)
    columns_of_tile = np.zeros(record.chip.n_tiles, np.int64)
    columns_of_tile[mapping.tile_of_cluster] = used.columns

    read, own_read = record.row_read >= 0, record.own_row_read >= 0
    on_rows = np.concatenate([record.synapses[read], record.own_synapses[own_read]]).astype(np.int64)
    tiles = np.concatenate([record.destination[read], record.own_tile[own_read]])
    spikes = int(record.spikes[mapping.assignment >= 0].sum())
    neurons = int(used.neurons.sum())
    return Counts(
        flit_hops_x=record.flit_hops_x,
        flit_hops_y=record.flit_hops_y,
        packets=_packets_injected(record),
        deliveries=int((record.delivered >= 0).sum()),
        spikes=spikes,
        row_reads=len(on_rows),
        synaptic_events=int(on_rows.sum()),
        idle_crosspoints=int(np.maximum(columns_of_tile[tiles] - on_rows, 0).sum()),
        active_updates=spikes,
        idle_updates=max(neurons * record.n_steps * record.n_samples - spikes, 0),
        neurons=neurons,
        crosspoints=int(used.crosspoints.sum()),
        unused_neurons=used.unused_neurons,
        unused_crosspoints=used.unused_crosspoints,
        cores=mapping.n_clusters,
        routers=record.chip.n_tiles,
        run_time_ns=float(run_time_ns(record).sum()),
    )


def _packets_injected(record: RunRecord) -> int:
    sample, packet = record.sample, record.packet
    first = np.ones(len(packet), bool)
    first[1:] = (sample[1:] != sample[:-1]) | (packet[1:] != packet[:-1])
    return int((first & (record.injected >= 0)).sum())
