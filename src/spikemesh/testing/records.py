"""Hypothesis strategies for run records that no engine made.

``records()`` draws a small mapped network, its spikes, and for each row a history that is legal but otherwise arbitrary:
stages in order, ties, gaps, rows that a cut run never reached. Statistics must hold for all of them, not only for what a
mesh would do. Needs hypothesis, which only the development install brings.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from spikemesh.hardware import Hardware
from spikemesh.mapping.mapping import Mapping
from spikemesh.network import SpikingNetwork
from spikemesh.simulation.program import Chip
from spikemesh.simulation.record import RunRecord

__all__ = ["chip_descriptions", "mappings", "records"]

costs = st.sampled_from([0.0, 0.1, 1.0, 2.5, 883.0])


@st.composite
def chip_descriptions(draw: st.DrawFn, cols: int, rows: int, n_in: float, n_out: float) -> Hardware:
    """A chip of that mesh and crossbar with drawn prices, its hops lumped or made of router and wire."""
    energy = {
        key: draw(costs)
        for key in ("inject_pj", "eject_pj", "spike_pj", "row_pj", "op_pj", "idle_cell_pj", "update_pj", "idle_update_pj")
    }
    hop = ("hop_x_pj", "hop_y_pj") if draw(st.booleans()) else ("router_pj_per_flit", "wire_pj_per_bit_mm")
    energy |= {key: draw(costs) for key in hop}
    content: dict[str, Any] = {
        "name": "drawn",
        "mesh": {"cols": cols, "rows": rows, "pitch_x_mm": draw(st.sampled_from([0.5, 2.0])), "pitch_y_mm": 0.3},
        "crossbar": {"n_in": "inf" if math.isinf(n_in) else n_in, "n_out": "inf" if math.isinf(n_out) else n_out},
        "noc": {"cycle_ns": draw(st.sampled_from([1.0, 15.4])), "multicast": draw(st.sampled_from(["unicast", "tree"]))},
        "energy": energy,
        "power": {key: draw(costs) for key in ("neuron_nw", "synapse_nw", "router_uw", "core_uw")},
    }
    return Hardware.of(content)


@st.composite
def mappings(draw: st.DrawFn, max_neurons: int = 10) -> Mapping:
    """A small network on clusters and tiles that fit it; some neurons may be off chip."""
    # sizes come from a seed: drawn one by one, most would be 1, and nothing would cross the mesh
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = int(rng.integers(1, max_neurons + 1))
    pre, post = np.nonzero(rng.random((n, n)) < rng.choice([0.0, 0.2, 0.4, 0.6, 0.9]))
    parallel = rng.integers(0, len(pre), 2) if len(pre) else np.empty(0, np.int64)
    pre, post = np.append(pre, pre[parallel]), np.append(post, post[parallel])
    weight = rng.choice([-1.0, 0.5, 2.0], len(pre))
    network = SpikingNetwork.from_edges(pre, post, weight, layer_sizes=[n])
    cols, rows = (int(side) for side in rng.integers(1, 4, 2))
    k = int(rng.integers(1, min(cols * rows, n) + 1))
    # targets of synapses must be on the chip: only neurons without inputs may stay off it
    sources = np.setdiff1d(np.arange(n), post)
    assignment = rng.integers(0, k, n).astype(np.int32)
    if draw(st.booleans()):
        assignment[sources] = -1
    tiles = rng.permutation(cols * rows)[:k].astype(np.int32)
    limit = draw(st.booleans())
    hw = draw(chip_descriptions(cols, rows, 3 * n if limit else math.inf, 3 * n if draw(st.booleans()) else math.inf))
    return Mapping(network, hw, assignment, tiles)


@st.composite
def records(draw: st.DrawFn, max_steps: int = 5, cut: bool | None = None) -> RunRecord:
    """A run of 1 to 3 samples; ``cut`` pins whether some rows are never reached."""
    mapping = draw(mappings())
    hw, n = mapping.hardware, mapping.network.n_neurons
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_samples, n_steps = int(rng.integers(1, 4)), int(rng.integers(1, max_steps + 1))
    acceleration = draw(st.sampled_from([1.0, 1000.0, 30_000.0]))
    per_step = hw.cycles_per_step(acceleration)
    fires = rng.random((n_samples, n_steps, n)) < rng.choice([0.0, 0.2, 0.5, 0.7, 1.0])
    cut = draw(st.booleans()) if cut is None else cut
    remote, own = _rows(mapping, fires, per_step)
    tree = hw.noc.multicast == "tree"
    packet = _packets(remote, tree)
    new = np.diff(remote[0] * (remote.shape[1] + 1) + packet, prepend=-1) != 0
    stages = _stages(rng, remote[4], np.cumsum(new) - 1, int(rng.choice([1, 3, 3 * per_step])), cut)
    own_read = own[3] + rng.integers(0, 4, len(own[3]))
    cycles = np.concatenate([stages[4], own_read])
    samples = np.concatenate([remote[0], own[0]])
    last = np.zeros(n_samples, np.int64)
    np.maximum.at(last, samples, np.maximum(cycles, 0))
    return RunRecord(
        mapping=mapping,
        hardware=hw,
        chip=Chip(hw.cols, hw.rows, tree=tree),
        acceleration=acceleration,
        cycles_per_step=per_step,
        n_samples=n_samples,
        n_steps=n_steps,
        sample=remote[0].astype(np.int32),
        neuron=remote[1].astype(np.int32),
        source=remote[2].astype(np.int32),
        destination=remote[3].astype(np.int32),
        synapses=remote[5].astype(np.int32),
        packet=packet,
        fired=remote[4],
        encoded=stages[0],
        injected=stages[1],
        granted=stages[2],
        delivered=stages[3],
        row_read=stages[4],
        own_sample=own[0].astype(np.int32),
        own_neuron=own[1].astype(np.int32),
        own_tile=own[2].astype(np.int32),
        own_synapses=own[4].astype(np.int32),
        own_fired=own[3],
        own_row_read=own_read,
        link_flits=rng.integers(0, 50, (hw.n_tiles, 4)),
        last_row_read=last,
        spikes=fires.sum(axis=(0, 1)).astype(np.int64),
        verdict="cut" if cut else "drained",
        engine="simpy",
        seconds=0.0,
    )


def _rows(mapping: Mapping, fires: np.ndarray, per_step: int) -> tuple[np.ndarray, np.ndarray]:
    """Remote (sample, neuron, source, destination, fired, synapses) and own (sample, neuron, tile, fired, synapses) rows."""
    axons = mapping.axons
    remote, own = [], []
    for sample, step, neuron in np.argwhere(fires).tolist():
        source = int(mapping.tile_of_neuron[neuron])
        reached = [
            (int(mapping.tile_of_cluster[axons.cluster[k]]), int(axons.n_synapses[k]))
            for k in np.flatnonzero(axons.neuron == neuron)
        ]
        for tile, crosspoints in sorted(reached):
            if source in (-1, tile):
                own.append((sample, neuron, tile, step * per_step, crosspoints))
            else:
                remote.append((sample, neuron, source, tile, step * per_step, crosspoints))
    return np.array(remote, np.int64).reshape(-1, 6).T, np.array(own, np.int64).reshape(-1, 5).T


def _stages(rng: np.random.Generator, fired: np.ndarray, packet: np.ndarray, spread: int, cut: bool) -> np.ndarray:
    """encoded, injected, granted, delivered, row_read of each row, -1 from some stage on where the run was cut.

    ``packet`` numbers packets over all samples; what happens before a tree forks happens to all of its rows.
    """
    n = packet.max(initial=-1) + 1
    before = rng.integers(0, spread + 1, (2, n))[:, packet]
    stages = fired + np.cumsum(np.concatenate([before, rng.integers(0, spread + 1, (3, len(fired)))]), axis=0)
    if cut:
        whole = rng.integers(0, 12, n)[packet]
        reached = np.where(whole < 2, whole, rng.integers(2, 9, len(fired)))
        stages[np.arange(5)[:, None] >= reached] = -1
    return stages


def _packets(remote: np.ndarray, tree: bool) -> np.ndarray:
    """Packet numbers from 0 in each sample: one a row, or one a spike in a tree."""
    numbers = np.empty(remote.shape[1], np.int64)
    last, number = None, -1
    for k, (sample, neuron, _, _, fired, _) in enumerate(remote.T.tolist()):
        if last is None or sample != last[0]:
            number = -1
        if not tree or last != (sample, neuron, fired):
            number += 1
        last = (sample, neuron, fired)
        numbers[k] = number
    return numbers
