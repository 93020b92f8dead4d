"""Layers without neurons of their own: shapes, padding, activations, joins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikemesh.conversion.geometry import require_image
from spikemesh.conversion.graph import Step
from spikemesh.conversion.parser import Parser, Signal, activation_of, relu_of
from spikemesh.conversion.signals import Linear, Spikes, Term
from spikemesh.errors import ConversionError

__all__ = [
    "activation",
    "add",
    "concatenate",
    "relu",
    "relu6",
    "reshape",
    "reshaped",
    "softmax",
    "without_effect",
    "zero_padding",
]


def reshape(parser: Parser, step: Step, last: bool) -> Signal:
    parser.note(step, "folded into the order of the next layer's weights")
    signal = parser.signals[step.inputs[0]]
    if isinstance(signal, Linear) and signal.nonnegative:
        signal = parser.spikes(step)
    return reshaped(signal, step)


def reshaped(signal: Signal, step: Step) -> Signal:
    shape = step.shape
    if isinstance(signal, Linear):
        return replace(signal, shape=shape, key=step.output)
    offset = None if signal.offset is None else signal.offset.reshape(shape)
    parts = []
    for part in signal.parts:
        at = signal.flat_positions(part)
        if len(shape) != 3:
            parts.append(replace(part, shape=(len(at),), positions=at, top=0, left=0, channel=0))
        elif len(signal.parts) == 1 and len(at) == signal.size and (at == np.arange(signal.size)).all():
            parts.append(replace(part, shape=shape, positions=None, top=0, left=0, channel=0))
        else:
            raise ConversionError(f"{step.label} folds a padded or joined tensor into an image; reshape before joining")
    return Spikes(shape, tuple(parts), offset, step.output)


def zero_padding(parser: Parser, step: Step, last: bool) -> Signal:
    signal = parser.spikes(step)
    require_image(step, signal)
    (top, bottom), (left, right) = step.layer.padding
    parts = tuple(replace(p, top=p.top + top, left=p.left + left) for p in signal.parts)
    offset = None
    if signal.offset is not None:
        offset = np.pad(signal.offset, ((top, bottom), (left, right), (0, 0)))
    parser.note(step, "folded into the next layer's window")
    return Spikes(step.shape, parts, offset, step.output)


def without_effect(parser: Parser, step: Step, last: bool) -> Signal:
    parser.note(step, "left out: does nothing at inference")
    return replace(parser.signals[step.inputs[0]], key=step.output)


def relu(parser: Parser, step: Step, last: bool) -> Signal:
    return parser.activate(step, parser.signals[step.inputs[0]], relu_of(step, step.layer), last)


def relu6(parser: Parser, step: Step, last: bool) -> Signal:
    return parser.activate(step, parser.signals[step.inputs[0]], "relu6", last)


def activation(parser: Parser, step: Step, last: bool) -> Signal:
    return parser.activate(step, parser.signals[step.inputs[0]], activation_of(step), last)


def softmax(parser: Parser, step: Step, last: bool) -> Signal:
    return parser.activate(step, parser.signals[step.inputs[0]], "softmax", last)


def add(parser: Parser, step: Step, last: bool) -> Signal:
    if len(step.inputs) < 2:
        raise ConversionError(f"{step.label} adds a constant; put it in the bias of the layer before")
    terms: list[Term] = []
    bias = np.zeros(int(np.prod(step.shape)))
    for tensor in step.inputs:
        signal = parser.signals[tensor]
        if signal.shape != step.shape:
            raise ConversionError(f"{step.label} adds tensors of shapes {signal.shape} and {step.shape}; make them equal")
        linear = parser.as_linear(signal, step)
        terms.extend(linear.terms)
        bias = bias + linear.bias
    return Linear(step.shape, tuple(terms), bias, step.layer.name, step.index, "add", step.output)


def concatenate(parser: Parser, step: Step, last: bool) -> Signal:
    signals = [parser.spikes(step, k) for k in range(len(step.inputs))]
    rank = len(step.shape)
    axis = getattr(step.layer, "axis", -1)
    if axis not in (-1, rank) or rank not in (1, 3):
        raise ConversionError(f"{step.label} joins along axis {axis}; only the last axis (channels) can be joined")
    parts, at = [], 0
    for signal in signals:
        for p in signal.parts:
            moved = replace(p, positions=p.positions + at) if p.positions is not None else replace(p, channel=p.channel + at)
            parts.append(moved)
        at += signal.shape[-1]
    offset = None
    if any(s.offset is not None for s in signals):
        offset = np.concatenate([np.zeros(s.shape) if s.offset is None else s.offset for s in signals], axis=-1)
    parser.note(step, "no neurons of its own: the next layer looks at the joined ones")
    return Spikes(step.shape, tuple(parts), offset, step.output)
