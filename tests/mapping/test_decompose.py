"""Decomposition computes what the original computes: in the rate domain exactly, in spikes up to rounding."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spikemesh.errors import MappingError
from spikemesh.mapping.decompose import CodingOptions, chain, fixed_point, realise, sample_rates, transform, tree, with_units
from spikemesh.mapping.decompose.coding import FINEST, bearable_values, code
from spikemesh.mapping.decompose.starts import arriving_deviation, missed_drive
from spikemesh.network import SpikingNetwork
from spikemesh.spiking import run_layered

LOSSLESS = [
    {"shape": "chain", "order": "sign"},
    {"shape": "tree", "order": "sign"},
    {"shape": "chain", "offset": "bound"},
    {"shape": "tree", "offset": "bound"},
    {"shape": "tree", "order": "sign", "offset": "bound", "least_value": 3.0, "k": 1.5},
]


def decompose(net, fan_in, *, shape="tree", order="natural", rates=None, **options):
    return transform.decompose(net, fan_in, shape=shape, order=order, rates=rates, options=CodingOptions(**options))


@st.composite
def layered(draw, most=12):
    """A network of two or three layers with random signs, zero weights and biases among them."""
    sizes = draw(st.lists(st.integers(1, most), min_size=2, max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pres, posts, start = [], [], 0
    for a, b in pairwise(sizes):
        joined = rng.random((a, b)) < draw(st.sampled_from([0.3, 1.0]))
        i, j = np.nonzero(joined)
        pres.append(start + i)
        posts.append(start + a + j)
        start += a
    pre, post = np.concatenate(pres), np.concatenate(posts)
    weight = rng.normal(size=len(pre)) * (rng.random(len(pre)) < 0.9)
    bias = np.where(np.arange(sum(sizes)) < sizes[0], 0.0, rng.normal(scale=0.3, size=sum(sizes)))
    return SpikingNetwork.from_edges(pre, post, weight, sizes, bias=bias), rng


@st.composite
def recurrent(draw):
    n = draw(st.integers(2, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pre, post = np.nonzero(rng.random((n, n)) < 0.7)
    weight = rng.normal(size=len(pre))
    # the spectral norm keeps the network contracting, so that there is one fixed point, and iterating reaches it
    weight *= 0.7 / max(np.linalg.norm(np.bincount(pre * n + post, weight, n * n).reshape(n, n), 2), 1e-9)
    bias = rng.normal(size=n)
    return SpikingNetwork.from_edges(
        pre, post, weight, n_neurons=n, bias=bias, input_ids=np.arange(1), output_ids=np.arange(1)
    ), rng


def capped(net, x):
    """Rates of a layered net whose neurons fire at most once a step."""
    return fixed_point(net, x, ceiling=1.0)


@settings(deadline=None)
@given(layered(), st.integers(2, 6), st.sampled_from(LOSSLESS))
def test_rates_are_those_of_the_original(case, fan_in, options):
    net, rng = case
    x = rng.random((3, len(net.input_ids)))
    split = decompose(net, fan_in, **options)
    want = capped(split.original, x)
    found = capped(split.network, x)
    np.testing.assert_allclose(found[:, : net.n_neurons], want, atol=1e-9)
    assert split.clips(want)[0] == 0 or options.get("order") == "sign"


@settings(deadline=None)
@given(layered(), st.integers(2, 6))
def test_calibrated_offsets_are_exact_on_what_they_saw(case, fan_in):
    net, rng = case
    x = rng.random((4, len(net.input_ids)))
    rates = capped(net, x)
    split = decompose(net, fan_in, offset="calibrated", rates=rates)
    np.testing.assert_allclose(capped(split.network, x)[:, : net.n_neurons], rates, atol=1e-9)
    clipped, seen = split.clips(rates)
    assert clipped == 0 and seen == split.n_links * len(x)


@settings(deadline=None)
@given(layered(), st.integers(2, 6), st.sampled_from(LOSSLESS))
def test_estimated_rates_of_units_are_those_of_the_rate_model(case, fan_in, options):
    net, rng = case
    x = rng.random((3, len(net.input_ids)))
    split = decompose(net, fan_in, **options)
    np.testing.assert_allclose(split.unit_rates(capped(net, x)), capped(split.network, x), atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(recurrent(), st.integers(2, 4), st.sampled_from(LOSSLESS))
def test_fixed_points_of_recurrent_networks_correspond(case, fan_in, options):
    net, _ = case
    split = decompose(net, fan_in, **options)
    x = np.zeros((1, 1))
    want = fixed_point(net, x, rounds=300)
    # there: the units' values that belong to the original's fixed point are one of the units' network
    units = split.unit_rates(want)
    if (want <= 1).all():  # bounds hold for rates of at most one spike a step
        again = fixed_point(split.network, x, rounds=1, start=units)
        np.testing.assert_allclose(again, units, atol=1e-9)
        # and back: the roots of any fixed point of the units' network are one of the original's
        reached = fixed_point(split.network, x, rounds=1000 * split.depth)[:, : net.n_neurons]
        np.testing.assert_allclose(fixed_point(net, x, rounds=1, start=reached), reached, atol=1e-6)


@settings(deadline=None)
@given(layered(), st.integers(2, 6), st.sampled_from(["chain", "tree"]), st.sampled_from(["natural", "sign"]))
def test_no_synapse_is_lost_or_doubled(case, fan_in, shape, order):
    net, _ = case
    split = decompose(net, fan_in, shape=shape, order=order, offset="bound")
    s, u = split.network.synapses, split.units
    kept = split.original_synapses
    pairs = sorted(zip(s.pre[kept].tolist(), u.neuron[s.post[kept]].tolist(), strict=True))
    assert pairs == sorted(zip(net.synapses.pre.tolist(), net.synapses.post.tolist(), strict=True))
    assert (~kept).sum() == split.n_links == len(split.network.synapses) - net.n_synapses
    gain = (split.coding.polarity / split.coding.value)[s.post[kept]]
    original = {(int(i), int(j)): w for i, j, w in zip(*_arrays(net), strict=True)}
    want = [original[pair] for pair in zip(s.pre[kept], u.neuron[s.post[kept]], strict=True)]
    np.testing.assert_allclose(s.weight[kept] / gain, want, atol=1e-12)


@settings(deadline=None)
@given(layered(), st.integers(2, 6))
def test_units_are_as_many_as_the_formula_says(case, fan_in):
    net, _ = case
    m = net.fan_in()
    driven = m[m > 0]
    for make in (chain, tree):
        units = make(net, fan_in)
        units.check(net)
        assert units.fan_in.max(initial=0) <= fan_in
        assert units.n_units == len(m) - len(driven) + np.maximum(-(-(driven - 1) // (fan_in - 1)), 1).sum()
    assert (chain(net, 2).n_units - (m == 0).sum()) == np.maximum(driven - 1, 1).sum()
    depth = tree(net, fan_in).depth[m > 0]
    least = np.ceil(np.log(np.maximum(driven, 2)) / np.log(fan_in) - 1e-9)
    assert (depth == np.maximum(least, 1)).all()
    assert (chain(net, 2).depth[m > 0] == np.maximum(driven - 1, 1)).all()
    sign = tree(net, fan_in, "sign")
    sign.check(net)
    assert sign.fan_in.max(initial=0) <= fan_in and (sign.depth[m > 0] <= depth + 1).all()


@settings(deadline=None)
@given(layered(), st.integers(2, 5))
def test_sign_trees_mix_signs_in_roots_only(case, fan_in):
    net, _ = case
    units = tree(net, fan_in, "sign")
    n = net.n_neurons
    low = units.sum_up(np.bincount(units.of_synapse, np.minimum(net.synapses.weight, 0), units.n_units))
    high = units.sum_up(np.bincount(units.of_synapse, np.maximum(net.synapses.weight, 0), units.n_units))
    assert ((low[n:] == 0) | (high[n:] == 0)).all()


def two_inputs_each(weights, **options):
    """One neuron with these weights from as many inputs, as a chain of fan-in-of-two units."""
    m = len(weights)
    net = SpikingNetwork.from_edges(np.arange(m), np.full(m, m), weights, [m, 1])
    return net, decompose(net, 2, shape="chain", **options)


def test_equation_1_in_natural_order_loses_negative_partial_sums():
    net, split = two_inputs_each([-1.0, 0.25, 1.0, 0.5])
    x = np.ones((1, 4))
    assert capped(net, x)[0, -1] == 0.75
    assert capped(split.network, x)[0, 4] == 1.0  # u_1 = f(-0.75) = 0, so that 1.5 is left


def test_order_by_sign_loses_nothing_there():
    _, split = two_inputs_each([-1.0, 0.25, 1.0, 0.5], order="sign")
    assert capped(split.network, np.ones((1, 4)))[0, 4] == 0.75


def test_printed_normalisation_weighs_the_carried_sum_wrongly():
    """Equations 2 and 3 as printed, by hand: x = 1, weights 0.5, 0.5, 0.25."""
    _, split = two_inputs_each([0.5, 0.5, 0.25], normalisation="paper", rates=[[0.4, 0.4, 0.4, 0.5]])
    s1, s2 = 0.4 * 0.5 + 0.4 * 0.5, 0.4 * 0.25
    root, unit = 3, 4
    weight = {(int(i), int(j)): w for i, j, w in zip(*_arrays(split.network), strict=True)}
    assert weight == pytest.approx({(0, unit): 0.5 / s1, (1, unit): 0.5 / s1, (unit, root): 1 / s2, (2, root): 0.25 / s2})
    x = np.full((1, 3), 0.4)
    # u_1 fires at 1, so the sum is (1 + 0.1) / S_2, where the original's is 0.5: proportional only if S_1 were 1
    assert fixed_point(split.network, x)[0, root] == pytest.approx((1 + 0.1) / s2)
    right = two_inputs_each([0.5, 0.5, 0.25], rates=[[0.4, 0.4, 0.4, 0.5]])[1]
    assert fixed_point(right.network, x)[0, root] == pytest.approx(0.5)


def _arrays(net):
    return net.synapses.pre, net.synapses.post, net.synapses.weight


@settings(max_examples=25, deadline=None)
@given(layered(most=8), st.integers(2, 5), st.sampled_from(LOSSLESS[1:4]))
def test_spike_counts_stay_within_the_rounding_of_units(case, fan_in, options):
    net, rng = case
    assume(len(net.layers) == 2)
    x = rng.random((2, len(net.input_ids)))
    split = decompose(net, fan_in, **options)
    steps = 200
    want = run_layered(net, x, steps, record="counts", per_sample=True, workers=1).sample_counts
    found = run_layered(split.network, x, steps, record="counts", per_sample=True, workers=1).sample_counts
    n = net.n_neurons
    value = np.bincount(split.units.neuron[n:], split.coding.value[n:], n)
    drive = np.bincount(net.synapses.post, np.abs(net.synapses.weight), n) + np.abs(net.bias)
    slack = 3 + value + 2 * split.depth * drive + split.depth * np.bincount(split.units.neuron[n:], split.coding.offset[n:], n)
    assert (np.abs(want - found[:, :n]) <= slack).all()


def test_a_blank_image_costs_what_offsets_cost():
    weights = [0.5, -0.5, 0.25, -0.25]
    net, split = two_inputs_each(weights, offset="bound")
    quiet = two_inputs_each(weights, order="sign")[1]
    assert quiet.blank_rates.sum() == 0
    counted = run_layered(split.network, np.zeros((1, 4)), 100, record="counts", workers=1)
    assert counted.counts[net.n_neurons :].sum() == pytest.approx(100 * split.blank_rates.sum(), abs=split.n_links)
    assert counted.counts[4] == 0


def test_roots_keep_the_place_of_their_neurons():
    rng = np.random.default_rng(1)
    weight = rng.normal(size=(20, 5))
    pre, post = np.indices(weight.shape)
    net = SpikingNetwork.from_edges(pre.ravel(), 20 + post.ravel(), weight.ravel(), [20, 5])
    split = decompose(net, 4, offset="bound")
    assert split.network.layer_sizes[:2] == (20, 5)
    assert (split.network.input_ids == net.input_ids).all() and (split.network.output_ids == net.output_ids).all()
    assert split.network.layers[2].kind == "unit" and split.network.layers[2].size == split.n_links


def test_what_fits_is_returned_as_it_is():
    net = SpikingNetwork.from_edges([0, 1], [2, 2], [0.5, 0.5], [2, 1])
    assert decompose(net, 2).network is net


def test_neurons_that_rest_are_given_time_to_say_their_sum():
    weights = [0.4] * 6
    net = SpikingNetwork.from_edges(range(6), [6] * 6, weights, [6, 1], refractory_ms=3.0)
    units = tree(net, 3)
    assert (code(net, units).value[7:] == 3 * code(net, units, CodingOptions(k=1 / 3)).value[7:]).all()


def test_sums_that_hardly_move_are_not_told_in_ever_finer_spikes():
    net = SpikingNetwork.from_edges(range(6), [6] * 6, [1e-9, -1e-9, 1e-9, 0.5, 0.5, 0.5], [6, 1])
    split = decompose(net, 3, offset="bound")
    assert np.abs(split.network.synapses.weight).max() <= 0.5 / FINEST
    x = np.random.default_rng(0).random((3, 6))
    np.testing.assert_allclose(capped(split.network, x)[:, :7], capped(net, x), atol=1e-9)


def split_pair():
    """Four inputs into neuron 4 in two units of two and its root, which feeds output 5 with weight -3."""
    net = SpikingNetwork.from_edges([0, 1, 2, 3, 4], [4, 4, 4, 4, 5], [0.5, 0.5, 0.5, -0.5, -3.0], [4, 1, 1])
    return net, tree(net, 2)


def test_spikes_stand_for_what_their_receivers_bear():
    net, units = split_pair()
    assert units.n_links == 2
    rates = np.zeros((2, 6))
    rates[:, 4], rates[:, 5] = [0.1, 0.5], [0.2, 0.4]
    value = bearable_values(net, units, rates, 0.05, 100)
    # two partial sums, each a variance of S^2 / 12, times 3^2 on the way; the output's counts vary by 10 spikes
    assert value[4] == pytest.approx(0.05 * 10 / np.sqrt(9 * 2 / 12))
    assert (value[[0, 1, 2, 3, 5]] == 0).all()
    alone = replace(net, output_ids=np.array([4, 5], np.int32))  # now its own counts matter, too: they vary by 20
    assert bearable_values(alone, units, rates, 0.05, 100)[4] == pytest.approx(value[4])
    far = SpikingNetwork.from_edges([0, 1, 2, 3], [4, 4, 4, 4], [0.5] * 4, [4, 1])
    assert bearable_values(far, tree(far, 2), rates[:, :5], 0.05, 100)[4] == pytest.approx(0.05 * 20 / np.sqrt(2 / 12))
    coded = code(net, units, CodingOptions("bound", precision=0.05), rates, 100)
    assert coded.value[6:] == pytest.approx(np.maximum(code(net, units, CodingOptions("bound")).value[6:], value[4]))


def test_rounding_reaches_the_neurons_behind():
    net, units = split_pair()
    coding = code(net, units, CodingOptions("bound", least_value=2.0))
    found = arriving_deviation(net, units, coding)
    assert found[4] == pytest.approx(np.sqrt(2 * 4 / 12)) and found[5] == pytest.approx(3 * np.sqrt(2 * 4 / 12))
    assert (found[[0, 1, 2, 3, 6, 7]] == 0).all()
    start = realise(net, units, coding, guard=2.0).network.initial_potential
    assert start[5] == pytest.approx(-6 * np.sqrt(8 / 12))


def test_what_comes_later_than_the_rest_is_missed():
    """Neuron 4 takes 3 through a unit and 2 directly; output 5 takes input 0 at once, and neuron 4 one step late."""
    net = SpikingNetwork.from_edges([0, 1, 2, 3, 0, 4], [4, 4, 4, 4, 5, 5], [0.5, 0.5, 0.5, 0.5, 1.0, -2.0], [4, 1, 1])
    units = tree(net, 3)
    late = units.distance[units.of_synapse]
    typical = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.0])
    missed = missed_drive(net, units, typical)
    of_4 = net.synapses.post == 4
    assert 0 < late[of_4].sum() < of_4.sum()
    assert missed[4] == pytest.approx((0.5 * typical[net.synapses.pre] * late)[of_4].sum())
    assert missed[5] == pytest.approx(-2.0 * 0.5 * 1)
    shifted = realise(net, units, code(net, units), 0.0, typical).network.initial_potential
    assert shifted[5] == pytest.approx(-1.0) and shifted[4] == 0.0  # what is owed is not given in advance


def test_sample_rates_count_each_sample():
    net = SpikingNetwork.from_edges([0], [1], [0.5], [1, 1])
    trace = run_layered(net, [[0.5], [1.0]], 10, workers=1)
    np.testing.assert_allclose(sample_rates(trace), [[0.5, 0.2], [1.0, 0.4]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": "ring"}, "shape must be one of tree, chain"),
        ({"order": "random"}, "order must be one of natural, sign"),
        ({"offset": "some"}, "offset must be one of none, bound, calibrated"),
        ({"offset": "calibrated"}, "needs the rates of samples"),
        ({"normalisation": "paper"}, "needs the rates of samples"),
        ({"normalisation": "paper", "offset": "bound"}, "rates of samples|knows no offset"),
        ({"k": 0.0}, "k must be positive"),
        ({"precision": -0.1}, "precision must not be negative"),
        ({"tolerance": -0.1}, "tolerance must not be negative"),
        ({"precision": 0.1, "rates": [[0.0] * 4]}, "needs the steps"),
        ({"precision": 0.1}, "needs the rates of samples"),
        ({"least_value": -1.0}, "least_value must not be negative"),
        ({"rates": [[1.0]]}, r"rates must be \(n_samples, 4\)"),
        ({"rates": [[-1.0, 0, 0, 0]]}, "not negative"),
    ],
)
def test_bad_options_are_named(options, message):
    net = SpikingNetwork.from_edges([0, 1, 2], [3, 3, 3], [0.5] * 3, [3, 1])
    with pytest.raises(MappingError, match=message):
        decompose(net, 2, **options)


def test_other_bad_requests_are_named():
    net = SpikingNetwork.from_edges([0, 1, 2], [3, 3, 3], [0.5] * 3, [3, 1])
    for fan_in in (1, 2.5, True):
        with pytest.raises(MappingError, match="fan-in of at least 2"):
            decompose(net, fan_in)
    zero = SpikingNetwork.from_edges([0, 1, 2], [3, 3, 3], [0.5] * 3, [3, 1], reset="zero")
    with pytest.raises(MappingError, match="resets to zero"):
        decompose(zero, 2)
    units = tree(net, 2)
    other = SpikingNetwork.from_edges([0, 1, 2], [3, 3, 4], [0.5] * 3, [3, 2])
    with pytest.raises(MappingError, match="not of"):
        with_units(other, units)
    moved = tree(net, 2)
    moved.of_synapse[0] = 1
    with pytest.raises(MappingError, match="a synapse ends in a unit of another neuron"):
        with_units(net, moved)
    loop = tree(net, 2)
    loop.parent[4] = 4
    with pytest.raises(MappingError, match="loop"):
        with_units(net, loop)


def test_realise_keeps_float32_weights():
    rng = np.random.default_rng(2)
    weight = rng.normal(size=(10, 3)).astype(np.float32)
    pre, post = np.indices(weight.shape)
    net = SpikingNetwork.from_edges(pre.ravel(), 10 + post.ravel(), weight.ravel(), [10, 3])
    units = tree(net, 4)
    assert realise(net, units, code(net, units, CodingOptions("bound"))).network.synapses.weight.dtype == np.float32
