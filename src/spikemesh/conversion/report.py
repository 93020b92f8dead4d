"""What became of each layer of a converted model."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ConversionReport", "LayerReport", "doubts"]

MUCH_DEAD = 0.5
MUCH_SATURATED = 0.005
MANY_STEPS = 50.0
"""A layer is warned about beyond these."""


@dataclass(frozen=True)
class LayerReport:
    """One layer of the Keras model.

    index : place in the model, the input 0. layer, kind : its name and class. became : in words.
    made : names of the layers of the spiking network that it made. neurons, synapses : of those, 0 if none.
    scale : the activation at which its neurons fire every step (mean over channels), NaN if it has none.
    dead : share of its neurons that no calibration sample made active. zero : share of its activations that were zero.
    saturated : share of its activations above the scale, which its neurons cannot follow. steps : that a neuron of its mean
    positive activation takes to fire once. warnings : in words.
    """

    index: int
    layer: str
    kind: str
    became: str
    made: tuple[str, ...] = ()
    neurons: int = 0
    synapses: int = 0
    scale: float = float("nan")
    dead: float = float("nan")
    zero: float = float("nan")
    saturated: float = float("nan")
    steps: float = float("nan")
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConversionReport:
    """All layers of a converted model, in order; ``str()`` is a table to read.

    model : its name. samples : calibration samples. percentile, normalisation : as asked for.
    """

    model: str
    samples: int
    percentile: float
    normalisation: str
    rows: tuple[LayerReport, ...]

    @property
    def neurons(self) -> int:
        return sum(r.neurons for r in self.rows)

    @property
    def synapses(self) -> int:
        return sum(r.synapses for r in self.rows)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Every warning, with the layer that it is about."""
        return tuple(f"{r.layer}: {w}" for r in self.rows for w in r.warnings)

    @property
    def first_answer(self) -> float:
        """Steps until a first spike of mean activation has passed all layers one after the other; far shorter runs say little."""
        return sum(r.steps for r in self.rows if r.steps == r.steps)

    def __str__(self) -> str:
        head = ("#", "layer", "kind", "became", "neurons", "synapses", "scale", "steps", "dead", "saturated")
        lines: list[tuple[str, ...]] = [head]
        for r in self.rows:
            numbers = (f"{r.neurons:,}", f"{r.synapses:,}") if r.made else ("", "")
            known = r.scale == r.scale
            shares = tuple("" if v != v else f"{100 * v:.2f} %" for v in (r.dead, r.saturated))
            scale = f"{r.scale:.4g}" if known else ""
            steps = f"{r.steps:.1f}" if r.steps == r.steps else ""
            lines.append((str(r.index), r.layer, r.kind, r.became, *numbers, scale, steps, *shares))
        wide = [max(len(line[k]) for line in lines) for k in range(len(head))]
        left = (False, True, True, True, False, False, False, False, False, False)
        text = [
            "  ".join(v.ljust(w) if lj else v.rjust(w) for v, w, lj in zip(line, wide, left, strict=True)).rstrip()
            for line in lines
        ]
        title = (
            f"{self.model}: {self.neurons:,} neurons, {self.synapses:,} synapses; scales are the {self.percentile:g} "
            f"percentile of non-zero activations per {self.normalisation} over {self.samples:,} samples"
        )
        text.append(f"a first spike of mean activation takes about {self.first_answer:.0f} steps through all layers")
        return "\n".join([title, *text, *(f"warning: {w}" for w in self.warnings)])


def doubts(row: LayerReport) -> tuple[str, ...]:
    """What a layer's shares say against its accuracy in spikes, and what to do; NaN shares say nothing."""
    texts = []
    if row.saturated > MUCH_SATURATED:
        texts.append(
            f"{row.saturated:.1%} of its activations lie above the scale, where neurons can do no more than fire every step; "
            "use a higher percentile"
        )
    if row.dead > MUCH_DEAD:
        texts.append(f"{row.dead:.0%} of its neurons are active in no calibration sample; give more samples, or prune them")
    if row.steps > MANY_STEPS:
        texts.append(
            f"a neuron of its mean activation fires once in {row.steps:.0f} steps: simulate many times as long, or use "
            "normalisation='channel' or a lower percentile"
        )
    return tuple(texts)
