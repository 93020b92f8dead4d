"""How fast may the chip be driven before late spikes change the answers?

Two mappings of one network in the closed loop: the network steps, the mesh carries its spikes, and a spike that is read too
late acts in a later step. The chip is driven faster and faster. At acceleration 1 nothing is late and both answer as the
unmapped network does; the better mapping should keep its answers longer. Accuracy comes with its 95 % Wilson interval.
`--modes` also asks the quicker estimate, one run with measured delays, how far it may be trusted. Takes about a minute on the
8x8 digits; about ten with 300 samples of MLP_mnist on two cores.

    spikemesh run acceleration
    spikemesh run acceleration --network MLP_mnist --samples 300
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

from spikemesh.cli import run_script
from spikemesh.hardware import load_hardware
from spikemesh.mapping import map_many
from spikemesh.report import new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.assembling import assemble_study
from spikemesh.scenario.driving import drive, ladder
from spikemesh.scenario.networks import prepare_question
from spikemesh.scenario.printing import print_study
from spikemesh.simulation.closed_loop import LATE_POLICIES, MODES

QUESTION = "How fast may the chip be driven before late spikes change the answers?"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argument_parser("acceleration", __doc__)
    parser.add_argument("--network", default="digits_cnn", metavar="NAME", help="a workload (default: digits_cnn)")
    parser.add_argument("--hardware", default="gpa-grid", metavar="NAME|PATH", help="the chip (default: gpa-grid)")
    parser.add_argument("--recipe", action="append", metavar="NAME|PATH", help="mappings (default: random, auto)")
    parser.add_argument("--samples", type=int, metavar="N", help="test samples (default 30, --quick 3, --full 300)")
    parser.add_argument("--late", default="next-step", choices=LATE_POLICIES, help="what late spikes do")
    parser.add_argument("--modes", nargs="+", default=["lockstep"], choices=MODES, help="lockstep is the truth (default)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core; with --quick one)")
    options = parser.parse_args(argv)
    folder = new_folder("acceleration", options.out)
    progress = Progress()
    samples = options.samples or (3 if options.quick else 300 if options.full else 30)
    workers = options.workers or (1 if options.quick else len(os.sched_getaffinity(0)))
    question, prepared = prepare_question(options.network, samples, 50.0, options.seed, options.engine, progress)
    chip = load_hardware(options.hardware, overrides={"mesh.cols": "auto", "mesh.rows": "auto"})
    spikes, recipes = question.spikes(progress.say), options.recipe or ["random", "auto"]
    mappings = map_many(question.network, question.trace, chip, recipes, seed=question.seed, respond=spikes.of)
    traces = {name: spikes.of(mapped.network) for name, mapped in mappings.items()}
    alone = {name: trace.predictions for name, trace in traces.items() if trace.predictions is not None}
    speeds = ladder(chip.fastest_acceleration, 3 if options.quick else 1)
    asked = dataclasses.replace(question, late=options.late)
    table = drive(asked, mappings, alone, speeds, options.modes, workers, progress)
    title = f"{question.network.name} on {chip.name}: acceleration"
    notes = [
        f"{samples} samples of {question.duration_ms:g} ms; late spikes: {options.late}; unmapped {question.trace.accuracy:.1%}."
    ]
    results = assemble_study(
        "acceleration", title, QUESTION, question, prepared, table, curves(options.modes), [chip], vars(options), notes
    )
    write_folder(folder, results)
    print_study(results, folder, as_json=options.json)
    slow = table[table["acceleration"] == 1.0]
    if (slow["late_share"] > 0).any() or (slow["same_as_unmapped"] < 1).any():
        raise CheckFailed("spikes are late, or answers differ, at acceleration 1")
    return 0


def curves(modes: Sequence[str]) -> list[dict[str, object]]:
    """Pictures by mapping, or by mode where more than one was asked for."""
    shared = {"x": "acceleration", "by": "recipe" if len(modes) == 1 else "mode", "log": "x"}
    return [
        {"title": "accuracy", "y": ["accuracy", "accuracy_low", "accuracy_high"], **shared},
        {"title": "share of spikes that are late", "y": ["late_share"], **shared},
        {"title": "spike disorder", "y": ["spike_disorder"], **shared},
    ]


if __name__ == "__main__":
    raise SystemExit(run_script(__file__))
