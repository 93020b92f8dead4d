"""What does tree multicast save over one packet a destination?

The same mapping on `mesh-28nm`, once with a packet for each destination tile and once with one packet a spike that forks along
the XY tree. A tree shares links and the encoder, so it can only use fewer flit-hops. Takes about half a minute.

    spikemesh run multicast
"""

from __future__ import annotations

from collections.abc import Sequence

from spikemesh.cli import run_script
from spikemesh.hardware import load_hardware
from spikemesh.report import new_folder, write_folder
from spikemesh.scenario import CheckFailed, Progress, argument_parser
from spikemesh.scenario.assembling import assemble_study
from spikemesh.scenario.networks import prepare_question
from spikemesh.scenario.printing import print_study
from spikemesh.scenario.study import Point, run_study

QUESTION = "What does tree multicast save over one packet a destination?"
CHIP = "mesh-28nm"
CURVES = (
    {"title": "flit-hops", "x": "recipe", "y": ["flit_hops"], "by": "multicast"},
    {"title": "latency, mean", "x": "recipe", "y": ["latency_mean_cycles"], "by": "multicast"},
    {"title": "interconnect energy", "x": "recipe", "y": ["interconnect_energy_pj"], "by": "multicast"},
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argument_parser("multicast", __doc__)
    parser.add_argument("--network", default="digits_cnn", metavar="NAME", help="a workload (default: digits_cnn)")
    options = parser.parse_args(argv)
    folder = new_folder("multicast", options.out)
    progress = Progress()
    samples = 2 if options.quick else 100 if options.full else 10
    question, prepared = prepare_question(options.network, samples, 50.0, options.seed, options.engine, progress)
    points = []
    for recipe in ("random", "pacman") if options.quick else ("random", "pacman", "snn-gpa", "spinemap", "auto"):
        for mode in ("unicast", "tree"):
            small = {"noc.multicast": mode, "crossbar.n_out": 16, "crossbar.n_in": "inf"}
            points.append(Point({"recipe": recipe, "multicast": mode}, load_hardware(CHIP, overrides=small), recipe))
    table = run_study(question, points, progress)
    chip = points[0].hardware
    title = f"{question.network.name}: multicast"
    results = assemble_study("multicast", title, QUESTION, question, prepared, table, CURVES, [chip], vars(options))
    write_folder(folder, results)
    print_study(results, folder, as_json=options.json)
    for recipe, rows in table.groupby("recipe"):
        hops = rows.set_index("multicast")["flit_hops"]
        if hops["tree"] > hops["unicast"]:
            raise CheckFailed(f"{recipe}: the tree used more flit-hops than unicast")
        if rows["deliveries"].nunique() != 1:
            raise CheckFailed(f"{recipe}: tree and unicast delivered unlike numbers of spikes")
    return 0


if __name__ == "__main__":
    raise SystemExit(run_script(__file__))
