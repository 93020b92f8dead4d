"""Packing of chains: the compiled kernel against a plain twin that asks every crossbar for every unit."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.errors import MappingError
from spikemesh.mapping.decompose.fitting import _pack, pack_fit
from spikemesh.mapping.partition.lists import append, detach
from spikemesh.network import SpikingNetwork


def twin(neurons, starts, source, n_in, n_out, input_rows, in_order):
    """(place of each input in its neuron's chain, crossbar of each unit), as the packing is told in words."""
    unit, clusters = [-1] * len(source), []
    inputs, sums, size = [], [], []  # of each crossbar: sources that have a row, rows of partial sums, units
    rank = []  # crossbars, fullest first

    def fill(c):
        return len(inputs[c]) + sums[c] + size[c]

    def taken(c, pending, carry):
        """The pending inputs that crossbar c would take, none where they make no unit."""
        free = n_in - len(inputs[c]) - sums[c] - carry
        if size[c] == n_out or free < 0:
            return []
        new, found = min(free, input_rows - len(inputs[c])), []
        for e in pending:
            if source[e] in inputs[c]:
                found.append(e)
            elif new > 0:
                found.append(e)
                new -= 1
            elif in_order:
                break
        return found if len(found) + carry >= 2 or len(found) == len(pending) else []

    for v in neurons:
        place = 0
        while pending := [e for e in range(starts[v], starts[v + 1]) if unit[e] < 0]:
            carry = int(place > 0)
            c, found = next(((c, e) for c in rank if (e := taken(c, pending, carry))), (len(rank), []))
            if not found:
                inputs.append(set())
                sums.append(0)
                size.append(0)
                found = pending[: min(n_in - carry, input_rows)]
            else:
                rank.remove(c)
            for e in found:
                unit[e] = place
                inputs[c].add(int(source[e]))
            sums[c] += carry
            size[c] += 1
            rank.insert(next((i for i, d in enumerate(rank) if fill(d) < fill(c)), len(rank)), c)
            clusters.append(c)
            place += 1
    return unit, clusters


def assert_as_twin(joined, neurons, n_in, n_out, input_rows, in_order, rng):
    """joined : (sources, neurons) bool. In order, inputs come in any; else by their index, as in a network. Says how many
    crossbars there are."""
    lists = [np.flatnonzero(column) for column in joined.T]
    if in_order:
        lists = [rng.permutation(some) for some in lists]
    starts = np.concatenate([[0], np.cumsum([len(some) for some in lists])])
    source = np.concatenate([*lists, []]).astype(np.int32)
    unit, clusters = _pack(neurons, starts, source, len(joined), n_in, n_out, input_rows, in_order)
    expected = twin(neurons.tolist(), starts.tolist(), source.tolist(), n_in, n_out, input_rows, in_order)
    assert (unit.tolist(), clusters.tolist()) == expected
    return int(clusters.max(initial=-1)) + 1


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 25),
    st.integers(1, 40),
    st.sampled_from([0.05, 0.2, 0.5, 1.0]),
    st.integers(2, 12),
    st.integers(1, 12),
    st.floats(0, 1),
    st.booleans(),
)
def test_packs_as_the_plain_twin(seed, n_sources, n, density, n_in, n_out, share, in_order):
    rng = np.random.default_rng(seed)
    joined = rng.random((n_sources, n)) < density * rng.choice([0.3, 1.0], n)
    neurons = np.flatnonzero(joined.any(axis=0) & (rng.random(n) < 0.9))
    assert_as_twin(joined, neurons, n_in, n_out, max(int(share * n_in), 2), in_order, rng)


@pytest.mark.parametrize("in_order", [False, True])
def test_packs_as_the_plain_twin_beyond_the_first_thousand_crossbars(in_order):
    rng = np.random.default_rng(3)
    joined = rng.random((60, 90)) < 0.6
    assert assert_as_twin(joined, np.arange(90), 3, 2, 2, in_order, rng) > 1024


@settings(deadline=None)
@given(st.integers(1, 3), st.integers(1, 6), st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 2)), max_size=40))
def test_rings_keep_the_order_of_arrival(rings, items, moves):
    after, before = np.arange(rings + items), np.arange(rings + items)
    held = [deque() for _ in range(rings)]
    for item, ring in moves:
        u = rings + item % items
        detach(u, after, before)
        for some in held:
            if u in some:
                some.remove(u)
        if 0 <= ring < rings:
            append(u, ring, after, before)
            held[ring].append(u)
    for ring in range(rings):
        for expected, ahead in ((held[ring], after), (reversed(held[ring]), before)):
            found, u = [], ahead[ring]
            while u != ring:
                found.append(u)
                u = ahead[u]
            assert found == list(expected)


def test_refuses_what_it_cannot_pack():
    twice = SpikingNetwork.from_edges([0, 0, 1], [2, 2, 2], [1.0, 1.0, 1.0], [2, 1])
    once = SpikingNetwork.from_edges([0, 1], [2, 2], [1.0, 1.0], [2, 1])
    with pytest.raises(MappingError, match="parallel"):
        pack_fit(twice, 4, 4)
    with pytest.raises(MappingError, match="no room"):
        pack_fit(once, 1, 4)
    with pytest.raises(MappingError, match="shares"):
        pack_fit(once, 4, 4, shares=())
    with pytest.raises(MappingError, match="order"):
        pack_fit(once, 4, 4, order="random")
