"""A network as flat arrays for the compiled engine. Convolutions and dense blocks stay implicit: weights, no synapse lists."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikemesh.network.connectivity import Connectivity, Convolution, Dense
from spikemesh.network.dynamics import to_grid
from spikemesh.network.network import Projection, SpikingNetwork

__all__ = ["CONVOLUTION", "DENSE", "LISTED", "Plan"]

DENSE, CONVOLUTION, LISTED = range(3)
"""Kinds of a projection."""

KIND, PRE, PRE_STOP, POST, WEIGHT = range(5)
"""Columns of every row: kind, first presynaptic neuron, the one after the last, first postsynaptic neuron, first weight."""

WIDTH = 5
"""Column of a dense row: postsynaptic neurons."""

STARTS, SHIFT = 5, 6
"""Columns of a listed row: where its row starts begin; how far behind a synapse's target its weight stands."""

IN_W, IN_C, OUT_H, OUT_W, OUT_C, GROUP_IN, GROUP_OUT, KERNEL_Y, KERNEL_X = range(5, 14)
STRIDE_Y, STRIDE_X, PAD_Y, PAD_X, DILATION_Y, DILATION_X, N_COLUMNS = range(14, 21)
"""Columns of a convolution row: width and channels in; height, width, channels out; channels of a group; its window."""


class Plan(NamedTuple):
    """All projections of a network.

    table : (n_projections, N_COLUMNS) int64, one row a projection; columns as named above.
    weights : float64 on the grid. Dense: row by row. Convolution: (channel in, y, reversed x, channel of the group out), so
        that the taps of one kernel row reach consecutive outputs. Listed: one a synapse.
    starts : int64; of each presynaptic neuron of a listed projection, where its synapses begin in ``targets``, and the end.
    targets : int32, local postsynaptic neuron of every listed synapse.
    """

    table: NDArray[np.int64]
    weights: NDArray[np.float64]
    starts: NDArray[np.int64]
    targets: NDArray[np.int32]

    @classmethod
    def of(cls, network: SpikingNetwork) -> Plan:
        rows, weights = [], []
        starts, targets = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
        n_weights = n_starts = n_targets = 0
        for p in network.projections:
            row, held = _row(p)
            row[WEIGHT] = n_weights
            if row[KIND] == LISTED:
                synapses = p.connectivity.edges()
                row[STARTS], row[SHIFT] = n_starts, n_weights - n_targets
                counts = np.bincount(synapses.pre, minlength=p.connectivity.n_pre)
                starts.append(n_targets + np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
                targets.append(synapses.post)
                n_starts += len(starts[-1])
                n_targets += len(synapses)
            rows.append(row)
            weights.append(held)
            n_weights += len(held)
        return cls(
            np.array(rows, np.int64).reshape(-1, N_COLUMNS),
            np.concatenate([*weights, np.empty(0)]),
            np.concatenate(starts),
            np.concatenate(targets),
        )


def _row(p: Projection) -> tuple[list[int], NDArray[np.float64]]:
    """The projection's row of the table, still without its places in the flat arrays, and its weights."""
    c = p.connectivity
    row = [0] * N_COLUMNS
    row[PRE], row[PRE_STOP], row[POST] = p.pre_start, p.pre_start + c.n_pre, p.post_start
    if isinstance(c, Dense):
        row[KIND], row[WIDTH] = DENSE, c.n_post
        return row, to_grid(c.weight).ravel()
    if isinstance(c, Convolution) and _many_channels(c):
        w, group_in, group_out = c.window, int(c.kernel.shape[2]), c.channels_out // c.groups
        row[KIND] = CONVOLUTION
        row[IN_W:KERNEL_Y] = [w.in_hw[1], c.channels_in, *w.out_hw, c.channels_out, group_in, group_out]
        row[KERNEL_Y:] = [*w.size, *w.stride, *w.pad, *w.dilation]
        # (y, x, c, group, f) -> (group, c, y, -x, f): one block a presynaptic channel
        taps = to_grid(c.kernel).reshape(*w.size, group_in, c.groups, group_out)[:, ::-1].transpose(3, 2, 0, 1, 4)
        return row, np.ascontiguousarray(taps).ravel()
    row[KIND] = LISTED
    return row, to_grid(c.edges().weight)


def _many_channels(c: Connectivity) -> bool:
    """Stepping through taps loses to a list of synapses where a tap reaches one or two channels, unless the list is huge."""
    assert isinstance(c, Convolution)
    return c.channels_out // c.groups > 2 or c.n_synapses > 20_000_000
