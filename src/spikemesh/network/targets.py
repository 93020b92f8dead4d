"""Who feeds whom, without listing synapses: neurons grouped by their targets, targets as runs of consecutive neurons.

All channels of a pixel feed the same neurons of a convolution, all neurons before a dense layer feed all of it. Such neurons share one
*target set*, and a set is a few runs of consecutive indices: the channels of neighbouring output positions. The convolutions and
dense layers of a network of a thousand million synapses are then a few million runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikemesh.network.connectivity import Connectivity, Convolution, Dense, Pooling

__all__ = ["TargetSets", "connectivity_targets", "merge_targets"]


@dataclass(frozen=True, eq=False)
class TargetSets:
    """Target sets of a block of neurons, in runs.

    set_of_neuron : (n,) int32, the target set of each neuron; -1 for a neuron that feeds none.
    ptr : (n_sets + 1,) int64; the runs of set s are ptr[s] .. ptr[s + 1] - 1, ascending by first neuron in each projection.
    first, length : (n_runs,) int32; a run names neurons first .. first + length - 1.

    Parallel synapses of one projection count once. Runs of several projections can name a neuron twice.
    """

    set_of_neuron: NDArray[np.int32]
    ptr: NDArray[np.int64]
    first: NDArray[np.int32]
    length: NDArray[np.int32]

    @property
    def n_sets(self) -> int:
        return len(self.ptr) - 1

    def members(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """(ptr (n_sets + 1,), neurons): the neurons of each set, ascending."""
        fed = np.flatnonzero(self.set_of_neuron >= 0)
        order = fed[np.argsort(self.set_of_neuron[fed], kind="stable")]
        counts = np.bincount(self.set_of_neuron[fed], minlength=self.n_sets)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), order.astype(np.int32)


def connectivity_targets(connectivity: Connectivity) -> TargetSets:
    """The target sets of one connectivity; neurons are local to its two blocks, as in its ``edges()``."""
    if isinstance(connectivity, Dense):
        n_pre, n_post = connectivity.n_pre, connectivity.n_post
        return TargetSets(np.zeros(n_pre, np.int32), np.array([0, 1]), np.zeros(1, np.int32), np.array([n_post], np.int32))
    if isinstance(connectivity, Convolution):
        return _windowed(connectivity, connectivity.groups)
    if isinstance(connectivity, Pooling):
        return _windowed(connectivity, connectivity.channels)
    edges = connectivity.edges()
    return _of_pairs(edges.pre, edges.post, np.arange(connectivity.n_pre, dtype=np.int32), connectivity.n_pre)


def _windowed(connectivity: Convolution | Pooling, groups: int) -> TargetSets:
    """Sets of (input position, group of channels); a pooling has a group a channel."""
    window = connectivity.window
    positions, n_out = window.in_hw[0] * window.in_hw[1], window.out_hw[0] * window.out_hw[1]
    channels_in = connectivity.n_pre // positions
    channels_out = connectivity.n_post // n_out
    taps = window.taps()
    into = np.concatenate([i for _, _, i, _ in taps])
    out = np.concatenate([o for _, _, _, o in taps])
    each_in, each_out = channels_in // groups, channels_out // groups
    group = np.arange(groups)
    source = (into[:, None] * groups + group).ravel()
    first = (out[:, None] * channels_out + group * each_out).ravel()
    set_of_neuron = np.repeat(np.arange(positions * groups, dtype=np.int32), each_in)
    return _of_pairs(source, first, set_of_neuron, positions * groups, each_out)


def _of_pairs(
    source: NDArray[np.integer], first: NDArray[np.integer], set_of_neuron: NDArray[np.int32], n_sets: int, length: int = 1
) -> TargetSets:
    """Sets from (set, first neuron of a run of ``length``) pairs in any order; runs that touch are joined, empty sets left out."""
    if (source[1:] < source[:-1]).any() or ((source[1:] == source[:-1]) & (first[1:] < first[:-1])).any():
        order = np.lexsort((first, source))
        source, first = source[order], first[order]
    fresh = np.ones(len(source), bool)
    fresh[1:] = (source[1:] != source[:-1]) | (first[1:] > first[:-1] + length)
    starts = np.flatnonzero(fresh)
    last = np.append(starts[1:], len(first)) - 1
    runs = (first[last] - first[starts] + length).astype(np.int32)
    counts = np.bincount(source[starts], minlength=n_sets)
    number = np.where(counts > 0, np.cumsum(counts > 0) - 1, -1).astype(np.int32)
    ptr = np.concatenate([[0], np.cumsum(counts[counts > 0])]).astype(np.int64)
    return TargetSets(number[set_of_neuron], ptr, first[starts].astype(np.int32), runs)


def merge_targets(n: int, parts: Sequence[tuple[int, int, TargetSets]]) -> TargetSets:
    """The target sets of ``n`` neurons from several blocks: (first neuron, first target, sets of the block), in order.

    Neurons that feed several blocks get a set for every combination of sets that occurs.
    """
    own = np.full(n, -1, np.int64)
    # a set is one of a part, and what its neurons fed in earlier parts: a parent set, -1 for none
    parent, row = np.empty(0, np.int64), np.empty(0, np.int64)
    rows_before = 0
    for pre, _, sets in parts:
        block = own[pre : pre + len(sets.set_of_neuron)]
        fed = sets.set_of_neuron >= 0
        pair = (block[fed] + 1) * sets.n_sets + sets.set_of_neuron[fed]
        found, inverse = np.unique(pair, return_inverse=True)
        block[fed] = len(parent) + inverse
        parent = np.concatenate([parent, found // max(sets.n_sets, 1) - 1])
        row = np.concatenate([row, rows_before + found % max(sets.n_sets, 1)])
        rows_before += sets.n_sets
    return _gathered(own, parent, row, parts)


def _gathered(
    own: NDArray[np.int64],
    parent: NDArray[np.int64],
    row: NDArray[np.int64],
    parts: Sequence[tuple[int, int, TargetSets]],
) -> TargetSets:
    """The sets still in use with their runs, those of parents first; sets are numbered by their first neuron."""
    used, first_neuron, inverse = np.unique(own, return_index=True, return_inverse=True)
    order = np.argsort(first_neuron, kind="stable")
    order = order[used[order] >= 0]
    number = np.full(len(used), -1, np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    links, rows, level = [], [], used[order]
    of_set = np.arange(len(order))
    while len(of_set):
        links.append(of_set)
        rows.append(row[level])
        up = parent[level] >= 0
        of_set, level = of_set[up], parent[level][up]
    link, chosen = np.concatenate([np.empty(0, np.int64), *links]), np.concatenate([np.empty(0, np.int64), *rows])
    by_set = np.lexsort((chosen, link))  # rows count up with the parts: parents come first
    link, chosen = link[by_set].astype(np.int64), chosen[by_set].astype(np.int64)

    runs_before = np.cumsum([0, *(len(p.first) for _, _, p in parts)])
    none = np.empty(0, np.int64)
    begin = np.concatenate([none, *(p.ptr[:-1] + at for (_, _, p), at in zip(parts, runs_before[:-1], strict=True))])
    size = np.concatenate([none, *(np.diff(p.ptr) for _, _, p in parts)])
    first = np.concatenate([none.astype(np.int32), *(p.first + np.int32(post) for _, post, p in parts)])
    length = np.concatenate([none.astype(np.int32), *(p.length for _, _, p in parts)])
    runs = size[chosen]
    take = np.repeat(begin[chosen] - (np.cumsum(runs) - runs), runs) + np.arange(int(runs.sum()))
    of_each = np.bincount(link, weights=runs, minlength=len(order)).astype(np.int64)
    return TargetSets(number[inverse], np.concatenate([[0], np.cumsum(of_each)]), first[take], length[take])
