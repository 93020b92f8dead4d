"""What a results folder says of each mapping, checked before anything is drawn: a folder may be old, foreign or damaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spikemesh.errors import DataError

__all__ = ["Curve", "Drawing", "Manifest", "checked_drawings", "checked_manifest"]

Count = Annotated[int, Field(ge=0, lt=2**53)]
Number = Annotated[float, Field(allow_inf_nan=True)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class MeshSize(_Part):
    """Tiles from west to east, from north to south."""

    cols: int = Field(ge=1, le=10_000)
    rows: int = Field(ge=1, le=10_000)


class Clusters(_Part):
    """One entry a cluster in each list; ``contents`` and ``traffic`` are words for its hover text, empty in older folders."""

    tile: list[Count]
    neurons: list[Count]
    rows: list[Count]
    crosspoints: list[Count]
    layer: list[Count]
    contents: list[str] = []
    traffic: list[str] = []


class LoadOverTime(_Part):
    """Bins of whole steps: the step with which each begins, and [link, flits, link, flits, ...] with link = 4 * tile + side."""

    first_step: list[Count]
    step_ms: float = Field(gt=0, lt=1e12)
    links: list[list[Count]]


class Drawing(_Part):
    """One mapping and its run, as :func:`spikemesh.scenario.drawing.drawing_of` writes it."""

    chip: str
    recipe: str
    mesh: MeshSize
    facts: dict[str, Any] = {}
    layers: list[str]
    clusters: Clusters
    link_flits: list[Annotated[list[Count], Field(min_length=4, max_length=4)]]
    load_over_time: LoadOverTime | None = None
    latency_parts_cycles: dict[str, Number | None] = {}
    latency_quantiles_cycles: dict[str, list[Number]] = {}
    energy_pj: dict[str, Number | None] = {}
    energy_parts_pj: dict[str, Number | None] = {}

    @model_validator(mode="after")
    def _agrees(self) -> Drawing:
        tiles, clusters = self.mesh.cols * self.mesh.rows, self.clusters
        n = len(clusters.tile)
        for name in ("neurons", "rows", "crosspoints", "layer", "contents", "traffic"):
            values = getattr(clusters, name)
            if len(values) != n and (values or name not in ("contents", "traffic")):
                raise ValueError(f"clusters.{name} has {len(values)} entries for {n} clusters")
        if any(tile >= tiles for tile in clusters.tile):
            raise ValueError(f"clusters.tile names a tile of more than {tiles}")
        if any(layer >= len(self.layers) for layer in clusters.layer):
            raise ValueError(f"clusters.layer names a layer of more than {len(self.layers)}")
        if len(self.link_flits) != tiles:
            raise ValueError(f"link_flits has {len(self.link_flits)} tiles, the mesh {tiles}")
        if (load := self.load_over_time) is not None:
            if not 1 <= len(load.links) == len(load.first_step) <= 1000 or load.first_step != sorted(load.first_step):
                raise ValueError("load_over_time needs one list of links for each of its steps, in order")
            if any(len(bin_) % 2 or any(link >= 4 * tiles for link in bin_[::2]) for bin_ in load.links):
                raise ValueError("load_over_time.links must hold pairs of a link of the mesh and its flits")
        return self

    def load_of_bin(self, number: int) -> NDArray[np.float64]:
        """(n_tiles, 4) flits of one bin."""
        assert self.load_over_time is not None
        flits = np.zeros(4 * self.mesh.cols * self.mesh.rows)
        numbers = self.load_over_time.links[number]
        flits[numbers[::2]] = numbers[1::2]
        return flits.reshape(-1, 4)


class Curve(_Part):
    """Lines of a study's table: ``x`` and ``y`` name columns, ``by`` the one that tells lines apart, ``log`` axes; ``band`` names
    for columns of ``y`` the one that holds the half width of a shaded band around them."""

    title: str = ""
    x: str
    y: list[str] = Field(min_length=1)
    by: str | None = None
    log: Literal["", "x", "y", "xy"] = ""
    band: dict[str, str] = {}


class Manifest(BaseModel):
    """What the page needs of a manifest; everything has a default, so that a scenario of yours may say little."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    title: str = "results"
    question: str = ""
    created: str = ""
    seed: Any = None
    samples: Any = None
    duration_ms: Any = None
    network: dict[str, Any] = {}
    notes: list[str] = []
    parameters: dict[str, Any] = {}
    sources: dict[str, dict[str, dict[str, str]]] = {}
    curves: list[Curve] = []
    columns: list[str] = []
    directions: dict[str, Any] = {}
    versions: dict[str, Any] = {}
    sweep: dict[str, Any] = {}


def checked_drawings(values: Sequence[Any], source: object) -> list[Drawing]:
    """The drawings of a folder.

    Raises
    ------
    DataError
        where one cannot be drawn; the message names the file and the key.
    """
    found = []
    for k, value in enumerate(values):
        try:
            found.append(Drawing.model_validate(value))
        except ValidationError as error:
            raise DataError(f"{source}: {_said(error, f'mapping {k}')}") from None
    return found


def checked_manifest(value: Any, columns: Sequence[str], source: object) -> Manifest:
    """A folder's manifest; its curves must name columns of the table. A DataError where they do not."""
    try:
        manifest = Manifest.model_validate(value)
    except ValidationError as error:
        raise DataError(f"{source}: {_said(error, '')}") from None
    for curve in manifest.curves:
        for column in (curve.x, *curve.y, *([curve.by] if curve.by else []), *curve.band, *curve.band.values()):
            if column not in columns:
                raise DataError(f"{source}: curves: the table has no column {column!r}")
    return manifest


def _said(error: ValidationError, where: str) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return ": ".join(part for part in (where, key, first["msg"].removeprefix("Value error, ")) if part)
