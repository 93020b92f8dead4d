"""The two largest networks of the GPA paper, mapped: packets, hops, time and peak memory of the ordinary calls.

    python benchmarks/giants.py [--only NAME ...] [--capacity N ...] [--recipe NAME ...] [--json FILE]

AlexNet_mnist and CNN_CatsVsDogs (stand-in topologies, drawn weights, rates Exp(1) from seed 1) on a mesh as large as they
need, rows unlimited, 16 and 256 neurons a cluster: by spikemesh's own recipe "auto", by the same with exchanges of neurons
("quality"), by "pacman" (index order), and by index order along a Hilbert curve with force-directed swaps ("jin", after Jin et
al.). Every row is a process of its own; seconds include everything from the network's name to the checked mapping with all of its
measures, and compiling where kernels are not cached. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

NETWORKS = ("AlexNet_mnist", "CNN_CatsVsDogs")
PASSES = {
    "auto": ({"method": "auto"}, {"method": "auto"}),
    "quality": ({"method": "auto", "effort": "quality"}, {"method": "auto"}),
    "pacman": ({"method": "pacman"}, {"method": "id-order"}),
    "jin": ({"method": "pacman"}, {"method": "force-directed"}),
}
COLUMNS = (
    "network", "neurons", "synapses", "neurons a cluster", "recipe", "clusters", "packets / bound", "hop cost, million",
    "hops a packet", "hop bound", "busiest link", "partition s", "place s", "wall s", "CPU s", "peak MiB",
)  # fmt: skip


def row(name: str, capacity: int, recipe: str) -> dict[str, Any]:
    """One mapping, measured in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    import numpy as np

    import spikemesh as sm
    from spikemesh.mapping import Pipeline, Recipe
    from spikemesh.mapping.stages import CheckPass, PartitionPass, PlacePass
    from spikemesh.metrics.mapped import mapping_columns

    net = sm.workload(name, weights="drawn")
    rates = np.random.default_rng(1).exponential(1.0, net.n_neurons)
    chip = sm.load_hardware("gpa-grid", overrides={"mesh.cols": "auto", "mesh.rows": "auto", "crossbar.n_out": capacity})
    partition, place = PASSES[recipe]
    steps = (PartitionPass(**partition), PlacePass(**place), CheckPass())
    mapped = sm.map_network(net, None, chip, Recipe(recipe, "benchmark", Pipeline(steps, recipe)), rates_hz=rates)
    found = mapping_columns(mapped, rates)
    seconds = {record.name: record.seconds for record in mapped.trail}
    used = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    from spikemesh.mapping.measure import measure
    from spikemesh.mapping.place import PlaceProblem, link_loads
    from spikemesh.mapping.place.bounds import hop_cost_bounds

    traffic = measure(net, rates, mapped.assignment, capacity, n_clusters=mapped.n_clusters).traffic
    problem = PlaceProblem.of(traffic, mapped.hardware)
    busiest = link_loads(traffic, mapped.tile_of_cluster, mapped.hardware.cols, mapped.hardware.rows).max()
    return {
        "network": name, "neurons": net.n_neurons, "synapses": net.n_synapses, "neurons a cluster": capacity, "recipe": recipe,
        "clusters": mapped.n_clusters, "packets / bound": round(found["packets_ratio"], 4),
        "hop cost, million": round(found["hop_cost"] / 1e6, 1), "hops a packet": round(found["hops_per_packet"], 2),
        "hop bound": round(max(hop_cost_bounds(problem).values()) / found["packets_per_s"], 2), "busiest link": round(busiest),
        "partition s": round(seconds["partition"], 1), "place s": round(seconds["place"], 1),
        "wall s": round(used[0], 1), "CPU s": round(used[1], 1), "peak MiB": round(peak),
    }  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--capacity", nargs="*", type=int, default=(16, 256))
    parser.add_argument("--recipe", nargs="*", default=tuple(PASSES), choices=tuple(PASSES))
    parser.add_argument("--json", type=Path, help="write every number here as well")
    parser.add_argument("--row", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.row:
        print(json.dumps(row(args.row[0], int(args.row[1]), args.row[2])))
        return 0
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS))
    found = []
    for name in args.only:
        for capacity in args.capacity:
            for recipe in args.recipe:
                command = [sys.executable, __file__, "--row", name, str(capacity), recipe]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                found.append(json.loads(done.stdout))
                print("| " + " | ".join(str(found[-1][c]) for c in COLUMNS) + " |", flush=True)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
