"""Draws docs/images/closed-loop.png from two results folders: accuracy against acceleration, and against weight_bits.

spikemesh run acceleration --network MLP_mnist --samples 300 --out ACCELERATION
spikemesh run weight-bits --network LeNet_mnist --full --out BITS
python benchmarks/closed_loop_picture.py ACCELERATION BITS [--out docs/images/closed-loop.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

from spikemesh.report import read_folder

COLOURS = ("#aa5500", "#336699")


def band(axes: plt.Axes, x: pd.Series, rows: pd.DataFrame, label: str, colour: str) -> None:
    """Accuracy in percent with its interval."""
    axes.plot(x, 100 * rows["accuracy"], marker="o", color=colour, label=label)
    axes.fill_between(x, 100 * rows["accuracy_low"], 100 * rows["accuracy_high"], color=colour, alpha=0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("acceleration")
    parser.add_argument("weight_bits")
    parser.add_argument("--out", type=Path, default=Path("docs/images/closed-loop.png"))
    options = parser.parse_args()
    driven, rounded = read_folder(options.acceleration), read_folder(options.weight_bits)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True)
    for (recipe, rows), colour in zip(driven.table.groupby("recipe", sort=False), COLOURS, strict=False):
        band(left, rows["acceleration"], rows, str(recipe), colour)
        left.plot(rows["acceleration"], 100 * rows["late_share"], linestyle=":", color=colour, label=f"{recipe}: late")
    samples = int(driven.table["accuracy_samples"].iloc[0])
    left.set(title=f"{driven.manifest['title']}, n = {samples}", xlabel="acceleration", ylabel="%", xscale="log", ylim=(0, 102))
    band(right, rounded.table["weight_bits"].astype(str), rounded.table, "accuracy", COLOURS[1])
    samples = int(rounded.table["accuracy_samples"].iloc[0])
    right.set(title=f"{rounded.manifest['title']}, n = {samples:,}", xlabel="weight_bits")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.tight_layout()
    figure.savefig(options.out, dpi=110)


if __name__ == "__main__":
    main()
