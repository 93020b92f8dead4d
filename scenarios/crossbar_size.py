"""Larger crossbars or more packets?

Crossbars of 64 to 512 rows and columns on `mesh-28nm`. Small ones send more packets; large ones idle more cells, on every row
read and all the time. The decomposition paper says that power grows "exponentially" with crossbar size; the exponent measured
in this model is printed: the slope of log(power of a used crossbar) over log(size). Synapses beyond the rows are dropped,
as SpiNeMap does, so a small crossbar may also run another network; the share kept is in the table. Takes about a minute.

    spikemesh run crossbar-size
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spikemesh.cli import run_script
from spikemesh.hardware import load_hardware
from spikemesh.report import new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.assembling import assemble_study
from spikemesh.scenario.networks import prepare_question
from spikemesh.scenario.printing import print_study
from spikemesh.scenario.study import Point, run_study

QUESTION = "Larger crossbars or more packets?"
CHIP = "mesh-28nm"
SIZES = (64, 128, 256, 512)
CURVES = (
    {"title": "energy", "x": "crossbar", "y": ["interconnect_energy_pj", "wasted_energy_pj", "static_energy_pj"], "log": "xy"},
    {"title": "packets", "x": "crossbar", "y": ["packets"], "log": "xy"},
    {"title": "synapse utilisation", "x": "crossbar", "y": ["synapse_utilisation"], "log": "x"},
    {"title": "power of a crossbar in use", "x": "crossbar", "y": ["crossbar_power_nw"], "log": "xy"},
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argument_parser("crossbar-size", __doc__)
    parser.add_argument("--network", default="digits_cnn", metavar="NAME", help="a workload (default: digits_cnn)")
    options = parser.parse_args(argv)
    folder = new_folder("crossbar-size", options.out)
    progress = Progress()
    samples = 2 if options.quick else 100 if options.full else 10
    question, prepared = prepare_question(options.network, samples, 50.0, options.seed, options.engine, progress)
    points = []
    for n in SIZES[:: 3 if options.quick else 1]:
        chip = load_hardware(CHIP, overrides={"crossbar.n_in": n, "crossbar.n_out": n})
        power = n * chip.power.neuron_nw + n * n * chip.power.synapse_nw
        points.append(Point({"crossbar": n, "crossbar_power_nw": power}, chip))
    table = run_study(question, points, progress)
    table["synapses_kept_share"] = table["crosspoints"] / question.network.n_synapses
    slopes = np.diff(np.log(table["crossbar_power_nw"])) / np.diff(np.log(table["crossbar"]))
    steps = zip(table["crossbar"], table["crossbar"][1:], slopes, strict=False)
    notes = [f"Power of a crossbar grows as size^{slope:.2f} from {a} to {b}." for a, b, slope in steps]
    title = f"{question.network.name}: crossbar size"
    results = assemble_study("crossbar-size", title, QUESTION, question, prepared, table, CURVES, [chip], vars(options), notes)
    write_folder(folder, results)
    print_study(results, folder, as_json=options.json)
    if (slopes < 1).any() or (slopes > 2).any():
        raise CheckFailed(f"a crossbar's power grows as size^{slopes.max():.2f}: outside linear to quadratic")
    return 0


if __name__ == "__main__":
    raise SystemExit(run_script(__file__))
