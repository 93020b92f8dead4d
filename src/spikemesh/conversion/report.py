"""What became of each layer of a converted model."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ConversionReport", "LayerReport"]


@dataclass(frozen=True)
class LayerReport:
    """One layer of the Keras model.

    index : place in the model, the input 0. layer, kind : its name and class. became : in words.
    made : names of the layers of the spiking network that it made. neurons, synapses : of those, 0 if none.
    scale : the activation at which its neurons fire every step (mean over channels), NaN if it has none.
    dead : share of its neurons that no calibration sample made active. zero : share of its activations that were zero.
    saturated : share of its activations above the scale, which its neurons cannot follow. warnings : in words.
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

    def __str__(self) -> str:
        head = ("#", "layer", "kind", "became", "neurons", "synapses", "scale", "dead", "saturated")
        lines: list[tuple[str, ...]] = [head]
        for r in self.rows:
            numbers = (f"{r.neurons:,}", f"{r.synapses:,}") if r.made else ("", "")
            known = r.scale == r.scale
            shares = tuple("" if v != v else f"{100 * v:.2f} %" for v in (r.dead, r.saturated))
            scale = f"{r.scale:.4g}" if known else ""
            lines.append((str(r.index), r.layer, r.kind, r.became, *numbers, scale, *shares))
        wide = [max(len(line[k]) for line in lines) for k in range(len(head))]
        left = (False, True, True, True, False, False, False, False, False)
        text = [
            "  ".join(v.ljust(w) if lj else v.rjust(w) for v, w, lj in zip(line, wide, left, strict=True)).rstrip()
            for line in lines
        ]
        title = (
            f"{self.model}: {self.neurons:,} neurons, {self.synapses:,} synapses; scales are the {self.percentile:g} "
            f"percentile of non-zero activations per {self.normalisation} over {self.samples:,} samples"
        )
        return "\n".join([title, *text, *(f"warning: {w}" for w in self.warnings)])
