"""Does the mesh behave as BookSim2's does?

Uniform random traffic on an 8 x 8 mesh of `booksim-lean` routers, from almost no load to the edge of saturation, beside the
curve that BookSim2 (commit 28f4329) gave for the same router: one virtual channel, one-cycle links, zero load 5 + 3 cycles
a link, FIFOs without end (its configuration C). Mean latency must lie within 1 % up to 0.35 flits a node and cycle, and
within 3 % at 0.4; single seeds spread by more than that near saturation, so the full run averages eight. Takes about a
minute.

    spikemesh run noc-validation
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from spikemesh.cli import run_script
from spikemesh.hardware import load_hardware
from spikemesh.report import Results, new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.assembling import manifest_head
from spikemesh.scenario.printing import print_study
from spikemesh.simulation.synthetic import latency_load

QUESTION = "Does the mesh behave as BookSim2's does?"
BOOKSIM = {0.01: 20.79, 0.1: 21.02, 0.2: 21.58, 0.3: 23.09, 0.35: 25.16, 0.4: 35.40}
"""Mean packet latency of BookSim2, configuration C: rate in flits a node and cycle -> cycles."""
CURVES = ({"title": "latency against load, 8 x 8, uniform", "x": "rate", "y": ["spikemesh_cycles", "booksim_cycles"]},)


def main(argv: Sequence[str] | None = None) -> int:
    options = argument_parser("noc-validation", __doc__).parse_args(argv)
    folder = new_folder("noc-validation", options.out)
    progress = Progress()
    chip = load_hardware("booksim-lean", mesh=(8, 8))
    cycles, n_seeds = (4000, 2) if options.quick else (20000, 16 if options.full else 8)
    rates = [rate for rate in BOOKSIM if rate < 0.4 or not options.quick]
    progress.say(f"{len(rates)} rates, {n_seeds} seeds of {cycles} cycles")
    seeds = range(options.seed, options.seed + n_seeds)
    curve = latency_load(chip, "uniform", rates, seeds=seeds, measure=cycles, engine=options.engine)
    ours = curve.groupby("rate")["latency_mean_cycles"].mean()
    table = pd.DataFrame(
        {"rate": rates, "spikemesh_cycles": [ours[r] for r in rates], "booksim_cycles": [BOOKSIM[r] for r in rates]}
    )
    table["difference_percent"] = 100 * (table["spikemesh_cycles"] / table["booksim_cycles"] - 1)
    manifest = {
        **manifest_head("noc-validation", "the mesh beside BookSim2", QUESTION, options.seed),
        "notes": [
            f"{n_seeds} seeds of {cycles} measured cycles; largest difference {table['difference_percent'].abs().max():.2f} %."
        ],
        "parameters": {"options": vars(options), "hardware": chip.parameters()},
        "directions": {"spikemesh_cycles": "equal"},
        "curves": [{**CURVES[0], "y": [*CURVES[0]["y"]]}],
    }
    results = Results(table, manifest)
    write_folder(folder, results)
    print_study(results, folder, as_json=options.json)
    slack = 2.0 if options.quick else 1.0  # the quick version has a tenth of the packets
    for row in table.itertuples():
        limit = slack * (3.0 if row.rate >= 0.4 else 1.0)
        if abs(row.difference_percent) > limit:
            raise CheckFailed(f"at {row.rate} flits a node and cycle the latency is off by {row.difference_percent:+.2f} %")
    return 0


if __name__ == "__main__":
    raise SystemExit(run_script(__file__))
