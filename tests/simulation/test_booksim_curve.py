"""The mesh against BookSim's lean router: 8 x 8, uniform random one-flit packets, mean latency in cycles.

Expected means are those of a prototype of the same rules; BookSim 2 itself gives 20.79, 21.02, 21.58 and 23.09 with buffers of
1024 flits (docs/simulation.md has its configuration).
"""

import numpy as np
import pytest

import spikemesh as sm
from spikemesh.simulation.engines import Engine
from spikemesh.simulation.program import Chip
from spikemesh.testing.traffic import raw_traffic

CURVE = {0.01: 20.77, 0.1: 21.02, 0.2: 21.55, 0.3: 23.03}


def uniform(rate, n_cycles, seed=1, n_tiles=64):
    """Bernoulli packets to uniform destinations, oneself included: (cycle, source, destination)."""
    rng = np.random.default_rng(seed)
    cycle, source = np.nonzero(rng.random((n_cycles, n_tiles)) < rate)
    return cycle, source, rng.integers(0, n_tiles, len(cycle))


def mean_latency(rate, n_cycles, engine, overrides=None, seed=1):
    hw = sm.load_hardware("booksim-lean", mesh=(8, 8), overrides=overrides)
    result = sm.simulate_traffic(hw, *uniform(rate, n_cycles, seed), engine=engine)
    assert (result.delivered_cycle >= 0).all()
    return result.latency[result.cycle >= n_cycles // 6].mean()


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_an_empty_mesh_takes_5_and_3_a_link(engine):
    chip = Chip(8, 8, router_cycles=2, eject_cycles=3)
    packets = [(1000 * k, k % 64, {(k * 37) % 64}) for k in range(128)]
    traffic = raw_traffic(chip, packets)
    flow = Engine(engine).run(chip, traffic)
    links = abs(traffic.source % 8 - traffic.destination % 8) + abs(traffic.source // 8 - traffic.destination // 8)
    assert (flow.delivered - traffic.fired == 5 + 3 * links).all()


@pytest.mark.parametrize(("rate", "n_cycles"), [(0.01, 6000), (0.2, 700)])
def test_reference_latency_under_load(rate, n_cycles):
    # a short run's mean spreads by about half a cycle
    assert mean_latency(rate, n_cycles, "simpy") == pytest.approx(CURVE[rate], abs=0.6)


@pytest.mark.slow
@pytest.mark.parametrize("rate", CURVE)
def test_reference_latency_curve(rate):
    assert mean_latency(rate, 18_000 if rate < 0.1 else 6_000, "simpy") == pytest.approx(CURVE[rate], rel=0.01)


@pytest.mark.slow
def test_reference_with_eight_buffers_near_saturation():
    # BookSim with 8-flit buffers: 25.79; the prototype 25.65, spread 0.12
    overrides = {"noc.buffer_packets": 8, "noc.credit_cycles": 1}
    assert mean_latency(0.35, 10_000, "simpy", overrides) == pytest.approx(25.65, rel=0.02)
