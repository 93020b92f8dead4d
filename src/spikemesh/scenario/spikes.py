"""Whose spikes a chip runs: those of the network that a mapping holds, which need not be the one that was asked about."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spikemesh.network import SpikeTrace, SpikingNetwork

__all__ = ["Spikes"]


class Spikes:
    """The spikes of a network and of what mappings make of it (synapses dropped or rounded, neurons split into units).

    Parameters
    ----------
    network, trace : what was asked about.
    respond : gives the spikes of another network on the same samples; asked once for each.
    """

    def __init__(self, network: SpikingNetwork, trace: SpikeTrace, respond: Callable[[SpikingNetwork], SpikeTrace]) -> None:
        self._known = [(network, trace)]
        self._respond = respond

    def of(self, network: SpikingNetwork) -> SpikeTrace:
        """The spikes of ``network``, run unless one that is equal was."""
        for known, trace in self._known:
            if _equal(known, network):
                return trace
        self._known.append((network, self._respond(network)))
        return self._known[-1][1]


def _equal(a: SpikingNetwork, b: SpikingNetwork) -> bool:
    """Whether two networks made from one fire alike."""
    if a is b:
        return True
    if a.is_streamed or b.is_streamed or (a.n_neurons, a.n_synapses) != (b.n_neurons, b.n_synapses):
        return False
    return (
        all(np.array_equal(getattr(a.synapses, key), getattr(b.synapses, key)) for key in ("pre", "post", "weight"))
        and np.array_equal(a.bias, b.bias)
        and np.array_equal(a.initial_potential, b.initial_potential)
    )
