"""What each partitioner makes of the benchmark networks: InterW, IntraW share, packets over bound, CPU seconds, peak memory.

    python benchmarks/partition_quality.py [--capacity 16] [--networks NAME ...] [--methods NAME ...] [--json FILE]

Networks are workloads with drawn weights, rates Exp(1) from seed 1, rows unlimited. Every method that is installed runs with its
defaults, "auto" once for each objective and effort, "mt-kahypar" once for each objective. Each row is a process of its own on one
thread, so that its peak memory is its own: the interpreter, the network and the partitioner together. Seconds are CPU time of
the partitioner alone, kernels compiled before on a small network. A method that refuses a network has no row; the reason goes to
stderr. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

NETWORKS = ("MLP_mnist", "LeNet_mnist", "LeNet_mnist_padded", "Zambrano_mnist", "synthetic_4k")
COLUMNS = ("network", "method", "InterW", "IntraW share", "packets / bound", "largest cluster", "CPU s", "peak MB")
OURS = [
    {"method": "auto", "objective": objective, "effort": effort}
    for objective in ("packets", "inter-weight")
    for effort in ("fast", "quality")
]
REQUESTS = {
    "auto": OURS,
    "mt-kahypar": [{"method": "mt-kahypar", "objective": objective} for objective in ("packets", "inter-weight")],
}


def measured(name: str, capacity: int, request: dict[str, Any]) -> dict[str, Any]:
    """One row, in the process that this runs in."""
    import numpy as np

    import spikemesh as sm
    from spikemesh.mapping.measure import measure

    small = sm.SpikingNetwork.from_edges(
        np.repeat(np.arange(30), 30), np.tile(np.arange(30, 60), 30), np.ones(900), layer_sizes=[30, 30]
    )
    for warm in (8, 20):
        sm.partition(small, capacity=warm, **{**request, **({"effort": "fast"} if "effort" in request else {})})
    net = sm.workload(name, weights="drawn")
    rates = np.random.default_rng(1).exponential(1.0, net.n_neurons)
    before = time.process_time()
    try:
        part = sm.partition(net, rates, capacity=capacity, **request)
    except sm.SpikemeshError as refusal:
        return {"refused": str(refusal)}
    total = time.process_time() - before
    start = time.process_time()
    measure(net, rates, part.assignment, capacity)
    return {
        "inter_weight": part.inter_weight,
        "intra_share": part.intra_weight / (part.inter_weight + part.intra_weight),
        "over_bound": part.packets / part.packets_bound,
        "largest": int(part.sizes.max()),
        "seconds": max(total - (time.process_time() - start), 0.0),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def row(name: str, label: str, found: dict[str, Any]) -> str:
    cells = [
        name, label, f"{found['inter_weight']:.0f}", f"{100 * found['intra_share']:.2f} %", f"{found['over_bound']:.3f}",
        str(found["largest"]), f"{found['seconds']:.2f}", f"{found['peak_mb']:.0f}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--capacity", type=int, default=16)
    parser.add_argument("--networks", nargs="*", default=NETWORKS)
    parser.add_argument("--methods", nargs="*", help="names of available('partitioners'); all by default")
    parser.add_argument("--json", type=Path, help="write every number here as well")
    args = parser.parse_args(argv)
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[threads] = "1"
    import spikemesh as sm

    names = args.methods or sm.available("partitioners")
    requests = [request for name in names for request in REQUESTS.get(name, [{"method": name}])]
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS), flush=True)
    everything = []
    for name in args.networks:
        for request in requests:
            label = " ".join(f"`{x}`" if k == 0 else x for k, x in enumerate(request.values()))
            with multiprocessing.get_context("spawn").Pool(1) as alone:
                found = alone.apply(measured, (name, args.capacity, request))
            everything.append({"network": name, **request, **found})
            if "refused" in found:
                print(f"{name}, {label}: {found['refused']}", file=sys.stderr)
            else:
                print(row(name, label, found), flush=True)
    if args.json:
        args.json.write_text(json.dumps(everything, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
