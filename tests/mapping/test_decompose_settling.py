"""Calibration by running: balanced potentials, and precision that is tightened until the outputs agree."""

from dataclasses import replace

import numpy as np
import pytest

import spikemesh as sm
from spikemesh.mapping.decompose import CodingOptions, sample_rates, tree, with_units
from spikemesh.mapping.decompose.passes import Decompose
from spikemesh.mapping.decompose.settling import HALVINGS, balance, changed_answers, settle
from spikemesh.mapping.state import MappingState
from spikemesh.network import SpikingNetwork
from spikemesh.spiking import replay, run_layered

COARSE = CodingOptions("auto", precision=0.8, margin=0.1, tolerance=0.02, guard=0.0)


@pytest.fixture(scope="module")
def asked():
    """Two dense layers, the spikes of 30 images with labels, and units of 16 inputs."""
    rng = np.random.default_rng(5)
    i, j = np.indices((60, 24)).reshape(2, -1)
    k, m = np.indices((24, 5)).reshape(2, -1)
    weight = np.concatenate([rng.normal(size=60 * 24) * 0.7 / np.sqrt(60), rng.normal(size=24 * 5) / np.sqrt(24)])
    net = SpikingNetwork.from_edges(
        np.concatenate([i, 60 + k]), np.concatenate([60 + j, 84 + m]), weight.astype(np.float32), (60, 24, 5)
    )
    trace = run_layered(net, rng.random((30, 60)), 100, workers=1)
    return net, replace(trace, labels=trace.predictions), tree(net, 16)


def counts_of(trace):
    return np.rint(sample_rates(trace) * trace.n_steps).astype(np.int64)


def settled(asked, options, labelled=True):
    net, trace, units = asked
    return settle(net, units, options, trace, sample_rates(trace), labelled)


def test_balanced_neurons_fire_as_much_as_before(asked):
    net, trace, units = asked
    rates, counts = sample_rates(trace), counts_of(trace)
    split = with_units(net, units, COARSE, rates, trace.n_steps)
    balanced, answered = balance(split, trace, counts)

    def bias(network):
        ran = replay(network, trace, record="counts", per_sample=True, workers=1)
        assert (ran.sample_counts[:, net.input_ids] == counts[:, net.input_ids]).all()
        off = (ran.sample_counts[:, 60 : net.n_neurons] - counts[:, 60:]).mean(axis=0)
        return np.sqrt(np.square(off[counts[:, 60:].mean(axis=0) > 1]).mean()), ran.output_counts

    before, _ = bias(split.network)
    after, outputs = bias(balanced.network)
    assert after < 0.5 * before
    assert (outputs == answered).all()
    assert (balanced.network.initial_potential[net.n_neurons :] == split.network.initial_potential[net.n_neurons :]).all()
    before, after = split.network.synapses, balanced.network.synapses
    gain = after.weight / before.weight
    below = before.post >= net.n_neurons
    assert (gain[below] == 1).all()
    for layer in (1, 2):  # one gain each
        of_layer = ~below & (net.layer_of_neuron[np.where(below, 0, before.post)] == layer)
        assert np.ptp(gain[of_layer]) < 1e-6 and abs(gain[of_layer][0] - 1) > 1e-3


def test_a_gain_answers_what_comes_late(asked):
    """Units delay by a step or two of a short run; without a gain neurons fire the less the more they should."""
    net, trace, _ = asked
    units = tree(net, 3)
    rates, counts = sample_rates(trace), counts_of(trace)
    split = with_units(net, units, replace(COARSE, precision=0.05), rates, trace.n_steps)
    _, answered = balance(split, trace, counts)

    def slope(found):
        meant = counts[:, net.output_ids]
        return np.polyfit(meant.ravel(), (found - meant).ravel(), 1)[0]

    unbalanced = replay(split.network, trace, record="counts", workers=1).output_counts
    assert slope(unbalanced) < -0.03
    assert abs(slope(answered)) < 0.02


def test_samples_that_say_nothing_of_a_gain_do_not_turn_a_layer_over(asked):
    net, trace, units = asked
    rates, counts = sample_rates(trace), counts_of(trace)
    split = with_units(net, units, replace(COARSE, precision=0.05), rates, trace.n_steps)
    shuffled = counts.copy()
    shuffled[:, 60:] = counts[::-1, 60:].max() - counts[:, 60:]  # the less it fires the more is wanted
    for wanted in (shuffled, np.repeat(counts[:1], len(counts), axis=0)):
        wanted[:, :60] = counts[:, :60]
        balanced, _ = balance(split, trace, wanted)
        gain = balanced.network.synapses.weight / split.network.synapses.weight
        assert gain.min() >= 0.5 - 1e-6 and gain.max() <= 2 + 1e-6


def test_where_outputs_are_answers_the_doubtful_ones_count(asked):
    net, trace, units = asked
    rates, counts = sample_rates(trace), counts_of(trace)
    meant = counts[:, net.output_ids]
    split = with_units(net, units, replace(COARSE, precision=0.4), rates, trace.n_steps)
    best_two = np.sort(meant, axis=1)[:, -2:]
    off = np.abs(meant - np.where(meant == best_two[:, 1:], best_two[:, :1], best_two[:, 1:]))
    near = off <= np.sort(off, axis=0)[len(meant) // 4 - 1]

    def bias(labelled):
        _, answered = balance(split, trace, counts, labelled)
        error = (answered - meant) * near
        return np.abs(error.sum(axis=0) / near.sum(axis=0)).mean()

    assert bias(True) < bias(False)


def test_precision_is_halved_until_the_outputs_agree(asked):
    found = {}
    for tolerance in (1.0, 0.03, 1e-9):
        _, found[tolerance] = settled(asked, replace(COARSE, tolerance=tolerance))
    assert found[1.0]["precision"] == 0.8
    assert found[0.03]["precision"] < 0.8 and found[0.03]["disagreement"] <= 0.03 < found[1.0]["disagreement"]
    assert found[1e-9]["precision"] == 0.8 / 2**HALVINGS


def test_spikes_are_not_made_finer_where_that_hardly_helps(asked):
    fine = replace(COARSE, precision=0.01, tolerance=1e-9)
    _, found = settled(asked, fine, labelled=False)
    assert found["precision"] > 0.01 / 2**HALVINGS
    _, finest = settled(asked, replace(fine, precision=0.01 / 2**HALVINGS), labelled=False)
    assert finest["disagreement"] > 0.8 * found["disagreement"]


def test_without_labels_counts_have_to_agree(asked):
    net, trace, _ = asked
    split, found = settled(asked, replace(COARSE, tolerance=0.05), labelled=False)
    meant = counts_of(trace)[:, net.output_ids]
    answered = replay(split.network, trace, record="counts", workers=1).output_counts
    error = np.sqrt(np.square(answered - meant).mean()) / meant.std()
    assert found["disagreement"] == pytest.approx(error)
    assert found["precision"] < 0.8 and error < 0.1


def test_answers_change_where_errors_exceed_margins():
    meant = np.array([[10, 4, 0]] * 40)
    got = meant.copy()
    assert changed_answers(meant, got) == 0.0
    got[::4, 0] = 3  # every fourth error is larger than every margin
    assert changed_answers(meant, got) == pytest.approx(0.25, abs=0.02)
    got[::4, 0] = 4
    assert changed_answers(meant, got) == pytest.approx(0.125, abs=0.01)
    assert changed_answers(meant[:, :1], got[:, :1]) == 0.0


def test_errors_of_wide_margins_do_not_threaten_narrow_ones():
    meant = np.array([[10, 4]] * 40 + [[100, 4]] * 40)
    got = meant.copy()
    got[40:, 0] -= np.where(np.arange(40) % 2, 20, 0)
    assert changed_answers(meant, got) < 0.05


def test_the_pass_tells_what_it_settled_on(asked):
    net, trace, _ = asked
    hw = sm.load_hardware("dynap-se", overrides={"crossbar.n_in": 16, "crossbar.n_out": 16})
    options = {"packing": "none", "precision": 0.8, "margin": 0.1, "tolerance": 0.03}
    state = Decompose(**options).run(MappingState(net, trace.rates_hz, hw, trace=trace))
    assert state.measured["precision"] < 0.8 and state.measured["disagreement"] <= 0.03
    untold = Decompose(**options).run(MappingState(net, trace.rates_hz, hw))
    assert "disagreement" not in untold.measured
