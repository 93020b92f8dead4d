"""What each placer makes of the traffic of real partitions: hop cost, bound, busiest link, CPU seconds.

    python benchmarks/placement_quality.py [--quick] [--long] [--only NAME ...] [--seeds N] [--json FILE]

Networks are workloads with drawn weights, rates Exp(1) from seed 1, cut by index order (pacman) and by shared axons
(overlap) at 16 and 128 neurons a cluster, on the smallest near-square mesh; two random graphs stand beside them. PSO runs
30 particles for 200 iterations on seeds 0 to 19 and is quoted by its best run and its total time; the others by their mean
over --seeds runs. Prints Markdown: first ours against PSO and annealing, then every placer. CPU time of one thread,
compiling apart; the bound is timed by itself.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import spikemesh as sm
from spikemesh.mapping.place import PlaceProblem, place_problem

NETWORKS = ("MLP_mnist", "LeNet_mnist", "LeNet_mnist_padded", "Zambrano_mnist", "synthetic_4k")
OTHERS = ("id-order", "random", "hilbert", "spectral", "greedy", "force-directed")
LONG = {"proposals_per_cluster": 10_000}


def traffics(quick: bool) -> Iterator[tuple[str, Any]]:
    """(name, packets/s between clusters) of every benchmark."""
    for name in NETWORKS[:2] if quick else NETWORKS:
        net = sm.workload(name, weights="drawn")
        rates = np.random.default_rng(1).exponential(1.0, net.n_neurons)
        for capacity in (16, 128):
            for method in ("pacman", "overlap"):
                part = sm.partition(net, rates, method=method, capacity=capacity)
                yield f"{name} {method} {capacity}", part.traffic
    for k, density in ((100, 0.1), (400, 0.02)):
        rng = np.random.default_rng(7)
        yield f"random {k}", rng.exponential(1.0, (k, k)) * (rng.random((k, k)) < density)


def measured(traffic: Any, method: str, seeds: range, **options: Any) -> dict[str, Any]:
    """Costs of a method over seeds, and its CPU seconds in all."""
    k = traffic.shape[0]
    cols = math.isqrt(k - 1) + 1
    costs, loads, cpu = [], [], 0.0
    for seed in seeds:
        start = time.process_time()
        problem = PlaceProblem.on_mesh(traffic, cols, -(-k // cols), seed=seed)
        placed = place_problem(problem, method, **options)
        cpu += time.process_time() - start
        costs.append(placed.hop_cost)
        loads.append(placed.max_link_load)
    return {
        "best": min(costs), "mean": float(np.mean(costs)), "worst": max(costs), "cpu": cpu, "runs": len(seeds),
        "link": loads[int(np.argmin(costs))], "mean_link": float(np.mean(loads)), "placed": placed,
    }  # fmt: skip


def benchmark(traffic: Any, seeds: range, long: bool) -> dict[str, dict[str, Any]]:
    """Every placer on one traffic matrix."""
    found = {
        "auto": measured(traffic, "auto", seeds),
        "auto fast": measured(traffic, "auto", seeds, effort="fast"),
        "pso": measured(traffic, "pso", range(20)),
        "sa": measured(traffic, "sa", seeds),
    }
    if long:
        found["sa long"] = measured(traffic, "sa", seeds, **LONG)
    for name in OTHERS:
        found[name] = measured(traffic, name, seeds if name == "random" else range(1))
    for objective in ("link-load", "both"):
        found[f"auto {objective}"] = measured(traffic, "auto", range(1), objective=objective)
    start = time.process_time()
    bound = found["auto"]["placed"].hop_cost_bound
    found["bound"] = {"mean": bound, "cpu": time.process_time() - start, "runs": 1}
    for run in found.values():
        run.pop("placed", None)
    return found


def against(name: str, k: int, found: dict[str, dict[str, Any]]) -> str:
    """One row: ours, PSO's best of 20, long annealing."""
    ours, fast, pso = found["auto"], found["auto fast"], found["pso"]
    long = found.get("sa long")
    cells = [
        name, str(k), f"{found['bound']['mean']:.0f}", f"{ours['mean']:.0f}", f"{ours['worst']:.0f}", f"{pso['best']:.0f}",
        f"{long['mean']:.0f}" if long else "", _seconds(ours), f"{pso['cpu'] / 10:.3f}", _seconds(fast), f"{pso['cpu'] / 200:.4f}",
        f"{fast['mean']:.0f}", _seconds(long) if long else "",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _seconds(run: dict[str, Any]) -> str:
    return f"{run['cpu'] / run['runs']:.4g}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two networks")
    parser.add_argument("--long", action="store_true", help="also anneal ten times as long, which takes minutes a benchmark")
    parser.add_argument("--only", nargs="*", help="benchmarks whose name contains one of these")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--json", type=Path, help="write every number here as well")
    args = parser.parse_args(argv)
    for method in ("auto", "pso", "sa", "force-directed", "greedy"):  # compile
        for small in (np.ones((5, 5)), np.ones((12, 12)), np.eye(150, k=1)):
            measured(small, method, range(1))
    measured(np.ones((12, 12)), "auto", range(1), objective="both")

    rows, table, everything = [], [], {}
    for name, traffic in traffics(args.quick):
        if args.only and not any(part in name for part in args.only):
            continue
        found = benchmark(traffic, range(args.seeds), long=args.long)
        everything[name] = found
        rows.append(against(name, traffic.shape[0], found))
        for placer, run in found.items():
            link = f"{run['mean_link']:.1f}" if "mean_link" in run else ""
            table.append(f"| {name} | {placer} | {run['mean']:.0f} | {link} | {_seconds(run)} |")
        print(f"{name}: done", file=sys.stderr)
    columns = (
        "benchmark", "k", "bound", "auto, mean", "auto, worst", "PSO, best of 20", "long sa, mean",
        "auto s", "PSO total / 10 s", "fast s", "one PSO / 10 s", "fast, mean", "long sa s",
    )  # fmt: skip
    print("| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns))
    print("\n".join(rows))
    print("\n| benchmark | placer | hop cost | busiest link, packets/s | CPU s |\n| --- | --- | --- | --- | --- |")
    print("\n".join(table))
    if args.json:
        args.json.write_text(json.dumps(everything, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
