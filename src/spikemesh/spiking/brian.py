"""Running a network in Brian2, the community's simulator: the reference for every spike.

One Brian2 network serves all samples. It holds a few copies of the spiking network side by side and shows them one group of
samples after the other; a network operation at the start of each group sets the neurons back and loads the next inputs. One
long run costs Brian2's set-up once; more copies pay only while steps cost more than spikes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import SimulationError
from spikemesh.network.brian2_export import (
    BYTES_PER_SYNAPSE,
    build_brian2,
    codegen_target,
    delay_steps,
    state_arrays,
)
from spikemesh.network.dynamics import Neurons, poisson_generator, predict
from spikemesh.network.network import SpikingNetwork
from spikemesh.network.trace import SpikeTrace
from spikemesh.spiking.opening import open_run

__all__ = ["run_brian2"]

SIDE_BY_SIDE_SYNAPSES = 400_000
SIDE_BY_SIDE_NEURONS = 20_000
"""Copies are added up to these totals: beyond them the processor's caches lose more than shared steps save (measured)."""


def run_brian2(
    network: SpikingNetwork,
    inputs: ArrayLike,
    duration_ms: float = 200,
    seed: int = 0,
    *,
    encoding: str = "constant",
    labels: ArrayLike | None = None,
    batch_size: int | None = None,
    delays_ms: ArrayLike | None = None,
    monitors: Callable[[Any], Iterable[Any]] | None = None,
    progress: Callable[[int, int], object] | None = None,
    codegen: str = "numpy",
) -> SpikeTrace:
    """Runs every sample through the network in Brian2.

    Parameters
    ----------
    network : its synapses must be few enough to be listed; :func:`spikemesh.run_layered` runs larger ones.
    inputs : (n_samples, ...) numbers in [0, 1], flattened onto the input neurons.
    duration_ms : of a sample; a multiple of the network's dt_ms.
    seed : of the Poisson draw; sample s uses the generator of (seed, s), so batches change nothing.
    encoding : "constant": pixel i is an integrate-and-fire neuron with current x_i a step; "poisson": input neuron i spikes
        with probability x_i a step, whatever its potential, bias or refractory time.
    labels : (n_samples,) integers, index of the right output of each sample, kept in the trace.
    batch_size : copies of the network side by side; by default what is fastest and fits into memory.
    delays_ms : (n_synapses,) delay on top of the one step that every spike takes, in the order of ``network.synapses``,
        rounded to steps, halves up.
    monitors : called with the ``brian2.Network`` of :func:`spikemesh.network.brian2_export.to_brian2` before it runs; what it
        returns (StateMonitors, say) is added to it. Copy c of group g shows sample g * batch_size + c.
    progress : called with (samples done, samples) after each sample.
    codegen : Brian2's code generation target for this run, "numpy" or "cython" (which needs a C++ compiler and some seconds
        to compile the first time). The user's preferences are left as they were.

    Returns
    -------
    SpikeTrace with predictions and the outputs' final potential.

    Raises
    ------
    SimulationError
        for inputs, labels or options that do not fit, too little memory, or a Brian2 device other than "runtime".
    NetworkError
        for delays that do not fit, or weights so large that sums would not be exact.
    """
    if codegen not in ("numpy", "cython"):
        raise SimulationError(f"codegen must be 'numpy' or 'cython', not {codegen!r}")
    n_steps, samples, known = open_run(network, inputs, duration_ms, seed, encoding, labels)
    delays = delay_steps(network, delays_ms)
    if delays is not None:
        # what arrives after the sample's end acts on nothing, however late it is
        delays = np.minimum(delays, n_steps)
    copies = _copies(network, len(samples), batch_size)
    show = _Presentation(network, samples, n_steps, encoding, seed, copies, delays, progress)
    _check_device()
    with codegen_target(codegen):
        net = build_brian2(network, copies, delays, poisson=encoding == "poisson", codegen=None)
        show.attach(net)
        if monitors is not None:
            net.add(*monitors(net))
        net.run(show.n_groups * show.slot * net.neurons.clock.dt, namespace={})
    if net._globally_stopped:
        raise KeyboardInterrupt  # Brian2 catches Ctrl-C and returns what it has: half a trace, which must not pass for one
    show.finish_group(show.n_groups - 1)
    return show.trace(net, known)


def _copies(network: SpikingNetwork, n_samples: int, batch_size: int | None) -> int:
    """Copies side by side, checked against the memory at hand."""
    if batch_size is not None and batch_size < 1:
        raise SimulationError(f"batch_size must be at least 1, not {batch_size}")
    if batch_size is None:
        most = min(SIDE_BY_SIDE_SYNAPSES // max(network.n_synapses, 1), SIDE_BY_SIDE_NEURONS // network.n_neurons, n_samples)
        groups = math.ceil(n_samples / max(most, 1))
        copies = math.ceil(n_samples / groups)
    else:
        copies = min(batch_size, n_samples)
    needed = BYTES_PER_SYNAPSE * network.n_synapses * copies
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > free:
        raise SimulationError(
            f"Brian2 would take about {needed / 1e9:.1f} GB for {copies} x {network.n_synapses} synapses of {network.name}, "
            f"and {free / 1e9:.1f} GB are free; run_layered gives the same spikes without listing synapses"
        )
    return copies


def _check_device() -> None:
    from brian2.devices.device import RuntimeDevice, get_device

    if not isinstance(get_device(), RuntimeDevice):
        raise SimulationError("run_brian2 needs Brian2's device 'runtime': call brian2.set_device('runtime') first")


class _Presentation:
    """Shows the samples group by group. A slot is a sample's steps and, with delays, as many quiet ones as empty the queue."""

    def __init__(
        self,
        network: SpikingNetwork,
        samples: NDArray[np.float64],
        n_steps: int,
        encoding: str,
        seed: int,
        copies: int,
        delays: NDArray[np.int64] | None,
        progress: Callable[[int, int], object] | None,
    ) -> None:
        self.network, self.neurons, self.samples = network, Neurons.of(network), samples
        self.n_steps, self.encoding, self.seed, self.copies, self.progress = n_steps, encoding, seed, copies, progress
        self.slot = n_steps + (int(delays.max()) if delays is not None and len(delays) else 0)
        self.n_groups = math.ceil(len(samples) / copies)
        self.finished = 0
        self.generators: list[tuple[np.random.Generator, NDArray[np.float64]]] = []
        self.output_potential = np.zeros((len(samples), len(self.neurons.outputs)))

    def attach(self, net: Any) -> None:
        """Adds the operations that load samples and draw Poisson inputs."""
        import brian2

        self.state = state_arrays(net)
        self.v = self.state["v"].reshape(self.copies, -1)
        clock = net.neurons.clock
        timestep = clock.variables["timestep"].get_value()

        # order -1: before the neurons' own work in the same slot
        @brian2.network_operation(clock=clock, when="start", order=-1, name="samples")  # type: ignore[untyped-decorator]
        def load() -> None:
            group, step = divmod(int(timestep[0]), self.slot)
            if step == 0:
                if group and self.slot == self.n_steps:
                    self.finish_group(group - 1)
                self._start_group(group)
            elif step == self.n_steps:
                self.finish_group(group)
                self.v[:] = -np.inf  # quiet until what is still under way has arrived
                self.generators = []

        net.add(load)
        if self.encoding == "poisson":

            @brian2.network_operation(clock=clock, when="before_thresholds", name="poisson")  # type: ignore[untyped-decorator]
            def draw() -> None:
                for copy, (generator, sample) in enumerate(self.generators):
                    self.v[copy, self.neurons.inputs] = generator.random(len(sample)) < sample

            net.add(draw)

    def _start_group(self, group: int) -> None:
        mine = range(group * self.copies, min((group + 1) * self.copies, len(self.samples)))
        n = self.neurons
        self.v[: len(mine)] = n.initial_potential
        self.v[len(mine) :] = -np.inf  # copies without a sample stay quiet
        self.state["drive"][:] = 0.0
        current = self.state["current"].reshape(self.copies, -1)
        for copy, s in enumerate(mine):
            current[copy] = n.currents(self.samples[s], self.encoding)
        self.generators = [(poisson_generator(self.seed, s), self.samples[s]) for s in mine]
        if "lastspike" in self.state:
            self.state["lastspike"][:] = -1e4  # seconds: long ago
            self.state["not_refractory"][:] = True

    def finish_group(self, group: int) -> None:
        """Keeps the outputs' potential of a group whose last step is over; the second call for a group does nothing."""
        if group < self.finished:
            return
        self.finished = group + 1
        first = group * self.copies
        mine = self.output_potential[first : first + self.copies]
        mine[:] = self.v[: len(mine), self.neurons.outputs]
        if self.progress is not None:
            for s in range(first, first + len(mine)):
                self.progress(s + 1, len(self.samples))

    def trace(self, net: Any, labels: NDArray[np.int64] | None) -> SpikeTrace:
        """The spikes of the monitor, told apart by sample."""
        n, dt_ms, monitor = self.neurons, self.neurons.dt_ms, net.spikes
        steps = np.rint(np.asarray(monitor.t_) / (dt_ms * 1e-3)).astype(np.int64)
        group, step = np.divmod(steps, self.slot)
        copy, neuron = np.divmod(np.asarray(monitor.i[:]), n.n)
        sample = (group * self.copies + copy).astype(np.int32)
        # Brian2 records by step, then index, so that a stable sort by sample leaves (step, neuron) in order
        order = np.argsort(sample, kind="stable")
        sample, neuron = sample[order], neuron[order].astype(np.int32)
        n_samples, n_outputs = len(self.samples), len(n.outputs)
        place = np.full(n.n, -1)
        place[n.outputs] = np.arange(n_outputs)
        out = place[neuron]
        counts = np.bincount(sample[out >= 0] * n_outputs + out[out >= 0], minlength=n_samples * n_outputs)
        return SpikeTrace(
            sample,
            step[order] * dt_ms,
            neuron,
            n_samples,
            n.n,
            self.n_steps * dt_ms,
            dt_ms,
            predict(counts.reshape(n_samples, n_outputs), self.output_potential),
            labels,
            self.output_potential,
        )
