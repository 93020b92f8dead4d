"""Pooling layers: average pooling makes neurons, max pooling is refused or replaced."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spikemesh.conversion.geometry import pair, plane, require_image, shifted_window
from spikemesh.conversion.graph import Step
from spikemesh.conversion.parser import RATE_CODE, Parser, Signal
from spikemesh.conversion.shaping import reshaped
from spikemesh.conversion.signals import Block, Linear, Part, Spikes, Term, apply, compose_pooling, per_neuron
from spikemesh.errors import ConversionError
from spikemesh.network import Connectivity, Convolution, Pooling, Window

__all__ = ["average_pooling", "global_average_pooling", "max_pooling"]


def average_pooling(parser: Parser, step: Step, last: bool) -> Signal:
    layer = step.layer
    return _pool(parser, step, pair(layer.pool_size), pair(layer.strides), layer.padding)


def global_average_pooling(parser: Parser, step: Step, last: bool) -> Signal:
    shape = parser.signals[step.inputs[0]].shape
    if len(shape) != 3:
        raise ConversionError(f"{step.label} needs (height, width, channels), and gets {shape}")
    pooled = _pool(parser, step, plane(shape), plane(shape), "valid")
    return pooled if step.layer.keepdims else reshaped(pooled, step)


def max_pooling(parser: Parser, step: Step, last: bool) -> Signal:
    if parser.max_pooling == "refuse":
        raise ConversionError(
            f"{step.label}: the largest of several spike rates is no sum of spikes; train with AveragePooling2D, or convert "
            "with max_pooling='average' to replace it (the accuracy suffers)"
        )
    from spikemesh.conversion._keras import keras

    layer = step.layer
    if step.kind == "MaxPooling2D":
        average = keras().layers.AveragePooling2D(layer.pool_size, layer.strides, layer.padding)
        parser.replaced[step.index] = average
        rule = average_pooling
    else:
        parser.replaced[step.index] = keras().layers.GlobalAveragePooling2D(keepdims=layer.keepdims)
        rule = global_average_pooling
    parser.warn(step, "max pooling replaced by average pooling, which the model was not trained with")
    return rule(parser, step, last)


def _pool(parser: Parser, step: Step, size: tuple[int, int], stride: tuple[int, int], padding: str) -> Signal:
    source = parser.signals[step.inputs[0]]
    window = Window.of(plane(source.shape), size, stride, padding)
    if isinstance(source, Linear) and not source.nonnegative:
        return _pool_linear(parser, step, source, window)
    signal = parser.spikes(step)
    require_image(step, signal)
    parts, shape = [], (*window.out_hw, signal.shape[2])
    for part in signal.parts:
        pooling, channels = _pooling_of(window, part), part.shape[2]
        own = (*window.out_hw, channels)
        # a part's own activations stand in the tensor only where nothing but the part's block shapes them
        plain = signal.plain
        block = Block(
            parser.unique(step.layer.name),
            "pool",
            own,
            (Term(part.block, pooling),),
            np.zeros(int(np.prod(own))),
            step.index,
            step.output if plain else None,
            (part.channel, part.channel + channels),
        )
        parser.blocks.append(block)
        gain = per_neuron(_channel_gain(part), block.size)
        parts.append(Part(len(parser.blocks) - 1, own, gain, channel=part.channel))
    offset = None
    if signal.offset is not None:
        whole = Pooling(window, np.ones(signal.shape[2]))
        offset = apply(whole, signal.offset.ravel()).reshape(shape)
    return Spikes(shape, tuple(parts), offset, step.output)


def _channel_gain(part: Part) -> NDArray[np.float64]:
    table = part.gain.reshape(-1, part.shape[2])
    if not (table == table[0]).all():
        raise ValueError("a normalisation that differs between positions cannot be carried through pooling")
    return table[0]


def _pooling_of(window: Window, part: Part) -> Connectivity:
    """Average pooling over one part; zeros that a ZeroPadding2D put inside the window count in its average."""
    mine, channels = shifted_window(window, part), part.shape[2]
    divisor, inside = window.counts()[0], mine.counts()[0]
    if (divisor == inside).all():
        return Pooling(mine, np.ones(channels))
    if (divisor != divisor[0]).any():
        raise ValueError("'same' pooling over a ZeroPadding2D is not supported; use padding='valid'")
    return Convolution(np.full((*window.size, 1, channels), 1 / divisor[0]), mine, channels)


def _pool_linear(parser: Parser, step: Step, source: Linear, window: Window) -> Signal:
    """Pooling straight after a convolution without activation: both are one larger convolution."""
    terms = []
    for term in source.terms:
        joined = compose_pooling(term.synapses, window) if isinstance(term.synapses, Convolution) else None
        if joined is None:
            raise ConversionError(
                f"{step.label} pools '{source.made_by}', whose values may be negative, and {RATE_CODE}; put the ReLU before it"
            )
        terms.append(Term(term.block, joined))
    bias = apply(Pooling(window, np.ones(source.shape[2])), source.bias)
    parser.note(step, f"merged into '{source.made_by}': no neurons of its own")
    shape = (*window.out_hw, source.shape[2])
    return replace(source, shape=shape, terms=tuple(terms), bias=bias, key=step.output)
