"""Do the benchmark networks do their work?

Every workload that has data, or makes its own, runs on it and is held against a stated baseline: accuracies against always
guessing the commonest class, beside the ANN's; image filters against the plain filter; heart rates against the median;
tracking against standing still; digits learned by plasticity. Each number comes with n and a 95 % interval. Networks are
trained on first use, which takes some minutes for all of them, and kept. Without data only the image filters and the tracking
run. By default at most 1,000 test samples each; --full takes all of them, and the networks that train long.

    spikemesh run zoo
    spikemesh run zoo --network HeartEstm --network DigitRecogSTDP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from spikemesh.cli import run_script
from spikemesh.errors import DataError
from spikemesh.report import Results, new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.assembling import manifest_head
from spikemesh.scenario.printing import print_study
from spikemesh.scenario.zoo import Evaluation, evaluate_workload
from spikemesh.workloads import runnable_workloads
from spikemesh.workloads.catalogue import find

QUESTION = "Do the benchmark networks do their work?"
QUICK = {"ImgSmooth": 3, "EdgeDet": 3, "VisualPursuit": 3}
MOST = 1000
SHOWN = ["network", "measure", "value", "low", "high", "n", "unit", "ann_value", "baseline_value", "baseline"]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argument_parser("zoo", __doc__)
    parser.add_argument("--network", action="append", metavar="NAME", help="workloads (default: all that have data)")
    parser.add_argument("--samples", type=int, metavar="N", help="test samples (default: at most 1000, --full all)")
    options = parser.parse_args(argv)
    folder = new_folder("zoo", options.out)
    progress = Progress()
    usual = [name for name in runnable_workloads() if options.full or find(name).auto]
    names = options.network or (list(QUICK) if options.quick else usual)
    found, missing = [], []
    for name in names:
        n = options.samples or (QUICK.get(name, 50) if options.quick else most(name, options.full))
        try:
            found.append(evaluate_workload(name, n, options.seed, progress=progress.say))
        except DataError as reason:
            if options.network:
                raise
            missing.append(f"{name}: {reason}")
        else:
            progress.say(str(found[-1]))
    results = assemble(found, missing, options.seed, vars(options))
    write_folder(folder, results)
    print_study(results, folder, as_json=options.json)
    for evaluation in found:
        if not evaluation.beats_baseline:
            raise CheckFailed(f"{evaluation.name} is no better than its baseline ({evaluation.baseline}): {evaluation}")
    return 0


def most(name: str, full: bool) -> int | None:
    """Test samples of a workload: all where they are few by nature, else at most 1,000."""
    return None if full or (find(name).run is not None and name != "HeartClass") else MOST


def assemble(found: Sequence[Evaluation], missing: Sequence[str], seed: int, options: dict[str, object]) -> Results:
    """One row a workload."""
    rows = [{**asdict(e), "notes": "; ".join(e.notes)} for e in found]
    table = pd.DataFrame(rows, columns=list(Evaluation.__dataclass_fields__)).rename(columns={"name": "network"})
    manifest = {
        **manifest_head("zoo", "The benchmark networks on their data", QUESTION, seed),
        "notes": [f"not run, {text}" for text in missing] + [f"{e.name}: {text}" for e in found for text in e.notes],
        "parameters": {"options": options},
        "curves": [],
        "columns": SHOWN,
        "directions": {"value": "equal"},
    }
    return Results(table, manifest)


if __name__ == "__main__":
    raise SystemExit(run_script(__file__))
