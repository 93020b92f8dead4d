"""From a point, which names files and workloads, to tasks, which hold what those names stand for today.

Editing a chip's file, a recipe, a network file or spikemesh itself therefore makes new points; renaming a file, or adding a
comment to it, does not.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from spikemesh.errors import DataError, NetworkError, SpikemeshError, TraceError
from spikemesh.hardware import load_hardware
from spikemesh.scenario.sweep.recipes import SweptPass, cuts, only_built_in, rebuilt, swept_passes
from spikemesh.scenario.sweep.tasks import POINT, Task, canonical, code_digest, digest

__all__ = ["Resolver", "refused_address"]

MESH = ("mesh.cols", "mesh.rows", "mesh.blocked")


def refused_address(point: dict[str, Any], error: str) -> str:
    """The address of a point that names something that does not exist or contradicts itself."""
    return digest({"refused": point, "error": error, "code": code_digest()})


class Resolver:
    """Turns points into tasks; what many points name is read once.

    folder : where relative paths start. work : where a user's passes may be unpacked.
    """

    def __init__(self, folder: Path, work: Path) -> None:
        self.folder, self.work = folder, work
        self._known: dict[str, Any] = {}

    def tasks(self, point: dict[str, Any]) -> list[Task]:
        """The point's stages, each after those that it needs, and the point itself last.

        Raises
        ------
        SpikemeshError
            for anything that the point names and that cannot be used.
        """
        source = self._network(point)
        hardware = self._hardware(point)
        passes, (clusters_at, places_at) = self._passes(point)
        run = {key: point[key] for key in ("duration_ms", "encoding", "seed")}
        first = self._first_stages(point, source, run)
        network, trace, samples = first[0], first[-1], first[1] if len(first) == 3 else None
        shown = samples.ref if samples is not None else None
        mapped: list[Task] = []
        for kind, begin, end in (
            ("legal", 0, clusters_at),
            ("clusters", clusters_at, places_at),
            ("placed", places_at, len(passes)),
        ):
            if kind == "legal" and begin == end:
                continue  # nothing to fit: the network's own stage is as good
            built_on = [task.ref for task in reversed(mapped)]
            spec = {
                "network": [*built_on, network.ref],
                "trace": [*built_on, trace.ref],
                "samples": shown,
                "run": run if shown is not None else None,
                "passes": passes[begin:end],
                "hardware": _view(hardware, kind, passes[begin:end]),
                **{key: point[key] for key in ("seed", "weighting", "map_inputs")},
            }
            mapped.append(Task.of(kind, spec, [*built_on, *(task.ref for task in first)]))
        spec = {
            "network": [*(task.ref for task in reversed(mapped)), network.ref],
            "trace": [*(task.ref for task in reversed(mapped)), trace.ref],
            "unmapped": trace.ref,
            "source": network.ref,
            "samples": shown,
            "placed": mapped[-1].ref,
            "hardware": hardware,
            **{key: point[key] for key in ("duration_ms", "encoding", "seed", "weighting")},
            **{key: point[key] for key in ("acceleration", "engine", "late", "accuracy", "max_cycles")},
        }
        return [*first, *mapped, Task.of(POINT, spec, [task.ref for task in (*first, *mapped)])]

    # --- the parts --------------------------------------------------------------------------------------------------

    def _first_stages(self, point: dict[str, Any], source: dict[str, Any], run: dict[str, Any]) -> list[Task]:
        """Network and trace, with the samples between them where the trace is to be made."""
        if "file" in source:
            network = Task.of("network", {"file": source["file"]}, where={"path": source["path"]})
        else:
            network = Task.of("network", source)
        if point["trace"] is not None:
            path = self._path(point["trace"])
            return [network, Task.of("trace", {"file": self._file(path, TraceError)}, where={"path": str(path)})]
        if "file" in source:
            raise DataError(f"{point['network']}: a network file holds no samples; give its spikes with the key 'trace'")
        facts = {"network": network.ref, "samples": point["samples"]}
        samples = Task.of("samples", {**facts, **{k: source[k] for k in ("workload", "seed", "data")}}, [network.ref])
        spikes = {"network": network.ref, "samples": samples.ref, **run}
        return [network, samples, Task.of("trace", spikes, [network.ref, samples.ref])]

    def _network(self, point: dict[str, Any]) -> dict[str, Any]:
        name = point["network"]
        if name.endswith(".npz"):
            path = self._path(name)
            return {"file": self._file(path, NetworkError), "path": str(path)}
        weights, seed = point["network.weights"], point["network.seed"]
        return {"workload": name, "weights": weights, "seed": seed, "data": self._data(name, weights, seed)}

    def _data(self, name: str, weights: str, seed: int) -> str | None:
        """Digest of a workload's data set; None where it has none by nature. Samples of a missing one cannot be shown."""

        def read() -> str | None:
            from spikemesh.workloads.catalogue import find

            found = find(name)
            if weights == "trained" and not found.trains:
                raise DataError(f"{name} is not one that is trained here; its weights are drawn")
            data = found.load(seed)
            return None if data is None else data.digest

        return self._once(f"data {name} {weights} {seed}", read)

    def _hardware(self, point: dict[str, Any]) -> dict[str, Any]:
        """Dotted key -> value of the chip, without what is only said about it."""
        overrides = {k.removeprefix("hardware."): v for k, v in point.items() if k.startswith("hardware.")}
        mesh = point["mesh"]
        given = {"mesh": ("auto", "auto") if mesh == "auto" else mesh, "pitch_mm": point["pitch_mm"], "overrides": overrides}

        def read() -> dict[str, Any]:
            chip = load_hardware(self._path(point["hardware"], shipped=True), **given)
            return {key: value for key, value in chip.parameters().items() if key != "description"}

        return self._once(f"hardware {canonical([point['hardware'], given])}", read)

    def _passes(self, point: dict[str, Any]) -> tuple[list[SweptPass], tuple[int, int]]:
        """The recipe's passes, and where those that partition and those that place begin."""
        options = {k.removeprefix("recipe."): v for k, v in point.items() if k.startswith("recipe.")}
        key = f"recipe {canonical([point['recipe'], options])}"

        def read() -> tuple[list[SweptPass], tuple[int, int]]:
            passes = swept_passes(self._path(point["recipe"], shipped=True), options)
            return passes, cuts(rebuilt(passes, self.work))

        return self._once(key, read)

    # --- files ------------------------------------------------------------------------------------------------------

    def _path(self, name: str, shipped: bool = False) -> str:
        """A path of a sweep file as seen from here; the name itself where it is, or may be, that of something shipped."""
        path = self.folder / name
        bare = Path(name).name == name
        return name if shipped and bare and not path.is_file() else str(path)

    def _file(self, path: str, error: type[SpikemeshError]) -> str:
        def read() -> str:
            try:
                with Path(path).open("rb") as file:
                    return hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as problem:
                raise error(f"{path}: cannot be read: {problem.strerror or problem}") from None

        return self._once(f"file {path}", read)

    def _once(self, key: str, read: Any) -> Any:
        """What ``read()`` gives or raises, read on the first call for ``key``."""
        if key not in self._known:
            try:
                self._known[key] = read()
            except SpikemeshError as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, SpikemeshError):
            raise found
        return found


def _view(hardware: dict[str, Any], kind: str, passes: list[SweptPass]) -> dict[str, Any]:
    """What the passes of a stage can see of the chip; a stage is shared by all chips that look the same to it."""
    if not only_built_in(passes):
        return hardware
    shown = {k: v for k, v in hardware.items() if k.startswith("crossbar.") or (kind == "placed" and k in MESH)}
    return {"name": "the chip", "mesh.cols": "auto", "mesh.rows": "auto", "noc.cycle_ns": 1.0, **shown}
