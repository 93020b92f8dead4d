"""The networks that are no layer lists: grids of neurons, reservoirs, and what pruning leaves."""

import math

import numpy as np
import pytest

from spikemesh.errors import NetworkError
from spikemesh.network import Convolution, Dense, Layer, Pooling, Projection, SpikingNetwork, Window
from spikemesh.workloads import workload
from spikemesh.workloads.grids import edge_detection, gaussian_grid, smoothing
from spikemesh.workloads.pruning import pruned
from spikemesh.workloads.reservoirs import diehl_cook, liquid


@pytest.mark.parametrize(("n_in", "n_out", "radius"), [(16, 8, 1), (16, 8, 2), (12, 12, 3), (12, 6, 2.5), (8, 8, 1)])
def test_gaussian_fields_by_brute_force(n_in, n_out, radius):
    wanted = {}
    for y in range(n_in):
        for x in range(n_in):
            for v in range(n_out):
                for u in range(n_out):
                    d = ((y * n_out / n_in - v) ** 2 + (x * n_out / n_in - u) ** 2) / radius**2
                    if d <= 1 and math.exp(-2.3026 * d) >= 0.1:
                        wanted[y * n_in + x, v * n_out + u] = math.exp(-2.3026 * d)
    found = gaussian_grid(n_in, n_out, radius)
    edges = found.edges()
    assert list(zip(edges.pre.tolist(), edges.post.tolist(), strict=True)) == sorted(wanted)
    total = np.zeros(n_out * n_out)
    for (_, post), strength in wanted.items():
        total[post] += strength
    expected = [wanted[key] / total[key[1]] for key in sorted(wanted)]
    np.testing.assert_allclose(edges.weight, expected, rtol=1e-5)


def test_grids_have_the_counts_of_the_tables():
    assert gaussian_grid(64, 32, 1).n_synapses == 9025
    assert gaussian_grid(64, 32, 2).n_synapses == 43_803
    assert gaussian_grid(64, 32, 3).n_synapses == 103_008
    assert smoothing().fan_in().max() == 9
    assert [layer.size for layer in edge_detection("e", (1, 2)).layers] == [4096, 1024, 1024, 1024]


def test_edges_are_found_where_the_image_changes():
    from spikemesh.conversion.signals import apply

    network = edge_detection("e", (1, 2))
    image = np.zeros((64, 64))
    image[:, 32:] = 1
    narrow, wide = (apply(p.connectivity, image.reshape(1, -1)) for p in network.projections[:2])
    edges = np.maximum(4 * (narrow - wide), 0).reshape(32, 32)
    assert edges[:, :12].max() < 1e-6 and edges[:, 20:].max() < 1e-6
    assert edges[:, 14:18].max(axis=1).min() > 0.1


def test_diehl_cook():
    network = diehl_cook(5)
    inputs, excite, inhibit = (p.edges() for p in network.projections)
    assert [len(e) for e in (inputs, excite, inhibit)] == [1442, 100, 9900]
    assert len(np.unique(inputs.pre)) == 367 and int((network.fan_out() > 0).sum()) == 567
    assert len({*zip(inputs.pre.tolist(), inputs.post.tolist(), strict=True)}) == 1442
    assert (inhibit.weight < 0).all() and (inhibit.pre - 884 != inhibit.post - 784).all()
    y, x = np.divmod(np.unique(inputs.pre), 28)
    assert ((y - 13.5) ** 2 + (x - 13.5) ** 2).max() < 122  # a disc of 367 pixels has radius 10.8
    assert network.output_ids.tolist() == list(range(784, 884))


@pytest.mark.parametrize(
    ("name", "sources", "synapses", "targets"), [("HeartEstm", 166, 66_406, 519), ("VisualPursuit", 205, 163_880, 1281)]
)
def test_reservoirs_keep_both_counts(name, sources, synapses, targets):
    network = workload(name, weights="drawn")
    fan_in, edges = network.fan_in(), network.synapses
    assert int((network.fan_out() > 0).sum()) == sources and network.n_synapses == synapses
    assert int((fan_in > 0).sum()) == targets and fan_in.max() == 128 and fan_in[network.input_ids].max() == 0
    assert len(np.unique(edges.pre.astype(np.int64) * network.n_neurons + edges.post)) == synapses
    sign = np.sign(np.bincount(edges.pre, weights=edges.weight, minlength=network.n_neurons)[:sources])
    mixed = np.bincount(edges.pre, weights=np.abs(edges.weight), minlength=network.n_neurons)[:sources]
    assert np.allclose(np.abs(np.bincount(edges.pre, weights=edges.weight)[:sources]), mixed)  # no source does both
    assert 0.7 < (sign > 0).mean() < 0.9
    assert (edges.post < sources).any()  # recurrent


def test_reservoirs_of_other_sizes():
    network = liquid("small", 30, 300, 5, seed=2, fan_in=10)
    assert network.layer_sizes == (5, 25, 5) and network.fan_in()[5:].tolist() == [10] * 30


def toy():
    rng = np.random.default_rng(0)
    window = Window.of((6, 6), (3, 3))
    layers = (Layer("input", (6, 6, 1), "input"), Layer("c", (4, 4, 2)), Layer("p", (2, 2, 2)), Layer("d", (3,)))
    projections = (
        Projection(0, 36, Convolution(rng.normal(size=(3, 3, 1, 2)), window)),
        Projection(36, 68, Pooling(Window.of((4, 4), (2, 2), (2, 2)), np.ones(2))),
        Projection(68, 76, Dense(rng.normal(size=(8, 3)) * 0.001)),
    )
    return SpikingNetwork(layers, projections)


def test_pruning_keeps_the_largest_of_every_layer_and_all_pooling():
    network = toy()
    assert network.n_synapses == 288 + 32 + 24
    left = pruned(network, 150)
    assert left.n_synapses == 150
    before, after = network.synapses, left.synapses
    pooling = after.pre >= 36
    pooling &= after.pre < 68
    assert pooling.sum() == 32
    dense_before, dense_after = (np.abs(e.weight[e.pre >= 68]) for e in (before, after))
    assert 0 < len(dense_after) < 24  # small weights do not cut a layer off
    assert dense_after.min() >= np.sort(dense_before)[-len(dense_after)]
    kept = set(zip(after.pre.tolist(), after.post.tolist(), after.weight.tolist(), strict=True))
    assert kept <= set(zip(before.pre.tolist(), before.post.tolist(), before.weight.tolist(), strict=True))
    assert pruned(network, 344).n_synapses == 344
    with pytest.raises(NetworkError, match=r"32\.\.344"):
        pruned(network, 345)
    with pytest.raises(NetworkError, match=r"32\.\.344"):
        pruned(network, 31)
