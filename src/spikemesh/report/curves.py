"""Curves drawn by matplotlib, for files rather than pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["draw_latency_load"]


def draw_latency_load(curve: pd.DataFrame, title: str, path: str | Path) -> Path:
    """Latency against offered load, one point a rate; the format follows the file's suffix."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    path = Path(path)
    figure, axes = plt.subplots(figsize=(6, 4))
    axes.plot(curve["rate"], curve["latency_mean_cycles"], marker="o", color="#336699")
    axes.set(title=title, xlabel="offered load [flits / node / cycle]", ylabel="mean latency [cycles]", ylim=(0, None))
    axes.grid(alpha=0.3)
    figure.tight_layout()
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    figure.savefig(partial, dpi=150)
    plt.close(figure)
    partial.replace(path)
    return path
