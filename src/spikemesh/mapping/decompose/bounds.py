"""How few crossbars a network can possibly need: bounds that no packing goes below."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.network import SpikingNetwork

__all__ = ["crossbar_bound", "least_crossbars"]


def crossbar_bound(n_neurons: int, fan_in: int, n_in: int, n_out: int, narrow: bool = False) -> float:
    """Crossbars of n_in x n_out that a dense layer of ``n_neurons`` with ``fan_in`` inputs each cannot do without.

    A partial sum feeds one unit and has a row of its own, so over all crossbars with s shared rows and C columns
    sum(s + C) <= n_in J + N; and s C <= h (s + C) with h = n_in n_out / (n_in + n_out), so N m <= h (n_in J + N).

    narrow : also use that a crossbar has at most one unit of each neuron, C <= N: a higher bound for N < n_out.
    """
    columns = min(n_out, n_neurons) if narrow else n_out
    h = n_in * columns / (n_in + columns)
    return max(n_neurons * (fan_in - h) / (h * n_in), 0.0)


def least_crossbars(network: SpikingNetwork, n_in: int, n_out: int, on_chip: NDArray[np.bool_] | None = None) -> int:
    """Crossbars that no packing of the network goes below, whatever it splits; counts in whole rows and columns.

    A source with d targets has a row in at least ceil(d / n_out) crossbars. Units of at most n_in inputs that add m inputs up
    are at least ceil((m - 1) / (n_in - 1)), and each but the last sends its sum to a row of its own. All these rows, all units,
    and a crosspoint for every synapse and every sum have to find their place.

    on_chip : (n_neurons,) bool, all by default; the others take rows and no columns. ``network`` has no parallel synapses.
    """
    held = np.ones(network.n_neurons, bool) if on_chip is None else on_chip
    synapses = network.synapses
    inside = held[synapses.post]
    targets = np.bincount(synapses.pre[inside], minlength=network.n_neurons)
    inputs = np.bincount(synapses.post[inside], minlength=network.n_neurons)
    sums = np.maximum(-(-(inputs - 1) // (n_in - 1)), 1) - 1
    rows = int((-(-targets // n_out)).sum() + sums.sum())
    columns = int(held.sum() + sums.sum())
    cells = int(inputs.sum() + sums.sum())
    return max(-(-rows // n_in), -(-columns // n_out), -(-cells // (n_in * n_out)))
