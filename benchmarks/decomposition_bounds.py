"""How near the packing of dense layers comes to the bounds on crossbars.

    python benchmarks/decomposition_bounds.py [INPUTSxNEURONS ...]

Inputs off the chip, 128 x 128 crossbars. Prints Markdown: crossbars; the bound N (m - n/2) / (n^2 / 2) and the ratio to it;
`least`, which counts whole rows and columns and is never below that; and the share of crosspoints that synapses fill.
"""

from __future__ import annotations

import sys

import numpy as np

from spikemesh.mapping.decompose.bounds import crossbar_bound, least_crossbars
from spikemesh.mapping.decompose.choosing import pack_best
from spikemesh.network import Dense, Layer, Projection, SpikingNetwork

SIZE = 128
SHAPES = "784x256 784x100 400x120 1024x128 9216x150 4096x512 1250x1500 1500x1250 4624x256 257x128 300x100 300x256 300x1000"
SHAPES += " 384x128 400x400 500x500 512x100 512x512 600x300 784x300 784x512 784x800 1000x1000 2048x1024"


def main(argv: list[str]) -> int:
    print("| inputs | neurons | crossbars | bound | ratio | least | ratio | synapse utilisation | depth |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for shape in argv or SHAPES.split():
        m, n = map(int, shape.split("x"))
        layers = (Layer("input", (m,), "input"), Layer("dense", (n,), "dense"))
        net = SpikingNetwork(layers, (Projection(0, m, Dense(np.ones((m, n), np.float32))),))
        packed = pack_best(net, SIZE, SIZE, on_chip=~net.is_input)
        bound, least = crossbar_bound(n, m, SIZE, SIZE), least_crossbars(net, SIZE, SIZE, ~net.is_input)
        used = packed.n_clusters
        print(
            f"| {m} | {n} | {used} | {bound:.1f} | {used / bound:.2f} | {least} | {used / least:.2f} |"
            f" {m * n / used / SIZE**2:.1%} | {packed.units.depth.max()} |"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
