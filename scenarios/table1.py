"""How much accuracy does conversion cost?

Table I of the GPA paper: synapses, neurons, spikes over the test set, simulated time, accuracy of the spiking network and
of the ANN, with the average row. Accuracies come with n and a 95 % Wilson interval, and are those of networks trained here:
the paper's data sets are at hand for MNIST and, as a subset decoded from JPEG, for CIFAR-10, whose accuracies therefore do
not compare with published ones. Beside them stands the lowest Pearson correlation of activations and rates of a layer. Networks
without data are built and counted, with drawn weights, and claim no accuracy. By default the first 2,000 test images; --full
takes all of them, and runs AlexNet_mnist on 100 upscaled digits: its last layer is trained, on what the drawn ones before it
make of 1,000 training digits. That takes an hour.

    spikemesh run table1
    spikemesh run table1 --full
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spikemesh.cli import run_script
from spikemesh.errors import DataError
from spikemesh.metrics import wilson_interval
from spikemesh.report import Results, new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.assembling import manifest_head
from spikemesh.scenario.printing import print_study
from spikemesh.spiking import fidelity
from spikemesh.workloads import prepare

QUESTION = "How much accuracy does conversion cost?"
PAPER = {
    "CNN_mnist": (1.61, 0.01, 79.33, 200, 97.947, 98.46),
    "LeNet_mnist": (0.29, 0.007, 93.72, 200, 98.037, 98.88),
    "Zambrano_mnist": (1.42, 0.01, 125.10, 200, 99.25, 99.36),
    "Rueckauer_Cifar10": (2.50, 0.11, 7786.46, 1000, 79.43, 81.25),
    "LeNet_Cifar10": (0.66, 0.01, 752.26, 200, 53.596, 60.64),
    "AlexNet_mnist": (923.45, 0.79, 9550.44, 500, 97.24, 98.54),
    "MLP_mnist": (0.20, 0.001, 30.27, 200, 97.33, 97.60),
    "CNN_CatsVsDogs": (522.82, 2.03, 9290.56, 50, 91.60, 93.88),
    "CNN_Fruits360": (96.09, 0.40, 48092.77, 600, 89.5, 96.71),
    "AlexNet_CatsVsDogs": (165.01, 0.53, 8960.47, 50, 77.7, 82.78),
}
"""Table I: synapses (M), neurons (M), spikes (M), simulation time, SNN accuracy (%), ANN accuracy (%)."""
COUNTED_ONLY = ("CNN_CatsVsDogs", "CNN_Fruits360", "AlexNet_CatsVsDogs")
LONG = {"Rueckauer_Cifar10": 300, "AlexNet_mnist": 100}
"""Trained only in --full or when named, and run on this many test images unless --samples says otherwise."""
SHOWN = ["network", "synapses_m", "neurons_m", "spikes_m", "duration_ms", "n", "snn_percent", "snn_percent_low"]
SHOWN += ["snn_percent_high", "ann_percent", "loss_points", "least_pearson"]
SHOWN += ["paper_snn_percent", "paper_ann_percent", "paper_loss_points", "verdict"]
STEPS_MS = 200.0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argument_parser("table1", __doc__)
    parser.add_argument("--network", action="append", metavar="NAME", help="workloads (default: all of Table I)")
    parser.add_argument("--samples", type=int, metavar="N", help="test images (default 2000, --quick 100, --full all)")
    options = parser.parse_args(argv)
    folder = new_folder("table1", options.out)
    progress = Progress()
    most = 100 if options.quick else None if options.full else 2000
    names = options.network or (["digits_cnn", "CNN_CatsVsDogs"] if options.quick else list(PAPER))
    rows = []
    for name in names:
        n = options.samples or LONG.get(name, most)
        trains = name not in COUNTED_ONLY and (options.full or name not in LONG or bool(options.network))
        rows.append(line(name, n, trains, options.seed, progress))
        found = rows[-1]
        progress.say(f"{name}: SNN {found['snn_percent']:.2f} %, ANN {found['ann_percent']:.2f} % of {found['n']}")
    table = pd.DataFrame(rows)
    numbers = [c for c in SHOWN if c not in ("network", "verdict")]
    average = {"network": "average", **table[numbers].mean().to_dict()}
    table = pd.concat([table, pd.DataFrame([average])], ignore_index=True)
    manifest = {
        **manifest_head("table1", "Table I of the GPA paper", QUESTION, options.seed),
        "notes": ["The average of an accuracy is over the networks that have one."],
        "parameters": {"options": vars(options), "duration_ms": STEPS_MS},
        "curves": [{"title": "accuracy, %", "x": "network", "y": ["snn_percent", "ann_percent", "paper_snn_percent"]}],
        "columns": SHOWN,
        "directions": {"snn_percent": "higher", "loss_points": "lower", "synapses_m": "equal", "neurons_m": "equal"},
    }
    results = Results(table[[*SHOWN, *(c for c in table if c not in SHOWN)]], manifest)
    write_folder(folder, results)
    print_study(results, folder, as_json=options.json)
    for found in rows:
        if found["loss_points"] > max(1.0, 100.0 * 3 / max(found["n"], 1)):
            raise CheckFailed(f"{found['network']} loses {found['loss_points']:.2f} points in conversion")
    return 0


def line(name: str, n: int | None, trains: bool, seed: int, progress: Progress) -> dict[str, object]:
    """One network: counted, and run on its test images where it ``trains`` and its data are at hand."""
    try:
        prepared = prepare(name, "trained" if trains else "drawn", progress=progress.say)
    except DataError as reason:
        progress.say(f"{name} is only counted: {reason}")
        prepared = prepare(name, "drawn")
    network, data = prepared.network, prepared.dataset
    nan = float("nan")
    synapses, neurons, spikes, _, snn, ann = PAPER.get(name, (nan,) * 6)
    found: dict[str, object] = {
        "network": name,
        "synapses_m": network.n_synapses * 1e-6,
        "neurons_m": network.n_neurons * 1e-6,
        "weights": network.weights,
        "verdict": prepared.verdict,
        "paper_synapses_m": synapses,
        "paper_neurons_m": neurons,
        "paper_spikes_m": spikes,
        "paper_snn_percent": snn,
        "paper_ann_percent": ann,
        "paper_loss_points": ann - snn,
        "n": 0,
        **dict.fromkeys(("spikes_m", "duration_ms", "snn_percent", "snn_percent_low", "snn_percent_high"), nan),
        **dict.fromkeys(("ann_percent", "loss_points", "least_pearson"), nan),
    }
    if network.weights == "trained" and data is not None:
        x, y = data.x_test[:n], np.asarray(data.y_test[:n], np.int64)
        with progress.bar(f"{name}: {len(y)} test images of {data.name}", len(y)):
            ran = fidelity(network, x, STEPS_MS, seed, labels=y)
        for text in ran.advice:
            progress.say(f"{name}: {text}")
        right = int(np.sum(ran.predictions == y))
        ann_right = int(np.sum(prepared.ann_predictions(x) == y))
        low, high = wilson_interval(right, len(y))
        found |= {
            "n": len(y),
            "spikes_m": ran.spikes * 1e-6,
            "duration_ms": STEPS_MS,
            "snn_percent": 100 * right / len(y),
            "snn_percent_low": 100 * low,
            "snn_percent_high": 100 * high,
            "ann_percent": 100 * ann_right / len(y),
            "loss_points": 100 * (ann_right - right) / len(y),
            "least_pearson": ran.worst_pearson,
        }
    return found


if __name__ == "__main__":
    raise SystemExit(run_script(__file__))
