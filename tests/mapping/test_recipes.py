"""Recipes: what loads, what is refused and how, and that passes are held to what they declare."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from spikemesh.errors import DescriptionError, InfeasibleError, MappingError, TraceError
from spikemesh.hardware import load_hardware
from spikemesh.mapping import (
    MappingState,
    Pipeline,
    Recipe,
    available_recipes,
    load_recipe,
    map_many,
    map_network,
    violations,
)
from spikemesh.mapping.passes import BUILT_IN, apply, built_in_pass
from spikemesh.mapping.stages import CheckPass, PartitionPass, PlacePass
from spikemesh.mapping.state import FIELDS
from spikemesh.network import Layer, SpikeTrace, SpikingNetwork
from spikemesh.shipped import shipped_folder

SHIPPED = ["auto", "pacman", "random", "snn-gpa", "spinemap", "spinemap-released"]


@pytest.fixture(scope="module")
def net():
    rng = np.random.default_rng(0)
    sizes = [30, 40, 20]
    pre, post = [], []
    for start, n_pre, n_post in ((0, 30, 40), (30, 40, 20)):
        for j in range(n_post):
            pre += (start + rng.choice(n_pre, 12, replace=False)).tolist()
            post += [start + n_pre + j] * 12
    return SpikingNetwork.from_edges(pre, post, rng.normal(size=len(pre)), layer_sizes=sizes)


@pytest.fixture(scope="module")
def trace(net):
    rng = np.random.default_rng(1)
    n = 400
    return SpikeTrace.of(
        np.zeros(n, int), rng.integers(0, 50, n), rng.integers(0, 90, n), n_samples=1, n_neurons=90, duration_ms=50
    )


@pytest.fixture(scope="module")
def hw():
    return load_hardware("dynap-se", overrides={"crossbar.n_in": 10, "crossbar.n_out": 8, "crossbar.weight_bits": 5})


def write(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_what_ships_is_listed():
    assert set(SHIPPED) <= set(available_recipes())


@pytest.mark.parametrize("name", available_recipes())
def test_every_shipped_recipe_gives_a_feasible_mapping_and_repeats(name, net, trace, hw):
    mapped = map_network(net, trace, hw, name, seed=3)
    assert violations(mapped.network, mapped.hardware, mapped.assignment, mapped.tile_of_cluster) == []
    assert mapped.recipe == name
    assert (mapped.assignment >= 0).all()
    largest = mapped.network.fan_in().max()
    assert largest == 10 or (largest < 10 and name.startswith("decomposed"))
    assert mapped.hardware.cols == int(np.ceil(np.sqrt(mapped.n_clusters)))
    assert load_recipe(name).description
    again = map_network(net, trace, hw, name, seed=3)
    assert np.array_equal(mapped.assignment, again.assignment)
    assert np.array_equal(mapped.tile_of_cluster, again.tile_of_cluster)


def test_recipes_in_one_table_share_one_mesh(net, trace, hw):
    mapped = map_many(net, trace, hw, ["random", "snn-gpa", "auto"], seed=1)
    assert list(mapped) == ["random", "snn-gpa", "auto"]
    meshes = {(m.hardware.cols, m.hardware.rows) for m in mapped.values()}
    largest = max(m.n_clusters for m in mapped.values())
    assert meshes == {(hw.sized_for(largest).cols, hw.sized_for(largest).rows)}
    assert len({id(m.hardware) for m in mapped.values()}) == 1


def test_inputs_can_stay_off_the_chip(net, trace, hw):
    mapped = map_network(net, trace, hw, "pacman", map_inputs=False)
    assert (mapped.assignment[:30] == -1).all()
    assert (mapped.assignment[30:] >= 0).all()
    assert mapped.neurons_per_cluster.sum() == 60


def test_the_trail_tells_what_each_pass_did(net, trace, hw):
    trail = map_network(net, trace, hw, "snn-gpa").trail
    assert [record.name for record in trail] == ["drop", "quantise", "partition", "place", "check"]
    drop, _, cluster, place, _ = trail
    assert (drop.measures["synapses_before"], drop.measures["synapses_after"]) == (720, 600)
    assert cluster.parameters["method"] == "snn-gpa"
    assert "packets_before" not in cluster.measures
    assert cluster.measures["packets_after"] == place.measures["packets_before"] > 0
    assert place.measures["hop_cost_after"] > 0
    assert all(record.seconds >= 0 for record in trail)


def test_rates_can_be_given_in_place_of_the_trace(net, trace, hw):
    same = map_network(net, None, hw, "auto", rates_hz=trace.rates_hz)
    assert np.array_equal(same.assignment, map_network(net, trace, hw, "auto").assignment)
    map_network(net, None, "dynap-se", "pacman")  # neither: 1 Hz each


def test_a_trace_of_another_network_is_refused(net, hw):
    other = SpikeTrace.of([], [], [], n_samples=1, n_neurons=5, duration_ms=1.0)
    with pytest.raises(TraceError, match="the trace has 5 neurons, network has 90"):
        map_network(net, other, hw)


def test_too_many_clusters_for_a_fixed_mesh(net, trace, hw):
    with pytest.raises(MappingError, match="need as many tiles"):
        map_network(net, trace, hw.with_overrides({"mesh.cols": 2, "mesh.rows": 2}), "pacman")


def test_a_recipe_without_check_is_checked_all_the_same(net, trace, hw, tmp_path):
    path = write(
        tmp_path,
        '[[passes]]\npass = "partition"\nmethod = "pacman"\n[[passes]]\npass = "place"\nmethod = "id-order"\n',
    )
    with pytest.raises(MappingError, match="fit no crossbar: legalise first"):
        map_network(net, trace, hw, path)
    wide = hw.with_overrides({"crossbar.n_in": "inf"})
    assert [record.name for record in map_network(net, trace, wide, path).trail] == ["partition", "place", "check"]


def test_a_given_recipe_object_runs(net, trace, hw):
    steps = (built_in_pass("drop")(), PartitionPass(method="pacman"), PlacePass(method="random"))
    mapped = map_network(net, trace, hw, Recipe("by hand", "", Pipeline(steps)))
    assert mapped.recipe == "by hand"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("passes = 3", r"mine.toml: passes = 3: must be a list of \[\[passes\]\] tables"),
        ("", r"mine.toml: passes: is missing"),
        ("passes = []", r"mine.toml: passes = \[\]: must be a list"),
        ("pass = 1\n[[passes]]\npass = 'drop'", r"mine.toml: pass = 1: unknown key \(did you mean 'passes'\?\)"),
        ("[[passes]]\nmethod = 'pacman'", r"passes\[0\].pass = None: must name a pass"),
        ("[[passes]]\npass = 'dropp'", r"passes\[0\].pass = 'dropp': unknown pass \(did you mean 'drop'\?\)"),
        ("[[passes]]\npass = 'drop'\n[[passes]]\npass = 'partition'\nmethd = 'x'", r"passes\[1\].methd = 'x': .*'method'"),
        ("[[passes]]\npass = 'partition'\nmethod = 'snngpa'", r"passes\[0\].method = 'snngpa': .*did you mean 'snn-gpa'"),
        ("[[passes]]\npass = 'partition'\nmethod = 3", r"passes\[0\].method = 3: "),
        ("[[passes]]\npass = 'partition'\nclusters = 'many'", r"passes\[0\].clusters = 'many': "),
        ("[[passes]]\npass = 'partition'\nclusters = '3'", r"passes\[0\].clusters = '3': Input should be a valid integer"),
        ("[[passes]]\npass = 'partition'\nclusters = 3.5", r"passes\[0\].clusters = 3.5: "),
        ("[[passes]]\npass = 'partition'\neffort = 'quick'", r"passes\[0\].effort = 'quick': must be one of fast, quality"),
        ("[[passes]]\npass = 'partition'\nmethod='pacman'\noptions = {x = 1}", r"has no option 'x'"),
        ("[[passes]]\npass = 'place'\nmethod = 'hilbertt'", r"did you mean 'hilbert'"),
        ("[[passes]]\npass = 'place'\nobjective = 'hop'", r"passes\[0\].objective = 'hop': .*did you mean 'hops'"),
        ("[[passes]", "mine.toml: is not valid TOML"),
        ("[[passes]]\npass = 'gone.py:Cluster'", r"passes\[0\].pass = 'gone.py:Cluster': there is no file .*gone.py"),
    ],
)
def test_a_recipe_that_cannot_be_used_says_where_and_why(tmp_path, text, words):
    with pytest.raises(DescriptionError, match=words):
        load_recipe(write(tmp_path, text))


def test_unknown_names_and_missing_files(tmp_path):
    with pytest.raises(DescriptionError, match="did you mean 'snn-gpa'"):
        load_recipe("snn-gpaa")
    with pytest.raises(DescriptionError, match="there is no such file"):
        load_recipe(tmp_path / "none.toml")
    with pytest.raises(DescriptionError, match=r"ends in \.toml"):
        load_recipe(tmp_path / "none.yaml")
    with pytest.raises(DescriptionError, match="shipped name or the path"):
        load_recipe("")


def test_recipes_in_the_wrong_order_are_refused(net, trace, hw, tmp_path):
    late = '[[passes]]\npass = "place"\nmethod = "id-order"\n[[passes]]\npass = "partition"\nmethod = "pacman"\n'
    with pytest.raises(MappingError, match="places clusters before it makes any"):
        map_network(net, trace, hw, write(tmp_path, late))
    with pytest.raises(MappingError, match="given twice"):
        map_many(net, trace, hw, ["pacman", "pacman"])
    with pytest.raises(MappingError, match="no recipe"):
        map_many(net, trace, hw, [])


# --- passes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_passes_declare_fields_of_the_state(name):
    cls = built_in_pass(name)
    assert set(cls.reads) | set(cls.writes) <= set(FIELDS)


@dataclass(frozen=True)
class Sloppy:
    """Moves clusters without saying so."""

    reads: ClassVar = ("network",)
    writes: ClassVar = ()

    def run(self, state):
        return state.with_clusters(np.zeros(state.network.n_neurons, int))


@dataclass(frozen=True)
class Empty:
    reads: ClassVar = ()
    writes: ClassVar = ()

    def run(self, state):
        return None


def test_passes_are_held_to_what_they_declare(net, hw):
    state = MappingState(net, None, hw)
    with pytest.raises(MappingError, match="'Sloppy' changed partition but declares only writes"):
        apply(Sloppy(), state)
    with pytest.raises(MappingError, match="'place' reads partition, which no earlier pass has written"):
        apply(PlacePass(), state)
    with pytest.raises(MappingError, match="must return a MappingState, not NoneType"):
        apply(Empty(), state)


def test_pipelines_are_passes_and_know_what_they_need(net, hw):
    inner = Pipeline((built_in_pass("drop")(), PartitionPass(method="pacman")))
    assert inner.reads == ("network", "hardware", "rates_hz")
    assert inner.writes == ("network", "partition")
    outer = Pipeline((inner, PlacePass(method="id-order"), CheckPass()))
    assert outer.reads == ("network", "hardware", "rates_hz")
    done = outer.run(MappingState(net, None, hw.sized_for(90)))
    assert [record.name for record in done.trail] == ["drop", "partition", "place", "check"]


def test_a_new_network_takes_old_clusters_with_it(net, hw):
    state = PartitionPass(method="pacman").run(MappingState(net, None, hw.with_overrides({"crossbar.n_in": "inf"})))
    assert state.with_network(net).partition is None
    tiled = state.with_tiles(np.arange(state.partition.n_clusters))
    assert tiled.with_partition(state.partition).tile_of_cluster is None


def test_the_state_refuses_what_does_not_fit(net, hw):
    state = MappingState(net, None, hw)
    with pytest.raises(MappingError, match="no pass has made clusters yet"):
        _ = state.assignment
    with pytest.raises(MappingError, match="cluster 0 of the assignment is empty"):
        state.with_clusters(np.ones(90, int))
    clustered = state.with_clusters(np.arange(90) // 8)
    with pytest.raises(MappingError, match="there are 12 clusters"):
        clustered.with_tiles([0, 1])
    with pytest.raises(MappingError, match="must be integers"):
        clustered.with_tiles(np.zeros(12))
    with pytest.raises(MappingError, match="before every cluster has a tile"):
        clustered.mapping("mine")


def test_the_check_pass_lists_everything(net, hw):
    state = MappingState(net, None, hw.sized_for(12)).with_clusters(np.arange(90) // 30).with_tiles([0, 0, 99])
    with pytest.raises(InfeasibleError) as caught:
        apply(CheckPass(), state)
    assert len(caught.value.violations) == 3 + 2 + 2  # columns of three, rows of two, a shared and an unknown tile


# --- a user's own pass ----------------------------------------------------------------------------------------------


def test_the_worked_example_groups_blocks_of_pixels(hw):
    images = SpikingNetwork((Layer("image", (4, 4, 1), "input"), Layer("out", (4,))), ())
    mapped = map_network(images, None, hw.with_overrides({"crossbar.n_out": 4}), "my_recipe")
    blocks = mapped.assignment[:16].reshape(4, 4)
    assert blocks.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    assert mapped.trail[2].name == "blocks"
    assert mapped.trail[2].parameters == {"block": 2}


def test_a_copy_of_the_worked_example_runs_from_anywhere(net, trace, hw, tmp_path, monkeypatch):
    for name in ("my_pass.py", "my_recipe.toml"):
        (tmp_path / name).write_text((shipped_folder("mapping") / name).read_text())
    monkeypatch.chdir(Path("/"))
    assert map_network(net, trace, hw, tmp_path / "my_recipe.toml").n_clusters >= 12


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("class Cluster: pass", "lacks reads, writes, run"),
        ("from dataclasses import dataclass\n@dataclass\nclass Cluster:\n reads=()\n writes=()\n def run(self, s): return s",
         "is no frozen dataclass"),
        ("Cluster = 3", "has no class 'Cluster'"),
        ("from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Cluster:\n reads=()\n writes=()\n"
         " n: int\n m: int = 0\n def run(self, s): return s", r"passes\[0\].n: this option is required and missing"),
        ("from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Cluster:\n reads=()\n writes=()\n"
         " m: int = 0\n def __post_init__(self):\n  if self.m > 1: raise ValueError('m is too large')\n"
         " def run(self, s): return s", r"passes\[0\] = \{'m': 2\}: m is too large"),
        ("1 / 0", "fails to load: ZeroDivisionError"),
        ("from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Cluster:\n reads=()\n writes=()\n n: int = 1\n"
         " def run(self, s): return s", r"passes\[0\].m = 2: unknown option of pass 'my.py:Cluster'; it has: n"),
    ],
)  # fmt: skip
def test_a_users_pass_that_cannot_be_used(tmp_path, code, words):
    (tmp_path / "my.py").write_text(code)
    with pytest.raises(DescriptionError, match=words):
        load_recipe(write(tmp_path, "[[passes]]\npass = 'my.py:Cluster'\nm = 2\n"))
