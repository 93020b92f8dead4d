"""From a trained Keras model to a network of integrate-and-fire neurons.

The method is the weight normalisation of Rueckauer et al. (2017, "Conversion of continuous-valued deep networks to
efficient event-driven networks for image classification"), which the GPA paper's flow uses: a neuron's rate, in spikes per
step, stands for its activation divided by a scale, so every weight is multiplied by the scale before it and divided by
the scale behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.conversion.calibration import Batches, Calibrated, calibrate
from spikemesh.conversion.graph import Graph, flatten
from spikemesh.conversion.parser import Parser
from spikemesh.conversion.report import ConversionReport, LayerReport, doubts
from spikemesh.conversion.rules import convert_step
from spikemesh.conversion.signals import Block, per_neuron, scaled
from spikemesh.errors import ConversionError
from spikemesh.network import Connectivity, Convolution, Dense, Layer, OneToOne, Pooling, Projection, Sparse, SpikingNetwork

__all__ = ["convert"]


def convert(
    model: Any,
    calibration: ArrayLike | Sequence[Any] | Callable[[], Iterable[Any]],
    *,
    percentile: float = 99.9,
    normalisation: str = "layer",
    max_pooling: str = "refuse",
    half_threshold: bool = True,
    batch_size: int = 256,
    name: str | None = None,
) -> SpikingNetwork:
    """Convert a Keras 3 model, Sequential or functional, to integrate-and-fire neurons that are reset by subtraction.

    Parameters
    ----------
    model : built and trained; one input of fixed shape (height, width, channels), (height, width) or (units,).
    calibration : samples in [0, 1] of the model's input shape: an array, a sequence of batches (labels beside them are
        ignored), or a function that returns an iterable of batches. They are gone through several times.
    percentile : of the non-zero activations that becomes a layer's scale, in (0, 100].
    normalisation : one scale per "layer", or per "channel" of a layer with (height, width, channels).
    max_pooling : "refuse", or "average" to put average pooling in its place.
    half_threshold : start every neuron but the inputs at half the threshold, so that spike counts are rounded and not cut
        off; False starts all at 0.
    batch_size : samples at a time, where ``calibration`` is an array; memory is the activations of one batch.
    name : of the network; the model's by default.

    Returns
    -------
    A SpikingNetwork; its ``report`` is a :class:`ConversionReport`.

    Raises
    ------
    ConversionError
        for a model or layer that cannot be converted, samples of another shape or range, an option that is unknown.
    """
    if normalisation not in ("layer", "channel"):
        raise ConversionError(f"normalisation must be 'layer' or 'channel', not {normalisation!r}")
    if max_pooling not in ("refuse", "average"):
        raise ConversionError(f"max_pooling must be 'refuse' or 'average', not {max_pooling!r}")
    if not (isinstance(percentile, int | float) and 0 < percentile <= 100):
        raise ConversionError(f"percentile must lie in (0, 100], not {percentile!r}")
    if batch_size < 1:
        raise ConversionError(f"batch_size must be at least 1, not {batch_size}")
    graph = flatten(model)
    if not graph.steps:
        raise ConversionError(f"model '{graph.name}' has no layers")
    parser = Parser(graph.input_shape, max_pooling)
    for step in graph.steps:
        convert_step(parser, step, step.output == graph.output)
    outputs = parser.finish(graph.output, graph.steps[-1])
    batches = Batches(_as_source(calibration), graph.input_shape, int(batch_size))
    found, n_samples = calibrate(
        graph, parser.blocks, batches, percentile, normalisation == "channel", parser.replaced, parser.bare
    )
    scales = _scales(parser, found)
    network = _assemble(parser.blocks, scales, outputs, half_threshold, name or graph.name)
    report = _report(graph, parser, network, scales, found, n_samples, percentile, normalisation)
    object.__setattr__(network, "report", report)
    return network


def _as_source(calibration: Any) -> Any:
    """Arrays of every library as numpy arrays; lists of numbers too, lists of batches as they are."""
    if callable(calibration) or isinstance(calibration, np.ndarray):
        return calibration
    if isinstance(calibration, list | tuple) and len(calibration) and hasattr(calibration[0], "__array__"):
        return calibration
    if hasattr(calibration, "__array__") or isinstance(calibration, list | tuple):
        return np.asarray(calibration)
    return calibration


def _scales(parser: Parser, found: dict[int, Calibrated]) -> list[NDArray[np.float64]]:
    """(channels,) scale of each block; the input's is 1."""
    scales: list[NDArray[np.float64]] = [np.ones(parser.blocks[0].shape[-1])]
    for k, block in enumerate(parser.blocks[1:], 1):
        channels = block.shape[-1]
        if k not in found:  # pooling of a batch-normalised signal: an average stays within its source's scale
            scales.append(scales[block.terms[0].block].copy())
            continue
        result = found[k].found
        # an output must not saturate, so its scale is its largest value; where all are negative, none fires at any scale
        value = np.where(result.most > 0, result.most, -result.least) if block.output else result.value
        known = np.isfinite(value) & (value > 0)
        if not known.any():
            text = "no calibration sample made any of its activations positive; its scale is left at 1"
            parser.warnings.setdefault(block.step, []).append(text)
        fallback = float(value[known].max()) if known.any() else 1.0
        scales.append(np.broadcast_to(np.where(known, value, fallback), (channels,)).astype(np.float64))
    return scales


def _assemble(
    blocks: Sequence[Block],
    scales: Sequence[NDArray[np.float64]],
    outputs: tuple[int, ...],
    half_threshold: bool,
    name: str,
) -> SpikingNetwork:
    starts = np.concatenate([[0], np.cumsum([p.size for p in blocks])])
    projections, bias = [], np.zeros(int(starts[-1]))
    for k, block in enumerate(blocks):
        own = 1 / per_neuron(scales[k], block.size)
        bias[starts[k] : starts[k + 1]] = block.bias * own
        for term in block.terms:
            source = blocks[term.block]
            try:
                synapses = scaled(term.synapses, pre=per_neuron(scales[term.block], source.size), post=own)
            except ValueError as reason:
                raise ConversionError(
                    f"'{block.name}' shares one kernel over neurons of '{source.name}' that have other scales: {reason}; "
                    "use normalisation='layer'"
                ) from reason
            projections.append(Projection(int(starts[term.block]), int(starts[k]), _single(synapses)))
    potential = np.zeros(len(bias))
    if half_threshold:
        potential[starts[1] :] = 0.5
    return SpikingNetwork(
        layers=tuple(Layer(p.name, p.shape, p.kind) for p in blocks),
        projections=tuple(projections),
        bias=bias,
        initial_potential=potential,
        output_ids=np.concatenate([np.arange(starts[k], starts[k + 1]) for k in outputs]).astype(np.int32),
        weights="trained",
        name=name,
    )


def _single(synapses: Connectivity) -> Connectivity:
    """Weights as float32, the precision that Keras trained them in."""
    if isinstance(synapses, Dense | OneToOne):
        return replace(synapses, weight=synapses.weight.astype(np.float32))
    if isinstance(synapses, Convolution):
        return replace(synapses, kernel=synapses.kernel.astype(np.float32))
    if isinstance(synapses, Pooling):
        return replace(synapses, scale=synapses.scale.astype(np.float32))
    if isinstance(synapses, Sparse):
        edges = synapses.synapses
        return replace(synapses, synapses=replace(edges, weight=edges.weight.astype(np.float32)))
    return synapses


def _report(
    graph: Graph,
    parser: Parser,
    network: SpikingNetwork,
    scales: Sequence[NDArray[np.float64]],
    found: dict[int, Calibrated],
    n_samples: int,
    percentile: float,
    normalisation: str,
) -> ConversionReport:
    made: dict[int, list[int]] = {}
    for k, block in enumerate(parser.blocks):
        made.setdefault(block.step, []).append(k)
    into: dict[int, int] = {}
    for p in network.projections:
        into[p.post_start] = into.get(p.post_start, 0) + p.connectivity.n_synapses
    starts = network.layer_starts
    rows = []
    for index, label, kind in [(0, "input", "InputLayer"), *((s.index, s.layer.name, s.kind) for s in graph.steps)]:
        ids = made.get(index, [])
        blocks = [parser.blocks[k] for k in ids]
        shapes = ", ".join(f"{b.kind} {'x'.join(map(str, b.shape))}" for b in blocks)
        became = "; ".join(text for text in (shapes, parser.notes.get(index)) if text)
        row = LayerReport(
            index,
            label,
            kind,
            became or "part of the next neurons",
            tuple(b.name for b in blocks),
            sum(b.size for b in blocks),
            sum(into.get(int(starts[k]), 0) for k in ids),
            float(np.mean([scales[k].mean() for k in ids])) if ids else float("nan"),
            *_shares([found[k] for k in ids if k in found]),
            steps=float(np.mean([scales[k].mean() / found[k].mean for k in ids if k in found] or [np.nan])),
            warnings=tuple(parser.warnings.get(index, ())),
        )
        rows.append(replace(row, warnings=(*row.warnings, *doubts(row))))
    return ConversionReport(graph.name, n_samples, percentile, normalisation, tuple(rows))


def _shares(known: list[Calibrated]) -> tuple[float, float, float]:
    """Neurons never active, activations that are zero, activations above the scale; NaN where nothing was measured."""
    if not known:
        return float("nan"), float("nan"), float("nan")
    seen = sum(int(c.found.seen.sum()) for c in known)
    active = sum(int(c.found.counted.sum()) for c in known)
    above = sum(int(c.found.above.sum()) for c in known)
    return float(np.mean([c.dead for c in known])), 1 - active / seen, above / seen
