"""How fast may the chip be driven before late spikes change the answers?

Two mappings of one network in the closed loop: the network steps, the mesh carries its spikes, and a spike that is read too
late acts in a later step. The chip is driven faster and faster. At acceleration 1 nothing is late and both answer as the
unmapped network does; the better mapping should keep its answers longer. Accuracy comes with its 95 % Wilson interval.
Takes about two minutes on the 8x8 digits.

    spikemesh run acceleration
    spikemesh run acceleration --network MLP_mnist --samples 50
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spikemesh.hardware import load_hardware
from spikemesh.mapping import legalise, map_many
from spikemesh.metrics import spike_disorder, wilson_interval
from spikemesh.report import new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.assembling import assemble_study
from spikemesh.scenario.networks import prepare_question
from spikemesh.scenario.printing import print_study
from spikemesh.simulation.closed_loop import closed_loop

QUESTION = "How fast may the chip be driven before late spikes change the answers?"
CURVES = (
    {"title": "accuracy", "x": "acceleration", "y": ["accuracy", "accuracy_low", "accuracy_high"], "by": "recipe", "log": "x"},
    {"title": "share of spikes that are late", "x": "acceleration", "y": ["late_share"], "by": "recipe", "log": "x"},
    {"title": "spike disorder", "x": "acceleration", "y": ["spike_disorder"], "by": "recipe", "log": "x"},
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argument_parser("acceleration", __doc__)
    parser.add_argument("--network", default="digits_cnn", metavar="NAME", help="a workload (default: digits_cnn)")
    parser.add_argument("--hardware", default="gpa-grid", metavar="NAME|PATH", help="the chip (default: gpa-grid)")
    parser.add_argument("--recipe", action="append", metavar="NAME|PATH", help="mappings (default: random, auto)")
    parser.add_argument("--samples", type=int, metavar="N", help="test samples (default 30, --quick 3, --full 300)")
    parser.add_argument("--late", default="next-step", choices=("next-step", "drop", "accept"), help="what late spikes do")
    options = parser.parse_args(argv)
    folder = new_folder("acceleration", options.out)
    progress = Progress()
    samples = options.samples or (3 if options.quick else 300 if options.full else 30)
    question, prepared = prepare_question(options.network, samples, 50.0, options.seed, options.engine, progress)
    chip = load_hardware(options.hardware, overrides={"mesh.cols": "auto", "mesh.rows": "auto"})
    network = legalise(question.network, chip)
    trace = question.trace if network is question.network else question.run(network)
    mappings = map_many(network, trace, chip, options.recipe or ["random", "auto"], seed=question.seed)
    rows = []
    for acceleration in ladder(chip.fastest_acceleration, options.quick):
        for recipe, mapped in mappings.items():
            loop = closed_loop(
                mapped,
                question.inputs,
                question.labels,
                duration_ms=question.duration_ms,
                acceleration=acceleration,
                late=options.late,
                engine=question.engine,
                seed=question.seed,
            )
            right = int(np.sum(loop.predictions == question.labels))
            low, high = wilson_interval(right, samples)
            rows.append(
                {
                    "recipe": recipe,
                    "acceleration": acceleration,
                    "accuracy": right / samples,
                    "accuracy_low": low,
                    "accuracy_high": high,
                    "late_share": loop.late_share,
                    "spike_disorder": spike_disorder(loop.record).share,
                    "same_as_unmapped": float(np.mean(loop.predictions == trace.predictions)),
                }
            )
        progress.say(f"acceleration {acceleration:,.0f}: " + ", ".join(f"{r['recipe']} {r['accuracy']:.1%}" for r in rows[-2:]))
    table = pd.DataFrame(rows)
    title = f"{question.network.name} on {chip.name}: acceleration"
    notes = [f"{samples} samples of {question.duration_ms:g} ms; late spikes: {options.late}; unmapped {trace.accuracy:.1%}."]
    results = assemble_study("acceleration", title, QUESTION, question, prepared, table, CURVES, [chip], vars(options), notes)
    write_folder(folder, results)
    print_study(results, folder, as_json=options.json)
    slow = table[table["acceleration"] == 1.0]
    if (slow["late_share"] > 0).any() or (slow["same_as_unmapped"] < 1).any():
        raise CheckFailed("spikes are late, or answers differ, at acceleration 1")
    return 0


def ladder(fastest: float, quick: bool) -> list[float]:
    """1, then from a thousandth of the fastest upward in steps of 2 (of 8 when quick)."""
    steps = np.arange(-10, 0, 3 if quick else 1)
    return [1.0, *(float(fastest * 2.0**k) for k in steps if fastest * 2.0**k > 1)]


if __name__ == "__main__":
    raise SystemExit(main())
