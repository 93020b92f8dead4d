"""A network, its spikes, a chip and a sweep, small enough that a point takes milliseconds."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import spikemesh
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


def fill(folder: Path) -> Path:
    """Writes net.npz, trace.npz, chip.toml and sweep.toml (12 points) into a folder."""
    network = layered_network(3, (12, 14, 6), name="small")
    network.save(folder / "net.npz")
    random_trace(4, network, n_samples=2, n_steps=4, rate=0.2).save(folder / "trace.npz")
    (folder / "chip.toml").write_text(CHIP)
    (folder / "sweep.toml").write_text(SWEEP)
    return folder


@pytest.fixture
def sweep_folder(tmp_path: Path) -> Path:
    """A folder with net.npz, trace.npz, chip.toml and sweep.toml (12 points)."""
    return fill(tmp_path)


@pytest.fixture(scope="session")
def fill_sweep_folder() -> Callable[[Path], Path]:
    """Makes another such folder."""
    return fill


@pytest.fixture(scope="session")
def package_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of spikemesh: results are named by the code that made them, and so the processes of a test
    must not see an edit on the way."""
    top = tmp_path_factory.mktemp("package")
    source = Path(spikemesh.__file__).parent
    shutil.copytree(source, top / "src" / "spikemesh")
    for kind in ("hardware", "mapping", "scenarios"):
        if (source.parent.parent / kind).is_dir():
            shutil.copytree(source.parent.parent / kind, top / kind)
    return top / "src"


@pytest.fixture
def spikemesh_command(package_copy: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs the command line in a process of its own."""

    def run(*words: str) -> subprocess.CompletedProcess:
        code = "import sys\nfrom spikemesh.cli import main\nraise SystemExit(main(sys.argv[1:]))"
        environment = {**os.environ, "PYTHONPATH": str(package_copy)}
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)

    return run
