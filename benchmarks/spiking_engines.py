"""How fast the spiking engines run networks of the sizes of LeNet_mnist and MLP_mnist, with drawn weights and pictures.

    python benchmarks/spiking_engines.py [--samples 20] [--images 200] [--steps 200] [--workers N] [--cython]

Prints one line a network and engine: wall and processor milliseconds a sample, spikes and synaptic events a sample. The
engines' spikes are compared as well; a difference ends the script with 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from spikemesh.network import Convolution, Dense, Layer, Pooling, Projection, SpikingNetwork, Window
from spikemesh.network.connectivity import Connectivity
from spikemesh.spiking import run_brian2, run_layered


def chain(name: str, shapes: list[tuple[int, ...]], parts: list[Connectivity]) -> SpikingNetwork:
    """Layers of these shapes, each joined to the next."""
    starts = np.concatenate([[0], np.cumsum([int(np.prod(s)) for s in shapes])])
    layers = tuple(Layer(f"l{k}", s, "input" if k == 0 else "neurons") for k, s in enumerate(shapes))
    projections = tuple(Projection(int(starts[k]), int(starts[k + 1]), c) for k, c in enumerate(parts))
    return SpikingNetwork(layers, projections, weights="drawn", name=name)


def lenet(rng: np.random.Generator, strength: float) -> SpikingNetwork:
    """C6.5v, AP2, C16.5v, AP2, 120, 84, 10 on 28 x 28: 6598 neurons, 286,120 synapses."""

    def drawn(*shape: int) -> np.ndarray:
        fan_in = int(np.prod(shape[:-1]))
        return (rng.normal(0, strength * np.sqrt(4 / fan_in), shape)).astype(np.float32)

    def window(n: int, k: int, s: int = 1) -> Window:
        return Window.of((n, n), (k, k), (s, s))

    return chain(
        "LeNet_mnist",
        [(28, 28, 1), (24, 24, 6), (12, 12, 6), (8, 8, 16), (4, 4, 16), (120,), (84,), (10,)],
        [
            Convolution(drawn(5, 5, 1, 6), window(28, 5)),
            Pooling(window(24, 2, 2), np.ones(6)),
            Convolution(drawn(5, 5, 6, 16), window(12, 5)),
            Pooling(window(8, 2, 2), np.ones(16)),
            Dense(drawn(256, 120)),
            Dense(drawn(120, 84)),
            Dense(drawn(84, 10)),
        ],
    )


def mlp(rng: np.random.Generator, strength: float) -> SpikingNetwork:
    """784-256-10: 203,264 synapses."""
    first = rng.normal(0, strength * np.sqrt(4 / 784), (784, 256))
    return chain("MLP_mnist", [(784,), (256,), (10,)], [Dense(first), Dense(rng.normal(0, 0.1, (256, 10)))])


def pictures(rng: np.random.Generator, n: int) -> np.ndarray:
    """Strokes as bright as MNIST's: 13 % of full brightness on average, most pixels dark."""
    strokes = rng.random((n, 28, 28)) < 0.2
    strokes[:, :, :4] = strokes[:, :, -4:] = False
    return strokes * rng.random((n, 28, 28)).clip(0.4)


def timed(run: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20, help="of the Brian2 runs")
    parser.add_argument("--images", type=int, default=200, help="of the layered runs")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--workers", type=int, default=None, help="threads of the layered runs")
    parser.add_argument("--cython", action="store_true", help="also Brian2's Cython target (needs a C++ compiler)")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    few, many = pictures(rng, options.samples), pictures(rng, options.images)
    alike = True
    print(f"{'network':12} {'engine':16} {'wall ms':>9} {'cpu ms':>9} {'spikes':>9} {'events':>11}   (each a sample)")
    for network in (lenet(rng, 0.3), lenet(rng, 1.0), mlp(rng, 0.5)):
        fan_out = network.fan_out()

        def line(engine: str, run: Callable[[], Any], n: int, name: str = network.name, out: np.ndarray = fan_out) -> Any:
            result, wall, cpu = timed(run)
            events = (result.counts * out).sum() / n
            cells = f"{wall / n * 1e3:9.2f} {cpu / n * 1e3:9.2f} {result.n_spikes / n:9.0f} {events:11.0f}"
            print(f"{name:12} {engine:16} {cells}")
            return result

        run_layered(network, few[:1], 2, record="counts")  # loads the compiled kernels
        run_brian2(network, few[:1], 2)
        for target in ("numpy", "cython") if options.cython else ("numpy",):
            if target == "cython":
                run_brian2(network, few[:1], 2, codegen=target)  # compiles

            def brian2_run(target: str = target, network: SpikingNetwork = network) -> Any:
                return run_brian2(network, few, options.steps, codegen=target)

            reference = line(f"brian2 {target}", brian2_run, len(few))
        layered = run_layered(network, few, options.steps)
        for name in ("samples", "times_ms", "neurons", "predictions", "output_potential"):
            alike &= np.array_equal(getattr(layered, name), getattr(reference, name))
        for record in ("spikes", "counts"):

            def layered_run(record: Any = record, network: SpikingNetwork = network) -> Any:
                return run_layered(network, many, options.steps, record=record, workers=options.workers)

            line(f"layered {record}", layered_run, len(many))
    print("the engines' spikes are", "the same" if alike else "NOT the same")
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
