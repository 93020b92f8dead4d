"""One row a mapping: every column defined, documented and right on a network small enough to count by hand."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

import spikemesh as sm
import spikemesh.metrics
from spikemesh.errors import MappingError, NetworkError
from spikemesh.hardware import Hardware
from spikemesh.mapping.mapping import Mapping
from spikemesh.metrics import DEFINITIONS, compare, energy, latency, metrics, rates_of, tree_links
from spikemesh.network import SpikeTrace, SpikingNetwork
from spikemesh.simulation import RunRecord, simulate
from spikemesh.testing.records import mappings, records

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
OTHERS = (
    "accuracy",
    "acceleration",
    "late_share_accelerated",
    "seconds",
    "inter_improvement",
    "intra_improvement",
    "mesh_",
    "spike_disorder_accelerated",
)


def chip(**overrides: object) -> Hardware:
    content = {
        "name": "small",
        "mesh": {"cols": 3, "rows": 2},
        "crossbar": {"n_in": 4, "n_out": 2, "row_cycles": 1},
        "noc": {"cycle_ns": 10.0, "router_cycles": 1, "eject_cycles": 1, "encode_cycles": 1},
        "energy": {"hop_x_pj": 3.0, "hop_y_pj": 4.0, "inject_pj": 1.0, "op_pj": 0.5, "idle_cell_pj": 0.25},
        "power": {"neuron_nw": 2.0, "synapse_nw": 1.0},
    }
    return Hardware.of(content).with_overrides({key.replace("__", "."): value for key, value in overrides.items()})


def example(hw: Hardware | None = None) -> Mapping:
    """0 -> 2, 0 -> 3, 0 -> 4, 1 -> 4 and 4 -> 0; clusters {0, 1}, {2, 3}, {4} on tiles (0, 0), (2, 0), (2, 1)."""
    network = SpikingNetwork.from_edges([0, 0, 0, 1, 4], [2, 3, 4, 4, 0], [1.0, -2.0, 0.5, 1.0, 3.0], layer_sizes=[2, 3])
    return Mapping(network, hw or chip(), np.array([0, 0, 1, 1, 2], np.int32), np.array([0, 2, 5], np.int32))


def example_trace() -> SpikeTrace:
    """One sample of 2 ms: 0 fires at 0 and 1 ms, 1 and 4 at 1 ms."""
    return SpikeTrace.of([0, 0, 0, 0], [0, 1, 1, 1], [0, 0, 1, 4], n_samples=1, n_neurons=5, duration_ms=2.0)


def test_mapping_columns_by_hand() -> None:
    rates = example_trace().rates_hz
    assert rates.tolist() == [1000, 500, 0, 0, 500]
    row = metrics(example(), rates_hz=rates)
    assert row["crossbars"] == 3
    assert row["tiles"] == 6
    assert row["neurons"] == 5
    assert row["crosspoints"] == 5
    assert row["neuron_utilisation"] == 5 / 6
    assert row["synapse_utilisation"] == row["synapse_utilisation_original"] == 5 / (3 * 4 * 2)
    assert row["inter_weight"] == 1000 * 3.5 + 500 + 1500
    assert row["intra_weight"] == 0
    # 0 reaches two clusters, 1 and 4 one each; 0 -> (2, 0) is 2 links, to (2, 1) 3, and back 3
    assert row["packets_per_s"] == 2 * 1000 + 500 + 500
    # neuron 0 has 3 targets and needs ceil(4 / 2) - 1 = 1, 1 and 4 none
    assert row["packets_bound_per_s"] == 1000
    assert row["packets_ratio"] == 3
    assert row["hop_cost"] == 1000 * 5 + 500 * 3 + 500 * 3
    assert row["hops_per_packet"] == 8000 / 3000
    assert math.isnan(row["tree_links_per_s"])


def test_tree_links_by_hand() -> None:
    mapped = example(chip(noc__multicast="tree"))
    # 0: two east, one south; shared on the way
    assert tree_links(mapped).tolist() == [3, 3, 0, 0, 3]
    assert metrics(mapped, rates_hz=example_trace().rates_hz)["tree_links_per_s"] == 1000 * 3 + 500 * 3 + 500 * 3


@given(mappings())
@settings(max_examples=80, deadline=None)
def test_tree_links_are_the_links_of_the_xy_paths_joined(mapped: Mapping) -> None:
    cols = mapped.hardware.cols
    found = tree_links(mapped)
    for neuron in range(mapped.network.n_neurons):
        source, links = int(mapped.tile_of_neuron[neuron]), set()
        reached = mapped.axons.cluster[mapped.axons.neuron == neuron]
        for tile in mapped.tile_of_cluster[reached].tolist() if source >= 0 else []:
            x, y = source % cols, source // cols
            while (x, y) != (tile % cols, tile // cols):
                before = (x, y)
                if x != tile % cols:
                    x += 1 if tile % cols > x else -1
                else:
                    y += 1 if tile // cols > y else -1
                links.add((before, (x, y)))
        assert found[neuron] == len(links)


def test_run_columns_by_hand() -> None:
    record = simulate(example(), example_trace())
    row = metrics(record)
    assert row["packets"] == row["deliveries"] == 6
    assert row["spikes"] == 4
    assert row["row_reads"] == 6
    assert row["synaptic_events"] == 2 * (2 + 1) + 1 + 1
    # over 2 east links and 0 or 1 south one; neuron 4's back over 2 and 1
    assert row["flit_hops_x"] == 2 * (2 + 2) + 2 + 2
    assert row["flit_hops_y"] == 2 * 1 + 1 + 1
    assert row["flit_hops"] == row["flit_hops_x"] + row["flit_hops_y"]
    assert row["undelivered"] == 0
    assert row["late_share"] == 0
    assert row["run_time_ms"] == 2.0
    assert row["interconnect_energy_pj"] == pytest.approx(12 * 3 + 4 * 4 + 6 * 1)
    assert row["tile_energy_pj"] == pytest.approx(8 * 0.5)
    # nW for 2 ms: 2 pJ each
    assert row["static_energy_pj"] == pytest.approx(2 * (5 * 2 + 5 * 1))
    assert row["wasted_static_energy_pj"] == pytest.approx(2 * (1 * 2 + (24 - 5) * 1))
    # rows of two columns: one crosspoint idle on each row but those of 0 in the cluster of 2 and 3
    assert row["wasted_dynamic_energy_pj"] == pytest.approx(4 * 0.25)
    assert row["wasted_energy_pj"] == row["wasted_static_energy_pj"] + row["wasted_dynamic_energy_pj"]
    assert row["energy_per_sample_pj"] == row["total_energy_pj"]
    assert row["mean_power_mw"] == pytest.approx(row["total_energy_pj"] * 1e-12 / 2e-3 * 1e3)
    # 0 to tile 2: 1 encoder + 3 routers + 2 links + 1 ejection + 1 row
    first = (record.fired == 0) & (record.destination == 2)
    assert (record.row_read - record.fired)[first].tolist() == [8]
    assert row["latency_max_ns"] == 10 * row["latency_max_cycles"]


def test_prices_of_another_chip() -> None:
    record = simulate(example(), example_trace())
    dear = chip(energy__hop_x_pj=30.0)
    assert metrics(record, hardware=dear)["interconnect_energy_pj"] == pytest.approx(12 * 30 + 4 * 4 + 6)
    assert metrics(record, hardware=dear)["latency_mean_ns"] == metrics(record)["latency_mean_ns"]


@given(records())
@settings(max_examples=30, deadline=None)
def test_every_column_is_defined_and_every_definition_is_a_column(record: RunRecord) -> None:
    row = metrics(record)
    assert row.dtype == np.float64
    expected = [name for name in DEFINITIONS if not name.startswith(OTHERS)]
    assert list(row.index) == expected
    assert set(metrics(record.mapping).index) < set(expected)
    groups = ("interconnect", "tile", "static", "wasted_static", "wasted_dynamic")
    assert sum(row[f"{name}_energy_pj"] for name in groups) == row["total_energy_pj"] == energy(record).total
    assert row["latency_mean_cycles"] == latency(record).mean_cycles or latency(record).n == 0
    np.testing.assert_allclose(rates_of(record) * record.n_samples * record.n_steps * 1e-3, record.spikes)


def test_definitions_say_unit_formula_and_direction() -> None:
    for name, (unit, formula, better) in DEFINITIONS.items():
        assert better in ("lower", "higher", "")
        assert len(formula) > 8
        for suffix in ("pj", "ns", "ms", "mw", "cycles", "percent"):
            if name.endswith(f"_{suffix}"):
                assert unit.lower() == {"percent": "%"}.get(suffix, suffix), name


def test_the_page_of_metrics_has_every_definition() -> None:
    page = DOCS.read_text(encoding="utf-8")
    for name, (unit, formula, better) in DEFINITIONS.items():
        line = f"| `{name}` | {unit} | {formula.replace('|', chr(92) + '|')} | {better} |"
        assert line in page, f"docs/metrics.md lacks: {line}"


def test_comparison_has_one_row_a_mapping() -> None:
    record = simulate(example(), example_trace())
    joined = replace(example(), assignment=np.array([0, 1, 1, 2, 0], np.int32))
    other = simulate(joined, example_trace())
    table = compare({"ours": other, "base": record}, base="base")
    assert isinstance(table, pd.DataFrame)
    assert list(table.index) == ["ours", "base"]
    assert table.index.name == "mapping"
    inter, intra = table["inter_weight"], table["intra_weight"]
    assert table.loc["ours", "inter_improvement_percent"] == 100 * (inter["base"] - inter["ours"]) / inter["base"]
    assert table.loc["ours", "intra_improvement_percent"] == 100 * (intra["ours"] - intra["base"]) / intra["ours"]
    assert inter["ours"] + intra["ours"] == inter["base"] + intra["base"]
    assert math.isnan(table.loc["base", "intra_improvement_percent"])
    pd.testing.assert_series_equal(
        table.loc["base"].drop(["inter_improvement_percent", "intra_improvement_percent"]), metrics(record), check_names=False
    )
    assert "inter_improvement_percent" not in compare({"base": record})
    with pytest.raises(MappingError, match="base must be one of"):
        compare({"ours": other}, base="random")


def test_a_mapping_without_rates_has_no_packets() -> None:
    row = metrics(example())
    assert math.isnan(row["packets_per_s"])
    assert row["crossbars"] == 3


def test_rates_of_another_network_are_refused() -> None:
    with pytest.raises(NetworkError, match="5 finite numbers"):
        metrics(example(), rates_hz=np.ones(4))
    with pytest.raises(TypeError, match="ndarray"):
        metrics(np.ones(3))  # type: ignore[arg-type]


def test_metrics_is_a_function_at_the_root_however_it_was_imported() -> None:
    row = metrics(example(), rates_hz=np.ones(5))
    for _ in range(2):
        pd.testing.assert_series_equal(sm.metrics(example(), rates_hz=np.ones(5)), row)
    assert spikemesh.metrics.latency is latency
