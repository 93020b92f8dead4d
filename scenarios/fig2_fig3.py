"""Do spike rates follow the activations of the ANN, and how soon does the spiking network answer as well?

Fig. 2 and Fig. 3 of the GPA paper. Fig. 2: Pearson correlation of ANN activations and spike rates, layer by layer, pooled
over all neurons and samples of a batch, mean over batches; the last layer before its softmax, clipped at 0. Fig. 3: top-1
and top-5 error of the spiking network after every step of 1 ms, mean and standard deviation over batches, beside the ANN's.
The ANN's activations are computed from the converted weights; tests hold those to Keras' own outputs. Takes about a minute.

    spikemesh run fig2-fig3
    spikemesh run fig2-fig3 --network CNN_mnist --samples 1000
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spikemesh.errors import DataError
from spikemesh.network import SpikingNetwork
from spikemesh.report import Results, new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.networks import pick_network
from spikemesh.scenario.printing import print_study
from spikemesh.spiking import SpikeCounts, relu_activations, run_layered
from spikemesh.workloads import prepare

QUESTION = "Do spike rates follow the ANN's activations, and how soon does the spiking network answer as well?"
BATCH = 50
CURVES = (
    {"title": "Fig. 2: Pearson correlation", "x": "layer", "y": ["pearson"]},
    {"title": "Fig. 3: error over time", "x": "time_ms", "y": ["top1_error", "top5_error", "ann_top1_error", "ann_top5_error"]},
    {"title": "Fig. 3: standard deviation over batches", "x": "time_ms", "y": ["top1_std", "top5_std"]},
)


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
    if prepared.dataset is None:
        raise DataError(f"{prepared.network.name}: its data is not at hand, so there is nothing to compare")
    n = options.samples or (100 if options.quick else len(prepared.dataset.x_test) if options.full else 500)
    inputs, labels = prepared.dataset.x_test[:n], prepared.dataset.y_test[:n]
    pearson, snn, ann = [], [], []
    for at in range(0, len(inputs), BATCH):
        x, y = inputs[at : at + BATCH], np.asarray(labels[at : at + BATCH], np.int64)
        ran = run_layered(prepared.network, x, options.duration_ms, options.seed, labels=y, record="counts", per_sample=True)
        activations = relu_activations(prepared.network, x)
        pearson.append(correlations(prepared.network, activations, ran))
        snn.append([ran.error_over_time(1), ran.error_over_time(5)])
        scores = prepared.keras_model().predict(np.asarray(x, np.float32), verbose=0)
        ahead = (scores > scores[np.arange(len(y)), y][:, None]).sum(axis=1)
        ann.append([np.mean(ahead >= 1), np.mean(ahead >= 5)])
    layers = [layer.name for layer in prepared.network.layers[1:]]
    table = pd.concat([fig2(layers, np.array(pearson)), fig3(np.array(snn), np.array(ann))], ignore_index=True)
    last = table.dropna(subset=["time_ms"]).iloc[-1]
    notes = [
        f"{n} samples in batches of {BATCH}; after {last['time_ms']:.0f} ms the SNN errs on {last['top1_error']:.2%}, "
        f"the ANN on {last['ann_top1_error']:.2%}."
    ]
    manifest = {
        "scenario": "fig2-fig3",
        "title": f"{prepared.network.name}: rates and activations",
        "question": QUESTION,
        "created": pd.Timestamp.now("UTC").strftime("%Y-%m-%d %H:%M UTC"),
        "seed": options.seed,
        "notes": notes,
        "parameters": {"options": vars(options)},
        "curves": [dict(curve) for curve in CURVES],
        "directions": {"pearson": "higher", "top1_error": "lower", "top5_error": "lower"},
        "columns": ["layer", "pearson", "pearson_std", "time_ms", "top1_error", "top5_error"],
    }
    write_folder(folder, Results(table, manifest))
    print_study(Results(table[table["time_ms"].isna() | (table["time_ms"] % 20 == 0)], manifest), folder, as_json=options.json)
    worst = table["pearson"].min()
    if worst < 0.99:
        raise CheckFailed(f"a layer's rates follow its activations with a correlation of {worst:.4f} only")
    return 0


def correlations(network: SpikingNetwork, activations: NDArray[np.float64], ran: SpikeCounts) -> list[float]:
    """Pearson correlation of activations and rates for every layer but the input, over all neurons and samples."""
    starts = network.layer_starts
    rates = ran.sample_counts
    found = []
    for k in range(1, len(network.layers)):
        block = slice(starts[k], starts[k + 1])
        found.append(float(np.corrcoef(activations[:, block].ravel(), rates[:, block].ravel())[0, 1]))
    return found


def fig2(layers: list[str], pearson: NDArray[np.float64]) -> pd.DataFrame:
    """One row a layer; ``pearson`` (n_batches, n_layers)."""
    return pd.DataFrame({"layer": layers, "pearson": pearson.mean(axis=0), "pearson_std": pearson.std(axis=0)})


def fig3(snn: NDArray[np.float64], ann: NDArray[np.float64]) -> pd.DataFrame:
    """One row a step; ``snn`` (n_batches, 2, n_steps), ``ann`` (n_batches, 2): top-1, top-5."""
    mean, std = snn.mean(axis=0), snn.std(axis=0)
    return pd.DataFrame(
        {
            "time_ms": np.arange(1, snn.shape[2] + 1, dtype=np.float64),
            "top1_error": mean[0],
            "top1_std": std[0],
            "top5_error": mean[1],
            "top5_std": std[1],
            "ann_top1_error": ann[:, 0].mean(),
            "ann_top5_error": ann[:, 1].mean(),
        }
    )


if __name__ == "__main__":
    raise SystemExit(main())
