"""How few bits may a weight have?

The network's weights are rounded as a crossbar of `weight_bits` would hold them (symmetric, one scale a layer), and the test
samples run again. Accuracy comes with n and its 95 % Wilson interval; spikes are counted because coarse weights also change
how often neurons fire, and with that energy. A mapping changes nothing here: bits are lost in the crossbar, wherever it is.
Takes half a minute; with `--full` on a network of MNIST all 10,000 test images, a few minutes.

    spikemesh run weight-bits
    spikemesh run weight-bits --network LeNet_mnist --full
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spikemesh.cli import run_script
from spikemesh.mapping.legalisation import quantise_weights
from spikemesh.metrics import wilson_interval
from spikemesh.report import Results, new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.assembling import manifest_head
from spikemesh.scenario.networks import pick_network
from spikemesh.scenario.printing import print_study
from spikemesh.spiking import run_layered
from spikemesh.workloads import prepare

QUESTION = "How few bits may a weight have?"
BITS = (1, 2, 3, 4, 5, 6, 8, 12, 0)
ENOUGH = 8
CURVES = (
    {"title": "accuracy", "x": "weight_bits", "y": ["accuracy", "accuracy_low", "accuracy_high"]},
    {"title": "spikes a sample", "x": "weight_bits", "y": ["spikes_per_sample"]},
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argument_parser("weight-bits", __doc__)
    parser.add_argument("--network", default="auto", metavar="NAME", help="a workload (default: MLP_mnist, else digits_cnn)")
    parser.add_argument("--samples", type=int, metavar="N", help="test samples (default 1000, --quick 100, --full all)")
    parser.add_argument("--duration-ms", type=float, default=200.0, metavar="MS", help="length of a sample (default 200)")
    options = parser.parse_args(argv)
    folder = new_folder("weight-bits", options.out)
    progress = Progress()
    name = "digits_cnn" if options.quick and options.network == "auto" else pick_network(options.network)
    prepared = prepare(name, seed=options.seed, progress=progress.say)
    network, data = prepared.network, prepared.labelled_data("there is no accuracy to lose")
    n = options.samples or (100 if options.quick else len(data.x_test) if options.full else 1000)
    inputs, labels = data.x_test[:n], np.asarray(data.y_test[:n], np.int64)
    rows = []
    for bits in BITS:
        rounded = quantise_weights(network, bits)
        counts = run_layered(rounded, inputs, options.duration_ms, options.seed, labels=labels, record="counts")
        right = int(np.sum(counts.predictions == labels))
        low, high = wilson_interval(right, len(labels))
        rows.append(
            {
                "weight_bits": str(bits or "float"),
                "accuracy": right / len(labels),
                "accuracy_low": low,
                "accuracy_high": high,
                "accuracy_samples": len(labels),
                "spikes_per_sample": counts.n_spikes / len(labels),
            }
        )
        progress.say(f"{rows[-1]['weight_bits']} bits: {right / len(labels):.2%} of {len(labels)}")
    table = pd.DataFrame(rows)
    manifest = {
        **manifest_head("weight-bits", f"{name}: accuracy against weight_bits", QUESTION, options.seed),
        "notes": [f"ANN: {np.mean(prepared.ann_predictions(inputs) == labels):.2%} of the same {len(labels)} samples."],
        "parameters": {"options": vars(options)},
        "curves": [dict(curve) for curve in CURVES],
        "directions": {"accuracy": "higher"},
    }
    results = Results(table, manifest)
    write_folder(folder, results)
    print_study(results, folder, as_json=options.json)
    exact, enough = table["accuracy"].iloc[-1], table.loc[table["weight_bits"] == str(ENOUGH), "accuracy"].iloc[0]
    if enough < exact - 0.01:
        raise CheckFailed(f"{ENOUGH} bits lose {100 * (exact - enough):.1f} points: more than one")
    return 0


if __name__ == "__main__":
    raise SystemExit(run_script(__file__))
