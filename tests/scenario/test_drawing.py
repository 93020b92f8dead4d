import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.hardware import load_hardware
from spikemesh.report import plain
from spikemesh.scenario.drawing import drawing_of, neurons_in_words
from spikemesh.scenario.link_load import load_over_time
from spikemesh.simulation import simulate
from spikemesh.testing.mapped import random_mapping, random_network, random_trace


def run(seed, multicast, cols=4, rows=3, n_steps=6, acceleration=1.0):
    overrides = {"noc.multicast": multicast, "crossbar.n_in": "inf", "crossbar.n_out": "inf"}
    hw = load_hardware("mesh-45nm", mesh=(cols, rows), overrides=overrides)
    network = random_network(seed)
    mapped = random_mapping(seed, network, hw)
    return mapped, simulate(mapped, random_trace(seed, network, n_steps=n_steps), acceleration=acceleration)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["unicast", "tree"]), st.integers(1, 9), st.sampled_from([1.0, 20_000.0]))
def test_the_bins_add_up_to_what_every_link_carried(seed, multicast, most_bins, acceleration):
    _, record = run(seed, multicast, acceleration=acceleration)
    load = load_over_time(record, most_bins)
    assert len(load.flits) == len(load.first_step) <= most_bins
    assert np.array_equal(load.flits.sum(axis=0), record.link_flits)


def test_a_packet_counts_in_the_step_in_which_it_was_injected():
    _, record = run(5, "unicast")
    load = load_over_time(record)
    assert load.first_step.tolist() == list(range(6))
    steps = np.minimum(record.injected // record.cycles_per_step, 5)
    x, y = record.source % 4 - record.destination % 4, record.source // 4 - record.destination // 4
    hops = np.bincount(steps, np.abs(x) + np.abs(y), 6)
    assert np.array_equal(load.flits.sum(axis=(1, 2)), hops)


def test_a_drawing_is_json_and_bounded():
    mapped, record = run(1, "unicast", n_steps=300)
    drawn = drawing_of("r", mapped, record, mapped.network)
    text = json.dumps(plain(drawn))
    assert len(drawn["load_over_time"]["links"]) == 60
    assert len(text) < 100_000
    total = np.zeros(48, int)
    for numbers in json.loads(text)["load_over_time"]["links"]:
        total[numbers[::2]] += numbers[1::2]
    assert np.array_equal(total, record.link_flits.ravel())
    whole = drawn["latency_quantiles_cycles"]["whole"]
    assert whole[-1] == (record.row_read - record.fired).max()


def test_a_cluster_says_what_it_holds_and_sends():
    mapped, record = run(2, "unicast")
    words = neurons_in_words(mapped)
    said = np.zeros(mapped.n_clusters, int)
    for cluster, text in enumerate(words):
        for layer in text.split("; "):
            if layer:
                for part in layer.split(" ", 1)[1].split(", "):
                    numbers = part.removeprefix("and ").removesuffix(" more").split("-")
                    said[cluster] += int(part.split()[1]) if "more" in part else int(numbers[-1]) - int(numbers[0]) + 1
    assert np.array_equal(said, mapped.neurons_per_cluster)
    cluster = int(np.argmax(mapped.neurons_per_cluster))
    sent = int((record.source == mapped.tile_of_cluster[cluster]).sum())
    drawn = drawing_of("r", mapped, record, mapped.network)
    assert f"sends {sent:,} spikes" in drawn["clusters"]["traffic"][cluster]


@pytest.mark.parametrize("multicast", ["unicast", "tree"])
def test_a_run_without_packets_is_drawn(multicast):
    hw = load_hardware(
        "mesh-45nm", mesh=(1, 1), overrides={"noc.multicast": multicast, "crossbar.n_in": 99, "crossbar.n_out": 99}
    )
    network = random_network(0)
    mapped = random_mapping(0, network, hw, n_clusters=1)
    drawn = drawing_of("r", mapped, simulate(mapped, random_trace(0, network)), network)
    assert drawn["latency_quantiles_cycles"] == {}
    assert drawn["clusters"]["traffic"] == ["sends 0 spikes to other tiles, gets 0"]
