"""How fast the two engines move packets: link hops per CPU second, idle time, a large mesh with its peak memory.

    python benchmarks/mesh_speed.py [--repeat 5] [--packets 10000000] [--skip-large]

The first line of each engine is the load that simulators are compared on: 8 x 8, uniform, 0.3 flits per node and cycle, one
flit a packet, router 2, link 1, eject 3, unlimited buffers. CPU seconds, full record, best of --repeat; compiling apart.
The large run has a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from spikemesh.simulation import reference
from spikemesh.simulation.compiled import engine
from spikemesh.simulation.compiled.histogram import run_histogram
from spikemesh.simulation.program import Chip, Flow, Traffic
from spikemesh.simulation.synthetic import synthetic_traffic

LEAN = Chip(8, 8, router_cycles=2, eject_cycles=3)
LARGE = replace(LEAN, cols=128, rows=128)
LARGE_RATE = 0.01


def raw(cycle: np.ndarray, source: np.ndarray, destination: np.ndarray, packet: np.ndarray | None = None) -> Traffic:
    """Raw packets, sorted by cycle."""
    number = np.arange(len(cycle)) if packet is None else packet
    small, none = np.int32, np.empty(0, np.int32)
    return Traffic(
        fired=cycle,
        neuron=number.astype(small),
        source=source.astype(small),
        destination=destination.astype(small),
        synapses=np.zeros(len(cycle), small),
        packet=number,
        own_fired=np.empty(0, np.int64),
        own_neuron=none,
        own_tile=none,
        own_synapses=none,
        raw=True,
    )


def uniform(chip: Chip, rate: float, cycles: int, seed: int = 1) -> Traffic:
    return raw(*synthetic_traffic("uniform", (chip.cols, chip.rows), rate / chip.flits_per_packet, cycles, seed))


def multicast(cycles: int, per_cycle: float, fan_out: int, seed: int = 1) -> Traffic:
    """Tree packets to ``fan_out`` distinct tiles of an 8 x 8 mesh."""
    rng = np.random.default_rng(seed)
    n = int(cycles * per_cycle)
    reached = np.sort(np.argsort(rng.random((n, 64)), axis=1)[:, :fan_out], axis=1)
    cycle, source = np.sort(rng.integers(0, cycles, n)), rng.integers(0, 64, n)
    packet = np.repeat(np.arange(n), fan_out)
    return raw(np.repeat(cycle, fan_out), np.repeat(source, fan_out), reached.ravel(), packet)


def cpu(run: Callable[[], Flow], repeat: int) -> tuple[Flow, float]:
    """What it gives, and the least CPU seconds that it took."""
    least = float("inf")
    for _ in range(repeat):
        began = time.process_time()
        flow = run()
        least = min(least, time.process_time() - began)
    return flow, least


def line(what: str, chip: Chip, traffic: Traffic, module: object, repeat: int) -> None:
    flow, seconds = cpu(lambda: module.run(chip, traffic), repeat)
    hops = flow.link_flits.sum() / chip.flits_per_packet
    rate = hops / seconds / 1e6
    print(f"{what:58s} {traffic.n_packets:>9d} packets {seconds:9.4f} s {rate:8.3f} M link hops/s", flush=True)


def small_runs(repeat: int) -> None:
    began = time.process_time()
    engine.run(LEAN, uniform(LEAN, 0.1, 10))
    engine.run(replace(LEAN, tree=True), multicast(10, 1, 3))
    print(f"first use: {time.process_time() - began:.2f} CPU s (compiling, or reading the cache of an earlier run)")
    for rate in (0.01, 0.1, 0.2, 0.3, 0.4):
        line(f"compiled, 8 x 8 uniform {rate}", LEAN, uniform(LEAN, rate, 20_000), engine, repeat)
    bounded = replace(LEAN, buffer_packets=8, credit_cycles=1)
    line("compiled, 0.3, 8 buffers, credit 1", bounded, uniform(bounded, 0.3, 20_000), engine, repeat)
    four = replace(LEAN, flits_per_packet=4)
    line("compiled, 0.3, four flits a packet", four, uniform(four, 0.3, 40_000), engine, repeat)
    tree = replace(LEAN, tree=True)
    line("compiled, tree packets to 6 tiles, 1.5 a cycle", tree, multicast(20_000, 1.5, 6), engine, repeat)
    line("SimPy, 8 x 8 uniform 0.3", LEAN, uniform(LEAN, 0.3, 600), reference, min(repeat, 3))


def idle_run(repeat: int) -> None:
    rng = np.random.default_rng(0)
    cycle = np.sort(rng.integers(0, 10**9, 1000))
    traffic = raw(cycle, rng.integers(0, 64, 1000), rng.integers(0, 64, 1000))
    for name, module in (("compiled", engine), ("SimPy", reference)):
        seconds = cpu(lambda m=module: m.run(LEAN, traffic), repeat)[1]
        print(f"{name}: 1000 packets in 10^9 cycles: {1000 * seconds:.1f} CPU ms")


def large_run(packets: int) -> None:
    """In a process of its own: a full record of ``packets`` on 128 x 128 tiles."""
    engine.run(LARGE, uniform(LARGE, 0.001, 5))
    cycles = round(packets / LARGE_RATE / LARGE.n_tiles)
    traffic = uniform(LARGE, LARGE_RATE, cycles)
    before = peak_bytes()
    flow, seconds = cpu(lambda: engine.run(LARGE, traffic), 1)
    hops = int(flow.link_flits.sum())
    given = sum(getattr(traffic, name).nbytes for name in ("fired", "neuron", "source", "destination", "synapses", "packet"))
    print(
        f"compiled, 128 x 128 uniform {LARGE_RATE}, full record: {traffic.n_packets} packets, {hops} link hops, "
        f"{seconds:.1f} CPU s, {hops / seconds / 1e6:.1f} M link hops/s"
    )
    print(
        f"    peak {peak_bytes() / 2**20:.0f} MiB in all; {given / traffic.n_packets:.0f} bytes a packet given, "
        f"{max(peak_bytes() - before, 0) / traffic.n_packets:.0f} more on top of the peak before the run"
    )


def histogram_run(packets: int) -> None:
    """In a process of its own: the same traffic in pieces, nothing kept but histograms."""
    cycles, step = round(packets / LARGE_RATE / LARGE.n_tiles), 500

    def pieces() -> Iterator[Traffic]:
        for k, start in enumerate(range(0, cycles, step)):
            cycle, source, destination = synthetic_traffic("uniform", (128, 128), LARGE_RATE, min(step, cycles - start), k)
            yield raw(cycle + start, source, destination)

    began = time.process_time()
    found = run_histogram(LARGE, pieces())
    seconds = time.process_time() - began
    hops = int(found.link_flits.sum())
    print(
        f"compiled, the same load, histograms only: {found.n_rows} packets, mean {found.mean():.1f}, p99 "
        f"{found.percentile(99):.0f} cycles, {seconds:.1f} CPU s with making the traffic, {hops / seconds / 1e6:.1f} M link "
        "hops/s"
    )
    print(f"    peak {peak_bytes() / 2**20:.0f} MiB in all")


def peak_bytes() -> int:
    """The most memory that this process has held."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--packets", type=int, default=10_000_000, help="packets of the large run")
    parser.add_argument("--skip-large", action="store_true")
    parser.add_argument("--only", choices=["full", "histogram"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        {"full": large_run, "histogram": histogram_run}[options.only](options.packets)
        return
    small_runs(options.repeat)
    idle_run(options.repeat)
    if not options.skip_large:
        for only in ("full", "histogram"):
            subprocess.run([sys.executable, __file__, "--only", only, "--packets", str(options.packets)], check=True)


if __name__ == "__main__":
    main()
