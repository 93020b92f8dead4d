"""A spiking network as a runnable Brian2 network.

Brian2's default schedule is kept. In step k: ``start`` adds bias, current and what arrived (``v += current + drive``),
``thresholds`` finds v >= 1, ``synapses`` adds the weights of this step's spikes to ``drive``, ``resets`` resets. A spike of
step k so acts in step k + 1, and ``v`` after a step does not yet hold what the step's own spikes send.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import NetworkError, SimulationError
from spikemesh.network.connectivity import Edges
from spikemesh.network.dynamics import Neurons, check_encoding, encode_inputs, grid_weights, poisson_generator
from spikemesh.network.network import SpikingNetwork

if TYPE_CHECKING:
    import brian2

__all__ = ["BYTES_PER_SYNAPSE", "build_brian2", "codegen_target", "delay_steps", "state_arrays", "to_brian2"]

BYTES_PER_SYNAPSE = 100
"""What a synapse takes while Brian2 builds it and runs, measured (arrays, index lists of the spike queue, temporaries)."""

NEURONS = """
v : 1
drive : 1
current : 1
"""


def to_brian2(
    network: SpikingNetwork,
    n_samples: int = 1,
    inputs: ArrayLike | None = None,
    *,
    encoding: str = "constant",
    seed: int = 0,
    delays_ms: ArrayLike | None = None,
    codegen: str | None = "numpy",
) -> brian2.Network:
    """A ``brian2.Network`` that runs with ``.run(200 * ms)``, to look at, extend and run as one likes.

    Parameters
    ----------
    n_samples : copies of the network side by side, one a sample; neuron i of sample s has index s * n_neurons + i.
    inputs : (n_samples, ...) numbers in [0, 1]; without them the input neurons have no current.
    encoding, seed : as for :func:`spikemesh.run_brian2`.
    delays_ms : (n_synapses,) delay on top of the one step that every spike takes, in the order of ``network.synapses``.
    codegen : "numpy" pins these objects to Brian2's numpy target; None lets them follow the user's preferences.

    Returns
    -------
    brian2.Network with attributes (and, by name, items) ``neurons`` (NeuronGroup: ``v`` in units of the threshold, ``drive``,
    what arrives for the next step, ``current`` per step), ``synapses`` (Synapses: ``w``, ``delay``; None where there are
    none), ``spikes`` (SpikeMonitor)
    and, under Poisson encoding, ``poisson`` (NetworkOperation that draws the input spikes).

    Raises
    ------
    NetworkError
        for delays that do not fit, or a network too large to be listed.
    SimulationError
        for inputs that do not fit.
    """
    import brian2

    check_encoding(encoding)
    if n_samples < 1:
        raise SimulationError(f"n_samples must be at least 1, not {n_samples}")
    samples = np.zeros((n_samples, len(network.input_ids))) if inputs is None else encode_inputs(network, inputs)
    if len(samples) != n_samples:
        raise SimulationError(f"inputs hold {len(samples)} samples, n_samples says {n_samples}")
    poisson = encoding == "poisson"
    net = build_brian2(network, n_samples, delay_steps(network, delays_ms), poisson=poisson, codegen=codegen)
    neurons = Neurons.of(network)
    net.neurons.current = np.concatenate([neurons.currents(sample, encoding) for sample in samples])
    if poisson:
        places = (np.arange(n_samples)[:, None] * neurons.n + neurons.inputs).ravel()
        generators = [poisson_generator(seed, s) for s in range(n_samples)]
        v = state_arrays(net)["v"]

        @brian2.network_operation(clock=net.neurons.clock, when="before_thresholds", name="poisson")  # type: ignore[untyped-decorator]
        def draw() -> None:
            v[places] = np.concatenate([g.random(len(x)) < x for g, x in zip(generators, samples, strict=True)])

        net.add(draw)
        net.poisson = draw
    return net


def build_brian2(
    network: SpikingNetwork,
    copies: int,
    delays: NDArray[np.int64] | None,
    *,
    poisson: bool,
    codegen: str | None = None,
) -> brian2.Network:
    """The network of :func:`to_brian2` without inputs: ``copies`` copies at their initial potential, no current yet.

    delays : (n_synapses,) steps, or None. poisson : input neurons get no refractory time, as they only pass on a draw.
    """
    if codegen is None:
        return _build(network, copies, delays, poisson, None)
    if codegen != "numpy":
        raise SimulationError(f"codegen must be 'numpy' or None, not {codegen!r}")
    from brian2.codegen.runtime.numpy_rt import NumpyCodeObject

    with codegen_target("numpy"):
        net = _build(network, copies, delays, poisson, NumpyCodeObject)
        if net.synapses is not None:
            # the queue's own code follows the preference of the moment at which it is made
            net.synapses.pre.create_code_objects({})
    return net


@contextmanager
def codegen_target(target: str) -> Iterator[None]:
    """Brian2 with another code generation target; the user's preference comes back whatever happens."""
    import brian2

    before = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = target
    try:
        yield
    finally:
        brian2.prefs.codegen.target = before


def _build(
    network: SpikingNetwork, copies: int, delays: NDArray[np.int64] | None, poisson: bool, codeobj_class: type | None
) -> brian2.Network:
    import brian2

    n = Neurons.of(network)
    shared: dict[str, Any] = {
        "clock": brian2.Clock(dt=network.dt_ms * brian2.ms, name="step_clock"),
        "codeobj_class": codeobj_class,
        # explicit, so that names in the caller's code cannot reach into the equations
        "namespace": {},
        "dtype": np.float64,
    }
    rests = n.refractory_steps > 1
    group = brian2.NeuronGroup(
        n.n * copies,
        NEURONS + ("rest : second\n" if rests else ""),
        threshold="v >= 1",
        reset="v -= 1" if n.subtract else "v = 0",
        refractory="rest" if rests else False,
        name="neurons",
        **shared,
    )
    group.run_regularly("v += current + drive\ndrive = 0", clock=shared["clock"], when="start")
    group.v = np.tile(n.initial_potential, copies)
    group.current = np.tile(n.bias, copies)
    if rests:
        rest = np.full(n.n, n.refractory_steps * network.dt_ms)
        if poisson:
            rest[n.inputs] = 0.0
        group.rest = np.tile(rest, copies) * brian2.ms
    monitor = brian2.SpikeMonitor(group, name="spikes", codeobj_class=codeobj_class)
    net = brian2.Network(group, monitor)
    net.neurons, net.spikes, net.synapses = group, monitor, None
    if network.n_synapses:
        net.synapses = _synapses(group, network.synapses, grid_weights(network), copies, delays, shared)
        net.add(net.synapses)
    return net


def _synapses(
    group: Any,
    synapses: Edges,
    weight: NDArray[np.float64],
    copies: int,
    delays: NDArray[np.int64] | None,
    shared: dict[str, Any],
) -> Any:
    """All synapses of all copies in one object: measured faster than one object a projection."""
    import brian2

    step = shared["clock"].dt
    uniform = delays is None or bool((delays == delays[0]).all())
    joined = brian2.Synapses(
        group,
        group,
        "w : 1 (constant)",
        on_pre="drive_post += w",
        delay=(0 if delays is None else int(delays[0])) * step if uniform else None,
        name="synapses",
        **shared,
    )
    shift = np.arange(copies)[:, None] * (len(group) // copies)
    joined.connect(i=(shift + synapses.pre).ravel(), j=(shift + synapses.post).ravel())
    joined.w = np.tile(weight, copies)
    if delays is not None and not uniform:
        joined.delay = np.tile(delays.astype(np.float64), copies) * step
    return joined


def state_arrays(net: brian2.Network) -> dict[str, NDArray[np.float64]]:
    """The memory behind ``v``, ``drive``, ``current`` (and ``lastspike`` where it exists): writes act at once."""
    variables = net.neurons.variables
    names = [name for name in ("v", "drive", "current", "lastspike", "not_refractory") if name in variables]
    return {name: variables[name].get_value() for name in names}


def delay_steps(network: SpikingNetwork, delays_ms: ArrayLike | None) -> NDArray[np.int64] | None:
    """Delays as whole steps, halves rounded up as Brian2 does; a NetworkError for lengths, NaN or negative delays."""
    if delays_ms is None:
        return None
    delays = np.asarray(delays_ms, np.float64)
    if delays.shape != (network.n_synapses,):
        raise NetworkError(
            f"delays_ms must be one a synapse: shape {delays.shape} for {network.n_synapses} synapses of {network.name}"
        )
    if not np.isfinite(delays).all() or (delays < 0).any():
        raise NetworkError("delays_ms must be finite and not negative")
    return np.floor(delays / network.dt_ms + 0.5).astype(np.int64)
