"""What the report draws of a mapping and its run: a few thousand numbers, however many packets there were."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.mapping import Mapping
from spikemesh.metrics import energy, latency
from spikemesh.network import SpikingNetwork
from spikemesh.scenario.link_load import load_over_time
from spikemesh.simulation import RunRecord

__all__ = ["drawing_of", "neurons_in_words"]

MOST_RANGES = 4
"""Ranges of neurons that a cluster's hover text names for each layer."""
PARTNERS = 3
QUANTILES = np.linspace(0, 1, 101)


def drawing_of(recipe: str, mapped: Mapping, record: RunRecord, original: SpikingNetwork) -> dict[str, Any]:
    """What the report needs to draw a mapping, JSON-ready; ``original`` is the network before legalising."""
    network, hardware = mapped.network, mapped.hardware
    on_chip = mapped.assignment >= 0
    counts = np.zeros((mapped.n_clusters, len(network.layers)), np.int64)
    np.add.at(counts, (mapped.assignment[on_chip], network.layer_of_neuron[on_chip]), 1)
    load = load_over_time(record)
    kept = network.n_synapses if mapped.original_synapses is None else int(mapped.original_synapses.sum())
    return {
        "chip": hardware.name,
        "recipe": recipe,
        "mesh": {"cols": hardware.cols, "rows": hardware.rows},
        "facts": {
            "mesh": f"{hardware.cols} x {hardware.rows} tiles",
            "crossbar": f"{hardware.crossbar.n_in} x {hardware.crossbar.n_out}",
            "pitch": f"{hardware.mesh.pitch_x_mm} x {hardware.mesh.pitch_y_mm} mm",
            "cycle": f"{hardware.noc.cycle_ns} ns",
            "synapses kept": f"{kept} of {original.n_synapses}",
            "weakest confidence of its constants": hardware.weakest_confidence,
        },
        "layers": [layer.name for layer in network.layers],
        "clusters": {
            "tile": mapped.tile_of_cluster,
            "neurons": mapped.neurons_per_cluster,
            "rows": mapped.rows_per_cluster,
            "crosspoints": mapped.crosspoints_per_cluster,
            "layer": counts.argmax(axis=1),
            "contents": neurons_in_words(mapped),
            "traffic": traffic_in_words(mapped, record),
        },
        "link_flits": record.link_flits,
        "load_over_time": {"first_step": load.first_step, "step_ms": hardware.time.step_ms, "links": _sparse(load.flits)},
        "latency_parts_cycles": latency(record).parts_mean_cycles,
        "latency_quantiles_cycles": latency_quantiles(record),
        "energy_pj": energy(record).groups,
        "energy_parts_pj": energy(record).parts,
        "trail": [
            {"pass": p.name, "parameters": dict(p.parameters), "seconds": p.seconds, "measures": dict(p.measures)}
            for p in mapped.trail
        ],
    }


def neurons_in_words(mapped: Mapping) -> list[str]:
    """For each cluster its neurons as layers and ranges, such as "conv1 16-31; dense 402": numbers count within the layer."""
    network = mapped.network
    layer = np.asarray(network.layer_of_neuron)
    starts = np.concatenate([[0], np.cumsum(network.layer_sizes)])
    order = np.argsort(mapped.assignment, kind="stable")  # neurons of a cluster stay in their order, and so in their layers
    order = order[mapped.assignment[order] >= 0]
    bounds = np.searchsorted(mapped.assignment[order], np.arange(mapped.n_clusters + 1))
    names = [x.name for x in network.layers]
    found = []
    for first, last in pairwise(bounds):
        neurons = order[first:last]
        words = []
        for k in np.unique(layer[neurons]):
            words.append(f"{names[k]} {_ranges(neurons[layer[neurons] == k] - starts[k])}")
        found.append("; ".join(words))
    return found


def _ranges(numbers: NDArray) -> str:
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    runs = [(run[0], run[-1]) for run in np.split(numbers, breaks)]
    shown = [f"{a}" if a == b else f"{a}-{b}" for a, b in runs[:MOST_RANGES]]
    rest = sum(b - a + 1 for a, b in runs[MOST_RANGES:])
    return ", ".join([*shown, f"and {rest} more"] if rest else shown)


def traffic_in_words(mapped: Mapping, record: RunRecord) -> list[str]:
    """For each cluster what it sends to others and gets from them over all samples, and whom it sends most."""
    n_tiles = record.chip.n_tiles
    at = np.full(n_tiles, -1)
    at[mapped.tile_of_cluster] = np.arange(mapped.n_clusters)
    pairs, spikes = np.unique(record.source.astype(np.int64) * n_tiles + record.destination, return_counts=True)
    source, destination = at[pairs // n_tiles], at[pairs % n_tiles]
    sent = np.bincount(source, spikes, mapped.n_clusters).astype(np.int64)
    got = np.bincount(destination, spikes, mapped.n_clusters).astype(np.int64)
    bounds = np.searchsorted(pairs // n_tiles, np.arange(n_tiles + 1))
    found = []
    for cluster, tile in enumerate(mapped.tile_of_cluster):
        mine = slice(bounds[tile], bounds[tile + 1])
        best = np.argsort(-spikes[mine], kind="stable")[:PARTNERS]
        to = ", ".join(f"cluster {destination[mine][k]} ({spikes[mine][k]:,})" for k in best)
        found.append(
            f"sends {sent[cluster]:,} spikes to other tiles, gets {got[cluster]:,}" + (f"; most to {to}" if to else "")
        )
    return found


def latency_quantiles(record: RunRecord) -> dict[str, NDArray[np.int64]]:
    """For the whole latency and each of its parts (101,) cycles, the least to the most in steps of 1 %; none read: none."""
    read = record.row_read >= 0
    if not read.any():
        return {}
    stages = [record.fired, record.encoded, record.injected, record.granted, record.delivered, record.row_read]
    names = ("encoder", "source_queue", "network", "ejection", "crossbar")
    parts = {name: later - earlier for name, earlier, later in zip(names, stages, stages[1:], strict=False)}
    whole = {"whole": record.row_read - record.fired}
    # the values of rows themselves, not points between them
    return {
        name: np.quantile(cycles[read], QUANTILES, method="inverted_cdf").astype(np.int64)
        for name, cycles in (whole | parts).items()
    }


def _sparse(flits: NDArray[np.int64]) -> list[list[int]]:
    """Bin by bin [link, flits, link, flits, ...] of the links in use, a link being 4 * tile + side."""
    found = []
    for one in flits.reshape(len(flits), -1):
        used = np.flatnonzero(one)
        found.append(np.stack([used, one[used]], axis=1).ravel().tolist())
    return found
