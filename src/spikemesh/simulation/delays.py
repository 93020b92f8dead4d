"""The quick estimate of the closed loop: one delay for each (neuron, tile), measured once, then a plain run with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.simulation.lower import Program

__all__ = ["late_steps", "median_delays"]


def late_steps(fired_in: NDArray[np.int64], row_read: NDArray[np.int64], cycles_per_step: int) -> NDArray[np.int64]:
    """(n,) int64, steps by which each row acts after the step it was meant for: ceil(row_read / cycles_per_step) - k - 1,
    at least 0, where its spike fired in step k."""
    return np.maximum(-(-row_read // cycles_per_step) - fired_in - 1, 0)


def median_delays(entries: NDArray[np.int64], steps: NDArray[np.int64], n_entries: int) -> NDArray[np.int64]:
    """(n_entries,) int64, lower median of the late steps of each axon entry's rows; 0 for one that carried no spike.

    entries, steps : (n_rows,) int64, axon entry and late steps of each row.
    """
    order = np.lexsort((steps, entries))
    count = np.bincount(entries, minlength=n_entries)
    middle = np.cumsum(count) - count + np.maximum(count - 1, 0) // 2
    found = np.zeros(n_entries, np.int64)
    found[count > 0] = steps[order][middle[count > 0]]
    return found


def per_synapse(program: Program, delays: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n_synapses,) int64, the delay of each synapse's axon entry; 0 for synapses that no crossbar holds."""
    axons = program.wiring.mapping.axons
    found = np.zeros(program.wiring.mapping.network.n_synapses, np.int64)
    found[axons.order] = np.repeat(delays, axons.n_synapses)
    return found
