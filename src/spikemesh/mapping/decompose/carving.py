"""Carves groups of neurons into blocks that fill crossbars: rows shared by many columns.

A group is at most ``n_out`` columns. A block is a set of inputs and the columns of the group that use them: one crossbar,
whose columns are units. What the blocks leave of a neuron (its units' partial sums, one row each, and inputs in no block)
meets in the neuron's root, in a block with rows to spare or in a combiner crossbar, which roots of the group share.

Which columns of a group use an input is kept as bits, in 64-bit words. Compiled functions call no other but ``_bits``:
nested ones would be compiled anew into each of their callers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Carved", "Columns", "carve", "grow_block", "price", "settle"]

NO_CROSSBAR = -2
"""In place of a root's cluster: it has more partial sums than a crossbar has rows."""


PATIENCE = 4
"""Blocks that are carved beyond the best number so far before a group is left at that."""


@dataclass(frozen=True, eq=False)
class Carved:
    """What :func:`carve` made.

    block : (n_entries,) int32, block that holds each input of each column, -1 where the root takes it itself.
    root_cluster : (n_neurons,) int32, -1 for neurons without columns, NO_CROSSBAR.
    n_clusters : blocks and combiners; a block has the number of its cluster.
    """

    block: NDArray[np.int32]
    root_cluster: NDArray[np.int32]
    n_clusters: int


@dataclass(frozen=True, eq=False)
class Columns:
    """What is to be packed: a column a neuron, or one for each sign it has.

    ptr, synapse, source : the inputs of column c are source[ptr[c]:ptr[c + 1]], distinct, and ``synapse`` their synapses.
    neuron : (n_columns,) the neuron of each, ascending. n_neurons : of the network.
    """

    ptr: NDArray[np.int64]
    synapse: NDArray[np.integer]
    source: NDArray[np.int32]
    neuron: NDArray[np.int32]
    n_neurons: int

    @cached_property
    def signed(self) -> bool:
        """Whether some neuron has a column for each sign."""
        return bool((self.neuron[1:] == self.neuron[:-1]).any())


def carve(groups: list[NDArray[np.int64]], least: list[int], columns: Columns, n_in: int, n_out: int) -> Carved:
    """Carves every group on its own, with the number of blocks at which it needs fewest crossbars.

    groups : columns of each, columns of one neuron side by side.
    least : of each group, inputs of a block that a column takes at least.
    """
    block = np.full(len(columns.source), -1, np.int32)
    root_cluster = np.full(columns.n_neurons, -1, np.int32)
    slot = np.full(columns.n_neurons, -1, np.int32)
    clusters = 0
    for members, fewest in zip(groups, least, strict=True):
        group = _group(members, fewest, columns, slot, n_in, n_out)
        best = group.best()
        homes, opened, _, _ = group.settled(best)
        root_cluster[group.names] = np.where(homes >= 0, homes + clusters, homes)
        for b in range(best):
            taken = group.inputs[group.rows[b]]
            slot[taken] = np.arange(len(taken))
            _assign(members, columns.ptr, columns.source, slot, group.bits[b], clusters + b, block)
            slot[taken] = -1
        clusters += best + opened
    return Carved(block, root_cluster, clusters)


def price(groups: list[NDArray[np.int64]], least: int, columns: Columns, n_in: int, n_out: int) -> tuple[int, int]:
    """(rows, units) that the groups need when they are carved."""
    slot = np.full(columns.n_neurons, -1, np.int32)
    rows, units = 0, 0
    for members in groups:
        group = _group(members, least, columns, slot, n_in, n_out)
        blocks = group.best()
        homes, _, _, used = group.settled(blocks)
        rows += used
        units += int((homes >= blocks).sum())
        units += sum(int(np.bitwise_count(np.bitwise_or.reduce(bits, axis=0)).sum()) for bits in group.bits[:blocks])
    return rows, units


def _group(members: NDArray[np.int64], least: int, columns: Columns, slot: NDArray[np.int32], n_in: int, n_out: int) -> _Group:
    """A group before it is carved. slot : (n_neurons,) all -1, before and after."""
    inputs = _inputs_of(members, columns.ptr, columns.source, slot)
    users = np.zeros((len(inputs), (len(members) + 63) // 64), np.uint64)
    _mark(members, columns.ptr, columns.source, slot, users)
    slot[inputs] = -1
    names, owner = np.unique(columns.neuron[members], return_inverse=True)
    rank = np.argsort(np.unique(owner, return_index=True)[1], kind="stable")  # as they come, not by their index
    number = np.empty(len(rank), np.int64)
    number[rank] = np.arange(len(rank))
    return _Group(members, inputs, users, number[owner], names[rank], n_in, n_out, least)


class _Group:
    """One group: its inputs and their users, and the blocks carved so far.

    rows, bits : of each block, the inputs in it, and for each of them the columns that use it there.
    """

    def __init__(
        self,
        columns: NDArray[np.int64],
        inputs: NDArray[np.int32],
        users: NDArray[np.uint64],
        owner: NDArray[np.int64],
        names: NDArray[np.int32],
        n_in: int,
        n_out: int,
        least: int,
    ) -> None:
        self.columns, self.inputs, self.users, self.owner, self.names = columns, inputs, users, owner, names
        self.n_in, self.n_out, self.least = n_in, n_out, least
        self.rows: list[NDArray[np.int64]] = []
        self.bits: list[NDArray[np.uint64]] = []

    def best(self) -> int:
        """Carves while it pays and returns the number of blocks of least cost.

        Blocks whose columns take ``least`` inputs or more may leave so much over that some root fits no crossbar. Then columns
        that take fewer are let in; with one, nothing is left but partial sums.
        """
        for least in dict.fromkeys((self.least, min(self.least, 2), 1)):
            self.rows, self.bits = [], []
            best = self._best(least)
            if best is not None:
                return best
        raise AssertionError("a group carved to the last input fits")  # two rows and one column hold any unit of two

    def _best(self, least: int) -> int | None:
        pending = self.users.copy()
        best, least_cost = None, np.inf
        while True:
            cost = self._settled(pending, len(self.rows))[2]
            if cost < least_cost - 1e-9:
                best, least_cost = len(self.rows), cost
            elif best is not None and len(self.rows) >= best + PATIENCE:
                return best
            taken = np.empty(min(self.n_in, len(pending)), np.int64)
            bits = np.zeros((len(taken), pending.shape[1]), np.uint64)
            used = grow_block(pending, len(self.columns), least, taken, bits)
            if used == 0:
                return best
            self.rows.append(taken[:used])
            self.bits.append(bits[:used])

    def settled(self, blocks: int) -> tuple[NDArray[np.int64], int, float, int]:
        """(cluster of each root, counted from the group's first; combiners; cost; rows) after ``blocks`` blocks."""
        pending = self.users.copy()
        for rows, bits in zip(self.rows[:blocks], self.bits[:blocks], strict=True):
            pending[rows] &= ~bits
        return self._settled(pending, blocks)

    def _settled(self, pending: NDArray[np.uint64], blocks: int) -> tuple[NDArray[np.int64], int, float, int]:
        held = np.zeros((blocks, len(pending)), bool)
        masks = np.zeros((blocks, pending.shape[1]), np.uint64)
        for b in range(blocks):
            held[b, self.rows[b]] = True
            masks[b] = np.bitwise_or.reduce(self.bits[b], axis=0)
        homes = np.full(len(self.names), -1, np.int64)
        opened, cost, rows = settle(pending, held, masks, self.owner, self.n_in, self.n_out, homes)
        return homes, opened, cost, rows


@njit(cache=True)
def _inputs_of(columns, column_ptr, source, slot):  # type: ignore[no-untyped-def]
    """Distinct inputs of the columns, as they come; ``slot`` of each is set to its place."""
    total = 0
    for c in columns:
        total += column_ptr[c + 1] - column_ptr[c]
    inputs = np.empty(total, np.int32)
    rows = 0
    for c in columns:
        for e in range(column_ptr[c], column_ptr[c + 1]):
            if slot[source[e]] < 0:
                slot[source[e]] = rows
                inputs[rows] = source[e]
                rows += 1
    return inputs[:rows].copy()


@njit(cache=True)
def _mark(columns, column_ptr, source, slot, users):  # type: ignore[no-untyped-def]
    """Sets the bit of every column at each of its inputs."""
    for k in range(len(columns)):
        c = columns[k]
        for e in range(column_ptr[c], column_ptr[c + 1]):
            users[slot[source[e]], k >> 6] |= np.uint64(1) << np.uint64(k & 63)


@njit(cache=True)
def _assign(columns, column_ptr, source, slot, bits, name, block):  # type: ignore[no-untyped-def]
    """Writes ``name`` as the block of every input that a block took; ``slot`` is its place in the block, -1 elsewhere."""
    for k in range(len(columns)):
        c = columns[k]
        for e in range(column_ptr[c], column_ptr[c + 1]):
            r = slot[source[e]]
            if r >= 0 and (bits[r, k >> 6] >> np.uint64(k & 63)) & np.uint64(1):
                block[e] = name


@njit(cache=True)
def _bits(x):  # type: ignore[no-untyped-def]
    """Set bits of a 64-bit word."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True)
def grow_block(pending, count, least, chosen, bits):  # type: ignore[no-untyped-def]
    """Takes one block out of ``pending`` (inputs, words) and returns its rows; 0 where there is nothing worth a block.

    Starts with the input that most columns use, and adds the input of the largest (columns that use it) / (1 + columns new
    to the block), ties to the next one in order. Columns that find fewer than ``least`` inputs in the block leave it.

    chosen : (most rows,) int64, bits : (most rows, words); written up to what is returned. count : columns.
    """
    rows, words = pending.shape
    taken = np.zeros(rows, np.bool_)
    mask = np.zeros(words, np.uint64)
    width, size, cursor = 0, 0, 0
    enough = 1.0 if least > 1 else 0.0  # an input of one column is as well off in the root, unless nothing is to be left there
    while size < len(chosen):
        pick, pick_score = -1, enough
        for r in range(rows):
            at = cursor + r
            if at >= rows:
                at -= rows
            if taken[at]:
                continue
            users, new = 0, 0
            for w in range(words):
                users += _bits(pending[at, w])
                new += _bits(pending[at, w] & ~mask[w])
            score = 2.0 * users if size == 0 else users / (1.0 + new)
            if score > pick_score:
                pick, pick_score = at, score
                if size > 0 and new == 0 and users == width:
                    break  # no input can do better
        if pick < 0:
            break
        taken[pick] = True
        chosen[size] = pick
        size += 1
        cursor = pick
        width = 0
        for w in range(words):
            mask[w] |= pending[pick, w]
            width += _bits(mask[w])

    mask[:] = np.uint64(0)
    for k in range(count):
        found = 0
        for i in range(size):
            if (pending[chosen[i], k >> 6] >> np.uint64(k & 63)) & np.uint64(1):
                found += 1
        if found >= least:
            mask[k >> 6] |= np.uint64(1) << np.uint64(k & 63)
    used = 0
    for i in range(size):
        r = chosen[i]
        some = np.uint64(0)
        for w in range(words):
            some |= pending[r, w] & mask[w]
        if some == 0:
            continue
        chosen[used] = r
        for w in range(words):
            bits[used, w] = pending[r, w] & mask[w]
            pending[r, w] &= ~mask[w]
        used += 1
    return used


@njit(cache=True)
def settle(pending, held, masks, owner, n_in, n_out, homes):  # type: ignore[no-untyped-def]
    """Finds a crossbar for the root of every neuron of the group.

    A root goes, at no column, to a block that holds a unit of its neuron and has rows for what is missing; those in need of
    fewest rows first. The others fill combiner crossbars one after another.

    pending : (inputs, words) what no block took. held : (blocks, inputs) bool, rows of each block. masks : (blocks, words),
    its columns. owner : (columns,) neuron of each, numbered as it comes. homes : (neurons,) int64, written: the block, or the
    number of blocks + the combiner, or -2 where partial sums outnumber rows.

    Returns (combiners, cost, rows in use): the cost in crossbars, partly filled ones by their fuller side; infinite where some
    root fits nowhere.
    """
    rows, words = pending.shape
    blocks, count = len(held), len(owner)
    n = len(homes)
    units = np.zeros((blocks, n), np.int64)
    total = np.zeros(n, np.int64)
    wide = np.zeros(blocks, np.int64)
    for b in range(blocks):
        for k in range(count):
            if (masks[b, k >> 6] >> np.uint64(k & 63)) & np.uint64(1):
                units[b, owner[k]] += 1
                total[owner[k]] += 1
                wide[b] += 1

    ends = np.zeros(n + 1, np.int64)
    left = np.empty(0, np.int32)
    for writing in range(2):  # inputs that are left, by neuron: counted, then written
        at = ends.copy()
        for r in range(rows):
            for w in range(words):
                word = pending[r, w]
                k = 64 * w
                while word != 0:
                    if word & np.uint64(1):
                        v = owner[k]
                        if writing:
                            left[at[v]] = r
                            at[v] += 1
                        else:
                            ends[v + 1] += 1
                    word >>= np.uint64(1)
                    k += 1
        if not writing:
            for v in range(n):
                if ends[v + 1] > n_in:
                    return 0, np.inf, 0  # no crossbar has the rows, wherever the root goes
                ends[v + 1] += ends[v]
            left = np.empty(ends[n], np.int32)

    cost, in_use = 0.0, 0
    present = held.copy()
    for b in range(blocks):
        spare = n_in
        for r in range(rows):
            spare -= held[b, r]
        while True:
            pick, fewest = -1, spare + 1
            for v in range(n):
                if homes[v] >= 0 or units[b, v] == 0:
                    continue
                need = total[v] - units[b, v]
                for e in range(ends[v], ends[v + 1]):
                    need += not present[b, left[e]]
                if need < fewest:
                    pick, fewest = v, need
            if pick < 0:
                break
            homes[pick] = b
            spare -= fewest
            for e in range(ends[pick], ends[pick + 1]):
                present[b, left[e]] = True
        in_use += n_in - spare
        cost += max((n_in - spare) / n_in, wide[b] / n_out)

    seen = np.full(rows, -1, np.int64)
    opened, used, width = 0, 0, 0
    for v in range(n):
        if homes[v] >= 0:
            continue
        alone = total[v] + ends[v + 1] - ends[v]
        if alone > n_in:
            if ends[v + 1] > ends[v]:
                return 0, np.inf, 0
            cost += total[v] / n_in
            in_use += total[v]
            homes[v] = NO_CROSSBAR
            continue
        need = total[v]
        for e in range(ends[v], ends[v + 1]):
            need += seen[left[e]] != opened
        if opened == 0 or width + 1 > n_out or used + need > n_in:
            opened += 1
            used, width, need = 0, 0, alone
        for e in range(ends[v], ends[v + 1]):
            seen[left[e]] = opened
        used += need
        in_use += need
        width += 1
        homes[v] = blocks + opened - 1
    if opened > 0:
        cost += opened - 1 + max(used / n_in, width / n_out)
    return opened, cost, in_use
