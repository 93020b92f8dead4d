"""The pictures of a sweep: what trades against what (Pareto), and what each axis does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from spikemesh.metrics import DEFINITIONS
from spikemesh.report.figures import GRID, PALETTE, layout, plain_text

__all__ = ["along_axis", "pareto", "pareto_front", "pareto_pairs"]

PAIRS = (
    ("latency_mean_ns", "total_energy_pj"),
    ("latency_p99_ns", "interconnect_energy_pj"),
    ("accuracy_mapped", "total_energy_pj"),
    ("crossbars", "packets_per_s"),
    ("synapse_utilisation", "interconnect_energy_pj"),
    ("late_share", "wasted_energy_pj"),
)
"""What is drawn against what, where both vary; a front needs two measures that pull apart."""
ALONG = ("latency_mean_ns", "total_energy_pj", "packets_per_s", "accuracy_mapped")
MOST_VALUES = 40


@dataclass(frozen=True)
class Labels:
    """keys : what the axes set. words : (n,) each point in words. group : (n,) the first axis' value, which gives the colour."""

    keys: Sequence[str]
    words: list[str]
    group: list[str]

    @classmethod
    def of(cls, table: Any, keys: Sequence[str]) -> Labels:
        words = ["<br>".join(f"{key} = {plain_text(str(row[key]))}" for key in keys) for row in table.to_dict("records")]
        first = [plain_text(str(v)) for v in table[keys[0]]] if keys else ["all"] * len(table)
        return cls(keys, words, first)


def pareto_front(x: NDArray, y: NDArray, better_x: str, better_y: str) -> NDArray[np.int64]:
    """Points that no other is at least as good as in both and better in one, sorted by x.

    Parameters
    ----------
    x, y : (n,) floats; NaN is never on the front. better_x, better_y : "lower" or "higher".
    """
    a = np.asarray(x, np.float64) * (1 if better_x == "lower" else -1)
    b = np.asarray(y, np.float64) * (1 if better_y == "lower" else -1)
    known = np.flatnonzero(~(np.isnan(a) | np.isnan(b)))
    order = known[np.lexsort((b[known], a[known]))]
    front: list[int] = []
    lowest, at = math.inf, math.nan
    for k in order:
        if b[k] < lowest or (b[k] == lowest and a[k] == at):
            front.append(int(k))
            lowest, at = float(b[k]), float(a[k])
    return np.array(sorted(front, key=lambda k: (x[k], k)), np.int64)


def pareto_pairs(table: Any) -> list[tuple[str, str]]:
    """The pairs of measures that are worth a picture: both there, both varying."""

    def varies(column: str) -> bool:
        return column in table and table[column].dtype.kind in "if" and table[column].nunique(dropna=True) > 1

    return [pair for pair in PAIRS if all(map(varies, pair))]


def pareto(table: Any, labels: Labels, x: str, y: str) -> go.Figure:
    """Every point of the sweep, the front joined by a line; hover names what the axes set."""
    figure = go.Figure()
    values_x, values_y = np.asarray(table[x], np.float64), np.asarray(table[y], np.float64)
    front = pareto_front(values_x, values_y, DEFINITIONS[x][2], DEFINITIONS[y][2])
    line = {"color": "#8a97a3", "width": 1.5, "dash": "dot", "shape": "linear"}
    figure.add_scatter(x=values_x[front], y=values_y[front], mode="lines", line=line, name="front", hoverinfo="skip")
    on_front = np.isin(np.arange(len(table)), front)
    for k, name in enumerate(dict.fromkeys(labels.group)):
        of = np.array(
            [n for n, group in enumerate(labels.group) if group == name and not np.isnan(values_x[n] + values_y[n])], np.int64
        )
        if not len(of):
            continue
        figure.add_scatter(
            x=values_x[of],
            y=values_y[of],
            mode="markers",
            name=name,
            marker={
                "color": PALETTE[k % len(PALETTE)],
                "size": np.where(on_front[of], 11, 7),
                "line": {"width": np.where(on_front[of], 1.5, 0), "color": "#22303c"},
            },
            text=[labels.words[n] for n in of],
            hovertemplate="%{text}<br>" + f"{x}: %{{x:.6g}}<br>{y}: %{{y:.6g}}<extra></extra>",
        )
    figure.update_layout(xaxis_title=_titled(x), yaxis_title=_titled(y), **layout(height=400))
    figure.update_layout(margin={"t": 15, "b": 90}, legend={"orientation": "h", "y": -0.2, "x": 0})
    figure.update_xaxes(gridcolor=GRID, zeroline=False, type="log" if _wide(values_x) else "linear")
    figure.update_yaxes(gridcolor=GRID, zeroline=False, type="log" if _wide(values_y) else "linear")
    return figure


def _wide(values: NDArray) -> bool:
    """Whether numbers lie so far apart that a linear axis would hide the small ones."""
    known = values[np.isfinite(values)]
    return bool(len(known)) and known.min() > 0 and known.max() / known.min() >= 20


def _titled(column: str) -> str:
    better = DEFINITIONS.get(column, ("", "", ""))[2]
    return f"{column} ({better} is better)" if better else column


def along_axis(table: Any, labels: Labels, key: str) -> go.Figure | None:
    """The main measures against one axis: every point, and a line through the means; None for an axis of one value."""
    values = list(dict.fromkeys(table[key]))
    measures = [c for c in ALONG if c in table and table[c].dtype.kind in "if" and table[c].nunique(dropna=True) > 1]
    if not 2 <= len(values) <= MOST_VALUES or not measures:
        return None
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    by = list(dict.fromkeys(labels.group)) if key != labels.keys[0] else [None]
    figure = make_subplots(cols=len(measures), subplot_titles=measures, horizontal_spacing=0.07)
    for place, measure in enumerate(measures):
        for k, group in enumerate(by):
            rows = table if group is None else table[[g == group for g in labels.group]]
            mean = rows.groupby(key, sort=False)[measure].mean()
            colour = PALETTE[k % len(PALETTE)]
            x = [v if numbers else plain_text(str(v)) for v in rows[key]]
            text = [labels.words[n] for n in rows.index]
            dots = {"color": colour, "size": 5, "opacity": 0.45}
            figure.add_scatter(
                x=x,
                y=rows[measure],
                mode="markers",
                marker=dots,
                text=text,
                showlegend=False,
                legendgroup=str(k),
                col=place + 1,
                row=1,
                hovertemplate="%{text}<br>%{y:.6g}<extra></extra>",
            )
            figure.add_scatter(
                x=[v if numbers else plain_text(str(v)) for v in mean.index],
                y=mean,
                mode="lines" if numbers else "markers",
                line={"color": colour, "width": 2},
                marker={"symbol": "line-ew-open", "size": 22, "color": colour, "line": {"width": 2.5}},
                name=group or "mean",
                showlegend=place == 0 and group is not None,
                legendgroup=str(k),
                hoverinfo="skip",
                col=place + 1,
                row=1,
            )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, type="linear" if numbers else "category", title=key)
    if numbers and _wide(np.array(values, np.float64)):
        figure.update_xaxes(type="log", dtick="D2" if max(values) / min(values) < 200 else 1)
    figure.update_yaxes(gridcolor=GRID, zeroline=False)
    figure.update_annotations(font_size=12)
    figure.update_layout(**layout(height=330, legend={"orientation": "h", "y": -0.25}))
    return figure
