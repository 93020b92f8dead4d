"""What does a larger or longer mesh cost the same clusters?

The clusters of one network on meshes from the smallest near-square one to twice its side, and on long thin ones. Empty tiles
give the placer room, and room cannot shorten a best placement; thin meshes make every path longer. Takes about a minute.

    spikemesh run mesh-size
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from spikemesh.cli import run_script
from spikemesh.hardware import load_hardware
from spikemesh.mapping import legalise, map_network
from spikemesh.report import new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.assembling import assemble_study
from spikemesh.scenario.networks import prepare_question
from spikemesh.scenario.printing import print_study
from spikemesh.scenario.study import Point, run_study

QUESTION = "What does a larger or longer mesh cost the same clusters?"
CHIP = "mesh-28nm"
CURVES = (
    {"title": "hop cost", "x": "mesh", "y": ["hop_cost"], "by": "recipe"},
    {"title": "latency, mean", "x": "mesh", "y": ["latency_mean_cycles"], "by": "recipe"},
    {"title": "busiest link", "x": "mesh", "y": ["link_load_max_flits"], "by": "recipe"},
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argument_parser("mesh-size", __doc__)
    parser.add_argument("--network", default="digits_cnn", metavar="NAME", help="a workload (default: digits_cnn)")
    parser.add_argument("--cluster", type=int, default=16, metavar="N", help="neurons a crossbar (default 16)")
    options = parser.parse_args(argv)
    folder = new_folder("mesh-size", options.out)
    progress = Progress()
    samples = 2 if options.quick else 100 if options.full else 10
    question, prepared = prepare_question(options.network, samples, 50.0, options.seed, options.engine, progress)
    size = {"crossbar.n_out": options.cluster, "crossbar.n_in": "inf"}
    chip = load_hardware(CHIP, overrides=size)
    n = map_network(legalise(question.network, chip), None, chip, recipe="pacman").n_clusters
    side = math.ceil(math.sqrt(n))
    shapes = [(side, math.ceil(n / side)), (2 * side, 2 * side), (n, 1)]
    if not options.quick:
        shapes[1:1] = [(side + 1, side + 1), (side + side // 2, side + side // 2)]
        shapes.insert(-1, (math.ceil(n / 2), 2))
    points = []
    for recipe in ("random", "pacman", "auto"):
        for cols, rows in shapes:
            label = {"recipe": recipe, "mesh": f"{cols} x {rows}", "tiles_of_mesh": cols * rows}
            points.append(Point(label, load_hardware(CHIP, mesh=(cols, rows), overrides=size), recipe))
    table = run_study(question, points, progress)
    title = f"{question.network.name}: mesh size"
    results = assemble_study("mesh-size", title, QUESTION, question, prepared, table, CURVES, [chip], vars(options))
    write_folder(folder, results)
    print_study(results, folder, as_json=options.json)
    best = table[table["recipe"] == "auto"].set_index("mesh")["hop_cost"]
    if best.iloc[-1] < best.iloc[0]:
        raise CheckFailed("a single row of tiles beat the square mesh")
    return 0


if __name__ == "__main__":
    raise SystemExit(run_script(__file__))
