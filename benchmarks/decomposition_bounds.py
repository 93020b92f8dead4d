"""How near the packing of dense layers comes to the bounds on crossbars.

    python benchmarks/decomposition_bounds.py [INPUTSxNEURONS ...]
    python benchmarks/decomposition_bounds.py --draw 40 --seed 0

Inputs off the chip, 128 x 128 crossbars. Prints Markdown: crossbars; the bound J = N (m - n/2) / (n^2 / 2) and the ratio to it;
`least`, which counts whole rows and columns and is never below that; `proved`, by the linear program, and the ratio; whether
1.25 J is kept, or that no packing can ("proved" is above it); the share of crosspoints that synapses fill; depth; CPU seconds.
--draw takes shapes of 257 to 10,000 inputs and 100 to 2,000 neurons, evenly on a logarithmic scale.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from spikemesh.mapping.decompose.bounds import crossbar_bound, least_crossbars
from spikemesh.mapping.decompose.bounds_dense import least_dense
from spikemesh.mapping.decompose.choosing import pack_best
from spikemesh.network import Dense, Layer, Projection, SpikingNetwork

SIZE = 128
SHAPES = "784x256 784x100 400x120 1024x128 9216x150 4096x512 1250x1500 1500x1250 4624x256 257x128 300x100 300x256 300x1000"
SHAPES += " 384x128 400x400 500x500 512x100 512x512 600x300 784x300 784x512 784x800 1000x1000 2048x1024"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shapes", nargs="*", metavar="INPUTSxNEURONS")
    parser.add_argument("--draw", type=int, default=0, metavar="N", help="so many drawn shapes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(
        "| inputs | neurons | crossbars | J | ratio | least | proved | ratio | 1.25 J | synapse utilisation | depth | CPU s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for m, n in drawn(options.draw, options.seed) or shapes(options.shapes or SHAPES.split()):
        layers = (Layer("input", (m,), "input"), Layer("dense", (n,), "dense"))
        net = SpikingNetwork(layers, (Projection(0, m, Dense(np.ones((m, n), np.float32))),))
        began = time.process_time()
        packed = pack_best(net, SIZE, SIZE, on_chip=~net.is_input)
        seconds = time.process_time() - began
        bound, least = crossbar_bound(n, m, SIZE, SIZE), least_crossbars(net, SIZE, SIZE, ~net.is_input)
        proved = max(least_dense(n, m, SIZE, SIZE), least)
        used = packed.n_clusters
        kept = "yes" if used <= 1.25 * bound else "impossible" if proved > 1.25 * bound else "no"
        print(
            f"| {m} | {n} | {used} | {bound:.1f} | {used / bound:.2f} | {least} | {proved} | {used / proved:.2f} | {kept} |"
            f" {m * n / used / SIZE**2:.1%} | {packed.units.depth.max()} | {seconds:.1f} |",
            flush=True,
        )
    return 0


def shapes(names: list[str]) -> list[tuple[int, int]]:
    return [(int(m), int(n)) for m, n in (name.split("x") for name in names)]


def drawn(count: int, seed: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng(seed)
    m = np.exp(rng.uniform(np.log(257), np.log(10_000), count))
    n = np.exp(rng.uniform(np.log(100), np.log(2_000), count))
    return [(int(a), int(b)) for a, b in zip(m, n, strict=True)]


if __name__ == "__main__":
    raise SystemExit(main())
