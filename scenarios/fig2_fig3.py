"""Do spike rates follow the activations of the ANN, and how soon does the spiking network answer as well?

Fig. 2 and Fig. 3 of the GPA paper. Fig. 2: Pearson correlation of ANN activations and spike rates, layer by layer, pooled
over all neurons and samples of a batch, mean over batches; the last layer before its softmax, clipped at 0. Fig. 3: top-1
and top-5 error of the spiking network after every step of 1 ms beside the ANN's, each with a band of one standard deviation
over batches. The ANN's activations are computed from the converted weights; tests hold those to Keras' own outputs. What
keeps rates from following (saturated, dead or silent neurons, too few steps) is said below the table. Takes about a minute.

    spikemesh run fig2-fig3
    spikemesh run fig2-fig3 --network CNN_mnist --samples 1000
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spikemesh.cli import run_script
from spikemesh.metrics import wilson_interval
from spikemesh.report import Results, new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.assembling import manifest_head
from spikemesh.scenario.networks import pick_network
from spikemesh.scenario.printing import print_study
from spikemesh.spiking import Fidelity, fidelity
from spikemesh.workloads import Prepared, prepare

QUESTION = "Do spike rates follow the ANN's activations, and how soon does the spiking network answer as well?"
BATCH = 50
LEAST_PEARSON = 0.99
CURVES = (
    {"title": "Fig. 2: Pearson correlation of activations and rates", "x": "layer", "y": ["pearson"]},
    {
        "title": "Fig. 3: error over time, one standard deviation over batches",
        "x": "time_ms",
        "y": ["snn_top1_error", "snn_top5_error", "ann_top1_error", "ann_top5_error"],
        "band": {f"{who}_{top}_error": f"{who}_{top}_std" for who in ("snn", "ann") for top in ("top1", "top5")},
    },
)
SHOWN = ["layer", "pearson", "pearson_std", "saturated", "dead", "silent", "time_ms"]
SHOWN += ["snn_top1_error", "snn_top1_std", "snn_top5_error", "ann_top1_error", "ann_top5_error"]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argument_parser("fig2-fig3", __doc__)
    parser.add_argument("--network", default="auto", metavar="NAME", help="a workload that trains (auto: MNIST's MLP)")
    parser.add_argument("--samples", type=int, metavar="N", help="test samples (default 500, --quick 100, --full all)")
    parser.add_argument(
        "--duration-ms", type=float, default=200.0, metavar="MS", help="simulated time of a sample (default 200)"
    )
    options = parser.parse_args(argv)
    folder = new_folder("fig2-fig3", options.out)
    progress = Progress()
    prepared = prepare("digits_cnn" if options.quick else pick_network(options.network), progress=progress.say)
    data = prepared.labelled_data("there is nothing to compare")
    n = options.samples or (100 if options.quick else len(data.x_test) if options.full else 500)
    x, y = data.x_test[:n], np.asarray(data.y_test[:n], np.int64)
    with progress.bar(f"{prepared.network.name}: {len(y)} samples of {options.duration_ms:g} ms", len(y)):
        found = fidelity(prepared.network, x, options.duration_ms, options.seed, labels=y, batch_size=BATCH)
    ann = ann_errors(prepared, x, y)
    table = pd.concat([fig2(found), fig3(found, ann, prepared.network.dt_ms)], ignore_index=True)
    results = assemble(prepared, found, table, y, vars(options) | {"batch": BATCH}, options.seed)
    write_folder(folder, results)
    few = table[table["time_ms"].isna() | (table["time_ms"] % 20 == 0)]
    print_study(Results(few, results.manifest), folder, as_json=options.json)
    if found.worst_pearson < LEAST_PEARSON:
        raise CheckFailed(f"a layer's rates follow its activations with a correlation of {found.worst_pearson:.4f} only")
    return 0


def ann_errors(prepared: Prepared, x: NDArray[np.floating], y: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n_batches, 2) top-1 and top-5 error of the trained Keras model, batch by batch."""
    scores = prepared.keras_model().predict(np.asarray(x, np.float32), batch_size=512, verbose=0)
    ahead = (scores > scores[np.arange(len(y)), y][:, None]).sum(axis=1)
    batches = [ahead[at : at + BATCH] for at in range(0, len(y), BATCH)]
    return np.array([[np.mean(b >= 1), np.mean(b >= 5)] for b in batches])


def fig2(found: Fidelity) -> pd.DataFrame:
    """One row a layer."""
    columns = ("layer", "pearson", "pearson_std", "saturated", "dead", "silent")
    return pd.DataFrame([{c: getattr(layer, c) for c in columns} for layer in found.layers])


def fig3(found: Fidelity, ann: NDArray[np.float64], dt_ms: float) -> pd.DataFrame:
    """One row a step: means and standard deviations over batches."""
    assert found.errors is not None
    table = pd.DataFrame({"time_ms": np.arange(1, found.n_steps + 1) * dt_ms})
    for k, top in enumerate(("top1", "top5")):
        table[f"snn_{top}_error"] = found.errors[:, k].mean(axis=0)
        table[f"snn_{top}_std"] = found.errors[:, k].std(axis=0)
        table[f"ann_{top}_error"] = ann[:, k].mean()
        table[f"ann_{top}_std"] = ann[:, k].std()
    return table


def assemble(
    prepared: Prepared, found: Fidelity, table: pd.DataFrame, y: NDArray[np.int64], options: dict[str, object], seed: int
) -> Results:
    """The table with its curves, and in words what the rates lose."""
    right = int(np.sum(found.predictions == y))
    low, high = wilson_interval(right, len(y))
    ann = 100 * float(np.mean(prepared.ann_predictions(prepared.dataset.x_test[: len(y)]) == y))  # type: ignore[union-attr]
    notes = [
        f"{len(y)} samples in batches of {BATCH}; after {found.n_steps} steps the SNN is right on {100 * right / len(y):.2f} % "
        f"({100 * low:.2f} to {100 * high:.2f}), the ANN on {ann:.2f} %.",
        *found.advice,
    ]
    manifest = {
        **manifest_head("fig2-fig3", f"{prepared.network.name}: rates and activations", QUESTION, seed),
        "notes": notes,
        "parameters": {"options": options, "conversion": str(prepared.network.report)},
        "curves": [dict(curve) for curve in CURVES],
        "columns": SHOWN,
        "directions": {"pearson": "higher", "snn_top1_error": "lower", "snn_top5_error": "lower"},
    }
    return Results(table, manifest)


if __name__ == "__main__":
    raise SystemExit(run_script(__file__))
