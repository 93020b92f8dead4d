"""Does splitting neurons save crossbars and waste without losing quality? The figures of the decomposition paper, beside ours.

Table I's ten applications on `dynap-se` (128 x 128 crossbars). Inputs are off the chip as in the paper's Fig. 4; --map-inputs has
them take columns, as its Table I counts them among the neurons. Fig. 1: share of neurons with 128 or more inputs. Fig. 5:
crossbars; Fig. 6 and 7: neuron and synapse utilisation; Fig. 8: wasted energy; Fig. 9: quality of the unmapped network, of
SpiNeMap, which drops what does not fit, and of both decompositions, in the application's own measure too (accuracy, decibels,
beats a minute, degrees). And its section IV: what decomposition adds on the interconnect, measured on the mesh, against what it
saves.

Networks and how far they are the paper's: docs/workloads.md. Quality is accuracy where weights are trained and data are at
hand, with the paired interval of what is lost; else the correlation of output spike counts with those of the unmapped network.
AlexNet and VGG16, pruned to the table's synapses, need --full: they are packed in all three ways and counted, not run, and
their waste is that of the network's own time. Below the table's networks stand trained ones that were pruned and retrained
further, as the paper prunes before it unrolls (--prune 0 leaves them out); they count in no average.

With --full the eight smaller applications take 40 minutes on a busy machine of two cores, of which HeartClass 20 and VisualPursuit
10; AlexNet and VGG16 about 15 and 12 more. Without it there are fewer samples, 100 of HeartClass, and it takes 18 minutes.

    spikemesh run fig5-fig9
    spikemesh run fig5-fig9 --full
    spikemesh run fig5-fig9 --full --map-inputs
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spikemesh.cli import run_script
from spikemesh.conversion import convert
from spikemesh.conversion.pruning import Schedule, prune_and_retrain, prune_to, without_zeros
from spikemesh.errors import DataError, DescriptionError
from spikemesh.hardware import Hardware, load_hardware
from spikemesh.mapping import Mapping as Mapped
from spikemesh.mapping import MappingState, load_recipe, map_many
from spikemesh.mapping.decompose.choosing import pack_best
from spikemesh.mapping.legalisation import drop_synapses
from spikemesh.mapping.partition import partition
from spikemesh.metrics import energy, latency, paired_difference
from spikemesh.network import SpikeTrace, SpikingNetwork
from spikemesh.report import Results, new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.assembling import manifest_head, sources_of
from spikemesh.scenario.printing import print_study
from spikemesh.scenario.zoo import difference, summary
from spikemesh.simulation import simulate
from spikemesh.spiking import run_layered
from spikemesh.workloads import Outcome, Prepared, prepare, run_workload
from spikemesh.workloads.catalogue import find
from spikemesh.workloads.outcome import ACCURACY
from spikemesh.workloads.training import cache_directory

QUESTION = "Does splitting neurons save crossbars and waste without losing quality, as the decomposition paper says?"
BASE = "spinemap-released"
RECIPES = (BASE, "decomposed-fit", "decomposed")
UNMAPPED = "unmapped"
RUNNABLE = 5_000_000
"""Synapses up to which a network answers samples, and SpiNeMap's best packing is compared."""
LARGE = 500_000
"""Synapses above which fewer samples are judged, unless --full."""
PRUNED = ("LeNet", "DigitRecogMLP")
"""Networks that are pruned further, where they are trained."""


@dataclass(frozen=True)
class Application:
    """One row of Table I. paper_reduction : percent fewer crossbars, where the text names it. prune_to : synapses, where the
    workload is not pruned."""

    kind: str
    paper_synapses: int
    paper_neurons: int
    paper_accuracy: float
    paper_reduction: float = float("nan")
    prune_to: int | None = None


APPLICATIONS = {
    "LeNet": Application("CNN", 282_936, 20_602, 85.1, 16),
    "AlexNet": Application("CNN", 38_730_222, 230_443, 90.7, prune_to=38_730_222),
    "VGG16": Application("CNN", 99_080_704, 554_059, 69.8, 48, prune_to=99_080_704),
    "HeartClass": Application("CNN", 1_049_249, 153_730, 63.7),
    "DigitRecogMLP": Application("MLP", 79_400, 884, 91.6),
    "EdgeDet": Application("MLP", 114_057, 6_120, 100.0, 90),
    "ImgSmooth": Application("MLP", 9_025, 4_096, 100.0),
    "HeartEstm": Application("RNN", 66_406, 166, 100.0),
    "VisualPursuit": Application("RNN", 163_880, 205, 47.3),
    "DigitRecogSTDP": Application("RNN", 11_442, 567, 83.6),
}
PAPER = {
    "all": {
        "fewer_crossbars_percent": 60.0,
        "less_waste_percent": 62.0,
        "neuron_utilisation": 0.62,
        "synapse_utilisation_original": 0.25,
    },
    "CNN": {"fewer_crossbars_percent": 37.0},
    "RNN": {"fewer_crossbars_percent": 80.0},
}
"""The paper's averages for decomposition: reductions against SpiNeMap, utilisations."""
PAPER_SPINEMAP = {"crossbars_share": 1.0, "waste_share": 1.0, "neuron_utilisation": 0.53, "synapse_utilisation_original": 0.09}
"""And SpiNeMap's own."""
SHOWN = ["application", "recipe", "crossbars", "crossbars_best_spinemap", "crossbars_same_synapses", "crossbars_least"]
SHOWN += ["fewer_crossbars_percent", "neuron_utilisation", "synapse_utilisation_original", "less_waste_percent", "quality"]
SHOWN += ["points_against_unmapped", "points_low", "points_high", "own_value", "own_difference", "own_low", "own_high"]
SHOWN += ["energy_uj", "interconnect_uj", "latency_mean_cycles"]
MEASURED = ["own_measure", "own_samples", "quality_is", "quality_samples", "quality_unmapped", "quality_gain_points"]
MEASURED += ["paper_fewer_crossbars_percent"]
"""Columns that networks too large to run have nothing to say in."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argument_parser("fig5-fig9", __doc__)
    parser.add_argument(
        "--application", action="append", metavar="NAME", help="one of Table I (default: all that fit the mode)"
    )
    parser.add_argument("--test-samples", type=int, metavar="N", help="for quality (default 1000, --quick 20, --full 2000)")
    parser.add_argument("--prune", type=float, default=0.8, metavar="SHARE", help="of the weights, further (default 0.8)")
    parser.add_argument("--samples", type=int, default=2, metavar="N", help="on the mesh (default 2)")
    parser.add_argument("--map-inputs", action="store_true", help="inputs take columns of crossbars (default: off the chip)")
    parser.add_argument("--duration-ms", type=float, default=200.0, metavar="MS", help="of a sample (default 200)")
    parser.add_argument("--resume", action="store_true", help="keep what an earlier run into --out has finished")
    options = parser.parse_args(argv)
    folder = new_folder("fig5-fig9", options.out)
    progress = Progress()
    names = options.application or chosen(options)
    unknown = [name for name in names if name not in APPLICATIONS]
    if unknown:
        parser.error(f"--application {unknown[0]}: must be one of {', '.join(APPLICATIONS)}")
    hw = load_hardware("dynap-se")
    found = finished(folder, options) if options.resume else {}
    work = [(name, False) for name in names]
    work += [(name, True) for name in names if name in PRUNED and options.prune and not options.quick]
    for name, further in sorted(work, key=lambda of: APPLICATIONS[of[0]].prune_to or 0):  # the largest last
        if (name, further) in found:
            continue
        networks = pruned_further(name, options, progress) if further else table_network(name, options.seed)
        if networks is not None:
            found[name, further] = rows_of(name, *networks, hw, options, progress).assign(pruned=further)
            write_folder(folder, results_of(found, options, hw))  # a run that is killed keeps what it has
        del networks
    results = results_of(found, options, hw)
    write_folder(folder, results)
    print_study(results, folder, as_json=options.json)
    expect(results.table, options.map_inputs)
    return 0


def results_of(found: Mapping[tuple[str, bool], pd.DataFrame], options: Any, hw: Hardware) -> Results:
    """All rows in the order of Table I, pruned ones below, averages and the paper's own figures at the end."""
    order = sorted(found, key=lambda of: (of[1], list(APPLICATIONS).index(of[0])))
    table = pd.concat([found[key] for key in order], ignore_index=True)
    table = table.assign(**{column: np.nan for column in (*MEASURED, *SHOWN) if column not in table})
    table = pd.concat([table, means(table)], ignore_index=True)
    table = pd.concat([table, printed(table)], ignore_index=True)
    return Results(table, manifest(options, table, hw))


def finished(folder: Path, options: Any) -> dict[tuple[str, bool], pd.DataFrame]:
    """Rows of the applications that an earlier run of the same options has measured; none where there is no such run."""
    path = folder / "manifest.json"
    if not path.is_file():
        return {}
    earlier = json.loads(path.read_text(encoding="utf-8"))["parameters"]["options"]
    mine = {key: value for key, value in vars(options).items() if key not in ("application", "out", "resume", "json")}
    if any(earlier.get(key) != value for key, value in mine.items()):
        raise DescriptionError("--resume", "", "must continue a run of the same options", str(folder))
    table = pd.read_csv(folder / "table.csv")
    rows = table[table["about"].notna()]
    return {(name, bool(pruned)): some for (name, pruned), some in rows.groupby(["about", "pruned"])}


def chosen(options: Any) -> list[str]:
    """The applications of a mode."""
    if options.quick:
        return ["ImgSmooth", "HeartEstm"]
    return [name for name, a in APPLICATIONS.items() if options.full or a.prune_to is None]


def table_network(name: str, seed: int) -> tuple[Prepared, SpikingNetwork]:
    """The application with the synapses of Table I."""
    prepared, goal = prepare(name, seed=seed), APPLICATIONS[name].prune_to
    network = prepared.network
    return prepared, network if goal is None or network.n_synapses <= goal else prune_to(network, goal)


def pruned_further(name: str, options: Any, progress: Progress) -> tuple[Prepared, SpikingNetwork] | None:
    """Pruned step by step and retrained in between, as far as accuracy allows; None where there is no trained model."""
    prepared = prepare(name, seed=options.seed)
    if prepared.dataset is None or not prepared.classifies:
        return None
    data, model = prepared.dataset, prepared.keras_model()
    how = Schedule(options.prune)
    done = prune_and_retrain(
        model, data.x_train, data.y_train, how, seed=options.seed, cache=cache_directory(), progress=progress.say
    )
    network = without_zeros(convert(done.model, data.x_train[:5000], name=f"{name}, {done.share:.0%} pruned"))
    return prepared, replace(network, weights="trained")


def rows_of(
    name: str, prepared: Prepared, network: SpikingNetwork, hw: Hardware, options: Any, progress: Progress
) -> pd.DataFrame:
    """One row a recipe."""
    began = time.perf_counter()
    about = APPLICATIONS[name]
    fan_in = network.fan_in()
    shared = {
        "application": network.name,
        "about": name,
        "kind": about.kind,
        "verdict": prepared.verdict,
        "weights": network.weights,
        "neurons": network.n_neurons,
        "synapses": network.n_synapses,
        "paper_neurons": about.paper_neurons,
        "paper_synapses": about.paper_synapses,
        "share_fan_in_128_or_more": float((fan_in >= 128).mean()),
        "share_fan_in_over_128": float((fan_in > 128).mean()),
        "paper_accuracy": about.paper_accuracy / 100,
        "paper_fewer_crossbars_percent": about.paper_reduction if network.name == name else float("nan"),
    }
    if network.n_synapses <= RUNNABLE:
        found = pd.DataFrame(run(name, network, Judge.of(prepared, network, options), hw, options, progress))
    else:
        found = pd.DataFrame([counted(network, hw, recipe, options, progress) for recipe in RECIPES])
    base = found[found["recipe"] == BASE].iloc[0]
    ours = found[found["recipe"] == "decomposed"].iloc[0]
    best = same_synapses(network, hw, int(base["crossbars"]), int(ours["crossbars"]), options.map_inputs)
    found["crossbars_best_spinemap"], found["crossbars_same_synapses"] = best
    found["crossbars_share"] = found["crossbars"] / base["crossbars"]
    found["waste_share"] = found["wasted_uj"] / base["wasted_uj"]
    found["fewer_crossbars_percent"] = 100 * (1 - found["crossbars_share"])
    found["less_waste_percent"] = 100 * (1 - found["waste_share"])
    if "quality" in found:
        found["quality_gain_points"] = 100 * (found["quality"] - base["quality"])
    if "energy_uj" in found:
        found["more_interconnect_uj"] = found["interconnect_uj"] - base["interconnect_uj"]
        found["less_energy_uj"] = base["energy_uj"] - found["energy_uj"]
    summary = ", ".join(f"{row.recipe} {row.crossbars:.0f}" for row in found.itertuples() if row.recipe != UNMAPPED)
    progress.say(f"{network.name}: crossbars {summary} ({time.perf_counter() - began:.0f} s)")
    return pd.DataFrame([shared | row for row in found.to_dict("records")])


def same_synapses(network: SpikingNetwork, hw: Hardware, released: int, ours: int, map_inputs: bool) -> tuple[int, int]:
    """Crossbars of SpiNeMap's best packing, and of ours, of the synapses that are left where nothing is split.

    released : what its public code takes, neurons in index order; the other order is of those with most inputs first.
    ours : for all synapses. Without those that SpiNeMap drops that packing holds the others still, so it is a bound; networks
        that are not run are not packed again.
    """
    legal = drop_synapses(network, hw.crossbar.n_in)
    n_in, n_out = int(hw.crossbar.n_in), int(hw.crossbar.n_out)
    ordered = partition(legal, None, "spinemap", capacity=n_out, axons=n_in, map_inputs=map_inputs, sweeps=0).n_clusters
    if network.n_synapses <= RUNNABLE:
        on_chip = None if map_inputs else ~legal.is_input
        ours = min(ours, pack_best(legal, n_in, n_out, on_chip=on_chip).n_clusters)
    return min(released, ordered), ours


def quietly(line: str) -> None:
    """Progress of what is run many times is not told."""


def spread(there: int, wanted: int) -> np.ndarray:
    """Indices of samples all over a set, which may be in order of its recordings."""
    n = min(wanted, there)
    return np.arange(n) * there // n


@dataclass(frozen=True, eq=False)
class Judge:
    """Samples that a network is judged by, those that decomposition calibrates on, and what the unmapped network answers."""

    x: np.ndarray
    labels: np.ndarray | None
    calibration: SpikeTrace
    whole: Any
    duration_ms: float
    seed: int

    @classmethod
    def of(cls, prepared: Prepared, network: SpikingNetwork, options: Any) -> Judge:
        judged, data = prepared.classifies, prepared.dataset
        large = network.n_synapses > LARGE
        usual = 100 if large else 1000
        n = options.test_samples or (20 if options.quick else 2000 if options.full else usual)
        n = n if judged else min(n, 20)
        if data is not None:
            learnt = spread(len(data.x_train), 200)
            first, known = data.x_train[learnt], data.y_train[learnt] if judged else None
            chosen = spread(len(data.x_test), n)
            x, labels = data.x_test[chosen], data.y_test[chosen] if judged else None
        else:
            drawn = prepared.inputs(n + 40)
            x, first, labels, known = drawn[:n], drawn[n:], None, None
        ms, seed = options.duration_ms, options.seed
        calibration = run_layered(network, first, ms, seed, labels=known)
        whole = run_layered(network, x, ms, seed, labels=labels, record="counts", per_sample=True)
        return cls(x, labels, calibration, whole, ms, seed)

    def quality(self, network: SpikingNetwork | None) -> dict[str, Any]:
        """Accuracy and what it loses, or the correlation of output counts with the unmapped network's; None is that one."""
        ran = self.whole
        if network is not None:
            how = {"labels": self.labels, "record": "counts", "per_sample": True}
            ran = run_layered(network, self.x, self.duration_ms, self.seed, **how)  # type: ignore[call-overload]
        if self.labels is not None:
            points, low, high = paired_difference(ran.predictions == self.labels, self.whole.predictions == self.labels)
            return {
                "quality_is": "accuracy",
                "quality": ran.accuracy,
                "points_against_unmapped": 100 * points,
                "points_low": 100 * low,
                "points_high": 100 * high,
                "changed_answers_percent": 100 * float(np.mean(ran.predictions != self.whole.predictions)),
                "quality_unmapped": self.whole.accuracy,
                "quality_samples": len(self.x),
            }
        a, b = (r.output_counts.ravel() for r in (ran, self.whole))
        same = 1.0 if np.array_equal(a, b) else float(np.corrcoef(a, b)[0, 1])
        return {"quality_is": "correlation", "quality": same, "quality_unmapped": 1.0, "quality_samples": len(self.x)}


@dataclass(frozen=True, eq=False)
class OwnMeasure:
    """What an application without a trained classifier is for, on its data: decibels of a filtered image, beats a minute, degrees.

    Readouts stay those of the unmapped network: a mapping is to be put in its place.
    """

    application: str
    n: int | None
    seed: int
    whole: Outcome

    @classmethod
    def of(cls, application: str, options: Any, progress: Progress) -> OwnMeasure | None:
        """None where there are no data. --full takes a thousand of what can be drawn (patches, paths), and all of what is given."""
        about = find(application)
        if about.run is None:
            return None
        n = 3 if options.quick else 1000 if options.full and about.dataset is None else None
        try:
            return cls(application, n, options.seed, run_workload(application, n, options.seed, progress=quietly))
        except DataError as reason:
            progress.say(f"{application}: {reason}")
            return None

    def of_network(self, network: SpikingNetwork | None) -> dict[str, Any]:
        """The value, and the paired difference to the unmapped network's with its 95 % interval; None is that one."""
        found = self.whole
        if network is not None:
            found = run_workload(self.application, self.n, self.seed, network=network, progress=quietly)
        points, low, high = difference(found, self.whole)
        about = {"own_measure": found.measure, "own_samples": found.n, "own_value": summary(found).value}
        return about | {"own_difference": points, "own_low": low, "own_high": high}


def run(
    application: str, network: SpikingNetwork, judge: Judge, hw: Hardware, options: Any, progress: Progress
) -> list[dict[str, Any]]:
    """The unmapped network's quality, then all recipes, mapped, run and measured on one mesh."""
    own = OwnMeasure.of(application, options, progress) if judge.labels is None else None
    rows = [{"recipe": UNMAPPED} | judge.quality(None) | (own.of_network(None) if own else {})]
    for name, mapped in map_many(
        network, judge.calibration, hw, RECIPES, seed=options.seed, map_inputs=options.map_inputs
    ).items():
        held = None if mapped.network is network else mapped.network
        rows.append({"recipe": name} | measured(mapped, judge.x, options) | judge.quality(held))
        rows[-1] |= own.of_network(held) if own else {}
        progress.say(f"{network.name}, {name}: {mapped.n_crossbars} crossbars, quality {rows[-1]['quality']:.4f}")
    return rows


def measured(mapped: Mapped, x: np.ndarray, options: Any) -> dict[str, Any]:
    """A mapping's crossbars, and what some samples cost on the mesh."""
    trace: SpikeTrace = run_layered(mapped.network, x[: options.samples], options.duration_ms, options.seed)
    record = simulate(mapped, trace, engine=options.engine)
    cost, late = energy(record), latency(record)
    each = 1e6 * trace.n_samples
    found = mapped.trail[0].measures
    return {
        "crossbars": mapped.n_crossbars,
        "neuron_utilisation": mapped.neuron_utilisation,
        "synapse_utilisation": mapped.synapse_utilisation,
        "synapse_utilisation_original": mapped.synapse_utilisation_original,
        "units": found.get("links", 0.0),
        "depth": found.get("depth", 1.0),
        "precision": found.get("precision", float("nan")),
        "disagreement": found.get("disagreement", float("nan")),
        "clipped_share": found.get("clipped_share", float("nan")),
        "crossbars_least": found.get("crossbars_least", float("nan")),
        "wasted_uj": cost.wasted / each,
        "energy_uj": cost.total / each,
        "interconnect_uj": cost.interconnect / each,
        "latency_mean_cycles": late.mean_cycles,
        "latency_p99_cycles": late.p99_cycles,
    }


def counted(network: SpikingNetwork, hw: Hardware, recipe: str, options: Any, progress: Progress) -> dict[str, Any]:
    """Crossbars of a network too large for the mesh; its waste is that of its own time, nothing arriving late."""
    began = time.perf_counter()
    first, _ = load_recipe(recipe).pipeline.split_before("tile_of_cluster")
    state = first.run(MappingState(network, None, hw, options.seed, map_inputs=options.map_inputs))  # type: ignore[arg-type]
    assert state.partition is not None
    crossbars, held = state.partition.n_clusters, int(state.partition.sizes.sum())
    cells = crossbars * hw.crossbar.n_in * hw.crossbar.n_out
    on_chip = int(state.network.fan_in()[state.assignment >= 0].sum())
    original = on_chip - (0 if state.original_synapses is None else int((~state.original_synapses).sum()))
    idle_nw = (crossbars * hw.crossbar.n_out - held) * hw.power.neuron_nw + (cells - on_chip) * hw.power.synapse_nw
    found = state.trail[0].measures
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    seconds = time.perf_counter() - began
    progress.say(f"{network.name}, {recipe}: {crossbars} crossbars in {seconds:.0f} s, peak memory so far {peak:.1f} GiB")
    return {
        "recipe": recipe,
        "pack_seconds": seconds,
        "peak_memory_gib": peak,
        "crossbars_least": found.get("crossbars_least", float("nan")),
        "crossbars": crossbars,
        "neuron_utilisation": held / (crossbars * hw.crossbar.n_out),
        "synapse_utilisation": on_chip / cells,
        "synapse_utilisation_original": original / cells,
        "units": found.get("links", 0.0),
        "depth": found.get("depth", 1.0),
        "wasted_uj": idle_nw * options.duration_ms * 1e-6,
    }


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Averages over applications, all and by class."""
    columns = ["fewer_crossbars_percent", "less_waste_percent", "neuron_utilisation", "synapse_utilisation_original"]
    columns += [
        "crossbars_share",
        "waste_share",
        "synapse_utilisation",
        "share_fan_in_128_or_more",
        "share_fan_in_over_128",
        "quality_gain_points",
    ]
    rows = []
    counted_in = table[~table["pruned"].astype(bool)]
    for kind in ("all", "CNN", "MLP", "RNN"):
        some = counted_in if kind == "all" else counted_in[counted_in["kind"] == kind]
        for recipe in RECIPES:
            of = some[some["recipe"] == recipe]
            if not len(of):
                continue
            row: dict[str, Any] = {"application": f"mean of {len(of)}, {kind}", "kind": kind, "recipe": recipe}
            row |= {column: of[column].mean() for column in columns if column != "quality_gain_points"}
            split = of[(of["share_fan_in_over_128"] > 0) & (of["quality_is"] == "accuracy")]
            row["quality_gain_points"] = split["quality_gain_points"].mean()
            rows.append(row)
    return pd.DataFrame(rows)


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """The paper's own figures, as far as its text has them, as rows to stand beside ours in the pictures."""
    ours, rows = table[table["recipe"] == "decomposed"], []
    for row in ours[~ours["application"].str.startswith("mean")].itertuples():
        about = {"application": row.application, "kind": row.kind}
        rows.append(about | {"recipe": "paper, unmapped", "quality": row.paper_accuracy})
        if row.paper_fewer_crossbars_percent == row.paper_fewer_crossbars_percent:
            share = 1 - row.paper_fewer_crossbars_percent / 100
            rows.append(about | {"recipe": "paper, decomposed", "crossbars_share": share})
    for row in ours[ours["application"].str.startswith("mean") & ours["kind"].isin(PAPER)].itertuples():
        about, said = {"application": row.application, "kind": row.kind}, PAPER[row.kind]
        shares = {"crossbars_share": 1 - said["fewer_crossbars_percent"] / 100}
        if "less_waste_percent" in said:
            shares["waste_share"] = 1 - said["less_waste_percent"] / 100
        rows.append(about | said | {"recipe": "paper, decomposed"} | shares)
        if row.kind == "all":
            rows.append(about | {"recipe": "paper, SpiNeMap"} | PAPER_SPINEMAP)
    return pd.DataFrame(rows)


def told(table: pd.DataFrame) -> list[str]:
    """Our averages beside the paper's, in words."""
    ours = table[(table["recipe"] == "decomposed") & table["application"].str.startswith("mean")]
    base = table[(table["recipe"] == BASE) & table["application"].str.startswith("mean")].set_index("kind")
    lines = []
    for row in ours.itertuples():
        paper = PAPER.get(row.kind, {})
        line = f"{row.application}: {row.fewer_crossbars_percent:.0f} % fewer crossbars"
        line += f" (paper {paper['fewer_crossbars_percent']:.0f})" if paper else ""
        if row.kind == "all":
            line += f", {row.less_waste_percent:.0f} % less waste (62), neuron utilisation"
            before = base.loc["all"]
            line += f" {before.neuron_utilisation:.0%} to {row.neuron_utilisation:.0%} (53 to 62), synapse utilisation"
            line += f" {before.synapse_utilisation_original:.1%} to {row.synapse_utilisation_original:.1%} (9 to 25)"
            if row.quality_gain_points == row.quality_gain_points:
                line += f", quality +{row.quality_gain_points:.1f} points where inputs had been dropped (+0.8 to +4.6)"
        lines.append(line + ".")
    return lines


def expect(table: pd.DataFrame, map_inputs: bool) -> None:
    """What must hold of every run, whatever the applications."""
    means_of = table["application"].str.startswith("mean")
    ours = table[(table["recipe"] == "decomposed") & ~means_of]
    for row in ours.itertuples():
        if row.crossbars_same_synapses > row.crossbars_best_spinemap:
            raise CheckFailed(f"{row.application}: more crossbars than SpiNeMap's best packing of the same synapses")
        if row.fewer_crossbars_percent < row.paper_fewer_crossbars_percent:
            raise CheckFailed(f"{row.application}: {row.fewer_crossbars_percent:.0f} % fewer crossbars, the paper has more")
        if row.quality_is == "accuracy" and row.quality_samples >= 500 and row.quality < row.quality_unmapped - 0.003:
            raise CheckFailed(f"{row.application}: accuracy {row.quality:.4f}, unmapped {row.quality_unmapped:.4f}")
        if row.own_measure == ACCURACY and row.own_samples >= 500 and row.own_difference < -0.3:
            raise CheckFailed(f"{row.application}: accuracy {row.own_value:.2f} %, {-row.own_difference:.2f} points lost")
    if len(ours) < len(APPLICATIONS) - 2:
        return
    for row in table[(table["recipe"] == "decomposed") & means_of].itertuples():
        for column in ("fewer_crossbars_percent", "less_waste_percent", *(("neuron_utilisation",) if map_inputs else ())):
            if getattr(row, column) < PAPER.get(row.kind, {}).get(column, -np.inf):
                raise CheckFailed(f"{row.application}: {column} is {getattr(row, column):.3g}, the paper has more")


def manifest(options: Any, table: pd.DataFrame, hw: Hardware) -> Mapping[str, Any]:
    """What the results folder says of the run."""
    fit, fan_in = {"by": "recipe", "x": "application"}, ["share_fan_in_128_or_more", "share_fan_in_over_128"]
    return {
        **manifest_head("fig5-fig9", "Decomposition: the figures of its paper", QUESTION, options.seed),
        "notes": [
            f"Inputs {'on' if options.map_inputs else 'off'} the chip.",
            "Synapse utilisation without the links between units of a neuron. Energy a sample.",
            *told(table),
            "Single ones in the paper: LeNet 16 %, VGG16 48 %, EdgeDet 90 % fewer crossbars.",
        ],
        "parameters": {"options": vars(options), f"hardware.{hw.name}": hw.parameters()},
        "sources": sources_of([hw]),
        "curves": [
            {"title": "Fig. 1: share of neurons with 128 inputs or more, and with more", "y": fan_in, "x": "application"},
            {"title": "Fig. 5: crossbars, of SpiNeMap's", "y": ["crossbars_share"], **fit},
            {"title": "Fig. 5: crossbars", "y": ["crossbars"], "log": "y", **fit},
            {"title": "Fig. 6: neuron utilisation", "y": ["neuron_utilisation"], **fit},
            {"title": "Fig. 7: synapse utilisation", "y": ["synapse_utilisation_original"], **fit},
            {"title": "Fig. 8: wasted energy, of SpiNeMap's", "y": ["waste_share"], **fit},
            {"title": "Fig. 8: wasted energy, uJ a sample", "y": ["wasted_uj"], "log": "y", **fit},
            {"title": "Fig. 9: quality", "y": ["quality"], **fit},
            {"title": "Fig. 9: change of the application's own measure", "y": ["own_difference"], **fit},
            {"title": "section IV: interconnect energy, uJ a sample", "y": ["interconnect_uj"], "log": "y", **fit},
            {"title": "section IV: all energy, uJ a sample", "y": ["energy_uj"], "log": "y", **fit},
            {"title": "section IV: latency, cycles", "y": ["latency_mean_cycles"], "log": "y", **fit},
        ],
        "columns": SHOWN,
        "directions": {"wasted_uj": "lower", "energy_uj": "lower", "interconnect_uj": "lower", "quality": "equal"},
    }


if __name__ == "__main__":
    raise SystemExit(run_script(__file__))
