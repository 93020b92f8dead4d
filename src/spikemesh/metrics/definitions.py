"""Unit, formula and direction of every column, for tables, reports and docs/metrics.md."""

from __future__ import annotations

__all__ = ["DEFINITIONS"]

_MAPPING = {
    "crossbars": ("", "crossbars in use, one a cluster", "lower"),
    "tiles": ("", "tiles of the mesh, blocked and empty ones included", ""),
    "neurons": ("", "neurons on the chip, units of decomposed neurons included", ""),
    "crosspoints": ("", "synapses on the chip, one crosspoint each", ""),
    "neuron_utilisation": ("", "neurons on the chip / (crossbars * n_out)", "higher"),
    "synapse_utilisation": ("", "crosspoints in use / (crossbars * n_in * n_out), links between units included", "higher"),
    "synapse_utilisation_original": ("", "the same without the links between the units of a decomposed neuron", "higher"),
    "inter_weight": ("Hz", "InterW: sum of rate_i * |w_ij| over synapses between clusters", "lower"),
    "intra_weight": (
        "Hz",
        "IntraW: sum of rate_i * |w_ij| over synapses inside a cluster; InterW + IntraW is the total",
        "higher",
    ),
    "packets_per_s": ("packets/s", "sum over neurons of rate * number of other clusters that hold one of its targets", "lower"),
    "packets_bound_per_s": (
        "packets/s",
        "sum over neurons of rate * (ceil((1 + distinct targets) / n_out) - 1): no partition goes below it",
        "",
    ),
    "packets_ratio": ("", "packets_per_s / packets_bound_per_s", "lower"),
    "hop_cost": ("packet-hops/s", "sum over clusters a, b of packets/s(a to b) * Manhattan distance of their tiles", "lower"),
    "hops_per_packet": ("hops", "hop_cost / packets_per_s", "lower"),
    "tree_links_per_s": ("links/s", "sum over neurons of rate * links of its XY tree (tree multicast only)", "lower"),
    "inter_improvement_percent": ("%", "100 (base - ours) / base of InterW", "higher"),
    "intra_improvement_percent": ("%", "100 (ours - base) / ours of IntraW", "higher"),
}

_COUNTS = {
    "run_time_ms": ("ms", "sum over samples of max(network time / acceleration, last row read)", "lower"),
    "spikes": ("", "spikes of neurons on the chip, over all samples", ""),
    "packets": ("", "packets injected into the mesh; a tree packet counts once", "lower"),
    "deliveries": ("", "packets delivered, once for each destination tile", "lower"),
    "undelivered": ("", "remote spikes that had not been read when the run was cut", "lower"),
    "row_reads": ("", "crossbar rows read, for spikes of the own tile too", "lower"),
    "synaptic_events": ("", "crosspoints in use on the rows read", ""),
    "flit_hops": ("flit-hops", "one for each flit over each link between routers", "lower"),
    "flit_hops_x": ("flit-hops", "those over east-west links", "lower"),
    "flit_hops_y": ("flit-hops", "those over north-south links", "lower"),
    "link_load_max_flits": ("flits", "flits over the busiest link", "lower"),
    "late_share": ("", "share of remote spikes with row_read > fired + cycles_per_step", "lower"),
}

_LATENCY = "over spikes at destination tiles other than their own, of row_read - fired"
_DISTORTION = "over spike pairs of a (neuron, destination tile), of |(change of row_read) - (change of fired)|"
_DELAYS = {
    **{
        f"latency_{name}_{unit}": (unit, f"{words} {_LATENCY}{' * cycle_ns' if unit == 'ns' else ''}", "lower")
        for name, words in (
            ("mean", "mean"),
            ("p50", "median"),
            ("p95", "95th percentile"),
            ("p99", "99th percentile"),
            ("max", "maximum"),
        )
        for unit in ("cycles", "ns")
    },
    "latency_encoder_cycles": ("cycles", "mean of encoded - fired: waiting for and passing the encoder", "lower"),
    "latency_source_queue_cycles": (
        "cycles",
        "mean of injected - encoded: waiting for a free slot at the source router",
        "lower",
    ),
    "latency_network_cycles": ("cycles", "mean of local grant - injected: routers and links", "lower"),
    "latency_ejection_cycles": ("cycles", "mean of delivered - local grant: last flit and ejection", "lower"),
    "latency_crossbar_cycles": ("cycles", "mean of row_read - delivered: waiting for and reading the row", "lower"),
    **{
        f"isi_distortion_{name}_{unit}": (unit, f"{name} {_DISTORTION}{' * cycle_ns' if unit == 'ns' else ''}", "lower")
        for name in ("mean", "max")
        for unit in ("cycles", "ns")
    },
    "spike_disorder": ("", "share of remote spikes fired strictly before one that their tile had already read", "lower"),
    "spike_disorder_worst_tile": ("", "the same on the tile where it is highest", "lower"),
}

_ENERGY = {
    "interconnect_energy_pj": ("pJ", "hops_x + hops_y + inject + eject", "lower"),
    "hops_x_energy_pj": ("pJ", "flit_hops_x * (router energy + flit_bits * wire energy * pitch_x), or * hop_x_pj", "lower"),
    "hops_y_energy_pj": ("pJ", "flit_hops_y * (router energy + flit_bits * wire energy * pitch_y), or * hop_y_pj", "lower"),
    "inject_energy_pj": ("pJ", "packets * inject_pj", "lower"),
    "eject_energy_pj": ("pJ", "deliveries * eject_pj", "lower"),
    "tile_energy_pj": ("pJ", "spike + row + op + update", "lower"),
    "spike_energy_pj": ("pJ", "spikes * spike_pj", "lower"),
    "row_energy_pj": ("pJ", "row_reads * row_pj", "lower"),
    "op_energy_pj": ("pJ", "synaptic_events * op_pj", "lower"),
    "update_energy_pj": ("pJ", "neuron-steps with a spike * update_pj + the others * idle_update_pj", "lower"),
    "static_energy_pj": (
        "pJ",
        "run time * (neurons * neuron_nw + crosspoints * synapse_nw + crossbars * core_uw + tiles * router_uw)",
        "lower",
    ),
    "wasted_static_energy_pj": (
        "pJ",
        "run time * sum over crossbars in use of (unused neurons * neuron_nw + unused crosspoints * synapse_nw)",
        "lower",
    ),
    "wasted_dynamic_energy_pj": ("pJ", "sum over row reads of unused crosspoints on the row * idle_cell_pj", "lower"),
    "wasted_energy_pj": ("pJ", "wasted static + wasted dynamic", "lower"),
    "total_energy_pj": ("pJ", "interconnect + tile + static + wasted static + wasted dynamic", "lower"),
    "wasted_share": ("", "wasted_energy_pj / total_energy_pj", "lower"),
    "energy_per_sample_pj": ("pJ", "total_energy_pj / samples", "lower"),
    "energy_per_synaptic_event_pj": ("pJ", "total_energy_pj / synaptic_events", "lower"),
    "mean_power_mw": ("mW", "total_energy_pj / run time", "lower"),
}

_ACCURACY = {
    "accuracy_samples": ("", "samples classified", ""),
    "accuracy_ann": ("", "share that the Keras model answers right", "higher"),
    "accuracy_snn": ("", "share that the unmapped spiking network answers right", "higher"),
    "accuracy_mapped": ("", "share answered right as the chip runs the network", "higher"),
    "accuracy_mapped_low": ("", "lower end of its 95 % Wilson interval", "higher"),
    "accuracy_mapped_high": ("", "upper end of its 95 % Wilson interval", "higher"),
    "acceleration": ("", "network time / chip time of the accelerated columns", ""),
    "accuracy_accelerated": ("", "share answered right with the chip driven that much faster", "higher"),
    "late_share_accelerated": ("", "share of deliveries, own tiles included, that were read too late there", "lower"),
    "spike_disorder_accelerated": ("", "spike disorder there", "lower"),
    "mesh_cols": ("", "tiles from west to east", ""),
    "mesh_rows": ("", "tiles from north to south", ""),
    "seconds": ("s", "time that mapping took on this machine", "lower"),
}

DEFINITIONS: dict[str, tuple[str, str, str]] = {**_MAPPING, **_COUNTS, **_DELAYS, **_ENERGY, **_ACCURACY}
"""Column -> (unit, formula in words, which direction is better: "lower", "higher" or "")."""
