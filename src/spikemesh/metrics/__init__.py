"""What a mapping costs: latency, energy, waste, timing errors; definitions in docs/metrics.md."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from spikemesh.metrics.counts import Counts, count, run_time_ns
from spikemesh.metrics.definitions import DEFINITIONS
from spikemesh.metrics.delays import Disorder, Distortion, Latency, isi_distortion, latency, pooled_disorder, spike_disorder
from spikemesh.metrics.intervals import mean_interval, paired_difference, wilson_interval
from spikemesh.metrics.mapped import inter_improvement, intra_improvement, tree_links
from spikemesh.metrics.pricing import Energy, energy, price
from spikemesh.metrics.summary import compare, metrics, rates_of

__all__ = [
    "DEFINITIONS",
    "Counts",
    "Disorder",
    "Distortion",
    "Energy",
    "Latency",
    "compare",
    "count",
    "energy",
    "inter_improvement",
    "intra_improvement",
    "isi_distortion",
    "latency",
    "mean_interval",
    "metrics",
    "paired_difference",
    "pooled_disorder",
    "price",
    "rates_of",
    "run_time_ns",
    "spike_disorder",
    "tree_links",
    "wilson_interval",
]


class _Callable(ModuleType):
    """``spikemesh.metrics`` is this package and, at the root, a function: calling the package calls the function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return metrics(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
