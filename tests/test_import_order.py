"""Imports point down the list of rooms, and what is heavy stays out of the first import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import spikemesh

ROOMS = (
    ("network",),
    ("hardware",),
    ("workloads", "conversion", "spiking"),
    ("mapping",),
    ("simulation",),
    ("metrics",),
    ("report",),
    ("scenario",),
    ("cli",),
)
HEIGHT = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
EVERYWHERE = {"errors", "shipped"}
SOURCE = Path(spikemesh.__file__).parent


def imports_of(path: Path) -> set[str]:
    """Rooms that a file imports, also inside functions; type-checking imports count too."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" if node.module == "spikemesh" else node.module or "" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "spikemesh" and len(parts) > 1:
                rooms.add(parts[1])
    return rooms


@pytest.mark.parametrize("room", HEIGHT)
def test_rooms_import_only_lower_rooms(room: str) -> None:
    files = list((SOURCE / room).rglob("*.py"))
    assert files, f"room {room} is empty"
    for path in files:
        for other in imports_of(path) - {room} - EVERYWHERE - {"__version__"}:
            assert other in HEIGHT, f"{path} imports {other}, which is no room"
            allowed = HEIGHT[other] < HEIGHT[room] or (HEIGHT[other] == HEIGHT[room] == HEIGHT["conversion"])
            assert allowed, f"{path.relative_to(SOURCE)} imports {other}, which is not below {room}"


def test_no_room_is_missing_from_the_order() -> None:
    rooms = {p.name for p in SOURCE.iterdir() if p.is_dir() and not p.name.startswith("_")}
    assert rooms - set(HEIGHT) == {"testing"}


@pytest.mark.parametrize(
    "command", ["import spikemesh", "import spikemesh.cli.app", "import spikemesh.mapping, spikemesh.simulation"]
)
def test_heavy_packages_load_only_when_used(command: str) -> None:
    heavy = ("tensorflow", "keras", "brian2", "matplotlib", "sklearn", "plotly")
    code = f"{command}\nimport sys\nprint([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


def test_every_root_name_has_a_home() -> None:
    assert sorted(spikemesh.__all__) == spikemesh.__dir__()
    for name in spikemesh.__all__:
        assert getattr(spikemesh, name) is not None
