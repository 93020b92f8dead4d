"""The graph and the spikes of a network that someone built in Brian2.

What is read: neurons, synapses that carry spikes to their target, and recorded spikes. The neuron model stays behind: the
result is the graph to be mapped, with its traffic, and running it in spikemesh would run integrate-and-fire neurons.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spikemesh.errors import NetworkError, TraceError
from spikemesh.network.connectivity import Sparse
from spikemesh.network.network import Layer, Projection, SpikingNetwork
from spikemesh.network.trace import SpikeTrace

if TYPE_CHECKING:
    import brian2

__all__ = ["from_brian2", "trace_from_brian2"]


def from_brian2(
    net: brian2.Network, weight: str = "w", *, order: Sequence[str] | None = None, name: str = "brian2"
) -> SpikingNetwork:
    """The network of a ``brian2.Network`` (``Network(collect())`` makes one of a script's objects).

    Parameters
    ----------
    weight : the variable of the Synapses that holds the weight; its values are taken in base units. Synapses without it count
        1 each, with a warning.
    order : names of all neuron groups in the order of the layers; by default sources of spikes (PoissonGroup,
        SpikeGeneratorGroup) first, then by name.

    Returns
    -------
    SpikingNetwork with a layer for each group and a projection for each Synapses object. Parallel synapses stay apart.
    Inputs are the sources of spikes; without any, the neurons that no synapse reaches.

    Raises
    ------
    NetworkError
        for a network without neurons, an ``order`` that does not name its groups, or weights that are NaN or infinite.

    Warns about couplings that no spike carries: PoissonInput and summed variables.
    """
    import brian2

    groups = _groups(net, order)
    starts, start = {}, 0
    layers, inputs = [], []
    for group in groups:
        source = not isinstance(group, brian2.NeuronGroup)
        layers.append(Layer(group.name, (int(group.N),), "input" if source else "neurons"))
        if source:
            inputs.append(np.arange(start, start + int(group.N)))
        starts[group.name] = start
        start += int(group.N)
    projections = []
    for thing in sorted(net.objects, key=lambda o: o.name):
        if isinstance(thing, brian2.PoissonInput):
            warnings.warn(f"{thing.name}: a PoissonInput has no synapses and is left out", stacklevel=2)
        if not isinstance(thing, brian2.Synapses) or not len(thing):
            continue
        if thing.summed_updaters:
            warnings.warn(f"{thing.name}: its summed variables couple without spikes and are left out", stacklevel=2)
        if not any(path.prepost == "pre" for path in thing._pathways):
            continue
        projections.append(_projection(thing, weight, starts))
    network = SpikingNetwork(tuple(layers), tuple(projections), name=name)
    if inputs:
        return network
    from dataclasses import replace

    return replace(network, input_ids=np.flatnonzero(network.fan_in() == 0).astype(np.int32))


def _groups(net: Any, order: Sequence[str] | None) -> list[Any]:
    import brian2

    kinds = (brian2.NeuronGroup, brian2.PoissonGroup, brian2.SpikeGeneratorGroup)
    found = {o.name: o for o in net.objects if isinstance(o, kinds)}
    for thing in net.objects:
        for end in (thing.source, thing.target) if isinstance(thing, brian2.Synapses) else ():
            root, _ = _root(end)
            if root.name not in found:
                raise NetworkError(f"{thing.name} joins {root.name}, which is not in the network")
    if order is None:
        return sorted(found.values(), key=lambda g: (isinstance(g, brian2.NeuronGroup), g.name))
    if sorted(order) != sorted(found):
        raise NetworkError(f"order must name the groups {', '.join(sorted(found))}, not {', '.join(order)}")
    return [found[name] for name in order]


def _root(group: Any) -> tuple[Any, int]:
    """The whole group behind a subgroup, and where the subgroup begins in it."""
    from brian2.groups.subgroup import Subgroup

    return (group.source, int(group.start)) if isinstance(group, Subgroup) else (group, 0)


def _projection(synapses: Any, weight: str, starts: dict[str, int]) -> Projection:
    (source, first_pre), (target, first_post) = _root(synapses.source), _root(synapses.target)
    if weight in synapses.variables:
        values = np.broadcast_to(np.asarray(getattr(synapses, f"{weight}_"), np.float64), len(synapses))
    else:
        warnings.warn(f"{synapses.name} has no variable {weight!r}; its synapses count 1 each", stacklevel=3)
        values = np.ones(len(synapses))
    pre, post = np.asarray(synapses.i[:]) + first_pre, np.asarray(synapses.j[:]) + first_post
    sparse = Sparse.of(pre, post, values, int(source.N), int(target.N))
    return Projection(starts[source.name], starts[target.name], sparse)


def trace_from_brian2(
    net: brian2.Network, network: SpikingNetwork, *, duration_ms: float | None = None, dt_ms: float = 1.0
) -> SpikeTrace:
    """The recorded spikes of the run of ``net`` as one sample of ``network``, which :func:`from_brian2` made of it.

    Parameters
    ----------
    duration_ms : by default the time that the network has run.
    dt_ms : length of the steps that spikes are sorted into; times are kept.

    Raises
    ------
    TraceError
        where a layer has no SpikeMonitor that recorded all of it, or nothing has run.
    """
    import brian2

    recorded: dict[str, tuple[Any, Any]] = {}
    for monitor in sorted((o for o in net.objects if isinstance(o, brian2.SpikeMonitor)), key=lambda o: o.name):
        root, start = _root(monitor.source)
        if monitor.record and start == 0 and int(monitor.source.N) == int(root.N):
            recorded[root.name] = (np.asarray(monitor.i[:]), np.asarray(monitor.t_))
    missing = [layer.name for layer in network.layers if layer.name not in recorded]
    if missing:
        raise TraceError(f"no SpikeMonitor recorded all of {', '.join(missing)}: add one before the run")
    duration = float(net.t / brian2.ms) if duration_ms is None else duration_ms
    parts = [recorded[layer.name] for layer in network.layers]
    neurons = np.concatenate([i + start for (i, _), start in zip(parts, network.layer_starts[:-1], strict=True)])
    times = np.concatenate([t for _, t in parts]) * 1e3
    return SpikeTrace.of(
        np.zeros(len(neurons), np.int32),
        times,
        neurons,
        n_samples=1,
        n_neurons=network.n_neurons,
        duration_ms=duration,
        dt_ms=dt_ms,
    )
