"""The compiled inner loops of a step. Each has a plain twin in :mod:`spikemesh.spiking.reference`.

All sums run over multiples of 2**-24 and are exact, so the order of additions is free.
"""

from __future__ import annotations

from numba import njit

__all__ = ["accumulate_entries", "advance"]


@njit(cache=True, nogil=True)
def advance(step, potential, drive, current, inputs, drawn, subtract, refractory_steps, ready, fired):  # type: ignore[no-untyped-def]
    """One step of all neurons; returns how many fired, their ids in front of ``fired``, ascending.

    potential, drive, current: (n,) float64; drawn: (n_inputs,) bool, the input spikes of Poisson encoding, or empty;
    ready: (n,) int64, the first step in which a neuron may fire again; fired: (n,) int32.
    """
    n = len(potential)
    for i in range(n):
        potential[i] += current[i] + drive[i]
    for k in range(len(drawn)):
        i = inputs[k]
        potential[i] = 1.0 if drawn[k] else 0.0
        ready[i] = 0
    count = 0
    for i in range(n):
        if potential[i] >= 1.0:
            if refractory_steps > 1:
                if step < ready[i]:
                    continue
                ready[i] = step + refractory_steps
            potential[i] = potential[i] - 1.0 if subtract else 0.0
            fired[count] = i
            count += 1
    return count


@njit(cache=True, nogil=True)
def accumulate_entries(drive, post, weight, starts, entries):  # type: ignore[no-untyped-def]
    """drive[post[s]] += weight[s] for every synapse s of every entry; see :func:`spikemesh.spiking.accumulate`."""
    for k in range(len(entries)):
        entry = entries[k]
        for s in range(starts[entry], starts[entry + 1]):
            drive[post[s]] += weight[s]
