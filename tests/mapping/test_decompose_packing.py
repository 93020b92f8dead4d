"""Packings of split neurons: every crossbar within limits, nothing lost, and as few crossbars as promised."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikemesh as sm
from spikemesh.errors import MappingError
from spikemesh.mapping import load_recipe, map_network
from spikemesh.mapping.check import check
from spikemesh.mapping.decompose import CodingOptions, fixed_point, with_units
from spikemesh.mapping.decompose.bounds import crossbar_bound, least_crossbars
from spikemesh.mapping.decompose.bounds_dense import least_dense
from spikemesh.mapping.decompose.carving import grow_block
from spikemesh.mapping.decompose.choosing import pack_best
from spikemesh.mapping.decompose.combining import fill_rows, stream
from spikemesh.mapping.decompose.compacting import dissolve, join
from spikemesh.mapping.decompose.fitting import pack_fit
from spikemesh.mapping.decompose.grouping import GROUPINGS, Grouping, cut_layer
from spikemesh.mapping.decompose.packing import columns_of, pack_blocks
from spikemesh.mapping.decompose.tiling import pack_inputs
from spikemesh.mapping.decompose.units import Units
from spikemesh.mapping.legalisation import drop_synapses
from spikemesh.network import Layer, SpikingNetwork
from spikemesh.spiking import run_layered

PACKERS = [
    (pack_blocks, {}),
    (pack_blocks, {"order": "sign", "least": 1}),
    (pack_blocks, {"grouping": "index", "group": 2, "least": 2}),
    (pack_fit, {}),
    (pack_fit, {"order": "sign", "shares": (0.5,)}),
    (pack_best, {}),
]


@st.composite
def networks(draw):
    """Layered or recurrent, dense or sparse, often with fan-ins over the rows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_in, n_out = draw(st.integers(2, 8)), draw(st.integers(1, 8))
    if draw(st.booleans()):
        n = draw(st.integers(2, 20))
        sizes, inputs = None, np.arange(2)
        joined = rng.random((n, n)) < draw(st.sampled_from([0.2, 0.9]))
    else:
        sizes = draw(st.lists(st.integers(1, 14), min_size=2, max_size=3))
        n, inputs = sum(sizes), np.arange(sizes[0])
        layer = np.repeat(np.arange(len(sizes)), sizes)
        joined = (layer[:, None] + 1 == layer[None, :]) & (rng.random((n, n)) < draw(st.sampled_from([0.3, 1.0])))
    pre, post = np.nonzero(joined)
    weight = rng.normal(size=len(pre))
    net = SpikingNetwork.from_edges(pre, post, weight, sizes, n_neurons=n, input_ids=inputs, output_ids=[n - 1])
    if sizes is not None and draw(st.booleans()):
        net = in_places(net, draw(st.integers(1, 3)))
    on_chip = np.ones(n, bool) if draw(st.booleans()) else ~net.is_input
    return net, n_in, n_out, on_chip, rng


def in_places(net, channels):
    """Layers whose size allows it get height, width and channels."""
    layers = []
    for layer in net.layers:
        area = layer.size // channels
        height = max(h for h in (1, 2, 3) if area % h == 0) if area else 1
        whole = layer.size % channels == 0 and area > 1
        layers.append(replace(layer, shape=(height, area // height, channels)) if whole else layer)
    return replace(net, layers=tuple(layers))


def assert_legal(net, packed, n_in, n_out, on_chip):
    units, cluster = packed.units, packed.cluster
    units.check(net)
    n = net.n_neurons
    assert cluster.shape == (units.n_units,)
    assert (cluster[:n][on_chip] >= 0).all() and (cluster[:n][~on_chip] == -1).all()
    assert on_chip[units.neuron[n:]].all() and (cluster[n:] >= 0).all()
    assert sorted(set(cluster[cluster >= 0].tolist())) == list(range(packed.n_clusters))
    rows = [set() for _ in range(packed.n_clusters)]
    for e, u in enumerate(units.of_synapse.tolist()):
        if cluster[u] >= 0:
            rows[cluster[u]].add(int(net.synapses.pre[e]))
    for u in range(n, units.n_units):
        rows[cluster[units.parent[u]]].add(u)
    assert max((len(r) for r in rows), default=0) <= n_in
    assert np.bincount(cluster[cluster >= 0]).max(initial=0) <= n_out
    assert packed.n_clusters >= least_crossbars(net, n_in, n_out, on_chip)


@pytest.mark.parametrize(("pack", "options"), PACKERS)
@settings(deadline=None, max_examples=60)
@given(case=networks())
def test_every_crossbar_keeps_its_limits_and_nothing_is_lost(pack, options, case):
    net, n_in, n_out, on_chip, _ = case
    n_out = max(n_out, 2) if options.get("order") == "sign" else n_out
    assert_legal(net, pack(net, n_in, n_out, on_chip=on_chip, **options), n_in, n_out, on_chip)


@settings(deadline=None, max_examples=60)
@given(case=networks(), rows=st.integers(2, 8), aspect=st.sampled_from([0.5, 1.0, 2.0]), least=st.integers(1, 4))
def test_tiled_inputs_keep_limits_or_say_that_they_cannot(case, rows, aspect, least):
    net, n_in, n_out, on_chip, _ = case
    try:
        packed = pack_inputs(net, n_in, n_out, on_chip=on_chip, rows=rows, aspect=aspect, least=least)
    except MappingError:
        return
    assert_legal(net, packed, n_in, n_out, on_chip)


@settings(deadline=None, max_examples=60)
@given(case=networks(), which=st.integers(0, len(PACKERS) - 1))
def test_packed_units_compute_the_rates_of_the_original(case, which):
    net, n_in, n_out, on_chip, rng = case
    if net.fan_in()[net.input_ids].any():
        return  # a recurrent net has no rates without iterating; its transform is tested by itself
    pack, options = PACKERS[which]
    n_out = max(n_out, 2)
    packed = pack(net, n_in, n_out, on_chip=on_chip, **options)
    order = options.get("order", "natural")
    split = with_units(net, packed.units, CodingOptions("none" if order == "sign" else "bound"))
    x = rng.random((2, len(net.input_ids)))
    rounds = net.n_neurons + packed.units.n_units
    want = fixed_point(net, x, ceiling=1.0, rounds=60)
    if not np.array_equal(want, fixed_point(net, x, ceiling=1.0, rounds=61)):
        return  # recurrent, and it does not settle
    found = fixed_point(split.network, x, ceiling=1.0, rounds=60 * rounds)
    if (fixed_point(split.network, x, rounds=1, ceiling=1.0, start=found) == found).all():
        again = fixed_point(net, x, ceiling=1.0, rounds=1, start=found[:, : net.n_neurons])
        np.testing.assert_allclose(again, found[:, : net.n_neurons], atol=1e-9)


@settings(deadline=None, max_examples=60)
@given(case=networks())
def test_never_more_crossbars_than_whole_neurons_need(case):
    net, n_in, n_out, on_chip, _ = case
    dropped = drop_synapses(net, n_in)
    ours = pack_best(dropped, n_in, n_out, on_chip=on_chip)
    if not on_chip.any():
        return
    for method in ("spinemap-released", "spinemap", "overlap"):
        theirs = sm.partition(dropped, None, method, capacity=n_out, axons=n_in, map_inputs=bool(on_chip.all()))
        assert ours.n_clusters <= theirs.n_clusters


@settings(deadline=None, max_examples=30)
@given(case=networks())
def test_packing_repeats(case):
    net, n_in, n_out, on_chip, _ = case
    first, second = (pack_best(net, n_in, n_out, on_chip=on_chip) for _ in range(2))
    assert (first.cluster == second.cluster).all() and (first.units.of_synapse == second.units.of_synapse).all()


def four_by_four():
    """The motivating example: y1 = {x1, x2}, y2 = {x2 .. x6}, y3 = {x3 .. x6}; x6 -> y2 has the smallest weight."""
    inputs = {6: [0, 1], 7: [1, 2, 3, 4, 5], 8: [2, 3, 4, 5]}
    pre = [i for y in inputs for i in inputs[y]]
    post = [y for y in inputs for _ in inputs[y]]
    weight = np.array([0.1 if (i, y) == (5, 7) else 0.5 for i, y in zip(pre, post, strict=True)])
    return SpikingNetwork.from_edges(pre, post, weight, [6, 3])


@pytest.mark.parametrize("pack", [pack_fit, pack_best])
def test_the_papers_example_needs_two_crossbars_where_spinemap_needs_three(pack):
    net = four_by_four()
    on_chip = ~net.is_input
    packed = pack(net, 4, 4, on_chip=on_chip)
    assert_legal(net, packed, 4, 4, on_chip)
    assert packed.n_clusters == 2
    dropped = drop_synapses(net, 4)
    assert dropped.n_synapses == net.n_synapses - 1
    for method in ("spinemap-released", "spinemap"):
        assert sm.partition(dropped, None, method, capacity=4, axons=4, map_inputs=False).n_clusters == 3


@pytest.mark.parametrize(
    ("recipe", "crossbars"), [("decomposed-fit", 2), ("decomposed", 2), ("spinemap-released", 3), ("spinemap", 3)]
)
def test_the_papers_example_through_recipes(recipe, crossbars):
    net = four_by_four()
    hw = sm.load_hardware("dynap-se", overrides={"crossbar.n_in": 4, "crossbar.n_out": 4})
    mapped = map_network(net, None, hw, recipe, map_inputs=False)
    assert mapped.n_crossbars == crossbars and check(mapped) == []
    original = mapped.network.n_synapses if mapped.original_synapses is None else int(mapped.original_synapses.sum())
    assert original == (11 if recipe.startswith("decomposed") else 10)
    assert mapped.synapse_utilisation_original == original / (16 * crossbars)


def dense(m, n):
    pre, post = np.indices((m, n)).reshape(2, -1)
    return SpikingNetwork.from_edges(pre, m + post, np.random.default_rng(0).normal(size=m * n), [m, n])


@pytest.mark.parametrize(
    ("m", "n", "crossbars", "least", "proved"),
    [
        (784, 256, 27, 25, 26),
        (784, 100, 12, 11, 12),
        (400, 120, 7, 6, 7),
        (512, 512, 32, 32, 32),
        (1024, 128, 16, 16, 16),
        (257, 128, 5, 5, 5),
        (300, 256, 11, 9, 10),
        (600, 300, 26, 24, 26),
        (384, 128, 7, 6, 7),
    ],
)
def test_dense_layers_come_near_the_bound(m, n, crossbars, least, proved):
    net = dense(m, n)
    packed = pack_best(net, 128, 128, on_chip=~net.is_input)
    assert packed.n_clusters <= crossbars
    bound = crossbar_bound(n, m, 128, 128)
    assert bound == pytest.approx(n * (m - 64) / 8192)
    assert crossbar_bound(n, m, 128, 128, narrow=True) >= bound
    assert least_crossbars(net, 128, 128, ~net.is_input) == least >= bound
    assert least_dense(n, m, 128, 128) == proved >= least
    # near the bound, or where no packing can be
    assert packed.n_clusters <= 1.25 * bound or proved > 1.25 * bound
    assert packed.n_clusters <= 1.1 * proved


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 12), st.integers(1, 8), st.integers(2, 7), st.integers(1, 7))
def test_no_packing_beats_the_bound(m, n, n_in, n_out):
    full = dense(m, n)
    packed = pack_best(full, n_in, n_out, on_chip=~full.is_input)
    assert packed.n_clusters >= crossbar_bound(n, m, n_in, n_out, narrow=True) - 1e-9
    assert packed.n_clusters >= least_dense(n, m, n_in, n_out)


def test_more_partial_sums_than_rows_get_units_in_between():
    net = dense(60, 3)
    packed = pack_best(net, 3, 3, on_chip=~net.is_input)
    assert_legal(net, packed, 3, 3, ~net.is_input)
    assert packed.units.depth.max() > 2


def test_a_neuron_alone_in_its_group_has_units_filled_to_the_last_row():
    net = dense(64, 1)
    packed = pack_blocks(net, 16, 16, on_chip=~net.is_input)
    assert packed.units.n_links == 4 and packed.n_clusters == 5 == least_dense(1, 64, 16, 16)


def test_combiners_are_filled_to_the_last_row():
    """Roots of 9 sums each on 16 rows: two a crossbar do not fit, so that some leave a unit behind."""
    home, owner, size, place, opened = fill_rows(np.full(4, 9), 16, 16)
    assert home.tolist() == [0, 1, 1, 2] and owner.tolist() == [1, 3] and size.tolist() == [7, 4] and place.tolist() == [0, 1]
    assert opened == 3
    parent = np.concatenate([np.full(4, -1), np.repeat(np.arange(4), 9)]).astype(np.int32)
    neuron = np.concatenate([np.arange(4), np.repeat(np.arange(4), 9)]).astype(np.int32)
    leaves = 4 + np.arange(36, dtype=np.int32)
    net = SpikingNetwork.from_edges(np.arange(36), 36 + np.repeat(np.arange(4), 9), np.ones(36), [36, 4])
    units = Units(neuron, parent, leaves, np.arange(4, dtype=np.int32))
    cluster = np.concatenate([np.arange(4), np.full(36, 4)]).astype(np.int32)
    more, placed = stream(units, cluster, 16, 16)
    assert len(np.unique(placed)) == len(np.unique(cluster)) - 1
    assert (more.neuron[more.of_synapse] == net.synapses.post - 36).all() and more.n_links == 38
    assert sorted(more.fan_in.tolist()) == [1] * 36 + [3, 4, 6, 7, 9, 9]
    assert more.depth.tolist() == [2, 3, 2, 3]


def test_uses_few_crossbars_on_receptive_fields():
    net = sm.workload("EdgeDet")
    packed = pack_best(net, 128, 128, on_chip=~net.is_input)
    released = sm.partition(net, None, "spinemap-released", capacity=128, axons=128, map_inputs=False)
    assert 10 * packed.n_clusters <= released.n_clusters


def test_growing_a_block_by_hand():
    """Inputs 0 and 1 feed columns 0 and 1, input 2 feeds column 2 alone: it is not worth a place in the block."""
    pending = np.array([[0b011], [0b011], [0b100]], np.uint64)
    chosen, bits = np.empty(2, np.int64), np.zeros((2, 1), np.uint64)
    assert grow_block(pending, 3, 2, chosen, bits) == 2
    assert chosen.tolist() == [0, 1] and bits.ravel().tolist() == [3, 3] and pending.ravel().tolist() == [0, 0, 4]


def test_joining_counts_shared_rows_once():
    rows, row_ptr = np.array([0, 1, 1, 2, 3, 4], np.int32), np.array([0, 2, 4, 6])
    sizes, order = np.array([1, 1, 1]), np.arange(3)
    assert join(row_ptr, rows, sizes, order, 3, 3, 5, True).tolist() == [0, 0, 1]
    assert join(row_ptr, rows, sizes, order, 3, 3, 5, False).tolist() == [0, 1, 2]
    assert join(row_ptr, rows, sizes, order, 3, 1, 5, True).tolist() == [0, 1, 2]


def test_dissolving_moves_all_members_or_none():
    feed_ptr, feed = np.array([0, 2, 4, 6, 8]), np.array([0, 1, 0, 1, 2, 3, 1, 2], np.int32)
    part = dissolve(np.array([0, 1, 2, 3]), feed_ptr, feed, 3, 3)
    clusters = [set(np.flatnonzero(part == c).tolist()) for c in sorted(set(part.tolist()))]
    assert sorted(map(sorted, clusters)) in ([[0, 1], [2, 3]], [[0, 1, 3], [2]])


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), n_in=st.integers(3, 8), n_out=st.integers(1, 6))
def test_dissolving_keeps_limits_and_members(seed, n_in, n_out):
    rng = np.random.default_rng(seed)
    needs = rng.integers(0, n_in + 1, 30)
    feeds = [np.sort(rng.choice(20, size, replace=False)) for size in needs]
    ptr, feed = np.concatenate([[0], np.cumsum(needs)]), np.concatenate(feeds).astype(np.int32)
    before = np.where(needs > 0, np.arange(30), -1)
    after = dissolve(before, ptr, feed, n_in, n_out)
    assert ((after >= 0) == (needs > 0)).all()
    used = np.unique(after[after >= 0])
    assert len(used) <= (needs > 0).sum()
    for c in used:
        members = np.flatnonzero(after == c)
        assert len(members) <= n_out and len(set(np.concatenate([feeds[v] for v in members]).tolist())) <= n_in


@settings(deadline=None, max_examples=40)
@given(case=networks(), order=st.sampled_from(["natural", "sign"]), width=st.integers(2, 8), n_out=st.integers(2, 8))
def test_groups_hold_every_column_once_and_neurons_whole(case, order, width, n_out):
    net, n_in, _, on_chip, _ = case
    columns = columns_of(net, on_chip, order)
    for grouping in GROUPINGS:
        groups, least = Grouping(net, columns, n_in, n_out).groups(grouping, min(width, n_out), None)
        assert len(groups) == len(least)
        assert sorted(c for group in groups for c in group.tolist()) == list(range(len(columns.neuron)))
        assert all(0 < len(group) <= n_out for group in groups)
        for group in groups:
            inside = np.isin(columns.neuron, columns.neuron[group])
            assert inside.sum() == len(group)  # the other sign of a neuron is never elsewhere


def test_rectangles_of_places():
    layer = Layer("conv", (3, 4, 2), "conv")
    tiles = [tile.tolist() for tile in cut_layer(layer, (2, 3, 2), np.arange(24))]
    assert tiles == [[0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13], [6, 7, 14, 15], [16, 17, 18, 19, 20, 21], [22, 23]]
    alone = np.array([1, 3, 22])  # indices into what is given
    assert [tile.tolist() for tile in cut_layer(layer, (3, 2, 1), alone)] == [[0, 1], [2]]


def test_receptive_fields_are_packed_to_the_last_rows():
    """16 places of 4 channels that read 2 x 2 each: rows are what limits, and hardly any is left over."""
    y, x, c, dy, dx = np.indices((12, 12, 4, 2, 2)).reshape(5, -1)
    pre = (2 * y + dy) * 24 * 4 + (2 * x + dx) * 4 + c
    net = SpikingNetwork.from_edges(pre, 2304 + (12 * y + x) * 4 + c, np.ones(len(pre)), [2304, 576])
    net = replace(net, layers=(Layer("input", (24, 24, 4), "input"), Layer("pool", (12, 12, 4), "pool")))
    packed = pack_best(net, 128, 128, on_chip=~net.is_input)
    assert packed.n_clusters == 18 == least_crossbars(net, 128, 128, ~net.is_input)
    assert packed.units.n_links == 0


def trained_net():
    """Two dense layers with weights that make rates of at most one spike a step, and some images."""
    rng = np.random.default_rng(3)
    sizes = (40, 20, 4)
    pre, post, weight = [], [], []
    start = 0
    for a, b in ((40, 20), (20, 4)):
        i, j = np.indices((a, b)).reshape(2, -1)
        pre.append(start + i)
        post.append(start + a + j)
        weight.append(rng.normal(size=a * b) * 2 / np.sqrt(a))
        start += a
    net = SpikingNetwork.from_edges(*(np.concatenate(x) for x in (pre, post, weight)), sizes)
    return net, rng.random((6, 40))


def test_recipes_keep_the_answers_and_estimate_the_rates():
    net, x = trained_net()
    trace = run_layered(net, x, 200, workers=1)
    hw = sm.load_hardware("dynap-se", overrides={"crossbar.n_in": 16, "crossbar.n_out": 16})
    mapped = map_network(net, trace, hw, "decomposed")
    assert check(mapped) == []
    record = mapped.trail[0]
    assert record.measures["crossbars_least"] == least_crossbars(net, 16, 16) <= mapped.n_crossbars
    assert record.measures["rates_estimated"] == 1.0 and record.measures["clipped_share"] == 0.0
    own = run_layered(mapped.network, x, 200, workers=1)
    estimated = record.measures["link_spikes_per_step"] * 200
    counted = own.counts[net.n_neurons :].sum() / len(x)
    assert counted == pytest.approx(estimated, rel=0.1)
    assert (own.predictions == trace.predictions).mean() >= 5 / 6
    run = sm.simulate(mapped, own)
    assert run.verdict == "drained"
    assert mapped.synapse_utilisation_original < mapped.synapse_utilisation
    kept = int(mapped.original_synapses.sum())
    assert kept == net.n_synapses
    columns, rows = mapped.columns_available, mapped.rows_available
    assert mapped.synapse_utilisation_original == kept / (columns * rows).sum()


def test_without_a_trace_offsets_come_from_the_weights():
    net, x = trained_net()
    hw = sm.load_hardware("dynap-se", overrides={"crossbar.n_in": 16, "crossbar.n_out": 16})
    mapped = map_network(net, None, hw, "decomposed")
    assert "clipped_share" not in mapped.trail[0].measures
    want = fixed_point(net, x, ceiling=1.0)
    found = fixed_point(mapped.network, x, ceiling=1.0)
    np.testing.assert_allclose(found[:, : net.n_neurons], want, atol=1e-9)


def test_uniform_units_leave_clusters_to_a_later_pass(tmp_path):
    recipe = tmp_path / "trees.toml"
    recipe.write_text(
        '[[passes]]\npass = "decompose"\npacking = "none"\nfan_in = 4\noffset = "bound"\n'
        '[[passes]]\npass = "partition"\nmethod = "overlap"\n[[passes]]\npass = "place"\nmethod = "id-order"\n'
    )
    net, _ = trained_net()
    hw = sm.load_hardware("dynap-se", overrides={"crossbar.n_in": 16, "crossbar.n_out": 16})
    mapped = map_network(net, None, hw, recipe)
    assert mapped.network.fan_in().max() <= 4 and check(mapped) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('packing = "loose"', "packing must be one of blocks, fit, none"),
        ('packing = "none"\nshape = "ring"', "shape must be one of"),
        ('packing = "none"\nfan_in = 17', "fan_in = 17 exceeds the 16 rows"),
        ('order = "any"', "order"),
        ('offset = "calibrated"', "needs the rates of samples"),
    ],
)
def test_bad_options_of_the_pass_are_named(tmp_path, options, message):
    recipe = tmp_path / "bad.toml"
    recipe.write_text(f'[[passes]]\npass = "decompose"\n{options}\n[[passes]]\npass = "place"\n')
    hw = sm.load_hardware("dynap-se", overrides={"crossbar.n_in": 16, "crossbar.n_out": 16})
    with pytest.raises(MappingError, match=message):
        map_network(dense(20, 3), None, hw, recipe)


def test_chips_without_a_row_limit_split_nothing():
    net = dense(20, 3)
    hw = sm.load_hardware("gpa-grid")
    assert math.isinf(hw.crossbar.n_in)
    for recipe in ("decomposed", "decomposed-fit"):
        mapped = map_network(net, None, hw, load_recipe(recipe))
        assert mapped.network.n_neurons == net.n_neurons and mapped.synapse_utilisation_original > 0
        assert np.array_equal(mapped.assignment, map_network(net, None, hw, "auto").assignment)
