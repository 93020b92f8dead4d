"""The arrays that partitioners read, against what they are said to hold."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.mapping.partition.partition import _problem
from spikemesh.network import SpikingNetwork, edge_weights


@st.composite
def problems(draw):
    n = draw(st.integers(1, 10))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    m = draw(st.integers(0, 4 * n))
    inputs = np.flatnonzero(rng.random(n) < 0.3)
    if len(inputs) == n:
        inputs = inputs[1:]
    net = SpikingNetwork.from_edges(
        rng.integers(0, n, m), rng.integers(0, n, m), rng.normal(size=m), n_neurons=n, input_ids=inputs
    )
    rates = rng.exponential(size=n)
    map_inputs = draw(st.booleans())
    return net, rates, _problem(net, rates, 3, None, None, "rate_weight", 0, map_inputs), map_inputs


@settings(deadline=None)
@given(problems())
def test_forward_synapses_are_those_of_the_network(case):
    net, rates, problem, map_inputs = case
    omega = edge_weights(net, rates)
    on_chip = np.ones(net.n_neurons, bool) if map_inputs else ~net.is_input
    expected = sorted(
        (i, j, w)
        for i, j, w in zip(net.synapses.pre.tolist(), net.synapses.post.tolist(), omega.tolist(), strict=True)
        if on_chip[j]
    )
    ids = problem.neuron_ids
    assert ids[: problem.n].tolist() == np.flatnonzero(on_chip).tolist()
    found = [(ids[i], ids[j], w) for i, j, w in zip(problem.pre, problem.post, problem.omega, strict=True)]
    assert sorted(found) == expected
    assert problem.rates.tolist() == rates[ids].tolist()
    for i in range(problem.n_sources):
        row = problem.post[problem.indptr[i] : problem.indptr[i + 1]]
        assert (np.diff(row) >= 0).all()
    assert problem.layer_of_neuron.tolist() == net.layer_of_neuron[ids[: problem.n]].tolist()


@settings(deadline=None)
@given(problems())
def test_views_agree_with_the_synapses(case):
    _, _, problem, _ = case
    pairs = list(zip(problem.pre.tolist(), problem.post.tolist(), strict=True))
    ptr, sources, index = problem.incoming
    feed_ptr, feed = problem.feeders
    for v in range(problem.n):
        held = slice(ptr[v], ptr[v + 1])
        assert sources[held].tolist() == sorted(i for i, j in pairs if j == v)
        assert [pairs[k] for k in index[held]] == [(i, v) for i in sources[held]]
        assert feed[feed_ptr[v] : feed_ptr[v + 1]].tolist() == sorted({i for i, j in pairs if j == v})
    out_ptr, out = problem.targets
    for u in range(problem.n_sources):
        assert out[out_ptr[u] : out_ptr[u + 1]].tolist() == sorted({j for i, j in pairs if i == u})


@settings(deadline=None)
@given(problems())
def test_the_undirected_graph_is_the_symmetric_sum(case):
    _, _, problem, _ = case
    dense = np.zeros((problem.n, problem.n))
    for i, j, w in zip(problem.pre, problem.post, problem.omega, strict=True):
        if i < problem.n and i != j:
            dense[i, j] += w
            dense[j, i] += w
    before = problem.post.copy(), problem.omega.copy()
    ptr, neighbour, weight = problem.undirected
    found = np.zeros_like(dense)
    for v in range(problem.n):
        row = neighbour[ptr[v] : ptr[v + 1]]
        assert (np.diff(row) > 0).all()
        found[v, row] = weight[ptr[v] : ptr[v + 1]]
    np.testing.assert_allclose(found, dense)
    assert np.array_equal(problem.post, before[0])
    assert np.array_equal(problem.omega, before[1])
