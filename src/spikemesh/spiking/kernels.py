"""The compiled inner loops. :mod:`spikemesh.spiking.reference` says the same in plain numpy.

All sums run over multiples of 2**-24 and are exact, so the order of additions is free.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikemesh.spiking import plan as P

__all__ = ["State", "accumulate_entries", "advance", "run_changing", "run_steps"]

# numba reads module-level numbers as constants
DENSE, CONVOLUTION = P.DENSE, P.CONVOLUTION
KIND, PRE, PRE_STOP, POST, WEIGHT, WIDTH, STARTS, SHIFT = (
    P.KIND,
    P.PRE,
    P.PRE_STOP,
    P.POST,
    P.WEIGHT,
    P.WIDTH,
    P.STARTS,
    P.SHIFT,
)
IN_W, IN_C, OUT_H, OUT_W, OUT_C, GROUP_IN, GROUP_OUT = P.IN_W, P.IN_C, P.OUT_H, P.OUT_W, P.OUT_C, P.GROUP_IN, P.GROUP_OUT
KERNEL_Y, KERNEL_X, STRIDE_Y, STRIDE_X = P.KERNEL_Y, P.KERNEL_X, P.STRIDE_Y, P.STRIDE_X
PAD_Y, PAD_X, DILATION_Y, DILATION_X = P.PAD_Y, P.PAD_X, P.DILATION_Y, P.DILATION_X


class State(NamedTuple):
    """One sample between two steps; the kernel writes into it.

    potential, drive : (n,) float64, drive being what arrives for the next step. ready : (n,) int64, first step in which a
    neuron may fire again. fired : (n,) int32, work space. counts : (n,) int64 spikes so far.
    """

    potential: NDArray[np.float64]
    drive: NDArray[np.float64]
    ready: NDArray[np.int64]
    fired: NDArray[np.int32]
    counts: NDArray[np.int64]


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


@njit(cache=True, nogil=True)
def _add(drive, place, weights, first, length):  # type: ignore[no-untyped-def]
    # slices from 0 on let the compiler drop the check for negative indices and use vector instructions
    to, held = drive[place : place + length], weights[first : first + length]
    for t in range(length):
        to[t] += held[t]


@njit(cache=True, nogil=True)
def _convolve(drive, row, weights, ids):  # type: ignore[no-untyped-def]
    """Every tap of every spike. With stride and dilation 1 the taps of a kernel row reach one run of outputs."""
    out_h, out_w, out_c, c_out = row[OUT_H], row[OUT_W], row[OUT_C], row[GROUP_OUT]
    k_y, k_x, s_x, d_x = row[KERNEL_Y], row[KERNEL_X], row[STRIDE_X], row[DILATION_X]
    run = s_x == 1 and d_x == 1 and out_c == c_out
    for i in ids:
        position, channel = divmod(i - row[PRE], row[IN_C])
        y, x = divmod(position, row[IN_W])
        y += row[PAD_Y]
        x += row[PAD_X]
        base = row[POST] + channel // row[GROUP_IN] * c_out
        block = row[WEIGHT] + channel * k_y * k_x * c_out
        for tap_y in range(k_y):
            from_top = y - tap_y * row[DILATION_Y]
            out_y = from_top // row[STRIDE_Y]
            if from_top < 0 or out_y * row[STRIDE_Y] != from_top or out_y >= out_h:
                continue
            line, taps = base + out_y * out_w * out_c, block + tap_y * k_x * c_out
            if run:
                left = x - (k_x - 1)
                first, last = max(0, -left), min(k_x, out_w - left)
                if last > first:
                    _add(drive, line + (left + first) * c_out, weights, taps + first * c_out, (last - first) * c_out)
                continue
            for tap_x in range(k_x):
                from_left = x - tap_x * d_x
                out_x = from_left // s_x
                if from_left < 0 or out_x * s_x != from_left or out_x >= out_w:
                    continue
                _add(drive, line + out_x * out_c, weights, taps + (k_x - 1 - tap_x) * c_out, c_out)


@njit(cache=True, nogil=True)
def _deliver(plan, ids, drive):  # type: ignore[no-untyped-def]
    """Adds the weights of all synapses of the spikes ``ids``, ascending, to ``drive``."""
    for p in range(len(plan.table)):
        row = plan.table[p]
        first = np.searchsorted(ids, row[PRE])
        last = np.searchsorted(ids, row[PRE_STOP])
        if first == last:
            continue
        mine = ids[first:last]
        if row[KIND] == DENSE:
            for i in mine:
                _add(drive, row[POST], plan.weights, row[WEIGHT] + (i - row[PRE]) * row[WIDTH], row[WIDTH])
        elif row[KIND] == CONVOLUTION:
            _convolve(drive, row, plan.weights, mine)
        else:
            to, held = drive[row[POST] :], plan.weights[row[SHIFT] :]
            for i in mine:
                place = row[STARTS] + i - row[PRE]
                for s in range(plan.starts[place], plan.starts[place + 1]):
                    to[plan.targets[s]] += held[s]


@njit(cache=True, nogil=True)
def _step(step, plan, state, current, inputs, drawn, subtract, refractory_steps):  # type: ignore[no-untyped-def]
    """One step of the whole network, its spikes delivered and counted; returns their ids, ascending."""
    count = advance(
        step, state.potential, state.drive, current, inputs, drawn, subtract, refractory_steps, state.ready, state.fired
    )
    fired = state.fired[:count]
    state.drive[:] = 0.0
    _deliver(plan, fired, state.drive)
    for i in fired:
        state.counts[i] += 1
    return fired


@njit(cache=True, nogil=True)
def _ahead(counts, potential, outputs, a, b):  # type: ignore[no-untyped-def]
    """Whether output a is before output b: more spikes, then higher potential, then lower index."""
    i, j = outputs[a], outputs[b]
    if counts[i] != counts[j]:
        return counts[i] > counts[j]
    if potential[i] != potential[j]:
        return potential[i] > potential[j]
    return a < b


@njit(cache=True, nogil=True)
def run_steps(  # type: ignore[no-untyped-def]
    first, stop, plan, state, current, inputs, drawn, subtract, refractory_steps, outputs, label, answers, ranks, steps, ids
):
    """Runs one sample from step ``first`` to before ``stop``.

    drawn : (stop - first or more, n_inputs or 0) bool. answers : (n_steps,) int32, the prediction after each step, or empty.
    ranks : (n_steps,) int32, how many outputs are before output ``label`` after each step, or empty. steps, ids : int32, the
    spikes recorded, or empty.

    Returns the step reached and the spikes recorded; it stops early where the next step might not fit into ``ids``.
    """
    n, recorded = len(state.potential), 0
    for step in range(first, stop):
        if len(ids) and recorded + n > len(ids):
            return step, recorded
        fired = _step(step, plan, state, current, inputs, drawn[step - first], subtract, refractory_steps)
        count = len(fired)
        if len(ids):
            steps[recorded : recorded + count] = step
            ids[recorded : recorded + count] = fired
            recorded += count
        if len(answers):
            best = 0
            for o in range(1, len(outputs)):
                if _ahead(state.counts, state.potential, outputs, o, best):
                    best = o
            answers[step] = best
        if len(ranks):
            before = 0
            for o in range(len(outputs)):
                before += _ahead(state.counts, state.potential, outputs, o, label)
            ranks[step] = before
    return stop, recorded


@njit(cache=True, nogil=True)
def run_changing(first, plan, state, bias, inputs, currents, subtract, refractory_steps):  # type: ignore[no-untyped-def]
    """One step for each row of ``currents`` (n_steps, n_inputs), from step ``first`` on; spikes are added to ``state.counts``."""
    current, none = bias.copy(), np.empty(0, np.bool_)
    for k in range(len(currents)):
        for c in range(len(inputs)):
            current[inputs[c]] = bias[inputs[c]] + currents[k, c]
        _step(first + k, plan, state, current, inputs, none, subtract, refractory_steps)
