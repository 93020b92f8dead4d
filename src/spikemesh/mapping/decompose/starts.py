"""Initial potentials of units: what spikes need to say the sums that rates say.

Rates know neither delay nor rounding. In a run, an offset is taken off before the first spike that brings it can arrive, inputs
that come through units arrive later than others, and a neuron that rounding lifted over its threshold has fired for good. All
three are answered by where potentials start; nothing else changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping.decompose.coding import Coding
from spikemesh.mapping.decompose.units import Units
from spikemesh.network import SpikingNetwork

__all__ = ["arriving_deviation", "initial_potentials", "missed_drive"]


def initial_potentials(
    network: SpikingNetwork,
    units: Units,
    coding: Coding,
    taken: NDArray[np.float64],
    guard: float,
    typical: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """(n_units,) in units of the threshold.

    A unit below a root starts half a spike full, so that it rounds its sum and does not cut it. To this come ``taken``,
    (n_units,) what the current takes off for offsets in one step; what is missed for lateness, where that is negative; and
    minus ``guard`` times the deviation that rounding causes.

    typical : (n_neurons,) spikes per step of each neuron on average; None leaves lateness out.
    """
    n = units.n_neurons
    start = np.full(units.n_units, 0.5)
    start[:n] = network.initial_potential
    start += taken
    if coding.normalisation == "paper":
        return start
    start -= guard * arriving_deviation(network, units, coding)
    if typical is not None:
        start[:n] += np.minimum(missed_drive(network, units, typical), 0.0)
    return start


def arriving_deviation(network: SpikingNetwork, units: Units, coding: Coding) -> NDArray[np.float64]:
    """(n_units,) standard deviation of what rounding adds to each unit's sum, in its own thresholds.

    A spike worth S leaves S**2 / 12 unsaid: from the units below, and through the neurons that feed it from theirs.
    """
    n, synapses = units.n_neurons, network.synapses
    below = np.arange(n, units.n_units)
    parent, value = units.parent[below], coding.value
    variance = np.bincount(parent, (coding.link[below] / value[parent]) ** 2, units.n_units) / 12
    own = np.bincount(units.neuron[below], value[below] ** 2, n) / 12
    through = np.square(synapses.weight, dtype=np.float64) * own[synapses.pre]
    return np.sqrt(variance + np.bincount(units.of_synapse, through, units.n_units) / value**2)


def missed_drive(network: SpikingNetwork, units: Units, typical: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_neurons,) what arrives too late at each neuron, sum of w x (lateness - least lateness of its synapses), thresholds.

    Lateness of a synapse: steps through units below the neuron's root, and those by which its source is late. In a network
    with cycles only the former count.
    """
    synapses, n = network.synapses, units.n_neurons
    steps = units.distance[units.of_synapse].astype(np.int64)
    layer_of = network.layer_of_neuron
    source_late = np.zeros(n, np.int64)
    if (layer_of[synapses.pre] < layer_of[synapses.post]).all():
        for _ in network.layers[1:]:
            late = np.zeros(n, np.int64)
            np.maximum.at(late, synapses.post, source_late[synapses.pre] + steps)
            if np.array_equal(late, source_late):
                break
            source_late = late
    lateness = source_late[synapses.pre] + steps
    least = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(least, synapses.post, lateness)
    missed = synapses.weight * typical[synapses.pre] * (lateness - least[synapses.post])
    return np.bincount(synapses.post, missed, n).astype(np.float64)
