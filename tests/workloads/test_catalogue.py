"""Every network of the papers, by name, with the counts that its verdict claims."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spikemesh.errors import DataError, NetworkError
from spikemesh.workloads import available_workloads, prepare, workload
from spikemesh.workloads.catalogue import catalogue, find

NAMES = [
    "digits_cnn", "synthetic_4k", "MLP_mnist", "LeNet_mnist", "LeNet_mnist_padded", "Zambrano_mnist", "CNN_mnist",
    "DigitRecogMLP", "LeNet_Cifar10", "Rueckauer_Cifar10", "CatsVsDogs_cifar", "AlexNet_mnist", "AlexNet_CatsVsDogs", "CNN_CatsVsDogs",
    "CNN_Fruits360", "AlexNet", "VGG16", "ImgSmooth", "EdgeDet", "graph_edgedet", "LeNet", "HeartClass", "HeartEstm",
    "VisualPursuit", "DigitRecogSTDP",
]  # fmt: skip
LARGE = {"AlexNet_mnist", "AlexNet_CatsVsDogs", "CNN_CatsVsDogs", "CNN_Fruits360", "AlexNet", "VGG16", "Rueckauer_Cifar10"}
SLOWER = {"HeartClass", "synthetic_4k"}


def test_every_workload_is_there():
    assert available_workloads() == NAMES
    for name, w in catalogue().items():
        assert w.name == name
        assert w.source and w.verdict.split(":")[0] in {"exact", "digits", "stand-in", "own"}


NOT_LAYERED = {"ImgSmooth", "EdgeDet", "graph_edgedet", "HeartEstm", "VisualPursuit", "DigitRecogSTDP"}


@pytest.mark.parametrize("name", [n for n in NAMES if n not in NOT_LAYERED])
def test_layer_lists_have_the_stated_counts(name):
    w = find(name)
    neurons, synapses = w.topology.counts()
    assert neurons == w.neurons
    assert synapses == w.synapses if w.prune_to is None else synapses > w.synapses == w.prune_to


@pytest.mark.parametrize("name", sorted(set(NAMES) - LARGE - SLOWER))
def test_drawn_networks_have_the_stated_counts(name):
    w, network = find(name), workload(name, weights="drawn")
    assert (network.n_neurons, network.n_synapses) == (w.neurons, w.synapses)
    assert network.weights == "drawn"
    assert network.name == name


def test_exact_means_the_numbers_of_the_table():
    exact = [w for w in catalogue().values() if w.verdict.startswith("exact")]
    assert len(exact) == 7
    for w in exact:
        neurons, synapses = (int(v.replace(",", "")) for v in w.table.split("/"))
        assert w.synapses == synapses
        if w.neurons != neurons:  # the decomposition paper counts neurons with an outgoing synapse
            assert "with an outgoing synapse" in w.verdict
            assert int((w.build(0).fan_out() > 0).sum()) == neurons


def test_digits_means_all_printed_digits():
    for w in catalogue().values():
        if w.verdict.startswith("digits"):
            for ours, printed in zip((w.neurons, w.synapses), re.findall(r"[\d.]+", w.table), strict=True):
                assert round(ours / 1e6, 2) == float(printed)


def test_verdicts_that_give_a_share_are_right():
    for name, column, share in [
        ("AlexNet_mnist", 0, -0.029),
        ("AlexNet_mnist", 1, -0.076),
        ("AlexNet_CatsVsDogs", 1, 0.007),
        ("HeartClass", 0, -0.005),
    ]:
        w = find(name)
        printed = float(re.findall(r"[\d.,]+", w.table)[column].replace(",", ""))
        ours = (w.neurons, w.synapses)[column] / (1e6 if "M" in w.table else 1)
        assert ours / printed - 1 == pytest.approx(share, abs=5e-4)


@pytest.mark.parametrize("name", ["LeNet_mnist", "EdgeDet", "DigitRecogSTDP", "HeartEstm", "digits_cnn"])
def test_drawing_is_seeded(name):
    a, b, c = (workload(name, weights="drawn", seed=s).synapses for s in (3, 3, 4))
    assert np.array_equal(a.weight, b.weight) and np.array_equal(a.post, b.post)
    assert name == "EdgeDet" or not np.array_equal(a.weight, c.weight)


def test_drawn_weights_have_the_spread_of_their_fan_in():
    network = workload("LeNet_mnist", weights="drawn")
    for p, fan_in in zip(network.projections[::2], (25, 150, 256), strict=False):
        assert p.edges().weight.std() * np.sqrt(fan_in) == pytest.approx(1, abs=0.15)


def test_the_keras_model_of_a_layer_list_converts_to_the_same_layers():
    from spikemesh.conversion import convert

    for name in ("digits_cnn", "LeNet_mnist"):
        topology = find(name).topology
        x = np.random.default_rng(0).random((3, *topology.input_shape), np.float32)
        converted, drawn = convert(topology.keras(name), x), topology.drawn(name)
        assert [(a.shape, a.kind) for a in converted.layers] == [(a.shape, a.kind) for a in drawn.layers]
        assert converted.n_synapses == drawn.n_synapses == find(name).synapses


def test_unknown_names_and_options():
    with pytest.raises(NetworkError, match="did you mean 'LeNet_mnist'"):
        workload("lenet_MNIST")
    with pytest.raises(NetworkError, match="there are digits_cnn"):
        prepare("nothing")
    with pytest.raises(DataError, match="'auto', 'trained' or 'drawn'"):
        prepare("ImgSmooth", weights="best")
    with pytest.raises(DataError, match="not one that is trained"):
        workload("VGG16", weights="trained")
    with pytest.raises(DataError, match="SPIKEMESH_DATA"):
        workload("LeNet_mnist", weights="trained")


def test_without_data_weights_are_drawn_and_inputs_are_noise(caplog):
    prepared = prepare("MLP_mnist")
    assert "MLP_mnist gets drawn weights: MNIST is not on this machine" in caplog.text
    assert prepared.network.weights == "drawn" and prepared.dataset is None
    assert prepared.verdict.startswith("exact") and np.isnan(prepared.trained_seconds)
    x = prepared.inputs(3)
    assert x.shape == (3, 28, 28, 1) and x.dtype == np.float32 and 0 <= x.min() < x.max() <= 1
    assert np.array_equal(x, prepare("MLP_mnist").inputs(3))
    for call in (prepared.keras_model, prepared.ann_accuracy, lambda: prepared.ann_predictions(x)):
        with pytest.raises(DataError, match=r"behind its weights \(drawn\)"):
            call()


def test_image_networks_are_driven_by_photographs():
    x = prepare("ImgSmooth").inputs(3)
    assert x.shape == (3, 64, 64, 1) and 0 <= x.min() < x.max() <= 1
    assert x[0].std() > 0.01 and not np.array_equal(x[0], x[2])


@pytest.mark.slow
def test_the_large_ones_are_built_without_keras_and_without_listing_synapses():
    code = f"""
import sys, resource
from spikemesh.workloads import prepare
from spikemesh.workloads.catalogue import find
for name in {sorted(LARGE | SLOWER)!r}:
    network = prepare(name, weights="drawn").network
    assert (network.n_neurons, network.n_synapses) == (find(name).neurons, find(name).synapses), name
    assert name == "HeartClass" or "synapses" not in vars(network), name
assert not [m for m in ("keras", "tensorflow", "brian2") if m in sys.modules]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(found) < 4000  # MiB


def test_the_documentation_lists_every_workload_as_it_is():
    page = (Path(__file__).parents[2] / "docs" / "workloads.md").read_text(encoding="utf-8")
    for w in catalogue().values():
        assert f"| `{w.name}` | {w.neurons:,} / {w.synapses:,} | {w.table} | {w.verdict} |" in page
