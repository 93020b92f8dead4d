"""The benchmark networks of the two papers by name, their data, and trained weights where data are at hand."""

from spikemesh.workloads.datasets import Dataset, available_datasets, load_dataset
from spikemesh.workloads.prepare import Prepared, available_workloads, prepare, workload

__all__ = ["Dataset", "Prepared", "available_datasets", "available_workloads", "load_dataset", "prepare", "workload"]
