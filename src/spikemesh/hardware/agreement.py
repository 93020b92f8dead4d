"""What must agree with what in a chip description."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from spikemesh.hardware.sections import KEYS

if TYPE_CHECKING:
    from spikemesh.hardware.description import Hardware

__all__ = ["check_agreement"]


def check_agreement(hw: Hardware) -> None:
    """Raises a PydanticCustomError of type "contradiction" for the first keys that contradict each other."""
    for check in (_mesh_agrees, _noc_agrees, _energy_agrees, _source_agrees):
        check(hw)


def contradiction(key: str, allowed: str, value: object) -> PydanticCustomError:
    return PydanticCustomError("contradiction", "{allowed}", {"key": key, "allowed": allowed, "value": repr(value)})


def _mesh_agrees(hw: Hardware) -> None:
    mesh = hw.mesh
    if (mesh.cols == "auto") != (mesh.rows == "auto"):
        key = "mesh.rows" if mesh.cols == "auto" else "mesh.cols"
        raise contradiction(key, 'cols and rows are both "auto" or both numbers', getattr(mesh, key[5:]))
    if (mesh.pitch_x_mm is None) != (mesh.pitch_y_mm is None):
        key = "pitch_x_mm" if mesh.pitch_y_mm is None else "pitch_y_mm"
        raise contradiction(f"mesh.{key}", "pitch_x_mm and pitch_y_mm come together", getattr(mesh, key))
    if isinstance(mesh.cols, int) and isinstance(mesh.rows, int):
        for x, y in mesh.blocked:
            if x >= mesh.cols or y >= mesh.rows:
                raise contradiction(
                    "mesh.blocked", f"[{x}, {y}] lies outside the mesh of {mesh.cols} x {mesh.rows} tiles", mesh.blocked
                )
        if len(mesh.blocked) == mesh.cols * mesh.rows:
            raise contradiction("mesh.blocked", "every tile is blocked; at least one must hold a cluster", mesh.blocked)


def _noc_agrees(hw: Hardware) -> None:
    noc = hw.noc
    if noc.flit_bits is not None and noc.packet_bits is None:
        raise contradiction("noc.flit_bits", "needs packet_bits beside it", noc.flit_bits)
    if noc.wire_ns_per_mm is not None and hw.mesh.pitch_x_mm is None:
        raise contradiction("noc.wire_ns_per_mm", "needs mesh.pitch_x_mm and mesh.pitch_y_mm", noc.wire_ns_per_mm)
    most = max(hw.link_cycles_x, hw.link_cycles_y)
    if most > 1_000_000:
        raise contradiction("noc.wire_ns_per_mm", f"makes a link {most} cycles long, above 1000000", noc.wire_ns_per_mm)
    if hw.flits_per_packet > 4096:
        raise contradiction("noc.flit_bits", f"makes a packet {hw.flits_per_packet} flits long, above 4096", hw.flit_bits)


def _energy_agrees(hw: Hardware) -> None:
    energy = hw.energy
    parts = [key for key in ("router_pj_per_flit", "wire_pj_per_bit_mm") if getattr(energy, key) is not None]
    lumped = [key for key in ("hop_x_pj", "hop_y_pj") if getattr(energy, key) is not None]
    if lumped and parts:
        raise contradiction(
            f"energy.{parts[0]}",
            f"a hop is either lumped ({lumped[0]}) or router plus wire, not both",
            getattr(energy, parts[0]),
        )
    if len(lumped) == 1:
        raise contradiction(f"energy.{lumped[0]}", "hop_x_pj and hop_y_pj come together", getattr(energy, lumped[0]))
    if energy.wire_pj_per_bit_mm and hw.mesh.pitch_x_mm is None:
        raise contradiction("energy.wire_pj_per_bit_mm", "needs mesh.pitch_x_mm and mesh.pitch_y_mm", energy.wire_pj_per_bit_mm)


def _source_agrees(hw: Hardware) -> None:
    if not hw.name:
        raise contradiction("name", "must be a text that is not empty", hw.name)
    for key in hw.source:
        if key not in KEYS:
            close = difflib.get_close_matches(key, KEYS, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise contradiction(f"source.{key}", f"names no key of a description{hint}", None)
