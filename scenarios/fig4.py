"""What does Zambrano_mnist look like on a 120 x 120 mm chip?

Fig. 4 of the GPA paper: the 910 clusters of Zambrano_mnist (14,554 neurons, 16 a cluster) on `gpa-grid`, 30 x 31 tiles 4 mm
apart. The report draws the chip as SNN-GPA in index order fills it, and as the partitioner and placer of this tool do, each
beside the load that one test image puts on the links. Takes about a minute.

    spikemesh run fig4
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from spikemesh.cli import run_script
from spikemesh.hardware import load_hardware
from spikemesh.mapping import map_many
from spikemesh.metrics import metrics
from spikemesh.report import new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.assembling import assemble_study
from spikemesh.scenario.drawing import drawing_of
from spikemesh.scenario.networks import prepare_question
from spikemesh.scenario.printing import print_results
from spikemesh.simulation import simulate

QUESTION = "What does Zambrano_mnist look like on a 120 x 120 mm chip?"
CLUSTERS = 910


def main(argv: Sequence[str] | None = None) -> int:
    parser = argument_parser("fig4", __doc__)
    parser.add_argument("--network", metavar="NAME", help="a workload (default: Zambrano_mnist; --quick: digits_cnn)")
    parser.add_argument("--recipe", action="append", metavar="NAME|PATH", help="recipes (default: snn-gpa, auto)")
    options = parser.parse_args(argv)
    folder = new_folder("fig4", options.out)
    progress = Progress()
    name = options.network or ("digits_cnn" if options.quick else "Zambrano_mnist")
    question, prepared = prepare_question(name, 1, 20.0 if options.quick else 50.0, options.seed, options.engine, progress)
    chip = load_hardware("gpa-grid")
    rows, drawings = [], []
    for recipe, mapped in map_many(question.network, question.trace, chip, options.recipe or ["snn-gpa", "auto"]).items():
        record = simulate(mapped, question.trace, engine=question.engine)
        progress.say(f"{recipe}: {mapped.n_crossbars} clusters, {record.n_packets:,} packets")
        size = {"mesh_cols": chip.cols, "mesh_rows": chip.rows, "acceleration": 1.0}
        rows.append({"chip": chip.name, "recipe": recipe, **size, **metrics(record)})
        drawings.append(drawing_of(recipe, mapped, record, question.network))
    table = pd.DataFrame(rows)
    millimetres = f"{chip.cols * chip.mesh.pitch_x_mm:.0f} x {chip.rows * chip.mesh.pitch_y_mm:.0f} mm"
    title = f"{question.network.name} on {millimetres}"
    results = assemble_study("fig4", title, QUESTION, question, prepared, table, [], [chip], vars(options))
    results.mappings.extend(drawings)
    write_folder(folder, results)
    print_results(results, folder, as_json=options.json)
    if name == "Zambrano_mnist" and not (table["crossbars"].between(CLUSTERS, CLUSTERS + 3)).all():
        raise CheckFailed(f"Zambrano_mnist needs {table['crossbars'].tolist()} clusters; the paper draws {CLUSTERS}")
    return 0


if __name__ == "__main__":
    raise SystemExit(run_script(__file__))
