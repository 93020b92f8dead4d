"""The pictures that compare mappings, and the curves of a study, as Plotly figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from spikemesh.network.archive import is_finite
from spikemesh.report.drawings import Curve, Drawing

__all__ = [
    "PALETTE",
    "accuracy",
    "curves",
    "energy_breakdown",
    "latency_distributions",
    "latency_parts",
    "layout",
    "plain_text",
    "waste_breakdown",
]

PALETTE = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#BBBBBB", "#994455", "#004488", "#DDAA33")
"""Paul Tol's colours, told apart by colour-blind readers too."""

INK, GRID = "#22303c", "#e6eaee"
FONT = {"family": "system-ui, sans-serif", "size": 12, "color": INK}

BELOW = {"orientation": "h", "y": -0.17, "x": 0}
"""A legend under its picture."""
LATENCY_PARTS = ("encoder", "source_queue", "network", "ejection", "crossbar")
ENERGY_COLOURS = {
    **{f"hops_{axis}": colour for axis, colour in (("x", "#004488"), ("y", "#4477AA"))},
    **{"inject": "#66CCEE", "eject": "#99DDEE"},
    **{"spike": "#225522", "row": "#228833", "op": "#66AA55", "update": "#AACC99"},
    **{"neuron": "#997700", "crosspoint": "#CCBB44", "core": "#DDCC77", "router": "#EEDD99"},
    **{"unused_neuron": "#EE6677", "unused_crosspoint": "#FF99AA", "idle_crosspoint": "#994455"},
}
"""Parts of the energy: blue the interconnect, green the tile, yellow what is static, red what is wasted."""
WASTED = ("unused_neuron", "unused_crosspoint", "idle_crosspoint")


def layout(**more: Any) -> dict[str, Any]:
    """What all pictures share."""
    common: dict[str, Any] = {
        "font": FONT,
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 60, "r": 20, "t": 50, "b": 45},
        "hoverlabel": {"align": "left", "bgcolor": "white", "font": {"color": INK}},
    }
    return common | more


def plain_text(text: str) -> str:
    """Plotly reads some HTML in names and texts: the name of a layer or a recipe is no HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def latency_parts(drawings: Sequence[Drawing]) -> go.Figure:
    """Mean latency of a remote spike by part, one bar a mapping."""
    figure = go.Figure()
    names = [plain_text(d.recipe) for d in drawings]
    for part, colour in zip(LATENCY_PARTS, PALETTE, strict=False):
        cycles = [d.latency_parts_cycles.get(part) for d in drawings]
        if any(cycles):
            words = part.replace("_", " ")
            figure.add_bar(
                y=names, x=cycles, name=words, marker_color=colour, orientation="h", hovertemplate="%{x:,.2f} cycles"
            )
    return _stacked(figure, "where the latency comes from, mean", "cycles", len(names))


def latency_distributions(drawings: Sequence[Drawing]) -> go.Figure | None:
    """How many spikes have arrived after so many cycles: the whole latency, then part by part, one line a mapping."""
    names = ["whole", *LATENCY_PARTS]
    drawn = [d for d in drawings if all(len(d.latency_quantiles_cycles.get(name, [])) == 101 for name in names)]
    if not drawn:
        return None
    titles = ["whole latency", *(part.replace("_", " ") for part in LATENCY_PARTS)]
    figure = make_subplots(rows=2, cols=3, subplot_titles=titles, horizontal_spacing=0.06, vertical_spacing=0.2)
    share = np.arange(101)
    for k, drawing in enumerate(drawn):
        for place, name in enumerate(names):
            cycles = np.asarray(drawing.latency_quantiles_cycles[name])
            figure.add_scatter(
                x=cycles,
                y=share,
                mode="lines",
                line={"color": PALETTE[k % len(PALETTE)], "shape": "vh", "width": 2},
                name=plain_text(drawing.recipe),
                legendgroup=str(k),
                showlegend=place == 0,
                hovertemplate="%{y} % within %{x:,} cycles",
                row=place // 3 + 1,
                col=place % 3 + 1,
            )
    figure.update_xaxes(rangemode="tozero", gridcolor=GRID, zeroline=False)
    figure.update_yaxes(range=[-2, 102], gridcolor=GRID, zeroline=False)
    for row in (1, 2):
        figure.update_yaxes(title="% of spikes", row=row, col=1)
    for col in (1, 2, 3):
        figure.update_xaxes(title="cycles", row=2, col=col)
    title = "latency distribution by part: share of spikes within so many cycles"
    figure.update_layout(title=title, **layout(height=520, legend=BELOW, margin={"l": 60, "r": 20, "t": 80, "b": 90}))
    return figure


def energy_breakdown(drawings: Sequence[Drawing]) -> go.Figure:
    """Energy by part, one bar a mapping."""
    return _energy(drawings, "energy by part, all samples", wasted_only=False)


def waste_breakdown(drawings: Sequence[Drawing]) -> go.Figure | None:
    """What unused neurons and crosspoints cost, one bar a mapping; None where no price is put on them."""
    found = _energy(drawings, "wasted energy by part, all samples", wasted_only=True)
    return found if found.data else None


def _energy(drawings: Sequence[Drawing], title: str, wasted_only: bool) -> go.Figure:
    figure = go.Figure()
    names = [plain_text(d.recipe) for d in drawings]
    told = [d.energy_parts_pj or d.energy_pj for d in drawings]
    parts = [part for part in dict.fromkeys(part for energy in told for part in energy) if not wasted_only or _is_wasted(part)]
    highest = max((sum(energy.get(part) or 0.0 for part in parts) for energy in told), default=0.0)
    unit, scale = _unit_of(highest)
    for k, part in enumerate(parts):
        energy = [(t.get(part) or 0.0) * scale for t in told]
        if any(energy):
            colour = ENERGY_COLOURS.get(part, PALETTE[k % len(PALETTE)])
            words = part.replace("_", " ")
            figure.add_bar(
                y=names, x=energy, name=words, marker_color=colour, orientation="h", hovertemplate=f"%{{x:,.4g}} {unit}"
            )
    return _stacked(figure, title, unit, len(names))


def _is_wasted(part: str) -> bool:
    return part in WASTED or part.startswith("wasted")


def _unit_of(pj: float) -> tuple[str, float]:
    """A unit in which an energy has one to three digits before the point, and what a pJ is in it."""
    for unit, scale in (("mJ", 1e-9), ("uJ", 1e-6), ("nJ", 1e-3)):
        if pj * scale >= 1:
            return unit, scale
    return "pJ", 1.0


def _stacked(figure: go.Figure, title: str, unit: str, n: int) -> go.Figure:
    figure.update_layout(barmode="stack", title=title, xaxis_title=unit, **layout(height=210 + 34 * n))
    figure.update_layout(
        margin={"l": 130, "b": 90},
        bargap=0.35,
        legend=BELOW | {"y": -60 / (60 + 34 * n), "yanchor": "top", "traceorder": "normal"},
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(gridcolor=GRID)
    return figure


ANSWERS = (
    ("accuracy_ann", "ANN"),
    ("accuracy_snn", "SNN, unmapped"),
    ("accuracy_mapped", "SNN, mapped"),
    ("accuracy_accelerated", "SNN, mapped, accelerated"),
)


def accuracy(rows: Any) -> go.Figure | None:
    """Share of samples answered right, with the 95 % interval of the mapped network; None where nothing was classified."""
    there = [(column, name) for column, name in ANSWERS if column in rows and rows[column].notna().any()]
    if not there:
        return None
    figure = go.Figure()
    names = [plain_text(str(recipe)) for recipe in rows["recipe"]]
    for k, (column, name) in enumerate(there):
        interval = None
        if column == "accuracy_mapped" and {"accuracy_mapped_low", "accuracy_mapped_high"} <= set(rows.columns):
            up, down = rows["accuracy_mapped_high"] - rows[column], rows[column] - rows["accuracy_mapped_low"]
            interval = {"type": "data", "array": 100 * up, "arrayminus": 100 * down, "thickness": 1.2}
        figure.add_bar(
            x=names, y=100 * rows[column], name=name, marker_color=PALETTE[k], error_y=interval, hovertemplate="%{y:.1f} %"
        )
    figure.update_layout(barmode="group", title="samples answered right", yaxis_title="%", **layout(height=340))
    figure.update_xaxes(type="category")
    figure.update_yaxes(range=[0, 105], gridcolor=GRID)
    return figure


def _add_band(figure: go.Figure, rows: Any, color: str) -> None:
    """A shaded band around a line; ``rows`` holds x, the line and the half width."""
    x, middle, half = (rows.iloc[:, k].to_numpy() for k in range(3))
    around = np.concatenate([middle + half, (middle - half)[::-1]])
    shade = {"fill": "toself", "fillcolor": color, "opacity": 0.2, "line": {"width": 0}, "showlegend": False}
    figure.add_scatter(x=np.concatenate([x, x[::-1]]), y=around, mode="lines", hoverinfo="skip", **shade)


def curves(table: Any, wanted: Curve) -> go.Figure:
    """Lines of a study's table; bars side by side where x are names, between which there is nothing."""
    figure = go.Figure()
    groups = table.groupby(wanted.by, sort=False, dropna=False) if wanted.by else [("", table)]
    named = not wanted.band and all(isinstance(x, str) for x in table[wanted.x])
    k = 0
    for name, rows in groups:
        for column in wanted.y:
            label = plain_text(" ".join(part for part in (str(name), column if len(wanted.y) > 1 else "") if part))
            colour = PALETTE[k % len(PALETTE)]
            if column in wanted.band:
                _add_band(figure, rows[[wanted.x, column, wanted.band[column]]].dropna(), colour)
            if not named:
                line = {"color": colour, "dash": "solid" if k < len(PALETTE) else "dot"}
                figure.add_scatter(x=rows[wanted.x], y=rows[column], mode="lines+markers", name=label, line=line)
            elif rows[column].notna().any():
                bars = rows[[wanted.x, column]].dropna().drop_duplicates()  # what is said of a name twice is one bar
                figure.add_bar(x=[plain_text(x) for x in bars[wanted.x]], y=bars[column], name=label, marker_color=colour)
            k += 1
    y_title = wanted.y[0] if len(wanted.y) == 1 else ""
    figure.update_layout(title=plain_text(wanted.title), xaxis_title=wanted.x, yaxis_title=y_title, **layout(height=420))
    figure.update_xaxes(gridcolor=GRID, zeroline=False)
    figure.update_yaxes(gridcolor=GRID, zeroline=False)
    for axis in wanted.log:
        values = np.concatenate([np.asarray(table[c], object) for c in ([wanted.x] if axis == "x" else wanted.y)])
        if any(is_finite(v) and v > 0 for v in values.tolist()):
            figure.update_layout({f"{axis}axis_type": "log"})
    return figure
