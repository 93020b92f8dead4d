"""Runs a mapped network's spikes on its chip and gathers what happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikemesh.errors import SimulationError
from spikemesh.simulation.engines import Engine, engine_named
from spikemesh.simulation.lower import Program, lower
from spikemesh.simulation.pool import check_workers, in_order
from spikemesh.simulation.program import Flow, Traffic
from spikemesh.simulation.record import RunRecord

if TYPE_CHECKING:
    from spikemesh.hardware import Hardware
    from spikemesh.mapping.mapping import Mapping
    from spikemesh.network import SpikeTrace

__all__ = ["check_max_cycles", "record_of", "simulate", "simulate_samples"]

INT32 = ("sample", "neuron", "source", "destination", "synapses", "own_sample", "own_neuron", "own_tile", "own_synapses")
INT64 = ("packet", "fired", "encoded", "injected", "granted", "delivered", "row_read", "own_fired", "own_row_read")
COLUMNS: dict[str, type] = {**dict.fromkeys(INT32, np.int32), **dict.fromkeys(INT64, np.int64)}
"""The columns of a record, a row each; those of own rows begin with "own_"."""

Progress = Callable[[int, int], Any]
"""Called with (samples done, samples in all) after each sample."""


def simulate(
    mapped: Mapping,
    trace: SpikeTrace,
    hw: Hardware | None = None,
    engine: str = "auto",
    acceleration: float = 1.0,
    max_cycles: int | None = None,
    progress: Progress | None = None,
    workers: int = 1,
) -> RunRecord:
    """The spikes of ``trace`` on the chip, sample by sample, each from its own cycle 0 on an empty chip.

    Open loop: what arrives late changes nothing in ``trace``; :func:`spikemesh.closed_loop` lets it.

    Parameters
    ----------
    mapped, trace : a mapping and spikes of its network.
    hw : the chip, if not ``mapped.hardware``: same mesh, other numbers.
    engine : "simpy", "compiled" or "auto" (SimPy for short runs); the record is the same.
    acceleration : how many times faster than real time the network runs.
    max_cycles : the first cycle of each sample that is not simulated; without it a sample runs until all rows are read.
    progress : called with (samples done, samples in all) after each sample.
    workers : processes that share the samples; the record does not depend on it. A script that asks for more than one needs
        the usual ``if __name__ == "__main__":`` guard.

    Raises
    ------
    TraceError, SimulationError
        for a trace of another network, an unknown engine, a step shorter than a cycle, a mesh other than the mapping's.
    """
    one = opened(mapped, trace, hw, engine, acceleration, max_cycles, workers)
    program, began = one.program, time.perf_counter()

    def runs() -> Iterator[tuple[Traffic, Flow]]:
        for done, run in enumerate(in_order(one, program.n_samples, workers), 1):
            yield run
            if progress is not None:
                progress(done, program.n_samples)

    return record_of(program, runs(), one.engine.name, began)


def simulate_samples(
    mapped: Mapping,
    trace: SpikeTrace,
    hw: Hardware | None = None,
    engine: str = "auto",
    acceleration: float = 1.0,
    max_cycles: int | None = None,
    workers: int = 1,
) -> Iterator[RunRecord]:
    """One record a sample, in order, for runs whose record as a whole would not fit the memory.

    Each is what :func:`simulate` gives for that sample alone, and may go before the next one comes. Parameters and errors are
    those of :func:`simulate`.
    """
    one = opened(mapped, trace, hw, engine, acceleration, max_cycles, workers)
    program, began = one.program, time.perf_counter()
    for sample, run in enumerate(in_order(one, program.n_samples, workers)):
        alone = Program(program.wiring, trace.select([sample]))
        yield record_of(alone, [run], one.engine.name, began)
        began = time.perf_counter()


def check_max_cycles(max_cycles: int | None) -> None:
    if max_cycles is not None and max_cycles < 1:
        raise SimulationError(f"max_cycles must be at least 1, not {max_cycles}")


@dataclass(frozen=True)
class OpenLoop:
    """One sample on an empty chip."""

    program: Program
    engine: Engine
    max_cycles: int | None

    def __call__(self, sample: int) -> tuple[Traffic, Flow]:
        traffic = self.program.traffic(sample)
        return traffic, self.engine.run(self.program.chip, traffic, self.max_cycles)


def opened(
    mapped: Mapping,
    trace: SpikeTrace,
    hw: Hardware | None,
    engine: str,
    acceleration: float,
    max_cycles: int | None,
    workers: int,
) -> OpenLoop:
    """What runs a sample, once everything asked for has been checked."""
    check_max_cycles(max_cycles)
    check_workers(workers)
    program = lower(mapped, trace, hw, acceleration)
    return OpenLoop(program, engine_named(engine, program.work), max_cycles)


def record_of(program: Program, runs: Iterable[tuple[Traffic, Flow]], engine: str, began: float) -> RunRecord:
    """One record of all samples' runs, in order; ``runs`` is read once, so that each may go as soon as it is copied.

    began : when that was, by ``time.perf_counter()``.
    """
    wiring, trace = program.wiring, program.trace
    n_rows, n_own = (int(trace.counts @ np.diff(routes.starts)) for routes in (wiring.remote, wiring.own))
    columns: dict[str, Any] = {
        name: np.empty(n_own if name.startswith("own_") else n_rows, dtype) for name, dtype in COLUMNS.items()
    }
    link_flits = np.zeros((program.chip.n_tiles, 4), np.int64)
    last, cut, row, own_row = [], False, 0, 0
    for sample, (traffic, flow) in enumerate(runs):
        rows = slice(row, row := row + traffic.n_rows)
        own_rows = slice(own_row, own_row := own_row + len(traffic.own_fired))
        for name, column in columns.items():
            here = own_rows if name.startswith("own_") else rows
            if name in ("sample", "own_sample"):
                column[here] = sample
            else:
                column[here] = getattr(traffic if hasattr(traffic, name) else flow, name)
        link_flits += flow.link_flits
        last.append(last_row_read(flow))
        cut |= flow.cut
    return RunRecord(
        mapping=wiring.mapping,
        hardware=wiring.hardware,
        chip=program.chip,
        acceleration=wiring.acceleration,
        cycles_per_step=program.cycles_per_step,
        n_samples=program.n_samples,
        n_steps=trace.n_steps,
        **columns,
        link_flits=link_flits,
        last_row_read=np.array(last, np.int64),
        spikes=trace.counts,
        verdict="cut" if cut else "drained",
        engine=engine,
        seconds=time.perf_counter() - began,
    )


def last_row_read(flow: Flow) -> int:
    """Cycle of the last row read, 0 without any."""
    return max(int(cycles.max(initial=0)) for cycles in (flow.row_read, flow.own_row_read))
