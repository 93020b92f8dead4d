"""From a network to a chip: legalise, partition into clusters, place on tiles, check.

Names are loaded when asked for, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikemesh.mapping.check import violations
    from spikemesh.mapping.legalisation import legalise
    from spikemesh.mapping.mapping import Axons, Mapping, PassRecord
    from spikemesh.mapping.measure import Measure
    from spikemesh.mapping.partition import Partition, PartitionProblem, partitioner
    from spikemesh.mapping.passes import Pass, Pipeline
    from spikemesh.mapping.pipeline import map_many, map_network
    from spikemesh.mapping.recipe import Recipe, available_recipes, load_recipe
    from spikemesh.mapping.state import MappingState

_HOME = {
    "Axons": "mapping",
    "Mapping": "mapping",
    "MappingState": "state",
    "Measure": "measure",
    "Partition": "partition",
    "PartitionProblem": "partition",
    "Pass": "passes",
    "PassRecord": "mapping",
    "Pipeline": "passes",
    "Recipe": "recipe",
    "available_recipes": "recipe",
    "legalise": "legalisation",
    "load_recipe": "recipe",
    "map_many": "pipeline",
    "map_network": "pipeline",
    "partitioner": "partition",
    "violations": "check",
}

__all__ = [
    "Axons",
    "Mapping",
    "MappingState",
    "Measure",
    "Partition",
    "PartitionProblem",
    "Pass",
    "PassRecord",
    "Pipeline",
    "Recipe",
    "available_recipes",
    "legalise",
    "load_recipe",
    "map_many",
    "map_network",
    "partitioner",
    "violations",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
