"""A network, its spikes, a chip and a sweep, small enough that a point takes milliseconds."""

from pathlib import Path

import pytest

from spikemesh.testing.mapped import layered_network, random_trace

CHIP = """
name = "small"
[mesh]
cols = "auto"
rows = "auto"
pitch_x_mm = 0.5
pitch_y_mm = 0.5
[crossbar]
n_in = 12
n_out = 6
row_cycles = 1
[noc]
cycle_ns = 10.0
router_cycles = 1
wire_ns_per_mm = 1.0
[energy]
router_pj_per_flit = 1.5
wire_pj_per_bit_mm = 0.05
spike_pj = 2.0
row_pj = 0.5
"""

SWEEP = """
[sweep]
axes = "recipe * (pitch + router) * seed"

[point]
network = "net.npz"
trace = "trace.npz"
hardware = "chip.toml"

[axis.recipe]
values = ["random", "pacman"]

[axis.pitch]
key = "pitch_mm"
values = [0.1, 2.5]

[axis.router]
key = "hardware.noc.router_cycles"
values = [1, 3]

[axis.seed]
values = [0, 1, 2]
"""


@pytest.fixture
def sweep_folder(tmp_path: Path) -> Path:
    """A folder with net.npz, trace.npz, chip.toml and sweep.toml (12 points)."""
    network = layered_network(3, (12, 14, 6), name="small")
    network.save(tmp_path / "net.npz")
    random_trace(4, network, n_samples=2, n_steps=4, rate=0.2).save(tmp_path / "trace.npz")
    (tmp_path / "chip.toml").write_text(CHIP)
    (tmp_path / "sweep.toml").write_text(SWEEP)
    return tmp_path
