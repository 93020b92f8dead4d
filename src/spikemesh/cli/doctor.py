"""What `spikemesh doctor` looks at: versions, optional extras, data, caches."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["doctor_command", "examine"]

EXTRAS = {
    "metis": ("pymetis", "partitioner metis"),
    "kahypar": ("mtkahypar", "partitioner mt-kahypar"),
    "distributed": ("distributed", "sweeps on a Dask cluster"),
    "parquet": ("pyarrow", "packets of a sweep's runs"),
    "browser": ("playwright", "tests of the report in Chromium"),
}
"""Extra -> its package, and what it is for."""
DATASETS = ("cats-dogs", "cifar10-subset", "digits", "ecg-beats", "mnist")


def examine() -> dict[str, Any]:
    """Everything that `spikemesh doctor` says, JSON-ready; ``problems`` is empty where all is well."""
    from spikemesh.report.folder import versions
    from spikemesh.workloads import available_datasets
    from spikemesh.workloads.training import cache_directory

    found = versions()
    requirements = [text for text in metadata.requires("spikemesh") or [] if "extra ==" not in text]
    cache = cache_directory()
    size, files = _size(cache)
    data = available_datasets()
    compiled, writable = _compiled()
    return {
        "versions": found | {"where": str(Path(__file__).parents[1]), "cores": os.cpu_count()},
        "extras": {
            name: {"installed": _version(package), "package": package, "for": use} for name, (package, use) in EXTRAS.items()
        },
        "data": {name: name in data for name in dict.fromkeys([*DATASETS, *data])},
        "data folder": os.environ.get("SPIKEMESH_DATA", "SPIKEMESH_DATA is not set"),
        "cache": {"folder": str(cache), "files": files, "megabytes": round(size / 1e6, 1)},
        "compiled kernels": {"cached": compiled, "folder can be written": writable},
        "problems": _problems(requirements, cache),
    }


def _problems(requirements: list[str], cache: Path) -> list[str]:
    """What keeps spikemesh from working, in words."""
    from packaging.requirements import InvalidRequirement, Requirement

    problems = []
    for text in requirements:
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        installed = _version(wanted.name)
        if installed is None:
            problems.append(f"{wanted.name} is not installed: pip install '{wanted}'")
        elif not wanted.specifier.contains(installed, prereleases=True):
            problems.append(f"{wanted.name} {installed} is installed; spikemesh needs {wanted.specifier}")
    nearest = next(parent for parent in (cache, *cache.parents) if parent.exists())
    if not os.access(nearest, os.W_OK):
        problems.append(f"{cache}: cannot be written, so trained weights are not kept; set SPIKEMESH_CACHE")
    if shutil.disk_usage(nearest).free < 1e9:
        problems.append(f"{nearest}: less than 1 GB is free")
    return problems


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _size(folder: Path) -> tuple[int, int]:
    """(bytes, files) of a folder; nothing where it is not there."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    return sum(sizes), len(sizes)


def _compiled() -> tuple[int, bool]:
    """How many compiled kernels numba has kept for this Python, and whether it can keep more."""
    package = Path(__file__).parents[1]
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    tag = f"py{sys.version_info.major}{sys.version_info.minor}"
    kept = Path(chosen) if chosen else package
    found = sum(tag in path.name for path in kept.rglob("*.nbi")) if kept.is_dir() else 0
    return found, os.access(kept if kept.is_dir() else kept.parent, os.W_OK)


def doctor_command(json: bool) -> int:
    """Prints what is there; exit code 1 where something keeps spikemesh from working."""
    found = examine()
    if json:
        from spikemesh.cli.commands import print_json

        print_json(found)
        return 1 if found["problems"] else 0
    for name, version in found["versions"].items():
        print(f"{name:14} {version}")
    print()
    for name, extra in found["extras"].items():
        told = extra["installed"] or f"not installed: pip install 'spikemesh[{name}]'"
        print(f"{name:14} {extra['package']} {told} ({extra['for']})")
    print()
    print(f"data           {', '.join(name if there else f'{name} (not found)' for name, there in found['data'].items())}")
    print(f"data folder    {found['data folder']}")
    print(f"trained nets   {found['cache']['folder']}: {found['cache']['files']} files, {found['cache']['megabytes']} MB")
    kernels = found["compiled kernels"]
    more = "" if kernels["folder can be written"] else "; its folder cannot be written: set NUMBA_CACHE_DIR"
    print(f"numba cache    {kernels['cached']} compiled kernels{more}")
    print()
    for problem in found["problems"]:
        print(f"problem: {problem}")
    print("all is well" if not found["problems"] else f"{len(found['problems'])} problem(s)")
    return 1 if found["problems"] else 0
