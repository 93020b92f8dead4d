"""The chip: clusters on their tiles beside the load of the links, which a slider shows step by step."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from spikemesh.report.drawings import Drawing
from spikemesh.report.figures import PALETTE, layout, plain_text

__all__ = ["chip_and_load", "load_grid", "steps_of"]

LOAD = "load"
"""Name of the heat map's trace."""


def load_grid(link_flits: NDArray, cols: int, rows: int) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
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
                text[2 * y, 2 * x + 1] = f"({x}, {y}) to ({x + 1}, {y}): {east:,.0f} flits<br>back: {west:,.0f}"
            if y + 1 < rows:
                south, north = flits[y, x, 3], flits[y + 1, x, 2]
                grid[2 * y + 1, 2 * x] = south + north
                text[2 * y + 1, 2 * x] = f"({x}, {y}) to ({x}, {y + 1}): {south:,.0f} flits<br>back: {north:,.0f}"
    return grid, text


def chip_and_load(drawing: Drawing) -> go.Figure:
    """The chip with its clusters, coloured by layer, beside the load of its links; a slider where the steps are known."""
    cols, rows = drawing.mesh.cols, drawing.mesh.rows
    titles = ("clusters on their tiles, coloured by layer", "flits over each link")
    figure = make_subplots(cols=2, subplot_titles=titles, horizontal_spacing=0.09)
    size = float(np.clip(290 / max(cols, rows), 4, 34))
    _draw_clusters(figure, drawing, size)
    grid, text = load_grid(np.asarray(drawing.link_flits), cols, rows)
    figure.add_heatmap(
        name=LOAD,
        z=grid.astype(np.float32),
        x=np.arange(grid.shape[1]) / 2,
        y=np.arange(grid.shape[0]) / 2,
        text=text,
        hovertemplate="%{z:,.0f} flits shown<br>all steps: %{text}<extra></extra>",
        hoverongaps=False,
        colorscale="YlOrRd",
        colorbar={"title": "flits", "thickness": 14, "len": 0.9},
        zmin=0,
        zmax=max(float(np.nanmax(grid, initial=0.0)), 1.0),
        col=2,
        row=1,
    )
    for col in (1, 2):
        figure.update_xaxes(title="x", range=[-0.7, cols - 0.3], showgrid=False, zeroline=False, col=col, row=1)
        figure.update_yaxes(range=[rows - 0.3, -0.7], showgrid=False, zeroline=False, col=col, row=1)
    figure.update_yaxes(title="y", col=1, row=1)
    if drawing.load_over_time is not None and len(drawing.load_over_time.links) > 1:
        _add_steps(figure, drawing, grid)
    figure.update_layout(**layout(height=470, margin={"l": 50, "r": 10, "t": 40, "b": 20}))
    figure.update_layout(legend={"orientation": "h", "y": -0.12, "x": 0})
    return figure


def _draw_clusters(figure: go.Figure, drawing: Drawing, size: float) -> None:
    cols = drawing.mesh.cols
    clusters = drawing.clusters
    used = set(clusters.tile)
    free = np.array([tile for tile in range(cols * drawing.mesh.rows) if tile not in used], np.int64)
    hollow = {"symbol": "square-open", "size": size, "color": "#d5dbe0"}
    figure.add_scatter(
        x=free % cols, y=free // cols, mode="markers", name="free tile", marker=hollow, hoverinfo="skip", col=1, row=1
    )
    tiles, layers = np.asarray(clusters.tile, np.int64), np.asarray(clusters.layer, np.int64)
    for k, name in enumerate(drawing.layers):
        of = np.flatnonzero(layers == k)
        if not len(of):
            continue
        marker = {"symbol": "square", "size": size, "color": PALETTE[k % len(PALETTE)], "line": {"width": 0}}
        figure.add_scatter(
            x=tiles[of] % cols,
            y=tiles[of] // cols,
            mode="markers",
            name=plain_text(name),
            marker=marker,
            text=[_words(drawing, int(c)) for c in of],
            hovertemplate="%{text}<extra></extra>",
            col=1,
            row=1,
        )


def _words(drawing: Drawing, cluster: int) -> str:
    """What the pointer is told over a cluster."""
    c, cols = drawing.clusters, drawing.mesh.cols
    tile = c.tile[cluster]
    lines = [
        f"<b>cluster {cluster} on tile ({tile % cols}, {tile // cols})</b>",
        f"{c.neurons[cluster]:,} neurons, {c.rows[cluster]:,} rows, {c.crosspoints[cluster]:,} crosspoints",
    ]
    lines += c.contents[cluster].split("; ")[:6] if c.contents else [f"mostly {drawing.layers[c.layer[cluster]]}"]
    lines += c.traffic[cluster].split("; ") if c.traffic else []
    return "<br>".join(plain_text(line) if k else line for k, line in enumerate(lines))


def steps_of(figure: go.Figure) -> list[str]:
    """What the slider under a picture may show, "all" first; nothing where the steps are not known."""
    return [frame.name for frame in figure.frames]


def _add_steps(figure: go.Figure, drawing: Drawing, total: NDArray[np.float64]) -> None:
    """One frame a bin, and one, shown first and in print, for all of them together."""
    load = drawing.load_over_time
    assert load is not None
    trace = len(figure.data) - 1
    grids = [load_grid(drawing.load_of_bin(k), drawing.mesh.cols, drawing.mesh.rows)[0] for k in range(len(load.links))]
    highest = max(max(float(np.nanmax(grid, initial=0.0)) for grid in grids), 1.0)
    each = (load.first_step[1] - load.first_step[0]) * load.step_ms
    names = [f"{first * load.step_ms:g} to {first * load.step_ms + each:g} ms" for first in load.first_step]
    names[-1] = f"from {load.first_step[-1] * load.step_ms:g} ms"
    shown = [("all steps", total, float(figure.data[trace].zmax))]
    shown += [(name, grid, highest) for name, grid in zip(names, grids, strict=True)]
    figure.frames = [
        go.Frame(name=name, data=[go.Heatmap(z=grid.astype(np.float32), zmax=zmax)], traces=[trace])
        for name, grid, zmax in shown
    ]
