"""How far apart may tiles stand before wires cost more than routers?

Pitch from 10 um to 4 mm, the range that the GPA paper's section IV-B speaks of, on `mesh-45nm` (router 1.753 pJ a flit, wire
42.6 fJ a bit and mm, 0.1 ns a mm; DSENT). The mapping is the same at every pitch, so only wires change: the energy of a hop
grows with the pitch, and its delay only where the wire needs more than one cycle. Takes about half a minute.

    spikemesh run grid-pitch
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

QUESTION = "How far apart may tiles stand before wires cost more than routers?"
CHIP = "mesh-45nm"
PITCHES_MM = (0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 1.3, 2.0, 4.0)
CURVES = (
    {"title": "interconnect energy", "x": "pitch_mm", "y": ["interconnect_energy_pj"], "by": "recipe", "log": "xy"},
    {"title": "latency, mean", "x": "pitch_mm", "y": ["latency_mean_ns"], "by": "recipe", "log": "x"},
    {"title": "share of a hop's energy spent in the wire", "x": "pitch_mm", "y": ["wire_share"], "by": "recipe", "log": "x"},
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argument_parser("grid-pitch", __doc__)
    parser.add_argument("--network", default="digits_cnn", metavar="NAME", help="a workload (default: digits_cnn)")
    options = parser.parse_args(argv)
    folder = new_folder("grid-pitch", options.out)
    progress = Progress()
    samples = 2 if options.quick else 100 if options.full else 10
    question, prepared = prepare_question(options.network, samples, 50.0, options.seed, options.engine, progress)
    points = []
    for recipe in ("pacman", "auto"):
        for pitch in PITCHES_MM[:: 4 if options.quick else 1]:
            chip = load_hardware(CHIP, pitch_mm=pitch)
            wire = chip.energy.wire_pj_per_bit_mm * chip.flit_bits * pitch
            label = {"recipe": recipe, "pitch_mm": pitch, "wire_share": wire / chip.hop_x_pj}
            points.append(Point(label, chip, recipe))
    table = run_study(question, points, progress)
    crossing = chip.energy.router_pj_per_flit / (chip.energy.wire_pj_per_bit_mm * chip.flit_bits)
    notes = [f"Wire and router cost the same at a pitch of {crossing:.2f} mm."]
    title = f"{question.network.name}: grid pitch"
    results = assemble_study("grid-pitch", title, QUESTION, question, prepared, table, CURVES, [chip], vars(options), notes)
    write_folder(folder, results)
    print_study(results, folder, as_json=options.json)
    for recipe, rows in table.groupby("recipe"):
        if not rows["interconnect_energy_pj"].is_monotonic_increasing:
            raise CheckFailed(f"{recipe}: interconnect energy does not grow with the pitch")
        if rows["flit_hops"].nunique() != 1:
            raise CheckFailed(f"{recipe}: the mapping changed with the pitch")
    return 0


if __name__ == "__main__":
    raise SystemExit(run_script(__file__))
