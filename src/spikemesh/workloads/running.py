"""Running a workload on its data: one call for the whole zoo."""

from __future__ import annotations

import logging
from dataclasses import replace

from spikemesh.errors import DataError
from spikemesh.network import SpikingNetwork
from spikemesh.workloads.catalogue import catalogue, find
from spikemesh.workloads.outcome import Outcome, Progress, classification
from spikemesh.workloads.prepare import prepare

__all__ = ["run_workload", "runnable_workloads"]

log = logging.getLogger("spikemesh")


def run_workload(
    name: str,
    n: int | None = None,
    seed: int = 0,
    *,
    network: SpikingNetwork | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """What a workload makes of its data, beside a stated baseline; trains and caches where that is needed.

    Parameters
    ----------
    name : one of ``runnable_workloads()``.
    n : test samples (images, records, paths); by default all, or the number that its page states.
    seed : of training, drawing, data and test.
    network : to run in the place of the workload's own, with as many inputs and outputs: what a mapping made of it. A readout
        that the workload fits stays that of its own network.
    progress : gets lines of text; by default they go to the logger "spikemesh".

    Raises
    ------
    NetworkError
        for an unknown name.
    DataError
        for a workload without data, or whose data are not on this machine; for a network that cannot take the place.
    """
    found, tell = find(name), progress or log.info
    if n is not None and n < 1:
        raise DataError(f"n must be at least 1, not {n}")
    if found.run is None and found.recipe is None:
        raise DataError(f"{name} has no data here: its weights are drawn, and nothing is claimed of its answers")
    prepared = prepare(name, "trained" if found.trains else "drawn", seed, progress=tell)
    if network is not None:
        prepared = replace(prepared, network=_in_place(network, prepared.network, name), fitted_to=prepared.network)
    if found.run is not None:
        return found.run(prepared, n, seed, tell)
    return classification(prepared, n, tell)


def _in_place(network: SpikingNetwork, own: SpikingNetwork, name: str) -> SpikingNetwork:
    mine, its = ((len(net.input_ids), len(net.output_ids)) for net in (network, own))
    if mine != its:
        raise DataError(f"{name} has {its[0]} inputs and {its[1]} outputs, {network.name} has {mine[0]} and {mine[1]}")
    return network


def runnable_workloads() -> list[str]:
    """Names of the workloads that have data, or make their own."""
    return [w.name for w in catalogue().values() if w.run is not None or w.recipe is not None]
