"""What a chip is: its mesh, crossbars, clocks, routers and costs, validated and frozen.

The attributes carry the names of the keys in a description file (``hw.noc.router_cycles``). What follows from them
(cycles of a link, energy of a hop) is a property of :class:`Hardware`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spikemesh.errors import MappingError, SimulationError
from spikemesh.hardware.agreement import check_agreement
from spikemesh.hardware.fields import special
from spikemesh.hardware.sections import CONFIDENCE, SECTIONS, Crossbar, Energy, Mesh, Noc, Power, Source, Time

__all__ = ["Hardware"]

MOST_CYCLES_PER_STEP = 2**40


class Hardware(BaseModel):
    """A chip: its description, and what follows from it. Build one with :func:`spikemesh.hardware.load_hardware`.

    ``source`` maps a dotted key to its citation and confidence; keys set by a user have none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = special(..., "what tables call the chip", "must be a text that is not empty")
    description: str = special("", "what the chip is", "must be a text")
    mesh: Mesh
    crossbar: Crossbar
    time: Time = Field(default_factory=Time)
    noc: Noc
    energy: Energy = Field(default_factory=Energy)
    power: Power = Field(default_factory=Power)
    source: dict[str, Source] = Field(default_factory=dict)

    @classmethod
    def of(cls, content: Mapping[str, Any], source: object = "description") -> Hardware:
        """The chip that a description's content states; ``source`` is what errors name it.

        Raises
        ------
        DescriptionError
            for an unknown key, a value of the wrong type or range, or keys that contradict each other.
        """
        from spikemesh.hardware.trouble import described

        try:
            return cls.model_validate(dict(content))
        except ValidationError as error:
            raise described(error, source) from None

    @model_validator(mode="after")
    def _agrees(self) -> Hardware:
        check_agreement(self)
        return self

    # --- the mesh -------------------------------------------------------------------------------------------------

    @property
    def is_sized(self) -> bool:
        """Whether the mesh has its size; "auto" waits for the number of clusters."""
        return self.mesh.cols != "auto"

    @property
    def cols(self) -> int:
        """Tiles from west to east; a MappingError while the mesh is "auto"."""
        return self._size()[0]

    @property
    def rows(self) -> int:
        """Tiles from north to south; a MappingError while the mesh is "auto"."""
        return self._size()[1]

    def _size(self) -> tuple[int, int]:
        cols, rows = self.mesh.cols, self.mesh.rows
        if isinstance(cols, str) or isinstance(rows, str):
            raise MappingError(
                f"the mesh of {self.name} is 'auto' and has no size yet: load it with mesh=(cols, rows) or size it for a "
                "number of clusters"
            )
        return cols, rows

    @property
    def n_tiles(self) -> int:
        """Tiles of the mesh, blocked ones included."""
        return self.cols * self.rows

    @property
    def usable_tiles(self) -> NDArray[np.int32]:
        """(n_usable,) int32, tiles that may hold a cluster, ascending."""
        usable = np.ones(self.n_tiles, bool)
        for x, y in self.mesh.blocked:
            usable[y * self.cols + x] = False
        return np.flatnonzero(usable).astype(np.int32)

    def sized_for(self, n_clusters: int) -> Hardware:
        """The chip with a mesh that holds ``n_clusters``.

        A fixed mesh is kept. An "auto" one becomes the smallest near-square that fits: cols = ceil(sqrt(n)),
        rows = ceil(n / cols), where n grows while blocked tiles eat sites; blocked tiles that lie outside are dropped.

        Raises
        ------
        MappingError
            where there are more clusters than usable tiles.
        """
        if self.is_sized:
            n_usable = self.n_tiles - len(self.mesh.blocked)
            if n_clusters > n_usable:
                blocked = f" of which {len(self.mesh.blocked)} are blocked" if self.mesh.blocked else ""
                raise MappingError(
                    f"{n_clusters} clusters need as many tiles; {self.name} has {self.cols} x {self.rows} = "
                    f"{self.n_tiles}{blocked}"
                )
            return self
        n = max(n_clusters, 1)
        while True:
            cols = math.isqrt(n - 1) + 1
            rows = -(-n // cols)
            inside = [[x, y] for x, y in self.mesh.blocked if x < cols and y < rows]
            missing = n_clusters - (cols * rows - len(inside))
            if missing <= 0:
                return self.with_overrides({"mesh.cols": cols, "mesh.rows": rows, "mesh.blocked": inside})
            n = cols * rows + 1

    # --- cycles ---------------------------------------------------------------------------------------------------

    @property
    def link_cycles_x(self) -> int:
        """Cycles of an east-west link: stated, or the wire's delay rounded up, at least 1."""
        return self._link_cycles(self.noc.link_cycles_x, self.mesh.pitch_x_mm)

    @property
    def link_cycles_y(self) -> int:
        """Cycles of a north-south link: stated, or the wire's delay rounded up, at least 1."""
        return self._link_cycles(self.noc.link_cycles_y, self.mesh.pitch_y_mm)

    def _link_cycles(self, stated: int | None, pitch_mm: float | None) -> int:
        if stated is not None:
            return stated
        if self.noc.wire_ns_per_mm is None or pitch_mm is None:
            return 1
        cycles = pitch_mm * self.noc.wire_ns_per_mm / self.noc.cycle_ns
        # nine digits absorb binary fractions: 3 mm * 0.1 ns / 0.1 ns is 3 cycles, not 4
        return max(1, math.ceil(round(cycles, 9)))

    @property
    def packet_bits(self) -> int:
        """Bits of a packet; 32 where the description has none."""
        return 32 if self.noc.packet_bits is None else self.noc.packet_bits

    @property
    def flit_bits(self) -> int:
        """Bits of a flit; a whole packet where the description has none."""
        return self.packet_bits if self.noc.flit_bits is None else self.noc.flit_bits

    @property
    def flits_per_packet(self) -> int:
        """F = ceil(packet_bits / flit_bits)."""
        return -(-self.packet_bits // self.flit_bits)

    @property
    def fastest_acceleration(self) -> float:
        """The acceleration at which a step lasts one cycle, or the barrier that ends it where that is longer."""
        return self.time.step_ms * 1e6 / max(self.noc.cycle_ns, self.time.barrier_ns)

    def cycles_per_step(self, acceleration: float = 1.0) -> int:
        """round(step_ms * 1e6 / (acceleration * cycle_ns)): cycles of the mesh in one step of the network.

        Raises
        ------
        SimulationError
            where a step would be shorter than a cycle; for an acceleration that is not a positive number; beyond 2**40 cycles.

        Warns (UserWarning) where a step is shorter than the barrier that ends it: a what-if that the chip could not follow.
        """
        if not (isinstance(acceleration, int | float | np.number) and 0 < acceleration < math.inf):
            raise SimulationError(f"acceleration must be a positive number, not {acceleration!r}")
        step_ns = self.time.step_ms * 1e6 / float(acceleration)
        cycles = step_ns / self.noc.cycle_ns
        if cycles > MOST_CYCLES_PER_STEP:
            raise SimulationError(f"acceleration {acceleration!r} makes a step {cycles:.3g} cycles long, above 2**40")
        if round(cycles) < 1:
            most = self.time.step_ms * 1e6 / self.noc.cycle_ns
            raise SimulationError(
                f"acceleration {acceleration!r} makes a step shorter than a cycle: {self.name} has {self.noc.cycle_ns:g} "
                f"ns a cycle and {self.time.step_ms:g} ms a step, so at most {most:.6g}"
            )
        if step_ns < self.time.barrier_ns:
            warnings.warn(
                f"acceleration {acceleration!r} makes a step of {step_ns:.6g} ns, shorter than the {self.time.barrier_ns:g} ns "
                f"in which {self.name} synchronises its tiles: the chip reaches {self.fastest_acceleration:.6g}",
                stacklevel=2,
            )
        return round(cycles)

    # --- costs ----------------------------------------------------------------------------------------------------

    @property
    def hop_x_pj(self) -> float:
        """One flit over one east-west link, pJ: lumped, or router + flit_bits * wire * pitch."""
        return self._hop(self.energy.hop_x_pj, self.mesh.pitch_x_mm)

    @property
    def hop_y_pj(self) -> float:
        """One flit over one north-south link, pJ: lumped, or router + flit_bits * wire * pitch."""
        return self._hop(self.energy.hop_y_pj, self.mesh.pitch_y_mm)

    def _hop(self, lumped: float | None, pitch_mm: float | None) -> float:
        if lumped is not None:
            return lumped
        wire = self.energy.wire_pj_per_bit_mm or 0.0
        return (self.energy.router_pj_per_flit or 0.0) + self.flit_bits * wire * (pitch_mm or 0.0)

    @property
    def pitch_matters(self) -> bool:
        """Whether the pitch enters any cost or delay: false where hops are lumped and link cycles stated."""
        by_wire = self.noc.wire_ns_per_mm is not None and None in (self.noc.link_cycles_x, self.noc.link_cycles_y)
        return bool(self.energy.wire_pj_per_bit_mm) or by_wire

    # --- provenance and variants ------------------------------------------------------------------------------------

    @property
    def weakest_confidence(self) -> str | None:
        """The worst grade among the sources, by the order of ``CONFIDENCE``; None where none is given."""
        grades = [CONFIDENCE.index(source.confidence) for source in self.source.values()]
        return CONFIDENCE[max(grades)] if grades else None

    def parameters(self) -> dict[str, Any]:
        """Dotted key -> value of everything stated or defaulted, for manifests: plain JSON values, "inf" for no limit.

        Keys that are absent (None) are left out, so that ``load``-ing the same pairs gives the same chip.
        """
        flat: dict[str, Any] = {"name": self.name, "description": self.description}
        for section in SECTIONS:
            for key, value in getattr(self, section).model_dump().items():
                if value is not None:
                    flat[f"{section}.{key}"] = _plain(value)
        return flat

    def with_overrides(self, overrides: Mapping[str, Any]) -> Hardware:
        """The chip with some dotted keys set, validated again; None removes a key. Its source entries go with them.

        Raises
        ------
        DescriptionError
            for an unknown key or a value that the description could not hold either.
        """
        from spikemesh.hardware.trouble import overridden

        return Hardware.of(*overridden(self, overrides))

    def content(self) -> dict[str, Any]:
        """The description as nested plain values, as a file would state it."""
        nested: dict[str, Any] = {}
        for dotted, value in self.parameters().items():
            section, _, key = dotted.rpartition(".")
            (nested.setdefault(section, {}) if section else nested)[key] = value
        nested["source"] = {key: source.model_dump() for key, source in self.source.items()}
        return nested

    def __hash__(self) -> int:
        return hash(repr(self.parameters()))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and math.isinf(value):
        return "inf"
    return [list(pair) for pair in value] if isinstance(value, tuple) else value
