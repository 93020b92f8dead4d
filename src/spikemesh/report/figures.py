"""The pictures of the report, as Plotly figures made from what a results folder holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

__all__ = ["chip_and_load", "curves", "energy_breakdown", "latency_parts", "load_grid"]

PALETTE = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#BBBBBB", "#994455", "#004488", "#DDAA33")
"""Paul Tol's colours, told apart by colour-blind readers too."""

INK = "#22303c"
FONT = {"family": "system-ui, sans-serif", "size": 12, "color": INK}


def load_grid(link_flits: np.ndarray, cols: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Flits over each link, both directions added, on a grid where tiles and links alternate.

    Parameters
    ----------
    link_flits : (n_tiles, 4) flits sent east, west, north, south.

    Returns
    -------
    (2 * rows - 1, 2 * cols - 1) float64 grid, NaN where there is no link, and the texts that name each link.
    """
    flits = np.asarray(link_flits, np.float64).reshape(rows, cols, 4)
    grid = np.full((2 * rows - 1, 2 * cols - 1), np.nan)
    text = np.full(grid.shape, "", dtype=object)
    for y in range(rows):
        for x in range(cols):
            if x + 1 < cols:
                east, west = flits[y, x, 0], flits[y, x + 1, 1]
                grid[2 * y, 2 * x + 1] = east + west
                text[2 * y, 2 * x + 1] = f"({x}, {y}) to ({x + 1}, {y}): {east:.0f} flits<br>back: {west:.0f}"
            if y + 1 < rows:
                south, north = flits[y, x, 3], flits[y + 1, x, 2]
                grid[2 * y + 1, 2 * x] = south + north
                text[2 * y + 1, 2 * x] = f"({x}, {y}) to ({x}, {y + 1}): {south:.0f} flits<br>back: {north:.0f}"
    return grid, text


def chip_and_load(drawing: dict[str, Any]) -> go.Figure:
    """The chip with its clusters, coloured by layer, beside the load of its links."""
    cols, rows = drawing["mesh"]["cols"], drawing["mesh"]["rows"]
    figure = make_subplots(cols=2, subplot_titles=("clusters on their tiles", "flits over each link"), horizontal_spacing=0.08)
    size = float(np.clip(300 / max(cols, rows), 4, 30))
    free = _free_tiles(drawing)
    hollow = {"symbol": "square-open", "size": size, "color": "#d5dbe0"}
    figure.add_scatter(
        x=[x for x, _ in free],
        y=[y for _, y in free],
        mode="markers",
        name="free",
        marker=hollow,
        hoverinfo="skip",
        col=1,
        row=1,
    )
    clusters = drawing["clusters"]
    tiles, layers = np.asarray(clusters["tile"]), np.asarray(clusters["layer"])
    for k, name in enumerate(drawing["layers"]):
        of = np.flatnonzero(layers == k)
        if not len(of):
            continue
        hover = [
            f"cluster {c} on tile ({tiles[c] % cols}, {tiles[c] // cols})<br>{clusters['neurons'][c]} neurons, mostly {name}"
            f"<br>{clusters['rows'][c]} rows, {clusters['crosspoints'][c]} crosspoints"
            for c in of
        ]
        marker = {"symbol": "square", "size": size, "color": PALETTE[k % len(PALETTE)]}
        figure.add_scatter(
            x=tiles[of] % cols,
            y=tiles[of] // cols,
            mode="markers",
            name=name,
            marker=marker,
            text=hover,
            hoverinfo="text",
            col=1,
            row=1,
        )
    grid, text = load_grid(np.asarray(drawing["link_flits"]), cols, rows)
    figure.add_heatmap(
        z=grid,
        x=np.arange(grid.shape[1]) / 2,
        y=np.arange(grid.shape[0]) / 2,
        text=text,
        hoverinfo="text",
        colorscale="YlOrRd",
        colorbar={"title": "flits"},
        zmin=0,
        col=2,
        row=1,
    )
    for col in (1, 2):
        figure.update_xaxes(title="x", range=[-0.7, cols - 0.3], showgrid=False, zeroline=False, col=col, row=1)
        figure.update_yaxes(title="y", range=[rows - 0.3, -0.7], showgrid=False, zeroline=False, col=col, row=1)
    figure.update_layout(legend={"orientation": "h", "y": -0.18}, height=430, **_layout())
    return figure


def _free_tiles(drawing: dict[str, Any]) -> list[tuple[int, int]]:
    cols, rows = drawing["mesh"]["cols"], drawing["mesh"]["rows"]
    used = set(drawing["clusters"]["tile"])
    return [(t % cols, t // cols) for t in range(cols * rows) if t not in used]


def latency_parts(drawings: list[dict[str, Any]]) -> go.Figure:
    """Mean latency of a remote spike by part, one bar a mapping."""
    figure = go.Figure()
    names = [d["recipe"] for d in drawings]
    for part, colour in zip(("encoder", "source queue", "network", "ejection", "crossbar"), PALETTE, strict=False):
        cycles = [d["latency_parts_cycles"].get(part) for d in drawings]
        figure.add_bar(x=names, y=cycles, name=part, marker_color=colour)
    figure.update_layout(barmode="stack", yaxis_title="cycles", title="latency by part, mean", height=340, **_layout())
    return figure


def energy_breakdown(drawings: list[dict[str, Any]]) -> go.Figure:
    """Energy by part, one bar a mapping."""
    figure = go.Figure()
    names = [d["recipe"] for d in drawings]
    parts = list(dict.fromkeys(part for d in drawings for part in d["energy_pj"]))
    for k, part in enumerate(parts):
        nanojoule = [(d["energy_pj"].get(part) or 0.0) * 1e-3 for d in drawings]
        if any(nanojoule):
            figure.add_bar(x=names, y=nanojoule, name=part, marker_color=PALETTE[k % len(PALETTE)])
    figure.update_layout(barmode="stack", yaxis_title="nJ", title="energy by part, all samples", height=340, **_layout())
    return figure


def curves(table: Any, wanted: dict[str, Any]) -> go.Figure:
    """Lines of a study's table: ``x`` and ``y`` (a list) name columns, ``by`` the one that tells lines apart, ``log`` axes."""
    figure = go.Figure()
    groups = table.groupby(wanted["by"], sort=False) if wanted.get("by") else [("", table)]
    k = 0
    for name, rows in groups:
        for column in wanted["y"]:
            label = " ".join(part for part in (str(name), column if len(wanted["y"]) > 1 else "") if part)
            line = {"color": PALETTE[k % len(PALETTE)]}
            figure.add_scatter(x=rows[wanted["x"]], y=rows[column], mode="lines+markers", name=label, line=line)
            k += 1
    y_title = wanted["y"][0] if len(wanted["y"]) == 1 else ""
    figure.update_layout(title=wanted["title"], xaxis_title=wanted["x"], yaxis_title=y_title, height=420, **_layout())
    for axis in wanted.get("log", ""):
        figure.update_layout({f"{axis}axis_type": "log"})
    return figure


def _layout() -> dict[str, Any]:
    return {
        "font": FONT,
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 50, "r": 20, "t": 50, "b": 40},
    }
