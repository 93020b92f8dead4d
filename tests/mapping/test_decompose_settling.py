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
from spikemesh.spiking import run_layered

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


def test_balanced_neurons_fire_as_much_as_before(asked):
    net, trace, units = asked
    rates, counts = sample_rates(trace), counts_of(trace)
    split = with_units(net, units, COARSE, rates, trace.n_steps)
    given = (counts[:, net.input_ids] + 0.5) / trace.n_steps
    balanced, answered = balance(split, counts, trace.n_steps)

    def bias(network):
        ran = run_layered(network, given, 100, record="counts", per_sample=True, workers=1)
        assert (ran.sample_counts[:, net.input_ids] == counts[:, net.input_ids]).all()
        off = (ran.sample_counts[:, 60 : net.n_neurons] - counts[:, 60:]).mean(axis=0)
        return np.sqrt(np.square(off[counts[:, 60:].mean(axis=0) > 1]).mean()), ran.output_counts

    before, _ = bias(split.network)
    after, outputs = bias(balanced.network)
    assert after < 0.5 * before
    assert (outputs == answered).all()
    assert (balanced.network.initial_potential[net.n_neurons :] == split.network.initial_potential[net.n_neurons :]).all()
    assert (balanced.network.synapses.weight == split.network.synapses.weight).all()


def test_precision_is_halved_until_the_outputs_agree(asked):
    net, trace, units = asked
    found = {}
    for tolerance in (1.0, 0.02, 1e-9):
        _, found[tolerance] = settle(net, units, replace(COARSE, tolerance=tolerance), trace)
    assert found[1.0]["precision"] == 0.8
    assert found[0.02]["precision"] < 0.8 and found[0.02]["disagreement"] <= 0.02 < found[1.0]["disagreement"]
    assert found[1e-9]["precision"] == 0.8 / 2**HALVINGS


def test_without_labels_counts_have_to_agree(asked):
    net, trace, units = asked
    split, found = settle(net, units, COARSE, replace(trace, labels=None))
    _, answered = balance(split, counts_of(trace), trace.n_steps)
    r = np.corrcoef(counts_of(trace)[:, net.output_ids].ravel(), answered.ravel())[0, 1]
    assert found["disagreement"] <= 0.02
    assert r > 0.97


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
    options = {"packing": "none", "precision": 0.8, "margin": 0.1, "tolerance": 0.02}
    state = Decompose(**options).run(MappingState(net, trace.rates_hz, hw, trace=trace))
    assert state.measured["precision"] < 0.8 and state.measured["disagreement"] <= 0.02
    untold = Decompose(**options).run(MappingState(net, trace.rates_hz, hw))
    assert "disagreement" not in untold.measured
