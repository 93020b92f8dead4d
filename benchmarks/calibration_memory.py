"""How much memory calibration takes as its data grows.

    python benchmarks/calibration_memory.py [--samples 1000 10000 60000] [--batch 256]

Converts LeNet with drawn weights on random pictures that are made batch by batch, each number of samples in a process of its
own, and prints by how much the process grew beyond what it was before, beside what holding the activations of its widest layer
would take. Ends with 1 if the largest run grows by more than 1.5 times the smallest and 16 MB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

WIDEST = 24 * 24 * 6
"""Activations of LeNet's first convolution."""


def peak_mb() -> float:
    """The most memory that this process has held."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def measure(samples: int, batch: int) -> dict[str, float]:
    """Convert on ``samples`` pictures; memory in MB, time in s."""
    from spikemesh.conversion import convert
    from spikemesh.workloads.catalogue import find

    def batches(n: int) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(0)
        for at in range(0, n, batch):
            yield rng.random((min(batch, n - at), 28, 28, 1), np.float32)

    model = find("LeNet_mnist").topology.keras("LeNet")  # type: ignore[union-attr]
    convert(model, lambda: batches(2 * batch))  # everything that loads with the first use is there now
    before, began = peak_mb(), time.process_time()
    network = convert(model, lambda: batches(samples))
    return {"grown_mb": peak_mb() - before, "seconds": time.process_time() - began, "scale": network.report.rows[1].scale}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[1000, 10000, 60000])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.batch)))
        return 0
    grown = []
    print(f"{'samples':>8} {'grown MB':>9} {'held at once MB':>16} {'cpu s':>7}")
    for n in options.samples:
        command = [sys.executable, __file__, "--measure", str(n), "--batch", str(options.batch)]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        grown.append(found["grown_mb"])
        print(f"{n:8} {found['grown_mb']:9.1f} {n * WIDEST * 4 / 2**20:16.0f} {found['seconds']:7.1f}")
    return 0 if max(grown) <= 1.5 * min(grown) + 16 else 1


if __name__ == "__main__":
    sys.exit(main())
