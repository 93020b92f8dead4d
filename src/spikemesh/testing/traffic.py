"""Hypothesis strategies for chips and the traffic on them.

``chips()`` draws every knob of section "The chip and its mesh" of the simulation page; ``traffics(chip)`` draws spikes or raw
packets that are legal on that chip. Small numbers are likely on purpose: ties, full buffers and shared outputs are where
engines go wrong. Needs hypothesis, which only the development install brings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from spikemesh.simulation.program import UNLIMITED, Chip, Traffic

__all__ = ["chips", "dense_traffic", "raw_traffic", "traffics"]


@st.composite
def chips(draw: st.DrawFn, max_side: int = 4, **fixed: Any) -> Chip:
    """A mesh of 1 x 1 to ``max_side`` x ``max_side`` tiles with drawn timings; ``fixed`` pins any field of the chip."""
    few = st.integers(0, 3)
    drawn = {
        "cols": draw(st.integers(1, max_side)),
        "rows": draw(st.integers(1, max_side)),
        "router_cycles": draw(few),
        "link_cycles_x": draw(st.integers(1, 3)),
        "link_cycles_y": draw(st.integers(1, 3)),
        "eject_cycles": draw(few),
        "encode_cycles": draw(few),
        "credit_cycles": draw(few),
        "buffer_packets": draw(st.sampled_from([UNLIMITED, 1, 2, 3, 8])),
        "flits_per_packet": draw(st.integers(1, 4)),
        "row_cycles": draw(few),
        "op_cycles": draw(st.integers(0, 2)),
        "tree": draw(st.booleans()),
    }
    return Chip(**{**drawn, **fixed})


@st.composite
def traffics(draw: st.DrawFn, chip: Chip, max_spikes: int = 40, raw: bool | None = None) -> Traffic:
    """Legal traffic on ``chip``: spikes as a lowering makes them, or raw packets; ``raw`` pins the choice.

    Cycles cluster near 0 and, in some draws, resume after a long silence.
    """
    raw = draw(st.booleans()) if raw is None else raw
    cycle = st.one_of(st.integers(0, 6), st.integers(0, 60), st.integers(0, 3).map(lambda k: 10**9 + k))
    tile = st.integers(0, chip.n_tiles - 1)
    reached = st.sets(tile, min_size=1, max_size=6 if chip.tree else 4)
    if raw:
        packets = draw(st.lists(st.tuples(cycle, tile, reached), max_size=max_spikes))
        return raw_traffic(chip, packets, draw(st.integers(0, 3)))
    homes = draw(st.lists(st.tuples(tile, reached), min_size=1, max_size=8))
    spikes = draw(st.sets(st.tuples(cycle, st.integers(0, len(homes) - 1)), max_size=max_spikes))
    return _spikes(chip, homes, sorted(spikes), draw(st.integers(0, 3)))


def dense_traffic(chip: Chip, seed: int, n_neurons: int = 30, n_cycles: int = 40, rate: float = 0.3) -> Traffic:
    """Many spikes from one seed, for loads that would take hypothesis long to draw.

    Every neuron has a random home tile and up to six random destinations; it fires in each of ``n_cycles`` cycles with
    probability ``rate``.
    """
    rng = np.random.default_rng(seed)
    homes = []
    for _ in range(n_neurons):
        reached = rng.integers(0, chip.n_tiles, rng.integers(1, 7)).tolist()
        homes.append((int(rng.integers(chip.n_tiles)), set(reached)))
    spikes = np.argwhere(rng.random((n_cycles, n_neurons)) < rate).tolist()
    return _spikes(chip, homes, [(k, i) for k, i in spikes], int(rng.integers(3)))


def raw_traffic(chip: Chip, packets: list[tuple[int, int, set[int]]], synapses: int = 1) -> Traffic:
    """Raw packets (cycle, source, destinations): one packet each on a tree chip, else one for each destination."""
    rows = [
        (cycle, source, destination, k)
        for k, (cycle, source, reached) in enumerate(sorted(packets, key=lambda p: p[0]))
        for destination in sorted(reached)
    ]
    table = np.array(rows, np.int64).reshape(-1, 4)
    number = table[:, 3] if chip.tree else np.arange(len(table))
    none = np.empty(0, np.int32)
    return Traffic(
        fired=table[:, 0].copy(),
        neuron=number.astype(np.int32),
        source=table[:, 1].astype(np.int32),
        destination=table[:, 2].astype(np.int32),
        synapses=np.full(len(table), synapses, np.int32),
        packet=number.astype(np.int64),
        own_fired=np.empty(0, np.int64),
        own_neuron=none,
        own_tile=none,
        own_synapses=none,
        raw=True,
    )


def _spikes(chip: Chip, homes: list[tuple[int, set[int]]], spikes: list[tuple[int, int]], synapses: int) -> Traffic:
    """Spikes (cycle, neuron) of neurons with a home tile and the tiles they reach, their own among them."""
    remote, own = [], []
    for cycle, neuron in spikes:
        home, reached = homes[neuron]
        for tile in sorted(reached):
            crosspoints = (synapses + neuron + tile) % 4
            if tile == home:
                own.append((cycle, neuron, home, crosspoints))
            else:
                remote.append((cycle, neuron, home, tile, crosspoints))
    r = np.array(remote, np.int64).reshape(-1, 5).T
    o = np.array(own, np.int64).reshape(-1, 4).T
    return Traffic.of(*r, own_fired=o[0], own_neuron=o[1], own_tile=o[2], own_synapses=o[3], tree=chip.tree)
