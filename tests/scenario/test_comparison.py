from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.hardware import load_hardware
from spikemesh.mapping import legalise, map_network
from spikemesh.network import SpikingNetwork
from spikemesh.scenario.comparison import Question, compare_on_chip, predictions_at_speed_one, telling_acceleration
from spikemesh.scenario.progress import Progress
from spikemesh.scenario.spikes import Spikes
from spikemesh.scenario.study import Point, run_study
from spikemesh.simulation import simulate
from spikemesh.simulation.closed_loop import closed_loop
from spikemesh.spiking import replay, run_brian2

CHIP = load_hardware("gpa-grid", overrides={"mesh.cols": "auto", "mesh.rows": "auto", "crossbar.n_out": 4})


@pytest.fixture(scope="module")
def question() -> Question:
    """A random layered network and three random samples; labels are its own answers."""
    rng = np.random.default_rng(5)
    sizes = [10, 8, 3]
    first = np.array([(i, 10 + j) for i in range(10) for j in range(8)])
    second = np.array([(10 + i, 18 + j) for i in range(8) for j in range(3)])
    pairs = np.concatenate([first, second])
    net = SpikingNetwork.from_edges(pairs[:, 0], pairs[:, 1], rng.normal(0.12, 0.2, len(pairs)), layer_sizes=sizes, name="tiny")
    inputs = rng.random((3, 10)).astype(np.float32)
    trace = run_brian2(net, inputs, duration_ms=30, labels=np.zeros(3, np.int64))
    return Question(net, inputs, trace.predictions, trace, duration_ms=30.0, engine="simpy")


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(1, 500), min_size=1, max_size=30), min_size=2, max_size=4))
def test_no_candidate_sets_the_mappings_further_apart(drawn):
    latencies = [np.sort(np.array(a, np.int64)) for a in drawn]

    def spread(cycles: int) -> float:
        late = [np.mean(a > cycles) for a in latencies]
        return max(late) - min(late)

    acceleration = telling_acceleration(latencies, CHIP)
    chosen = round(CHIP.time.step_ms * 1e6 / (acceleration * CHIP.noc.cycle_ns))
    assert spread(chosen) == pytest.approx(max(spread(c) for a in latencies for c in a.tolist()))


def test_without_remote_spikes_there_is_nothing_to_accelerate():
    assert telling_acceleration([np.empty(0, np.int64)], CHIP) == 1.0


@pytest.mark.parametrize("acceleration", [1.0, 20000.0])
def test_answers_at_speed_one_are_those_of_the_closed_loop(question, acceleration):
    mapped = map_network(question.network, question.trace, CHIP, recipe="random")
    record = simulate(mapped, question.trace, engine="simpy", acceleration=acceleration)
    loop = closed_loop(mapped, question.inputs, question.labels, duration_ms=30.0, engine="simpy")
    assert np.array_equal(predictions_at_speed_one(question, mapped, record, question.trace), loop.predictions)


def test_a_chip_table_has_one_row_a_recipe_on_one_mesh(question):
    found = compare_on_chip(question, CHIP, ["random", "pacman"])
    table = found.table.set_index("recipe")
    assert list(table.index) == ["random", "pacman"]
    assert table["mesh_cols"].nunique() == 1
    assert (table["undelivered"] == 0).all()
    assert table["accuracy_mapped"].tolist() == [1.0, 1.0], "nothing is late at acceleration 1"
    assert (table["inter_weight"] + table["intra_weight"]).nunique() == 1
    assert all(run.delivered and run.verdict == "drained" for run in found.runs.values())
    assert [drawing["recipe"] for drawing in found.drawings] == ["random", "pacman"]


def test_rows_beyond_the_crossbar_are_dropped_and_the_rest_runs_again(question):
    chip = CHIP.with_overrides({"crossbar.n_in": 6})
    found = compare_on_chip(question, chip, ["pacman"])
    (run,) = found.runs.values()
    assert run.mapping.network.n_synapses == 8 * 6 + 3 * 6
    assert run.mapping.network.fan_in().max() == 6
    assert run.drawing["facts"]["synapses kept"] == "66 of 104"


def test_a_network_that_a_recipe_splits_runs_as_it_is_beside_one_that_drops(question):
    chip = CHIP.with_overrides({"crossbar.n_in": 6, "crossbar.n_out": 6})
    said = StringIO()
    found = compare_on_chip(question, chip, ["pacman", "decomposed", "random"], Progress(stream=said))
    runs = found.runs
    assert runs["pacman"].mapping.network is runs["random"].mapping.network
    assert runs["decomposed"].mapping.network.n_neurons > question.network.n_neurons
    assert runs["decomposed"].drawing["facts"]["synapses kept"] == "104 of 104"
    assert all(run.delivered for run in runs.values())
    assert found.table["mesh_cols"].nunique() == 1
    assert said.getvalue().count("Brian2 runs") == 2 and "without the 38 synapses" in said.getvalue()


def test_every_network_runs_once(question):
    asked = []

    def respond(network):
        asked.append(network)
        return replay(network, question.trace)

    spikes = Spikes(question.network, question.trace, respond)
    assert spikes.of(question.network) is question.trace
    assert spikes.of(replace(question.network, bias=question.network.bias.copy())) is question.trace
    some = legalise(question.network, CHIP.with_overrides({"crossbar.n_in": 6}))
    assert spikes.of(some) is spikes.of(some) is spikes.of(legalise(some, CHIP)) and len(asked) == 1
    louder = replace(some, bias=some.bias + 0.1)
    assert spikes.of(louder).n_spikes > spikes.of(some).n_spikes and len(asked) == 2


def test_a_study_gives_each_recipe_the_spikes_of_its_own_network(question):
    chip = CHIP.with_overrides({"crossbar.n_in": 6, "crossbar.n_out": 6})
    table = run_study(question, [Point({"k": k}, chip, recipe) for k, recipe in enumerate(["pacman", "decomposed", "pacman"])])
    assert table["packets"].iloc[0] == table["packets"].iloc[2] != table["packets"].iloc[1]
    assert (table["undelivered"] == 0).all()
