"""The tables of a chip description, one model each; attributes are named as the keys of a file."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict

from spikemesh.hardware.fields import (
    AUTO_ALLOWED,
    BLOCKED_ALLOWED,
    INF_ALLOWED,
    AutoOrWhole,
    Blocked,
    WholeOrInf,
    number,
    special,
    whole,
)

__all__ = ["CONFIDENCE", "KEYS", "SECTIONS", "Crossbar", "Energy", "Mesh", "Noc", "Power", "Section", "Source", "Time"]

CONFIDENCE = ("READ", "QUOTE", "RUN", "DERIVED", "2nd", "EST", "RECALL")
"""Confidence grades, best first: read in the primary source; a verbatim quote of it; output of a model that was run;
arithmetic on such numbers; second-hand without a quote; an engineering choice; from memory of the paper. An estimate is
open about being one, so it ranks above a number that claims a source nobody checked."""


class Section(BaseModel):
    """One table of a description: no unknown keys, no conversions, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)


class Mesh(Section):
    """``[mesh]``: the grid of tiles. Tile (x, y) has index y * cols + x."""

    cols: AutoOrWhole = special(..., "tiles from west to east", AUTO_ALLOWED)
    rows: AutoOrWhole = special(..., "tiles from north to south", AUTO_ALLOWED)
    pitch_x_mm: float | None = number(None, "distance of neighbours, east-west, mm", positive=True)
    pitch_y_mm: float | None = number(None, "distance of neighbours, north-south, mm", positive=True)
    blocked: Blocked = special((), "tiles that hold no cluster; their routers still forward", BLOCKED_ALLOWED)


class Crossbar(Section):
    """``[crossbar]``: one a tile. ``n_in`` rows (axons) by ``n_out`` columns (neurons); math.inf where unlimited."""

    n_in: WholeOrInf = special(..., "rows, that is distinct presynaptic axons", INF_ALLOWED)
    n_out: WholeOrInf = special(..., "columns, that is neurons", INF_ALLOWED)
    row_cycles: int = whole(0, "cycles to read one row")
    op_cycles: int = whole(0, "further cycles a synaptic event, where synapses are served one by one")
    weight_bits: int = whole(0, "bits of a weight, sign included; 0 = floating point", most=32)


class Time(Section):
    """``[time]``: the step of the network and what a chip spends between steps."""

    step_ms: float = number(1.0, "length of a step in real time, ms", positive=True)
    barrier_ns: float = number(0.0, "time that synchronising all tiles takes each step, ns")


class Noc(Section):
    """``[noc]``: routers, links and packets, in cycles of ``cycle_ns``."""

    cycle_ns: float = number(..., "cycle of the mesh, ns", positive=True)
    router_cycles: int = whole(0, "cycles from entering an input FIFO to asking for an output")
    link_cycles_x: int | None = whole(None, "cycles of an east-west link", least=1)
    link_cycles_y: int | None = whole(None, "cycles of a north-south link", least=1)
    eject_cycles: int = whole(0, "cycles from the last flit's local grant to delivery")
    encode_cycles: int = whole(0, "cycles to encode one event at the source tile")
    credit_cycles: int = whole(0, "cycles until a freed FIFO slot is known upstream")
    buffer_packets: WholeOrInf = special(math.inf, "packets that an input FIFO holds", INF_ALLOWED)
    packet_bits: int | None = whole(None, "bits of a packet (absent: 32)", least=1)
    flit_bits: int | None = whole(None, "bits of a flit, the width of a link (absent: the packet's)", least=1)
    wire_ns_per_mm: float | None = number(None, "delay of a repeated wire, ns per mm")
    multicast: Literal["unicast", "tree"] = special(
        "unicast", "how a spike reaches several tiles", 'must be "unicast" or "tree"'
    )


class Energy(Section):
    """``[energy]``: pJ per event. A hop is either lumped or router plus wire."""

    router_pj_per_flit: float | None = number(None, "router, per flit that it forwards over a link, pJ")
    wire_pj_per_bit_mm: float | None = number(None, "wire, per bit and mm, pJ")
    hop_x_pj: float | None = number(None, "one flit over one east-west link, router included, pJ")
    hop_y_pj: float | None = number(None, "one flit over one north-south link, router included, pJ")
    inject_pj: float = number(0.0, "per packet that enters the mesh, pJ")
    eject_pj: float = number(0.0, "per delivery, pJ")
    spike_pj: float = number(0.0, "per spike generated, pJ")
    row_pj: float = number(0.0, "per row read (idle cells priced apart where idle_cell_pj is given), pJ")
    op_pj: float = number(0.0, "per synaptic event, pJ")
    idle_cell_pj: float = number(0.0, "per unused crosspoint on a row that is read, pJ")
    update_pj: float = number(0.0, "per active neuron and step, pJ")
    idle_update_pj: float = number(0.0, "per idle neuron and step, pJ")


class Power(Section):
    """``[power]``: what is drawn all the time."""

    neuron_nw: float = number(0.0, "per neuron of a crossbar in use, nW")
    synapse_nw: float = number(0.0, "per crosspoint of a crossbar in use, nW")
    router_uw: float = number(0.0, "per router, uW")
    core_uw: float = number(0.0, "per tile that holds a cluster, uW")


class Source(Section):
    """Where a value comes from."""

    citation: str = special(..., "paper, table or arithmetic", "must be a text")
    confidence: Literal["READ", "QUOTE", "RUN", "DERIVED", "2nd", "EST", "RECALL"] = special(
        ..., "grade, see CONFIDENCE", f"must be one of {', '.join(CONFIDENCE)}"
    )


SECTIONS: dict[str, type[Section]] = {
    "mesh": Mesh,
    "crossbar": Crossbar,
    "time": Time,
    "noc": Noc,
    "energy": Energy,
    "power": Power,
}
KEYS = [f"{section}.{key}" for section, model in SECTIONS.items() for key in model.model_fields]
"""Every dotted key of a description."""
