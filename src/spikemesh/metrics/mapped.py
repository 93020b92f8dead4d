"""What can be said of a mapping before it runs: crossbars, utilisation, weights, packets, hops."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.mapping.mapping import Mapping
from spikemesh.mapping.measure import measure
from spikemesh.network.weighting import checked_rates

__all__ = ["inter_improvement", "intra_improvement", "mapping_columns", "tree_links"]

NAN = float("nan")


def mapping_columns(mapping: Mapping, rates_hz: ArrayLike | None, weighting: str = "rate_weight") -> dict[str, float]:
    """Column -> value; the definitions are in ``DEFINITIONS``. Columns that need rates are NaN without them."""
    columns = {
        "crossbars": float(mapping.n_crossbars),
        "tiles": float(mapping.hardware.n_tiles) if mapping.hardware.is_sized else NAN,
        "neurons": float(mapping.neurons_per_cluster.sum()),
        "crosspoints": float(mapping.crosspoints_per_cluster.sum()),
        "neuron_utilisation": mapping.neuron_utilisation,
        "synapse_utilisation": mapping.synapse_utilisation,
        "synapse_utilisation_original": mapping.synapse_utilisation_original,
    }
    names = ("inter_weight", "intra_weight", "packets_per_s", "packets_bound_per_s", "packets_ratio")
    if rates_hz is None:
        return columns | dict.fromkeys((*names, "hop_cost", "hops_per_packet", "tree_links_per_s"), NAN)
    rates = checked_rates(mapping.network, np.asarray(rates_hz, np.float64))
    found = measure(
        mapping.network,
        rates,
        mapping.assignment,
        mapping.hardware.crossbar.n_out,
        weighting=weighting,
        n_clusters=mapping.n_clusters,
    )
    cost = NAN
    if mapping.hardware.is_sized:
        cost = _hop_cost(found.traffic.tocoo(), mapping.tile_of_cluster.astype(np.int64), mapping.hardware.cols)
    tree = mapping.hardware.is_sized and mapping.hardware.noc.multicast == "tree"
    return columns | {
        "inter_weight": found.inter_weight,
        "intra_weight": found.intra_weight,
        "packets_per_s": found.packets,
        "packets_bound_per_s": found.packets_bound,
        "packets_ratio": found.packets / found.packets_bound if found.packets_bound > 0 else NAN,
        "hop_cost": cost,
        "hops_per_packet": cost / found.packets if found.packets > 0 else NAN,
        "tree_links_per_s": float((tree_links(mapping) * rates).sum()) if tree else NAN,
    }


def _hop_cost(traffic: object, tile: NDArray[np.int64], cols: int) -> float:
    a, b = tile[traffic.row], tile[traffic.col]  # type: ignore[attr-defined]
    links = np.abs(a % cols - b % cols) + np.abs(a // cols - b // cols)
    return float((traffic.data * links).sum())  # type: ignore[attr-defined]


def tree_links(mapping: Mapping) -> NDArray[np.int64]:
    """(n_neurons,) links of the XY tree that carries a spike to all other tiles that hold a target; 0 off chip.

    The tree runs along the source's row to the farthest column on either side, and in each column that holds a
    destination to the farthest row on either side.
    """
    axons, cols = mapping.axons, mapping.hardware.cols
    source = mapping.tile_of_neuron[axons.neuron].astype(np.int64)
    target = mapping.tile_of_cluster[axons.cluster].astype(np.int64)
    remote = (source >= 0) & (source != target)
    neuron, source, target = axons.neuron[remote].astype(np.int64), source[remote], target[remote]
    dx, dy = target % cols - source % cols, target // cols - source // cols

    def farthest(distance: NDArray[np.int64], key: NDArray[np.int64], n: int) -> NDArray[np.int64]:
        reach = np.zeros(n, np.int64)
        np.maximum.at(reach, key, distance)
        return reach

    n = mapping.network.n_neurons
    column, place = np.unique(neuron * cols + target % cols, return_inverse=True)
    links = farthest(dx, neuron, n) + farthest(-dx, neuron, n)
    down = farthest(dy, place, len(column)) + farthest(-dy, place, len(column))
    np.add.at(links, column // cols, down)
    return links


def inter_improvement(base: float, ours: float) -> float:
    """100 (base - ours) / base of InterW, in percent; NaN where the base is not positive."""
    return 100 * (base - ours) / base if base > 0 else NAN


def intra_improvement(base: float, ours: float) -> float:
    """100 (ours - base) / ours of IntraW, in percent; NaN where a signed total is not positive."""
    return 100 * (ours - base) / ours if ours > 0 and base >= 0 else NAN
