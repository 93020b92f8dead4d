"""Compiled kernels of the project's own partitioner against plain twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.mapping.partition.ours import anneal_packets, anneal_weight, weight
from spikemesh.mapping.partition.ours.fill import best_homes
from spikemesh.mapping.partition.ours.graph import subgraph, symmetric
from spikemesh.mapping.partition.ours.grow import NO_LIMIT, clusters
from spikemesh.mapping.partition.ours.nets import contract, fold, packets_of, restrict
from spikemesh.mapping.partition.ours.packets import SLICES, far_and_wide
from spikemesh.mapping.partition.ours.refine import refine, shaken
from spikemesh.mapping.partition.ours.state import State


def edges(seed, n=None, density=0.3):
    """(indptr, post, omega, rates) of a random network whose rates are whole numbers, so that sums are exact."""
    rng = np.random.default_rng(seed)
    n = n or int(rng.integers(3, 14))
    pre, post = np.nonzero(rng.random((n, n)) < density)
    rates = rng.integers(0, 9, n).astype(float)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(pre, minlength=n))]).astype(np.int64)
    return indptr, post.astype(np.int32), rng.integers(1, 20, len(pre)).astype(float), rates


def packets(indptr, post, rates, part):
    """By the definition: each neuron, the other clusters that hold one of its targets."""
    total = 0.0
    for i, rate in enumerate(rates):
        reached = {int(part[j]) for j in post[indptr[i] : indptr[i + 1]]} - {int(part[i])}
        total += rate * len(reached)
    return total


def lists(ptr, item):
    return [item[ptr[k] : ptr[k + 1]].tolist() for k in range(len(ptr) - 1)]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), keep_silent=st.booleans())
def test_folded_nets_count_packets_as_defined_whole_merged_and_in_part(seed, keep_silent):
    indptr, post, _, rates = edges(seed)
    n, rng = len(rates), np.random.default_rng(seed)
    nets = fold(indptr, post, rates, n, keep_silent=keep_silent)
    part = rng.integers(0, 4, n)
    expected = packets(indptr, post, rates, part)
    assert packets_of(nets, part, 4) == expected
    unit = part * 3 + rng.integers(0, 3, n)  # units that stay inside clusters
    home = np.repeat(np.arange(4), 3)
    assert packets_of(contract(nets, unit, 12), home, 4) == expected
    pieces = [np.flatnonzero(np.isin(part, pair)) for pair in ([0, 1], [2, 3])]
    assert sum(packets_of(restrict(nets, piece), part[piece], 4) for piece in pieces) == expected


def tables(nets, state):
    held = np.zeros((state.shape[0], nets.n_groups), np.uint16)
    sent = np.zeros((state.shape[0], nets.n_groups))
    for v, c in enumerate(state.assignment):
        held[c, nets.in_group[nets.in_ptr[v] : nets.in_ptr[v + 1]]] += 1
        for e in range(nets.out_ptr[v], nets.out_ptr[v + 1]):
            sent[c, nets.out_group[e]] += nets.out_rate[e]
    return held, sent


def padded(nets, state):
    more = state.members.size - nets.n
    return nets._replace(
        in_ptr=np.append(nets.in_ptr, np.full(more, nets.in_ptr[-1])),
        out_ptr=np.append(nets.out_ptr, np.full(more, nets.out_ptr[-1])),
    )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_price_of_an_exchange_is_the_difference_of_two_counts(seed):
    indptr, post, _, rates = edges(seed)
    n, rng = len(rates), np.random.default_rng(seed)
    nets = fold(indptr, post, rates, n, keep_silent=True)
    state = State.of(rng.permutation(n) % 3, 3, -(-n // 3) + 1)
    wide = padded(nets, state)
    held, sent = tables(nets, state)
    found = np.zeros_like(held), np.zeros_like(sent)
    anneal_packets.fill_tables(wide, state.part, *found)
    assert np.array_equal(found[0], held)
    assert np.array_equal(found[1], sent)
    u, v = rng.choice(state.members.size, 2, replace=False)
    a, b = state.part[u], state.part[v]
    if a == b:
        return
    mark = np.zeros(max(nets.n_groups, 1), np.int64)
    delta, rows_a, rows_b = anneal_packets.change(wide, u, v, a, b, held, sent, mark, 1)
    after = state.part.copy()
    after[u], after[v] = b, a
    rows = [((t > 0) @ nets.rows.astype(np.int64)) for t in (held, tables(nets, State(state.members, after, n))[0])]
    assert delta == packets_of(nets, after[:n], 3) - packets_of(nets, state.assignment, 3)
    assert (rows_a, rows_b) == ((rows[1] - rows[0])[a], (rows[1] - rows[0])[b])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), limit=st.sampled_from([NO_LIMIT, 6]))
def test_annealed_packets_leave_books_that_balance(seed, limit):
    indptr, post, _, rates = edges(seed)
    n = len(rates)
    nets = fold(indptr, post, rates, n, keep_silent=True)
    state = State.of(np.arange(n) % 3, 3, -(-n // 3) + 1)
    before = packets_of(nets, state.assignment, 3)
    held, sent = tables(nets, state)
    used = (held > 0) @ nets.rows.astype(np.int64)
    most = np.maximum(used, limit)
    added, _ = anneal_packets.anneal(
        padded(nets, state), state.members, state.shape[1], state.part, held, sent, used, limit, 2000, 5.0, 0.5, seed
    )
    assert packets_of(nets, state.assignment, 3) == before + added
    expected = tables(nets, state)
    assert np.array_equal(held, expected[0])
    assert np.array_equal(sent, expected[1])
    assert np.array_equal(used, (held > 0) @ nets.rows.astype(np.int64))
    assert (used <= most).all()
    for c, members in enumerate(state.members):
        assert (state.part[members] == c).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_undirected_graph_and_its_parts(seed):
    indptr, post, omega, rates = edges(seed)
    n = len(rates)
    dense = np.zeros((n, n))
    np.add.at(dense, (np.repeat(np.arange(n), np.diff(indptr)), post), omega)
    dense = dense + dense.T
    np.fill_diagonal(dense, 0)
    graph = symmetric(indptr, post, omega, n)
    chosen = np.flatnonzero(np.random.default_rng(seed).random(n) < 0.6)
    number = np.full(n, -1, np.int32)
    for found, matrix in ((graph, dense), (subgraph(graph, chosen, number), dense[np.ix_(chosen, chosen)])):
        assert lists(found.ptr, found.adj) == [np.flatnonzero(row).tolist() for row in matrix]
        assert found.weight.tolist() == matrix[matrix != 0].tolist()
    assert (number == -1).all()
    for u in range(n):
        for v in range(n):
            assert anneal_weight.between(graph.ptr, graph.adj, graph.weight, u, v) == dense[u, v]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_annealed_weight_leaves_books_that_balance(seed):
    indptr, post, omega, rates = edges(seed)
    n = len(rates)
    graph = symmetric(indptr, post, omega, n)
    state = State.of(np.arange(n) % 3, 3, -(-n // 3) + 1)
    ptr = np.append(graph.ptr, np.full(state.members.size - n, graph.ptr[-1]))
    before = weight.inside_weight(graph, state.assignment)

    def table_of():
        table = np.zeros((3, state.members.size), np.float32)
        for u in range(n):
            for e in range(graph.ptr[u], graph.ptr[u + 1]):
                table[state.part[u], graph.adj[e]] += graph.weight[e]
        return table

    table = np.zeros((3, state.members.size), np.float32)
    anneal_weight.fill_table(ptr, graph.adj, graph.weight, state.part, table)
    assert np.array_equal(table, table_of())
    gained, _ = anneal_weight.anneal(ptr, graph.adj, graph.weight, state.members, state.part, table, 2000, 5.0, 0.5, seed)
    assert weight.inside_weight(graph, state.assignment) == before + gained
    assert np.array_equal(table, table_of())
    for c, members in enumerate(state.members):
        assert (state.part[members] == c).all()


def grown(nets, capacity, price, senders_too):
    """:func:`grow` in plain words, one list of groups a vertex."""
    takes = [set(x) for x in lists(nets.in_ptr, nets.in_group)]
    gives = [
        {int(nets.out_group[e]): nets.out_rate[e] for e in range(nets.out_ptr[v], nets.out_ptr[v + 1])} for v in range(nets.n)
    ]
    whole = [sum(nets.rate[g] for g in takes[v]) for v in range(nets.n)]
    order = sorted(range(nets.n), key=lambda v: (whole[v] <= 0, v))
    part, step, seed = [-1] * nets.n, 0, None
    while -1 in part:
        members, received = [], set()

        def near(w, members=members, received=received):
            """The overlap of w with the cluster, and whether there is any."""
            meets = bool(received & takes[w])
            score = sum(nets.rate[g] for g in received & takes[w])
            if senders_too:
                score += sum(rate for g, rate in gives[w].items() if g in received)
                sends = {g for v in members for g in gives[v]} & takes[w]
                score += sum(gives[v].get(g, 0.0) for v in members for g in sends - received)
                meets = meets or bool(sends) or any(g in received for g in gives[w])
            return score, meets

        u = seed
        while -1 in part and len(members) < capacity:
            if u is None:
                u = next(v for v in order if part[v] < 0)
            part[u] = step
            members.append(u)
            received |= takes[u]
            close = [(near(w), w) for w in range(nets.n) if part[w] < 0]
            close = [(score - price * whole[w], -w) for (score, meets), w in close if meets]
            u = -max(close)[1] if close else None
        left = [(near(w), w) for w in range(nets.n) if part[w] < 0 and whole[w] > 0]
        left = [(score, -w) for (score, meets), w in left if meets and score > 0]
        seed = -max(left)[1] if left else None
        step += 1
    return part


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), price=st.sampled_from([0.0, 0.5, 1.0]), senders_too=st.booleans())
def test_growth_follows_its_plain_twin(seed, price, senders_too):
    indptr, post, _, rates = edges(seed)
    nets = fold(indptr, post, rates, len(rates))
    found = clusters(nets, 4, price=price, senders_too=senders_too)
    assert found.tolist() == grown(nets, 4, price, senders_too)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_best_homes_are_those_that_save_most(seed):
    indptr, post, _, rates = edges(seed)
    n, rng = len(rates), np.random.default_rng(seed)
    nets = fold(indptr, post, rates, n)
    part = rng.integers(-1, 4, n).astype(np.int32)
    room = rng.integers(0, 3, 4).astype(np.int64)
    loose = np.flatnonzero(part < 0)
    saving, home = best_homes(nets, part, room, loose, 3)
    held, sent = np.zeros((4, nets.n_groups), bool), np.zeros((4, nets.n_groups))
    for v in np.flatnonzero(part >= 0):
        held[part[v], nets.in_group[nets.in_ptr[v] : nets.in_ptr[v + 1]]] = True
        for e in range(nets.out_ptr[v], nets.out_ptr[v + 1]):
            sent[part[v], nets.out_group[e]] += nets.out_rate[e]
    for i, v in enumerate(loose):
        expected = np.zeros(4)
        for c in np.flatnonzero(room > 0):
            for g in nets.in_group[nets.in_ptr[v] : nets.in_ptr[v + 1]]:
                expected[c] += nets.rate[g] if held[c, g] else sent[c, g]
            for e in range(nets.out_ptr[v], nets.out_ptr[v + 1]):
                expected[c] += nets.out_rate[e] * held[c, nets.out_group[e]]
        assert saving[i].tolist() == pytest.approx(np.sort(expected)[::-1][:3].tolist())
        for k in range(3):
            assert home[i, k] < 0 or saving[i, k] == pytest.approx(expected[home[i, k]])


def test_windows_keep_the_cap_and_come_close_to_one_table(monkeypatch):
    indptr, post, omega, _ = edges(3, n=400, density=0.05)
    graph = symmetric(indptr, post, omega, 400)
    start = np.arange(400) // 8
    whole = weight.most_weight(graph, start, 8, 50, "fast", 0)
    monkeypatch.setattr(weight, "TABLE", 0)
    monkeypatch.setattr(weight, "WINDOW", 8 * 12**2)
    cut = weight.most_weight(graph, start, 8, 50, "fast", 0)
    assert np.bincount(cut).max() <= 8
    assert weight.inside_weight(graph, cut) > 0.9 * weight.inside_weight(graph, whole)
    assert weight.inside_weight(graph, cut) > 2 * weight.inside_weight(graph, start)


def test_shaking_changes_the_partition_and_the_best_one_found_is_kept():
    indptr, post, _, rates = edges(5, n=190, density=0.04)
    nets = fold(indptr, post, rates, 190)
    start = State.of(np.arange(190) // 48, 4, 48)
    refine(nets, start, 1e5, 0)
    before, least = start.assignment.copy(), packets_of(nets, start.assignment, 4)

    moved, spent = shaken(nets, start, 1)
    assert spent > 0
    assert (moved.assignment != before).any()
    assert np.bincount(moved.assignment, minlength=4).max() <= 48
    assert (start.assignment == before).all()

    budget = SLICES * 1e5
    found = [far_and_wide(nets, State.of(before, 4, 48), budget, 3, NO_LIMIT) for _ in range(2)]
    best, left = found[0]
    assert left < budget
    assert packets_of(nets, best.assignment, 4) <= least
    assert np.bincount(best.assignment, minlength=4).max() <= 48
    assert (best.assignment == found[1][0].assignment).all()
