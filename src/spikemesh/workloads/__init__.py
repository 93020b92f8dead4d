"""The benchmark networks of the two papers by name, their data, and trained weights where data are at hand."""

from spikemesh.workloads.datasets import Dataset, available_datasets, load_dataset
from spikemesh.workloads.image_folder import load_image_folder
from spikemesh.workloads.outcome import Outcome
from spikemesh.workloads.prepare import Prepared, available_workloads, prepare, workload
from spikemesh.workloads.running import run_workload, runnable_workloads

__all__ = [
    "Dataset",
    "Outcome",
    "Prepared",
    "available_datasets",
    "available_workloads",
    "load_dataset",
    "load_image_folder",
    "prepare",
    "run_workload",
    "runnable_workloads",
    "workload",
]
