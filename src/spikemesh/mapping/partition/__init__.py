"""Partitioning: which neurons share a cluster, one method a file."""

from spikemesh.mapping.partition.partition import Partition, partition
from spikemesh.mapping.partition.problem import PartitionProblem
from spikemesh.mapping.partition.registry import (
    Partitioner,
    available_partitioners,
    find_partitioner,
    partitioner,
)

__all__ = [
    "Partition",
    "PartitionProblem",
    "Partitioner",
    "available_partitioners",
    "find_partitioner",
    "partition",
    "partitioner",
]
