"""Draws docs/images/mesh-validation.png: the mesh beside BookSim2, the zero-load latency and the bound of the links.

    python benchmarks/validation_picture.py [--seeds 8] [--measure 20000] [--out docs/images/mesh-validation.png]

Prints the table of docs/validation.md on the way. Takes a minute or two of one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

from spikemesh.hardware import load_hardware
from spikemesh.simulation.synthetic import latency_load, uniform_saturation, zero_load_latency

BOOKSIM = {
    "unlimited buffers": {0.01: 20.79, 0.1: 21.02, 0.2: 21.58, 0.3: 23.09, 0.35: 25.16, 0.4: 35.40},
    "8 buffers": {0.01: 20.79, 0.1: 21.02, 0.2: 21.58, 0.3: 23.12, 0.35: 25.79},
}
"""Mean packet latency of BookSim2 (28f4329), 8 x 8, uniform, one flit a packet: vc_buf_size 1024 and 8."""

CHIPS = {"unlimited buffers": {}, "8 buffers": {"noc.buffer_packets": 8, "noc.credit_cycles": 1}}
BETWEEN = {"unlimited buffers": [0.05, 0.15, 0.25, 0.375, 0.41], "8 buffers": [0.05, 0.15, 0.25, 0.325, 0.365]}
COLOURS = {"unlimited buffers": "#336699", "8 buffers": "#aa5500"}


def curves(seeds: int, measure: int) -> dict[str, pd.DataFrame]:
    """The latency-load curve of each chip, at BookSim's rates and a few between."""
    found = {}
    for name, overrides in CHIPS.items():
        chip = load_hardware("booksim-lean", mesh=(8, 8), overrides=overrides)
        rates = sorted([*BOOKSIM[name], *BETWEEN[name]])
        found[name] = latency_load(chip, rates=rates, seeds=range(seeds), measure=measure, engine="compiled")
    return found


def table(found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One line for each point of BookSim's: both latencies, the spread of our seeds, the difference."""
    lines = []
    for name, curve in found.items():
        for rate, theirs in BOOKSIM[name].items():
            point = curve[curve["rate"] == rate].iloc[0]
            ours = point["latency_mean_cycles"]
            lines.append(
                {
                    "buffers": name,
                    "rate": rate,
                    "BookSim2": theirs,
                    "spikemesh": round(ours, 2),
                    "spread of seeds": round(point["latency_spread_cycles"], 2),
                    "difference %": round(100 * (ours / theirs - 1), 2),
                }
            )
    return pd.DataFrame(lines)


def draw(found: dict[str, pd.DataFrame], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for name, curve in found.items():
        axes.errorbar(
            curve["rate"],
            curve["latency_mean_cycles"],
            yerr=curve["latency_spread_cycles"],
            color=COLOURS[name],
            label=f"spikemesh, {name}",
        )
        axes.plot(
            *zip(*BOOKSIM[name].items(), strict=True), "o", mfc="none", ms=8, color=COLOURS[name], label=f"BookSim2, {name}"
        )
    chip = load_hardware("booksim-lean", mesh=(8, 8))
    axes.axhline(zero_load_latency(chip), color="#888888", ls=":", label="zero load, closed form")
    axes.axvline(uniform_saturation(8, 8), color="#888888", ls="--", label="busiest link full, closed form")
    axes.set(
        title="8 x 8 mesh, uniform traffic, one flit a packet",
        xlabel="offered load [flits / node / cycle]",
        ylabel="mean latency [cycles]",
        xlim=(0, 0.52),
        ylim=(15, 60),
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--measure", type=int, default=20_000, help="cycles measured for each seed")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "images" / "mesh-validation.png")
    options = parser.parse_args()
    found = curves(options.seeds, options.measure)
    print(table(found).to_string(index=False))
    draw(found, options.out)
    print(options.out)


if __name__ == "__main__":
    main()
