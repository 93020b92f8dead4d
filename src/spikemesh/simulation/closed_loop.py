"""The network and its chip together: spikes act when the mesh has delivered them, however late that is.

An open-loop run takes the spikes as given and measures how late they arrive. Here lateness feeds back: a spike that a crossbar
reads too late for the next step acts in a later one, or not at all, and what the network answers is what the chip would.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import SimulationError
from spikemesh.network import SpikeTrace
from spikemesh.simulation.delays import late_steps, median_delays, per_synapse
from spikemesh.simulation.engines import Engine, engine_named
from spikemesh.simulation.lockstep import Lockstep
from spikemesh.simulation.lower import Program, Wiring, lower
from spikemesh.simulation.pool import check_workers, in_order
from spikemesh.simulation.program import Flow, Traffic
from spikemesh.simulation.record import RunRecord
from spikemesh.simulation.simulate import record_of

if TYPE_CHECKING:
    from spikemesh.hardware import Hardware
    from spikemesh.mapping.mapping import Mapping
    from spikemesh.spiking.stepper import Drive

__all__ = ["LATE_POLICIES", "MODES", "ClosedLoop", "closed_loop"]

MODES = ("lockstep", "delays")
LATE_POLICIES = ("next-step", "drop", "accept")


@dataclass(frozen=True, eq=False)
class ClosedLoop:
    """What a network answered on its chip.

    trace : the spikes as they fired on the chip, with predictions, labels and the outputs' final potentials.
    record : the same run as a :class:`RunRecord`, for metrics; None where ``measure`` took its place.
    measured : what ``measure`` gave, sample by sample; empty without it.
    late_spikes : (n_neurons,) int64, deliveries of each neuron's spikes that were read too late to act in the next step; a
        delivery is one spike at one crossbar, its own tile's included.
    deliveries : (n_neurons,) int64, all deliveries.
    mode, late : as asked for.
    """

    trace: SpikeTrace
    record: RunRecord | None
    late_spikes: NDArray[np.int64]
    deliveries: NDArray[np.int64]
    mode: str
    late: str
    measured: list[Any]

    @property
    def predictions(self) -> NDArray[np.int64]:
        """(n,) index of the output that won each sample; -1 without outputs."""
        assert self.trace.predictions is not None
        return self.trace.predictions

    @property
    def accuracy(self) -> float:
        """Share of samples answered right; NaN without labels."""
        return self.trace.accuracy

    @property
    def n(self) -> int:
        """Samples."""
        return self.trace.n_samples

    @property
    def n_late(self) -> int:
        """Deliveries read too late, over all neurons."""
        return int(self.late_spikes.sum())

    @property
    def late_share(self) -> float:
        """Late deliveries / all deliveries; 0 without any."""
        return self.n_late / max(int(self.deliveries.sum()), 1)


def closed_loop(
    mapped: Mapping,
    inputs: ArrayLike,
    labels: ArrayLike | None = None,
    hw: Hardware | None = None,
    duration_ms: float = 200.0,
    acceleration: float = 1.0,
    mode: str = "lockstep",
    late: str = "next-step",
    engine: str = "auto",
    encoding: str = "constant",
    seed: int = 0,
    progress: Callable[[int, int], Any] | None = None,
    workers: int = 1,
    measure: Callable[[RunRecord], Any] | None = None,
) -> ClosedLoop:
    """Runs the mapped network on its chip, spikes as late as the mesh makes them.

    ``mode="lockstep"``, the truth: step the network, put the step's spikes on the chip, run it to the next step, let act what
    has been read. Step k fires at cycle k * cycles_per_step; a row read at cycle r acts in step
    max(k + 1, ceil(r / cycles_per_step)), and is late where r > (k + 1) * cycles_per_step. A sample whose open-loop run has no
    late row is that run: every spike then acts in step k + 1, as it did there.

    ``mode="delays"``, an estimate: the late steps of each (neuron, tile) are measured in an open-loop run, and the lower
    median over its spikes becomes the delay of its synapses in one Brian2 run. Quicker where a step has many spikes; it knows
    neither the spread of the delays nor how they change once the spikes do.

    Parameters
    ----------
    mapped : its network is the one that runs: synapses dropped and weights rounded as the recipe left them.
    inputs : (n_samples, ...) values in [0, 1], one for each input neuron.
    labels : (n_samples,) integers, if accuracy is wanted.
    hw, acceleration, engine : as for :func:`spikemesh.simulate`.
    duration_ms : length of a sample, a multiple of the step.
    late : what a late row does: "next-step" acts in the first step that starts at or after its reading, "drop" never acts,
        "accept" acts in step k + 1 all the same. Late rows are counted under all three. In mode "delays", "drop" takes out
        the synapses whose delay is not 0.
    encoding, seed : of the inputs, "constant" or "poisson".
    progress : called with (samples done, samples in all).
    workers : processes that share the samples, as for :func:`spikemesh.simulate`; the result does not depend on it.
    measure : called with each sample's record instead of keeping it: a record of many samples is large, some hundred bytes a
        delivery. With several workers it must be a function that they can import.

    Raises
    ------
    SimulationError
        for an unknown mode, policy, engine or encoding, or inputs that do not fit; and whatever :func:`spikemesh.simulate`
        refuses.
    """
    from spikemesh.spiking.layered import run_layered

    check_workers(workers)
    for what, value, allowed in (("mode", mode, MODES), ("late", late, LATE_POLICIES)):
        if value not in allowed:
            raise SimulationError(f"{what} must be one of {', '.join(allowed)}, not {value!r}")
    network = mapped.network
    options: dict[str, Any] = {"duration_ms": duration_ms, "seed": seed, "encoding": encoding, "labels": labels}
    plain = run_layered(network, inputs, workers=1, **options)
    program = lower(mapped, plain, hw, acceleration)
    chosen = engine_named(engine, program.work)
    began = time.perf_counter()
    if mode == "delays" and late != "accept":
        program = Program(program.wiring, delayed_trace(program, chosen, inputs, late == "drop", options))
    one: Callable[[int], SampleRun] = Replay(program, chosen)
    if mode == "lockstep" and late != "accept":
        one = InLockstep(program, chosen, np.asarray(inputs), late == "drop", encoding, seed)
    done: list[Outcome] = []
    on_chip: deque[Any] = deque()
    for outcome, rows in in_order(Loop(one, program.wiring, plain, chosen.name, measure), program.n_samples, workers):
        done.append(outcome)
        on_chip.append(rows)
        if progress is not None:
            progress(len(done), program.n_samples)
    trace = trace_of([outcome.run for outcome in done], plain)
    record = None
    if measure is None:
        one_by_one = (on_chip.popleft() for _ in done)
        record = record_of(Program(program.wiring, trace), one_by_one, chosen.name, began)
    late_spikes, deliveries = np.array([(o.late_spikes, o.deliveries) for o in done], np.int64).sum(axis=0)
    measured = [] if measure is None else [outcome.measured for outcome in done]
    return ClosedLoop(trace, record, late_spikes, deliveries, mode, late, measured)


@dataclass(frozen=True, eq=False)
class Answered:
    """One sample's spikes as (n_spikes,) steps and neurons in order of firing, and what the outputs said."""

    steps: NDArray[np.int64]
    neurons: NDArray[np.int32]
    prediction: int
    potential: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SampleRun:
    """One sample on the chip: its answer and its rows."""

    answered: Answered
    traffic: Traffic
    flow: Flow

    def count(self, wiring: Wiring) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(n_neurons,) late deliveries of each neuron's spikes, and all of them."""
        n, traffic, flow = wiring.mapping.network.n_neurons, self.traffic, self.flow
        neuron = np.concatenate([traffic.neuron, traffic.own_neuron])
        fired = np.concatenate([traffic.fired, traffic.own_fired])
        is_late = np.concatenate([flow.row_read, flow.own_row_read]) > fired + wiring.cycles_per_step
        return np.bincount(neuron[is_late], minlength=n), np.bincount(neuron, minlength=n)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What is kept of a sample in any case."""

    run: Answered
    late_spikes: NDArray[np.int64]
    deliveries: NDArray[np.int64]
    measured: Any


@dataclass(frozen=True, eq=False)
class Loop:
    """Runs a sample by ``one`` and counts what was late."""

    one: Callable[[int], SampleRun]
    wiring: Wiring
    plain: SpikeTrace
    engine: str
    measure: Callable[[RunRecord], Any] | None

    def __call__(self, sample: int) -> tuple[Outcome, tuple[Traffic, Flow] | None]:
        """The sample's rows, too, where nothing is measured of them."""
        began = time.perf_counter()
        run = self.one(sample)
        counts, on_chip = run.count(self.wiring), (run.traffic, run.flow)
        if self.measure is None:
            return Outcome(run.answered, *counts, None), on_chip
        trace = trace_of([run.answered], self.plain.select([sample]))
        record = record_of(Program(self.wiring, trace), [on_chip], self.engine, began)
        return Outcome(run.answered, *counts, self.measure(record)), None


@dataclass(frozen=True)
class Replay:
    """A sample whose spikes are known, on the chip."""

    program: Program
    engine: Engine

    def __call__(self, sample: int) -> SampleRun:
        trace, traffic = self.program.trace, self.program.traffic(sample)
        begin, end = trace.sample_starts[sample : sample + 2]
        assert trace.predictions is not None and trace.output_potential is not None
        answered = Answered(
            trace.steps[begin:end].astype(np.int64),
            trace.neurons[begin:end],
            int(trace.predictions[sample]),
            trace.output_potential[sample],
        )
        return SampleRun(answered, traffic, self.engine.run(self.program.chip, traffic))


@dataclass
class InLockstep:
    """A sample in lockstep; until one was late, it is first tried as the plain network fires it, which comes to the same."""

    program: Program
    engine: Engine
    inputs: NDArray[Any]
    drop: bool
    encoding: str
    seed: int
    seen_late: bool = False

    def __call__(self, sample: int) -> SampleRun:
        from spikemesh.spiking.stepper import Stepper

        wiring = self.program.wiring
        if not self.seen_late:
            run = Replay(self.program, self.engine)(sample)
            self.seen_late = bool(run.count(wiring)[0].any())
            if not self.seen_late:
                return run
        stepper = Stepper(wiring.mapping.network, self.inputs[sample], self.encoding, self.seed, sample)
        loop = Lockstep(wiring, self.drive, stepper, self.engine.session, self.drop)
        steps, neurons, flow = loop.run(self.program.trace.n_steps)
        # pushed step by step, rows stand in the order of one traffic of the whole sample
        traffic = wiring.spikes(steps * wiring.cycles_per_step, neurons)[0]
        return SampleRun(Answered(steps, neurons, stepper.prediction(), stepper.output_potential), traffic, flow)

    @cached_property
    def drive(self) -> Drive:
        from spikemesh.spiking.stepper import Drive

        mapping = self.program.wiring.mapping
        return Drive(mapping.network, mapping.axons.starts, mapping.axons.order)


def delayed_trace(program: Program, engine: Engine, inputs: ArrayLike, drop: bool, options: dict[str, Any]) -> SpikeTrace:
    """The spikes with one measured delay for each (neuron, tile), by Brian2; the program's own where nothing is late."""
    from spikemesh.spiking.brian import run_brian2

    entries, steps = [], []
    for sample in range(program.n_samples):
        traffic, rows, own_rows = program.rows(sample)
        flow = engine.run(program.chip, traffic)
        for entry, fired, row_read in (
            (rows, traffic.fired, flow.row_read),
            (own_rows, traffic.own_fired, flow.own_row_read),
        ):
            entries.append(entry)
            steps.append(late_steps(fired // program.cycles_per_step, row_read, program.cycles_per_step))
    mapped = program.wiring.mapping
    delays = median_delays(np.concatenate(entries), np.concatenate(steps), len(mapped.axons.neuron))
    if not delays.any():
        return program.trace
    delay, network = per_synapse(program, delays), mapped.network
    if drop:
        kept, synapses = delay == 0, network.synapses
        network = network.with_synapses(synapses.pre[kept], synapses.post[kept], synapses.weight[kept])
        return run_brian2(network, inputs, **options)
    return run_brian2(network, inputs, delays_ms=delay * network.dt_ms, **options)


def trace_of(runs: list[Answered], plain: SpikeTrace) -> SpikeTrace:
    """The spikes as they fired on the chip; labels and lengths are those of ``plain``."""
    return SpikeTrace.of(
        np.repeat(np.arange(len(runs)), [len(run.steps) for run in runs]),
        np.concatenate([run.steps for run in runs]) * plain.dt_ms,
        np.concatenate([run.neurons for run in runs]),
        n_samples=len(runs),
        n_neurons=plain.n_neurons,
        duration_ms=plain.duration_ms,
        dt_ms=plain.dt_ms,
        predictions=[run.prediction for run in runs],
        labels=plain.labels,
        output_potential=[run.potential for run in runs],
    )
