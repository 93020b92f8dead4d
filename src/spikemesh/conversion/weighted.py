"""Layers with weights: dense, convolutions, and the normalisations that fold into them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.conversion._keras import keras
from spikemesh.conversion.geometry import pair, plane, require_image, shifted_window
from spikemesh.conversion.graph import Step
from spikemesh.conversion.parser import Parser, Signal
from spikemesh.conversion.signals import Spikes, Term, apply, per_neuron, scaled
from spikemesh.errors import ConversionError
from spikemesh.network import Convolution, Dense, Window

__all__ = ["batch_norm", "conv2d", "dense", "depthwise", "rescaling", "separable"]


def _array(value: Any) -> NDArray[np.float64]:
    return np.asarray(keras().ops.convert_to_numpy(value), np.float64)


def _bias(step: Step, n: int) -> NDArray[np.float64]:
    if not getattr(step.layer, "use_bias", False) or step.layer.bias is None:
        return np.zeros(n)
    return per_neuron(_array(step.layer.bias), n)


def dense(parser: Parser, step: Step, last: bool) -> Signal:
    signal = parser.spikes(step)
    kernel = _array(step.layer.kernel)
    if len(signal.shape) == 3:  # Keras' Dense works along the last axis, which is a 1x1 convolution
        return _convolve(parser, step, last, kernel[None, None], (1, 1), "valid", (1, 1), 1)
    if len(signal.shape) != 1:
        raise ConversionError(f"{step.label} takes a tensor of shape {signal.shape}; put Flatten before it")
    terms = []
    for part in signal.parts:
        weight = kernel[signal.flat_positions(part)] * part.gain[:, None]
        terms.append(Term(part.block, Dense(weight)))
    bias = _bias(step, kernel.shape[1])
    if signal.offset is not None:
        bias = bias + signal.offset @ kernel
    return parser.linear(step, signal, terms, bias, "dense", last)


def conv2d(parser: Parser, step: Step, last: bool) -> Signal:
    layer = step.layer
    return _convolve(parser, step, last, _array(layer.kernel), layer.strides, layer.padding, layer.dilation_rate, layer.groups)


def depthwise(parser: Parser, step: Step, last: bool) -> Signal:
    layer = step.layer
    kernel = _array(layer.kernel)
    h, w, channels, multiplier = kernel.shape
    kernel = kernel.reshape(h, w, 1, channels * multiplier)
    return _convolve(parser, step, last, kernel, layer.strides, layer.padding, layer.dilation_rate, channels)


def separable(parser: Parser, step: Step, last: bool) -> Signal:
    """Depthwise, then pointwise, nothing in between: together one ordinary convolution."""
    layer = step.layer
    deep, point = _array(layer.depthwise_kernel), _array(layer.pointwise_kernel)[0, 0]
    kernel = np.einsum("hwcm,cmf->hwcf", deep, point.reshape(deep.shape[2], deep.shape[3], -1))
    parser.note(step, "depthwise and pointwise step merged into one convolution")
    return _convolve(parser, step, last, kernel, layer.strides, layer.padding, layer.dilation_rate, 1)


def _convolve(
    parser: Parser,
    step: Step,
    last: bool,
    kernel: NDArray[np.float64],
    strides: Any,
    padding: str,
    dilation: Any,
    groups: int,
) -> Signal:
    signal = parser.spikes(step)
    require_image(step, signal)
    if groups > 1 and len(signal.parts) > 1:
        raise ConversionError(f"{step.label} has {groups} groups over a Concatenate; convolve the branches before joining")
    window = Window.of(plane(signal.shape), plane(kernel.shape), pair(strides), padding, pair(dilation))
    terms = []
    for part in signal.parts:
        mine = kernel if groups > 1 else kernel[:, :, part.channel : part.channel + part.shape[2]]
        synapses = Convolution(mine, shifted_window(window, part), groups)
        terms.append(Term(part.block, scaled(synapses, pre=part.gain)))
    bias = _bias(step, window.out_hw[0] * window.out_hw[1] * kernel.shape[3])
    if signal.offset is not None:
        bias = bias + apply(Convolution(kernel, window, groups), signal.offset.ravel())
    return parser.linear(step, signal, terms, bias, "conv", last)


def batch_norm(parser: Parser, step: Step, last: bool) -> Signal:
    layer, signal = step.layer, parser.signals[step.inputs[0]]
    axis = layer.axis if isinstance(layer.axis, int) else layer.axis[0]
    if axis not in (-1, len(signal.shape)):
        raise ConversionError(f"{step.label} normalises axis {axis}; only the last axis can be folded")
    gain = 1 / np.sqrt(_array(layer.moving_variance) + layer.epsilon)
    if layer.scale:
        gain = gain * _array(layer.gamma)
    shift = -_array(layer.moving_mean) * gain
    if layer.center:
        shift = shift + _array(layer.beta)
    forward = isinstance(signal, Spikes)
    parser.note(step, "folded into the next layer" if forward else "folded into the layer before")
    return signal.affine(gain, shift, step.output)


def rescaling(parser: Parser, step: Step, last: bool) -> Signal:
    signal = parser.signals[step.inputs[0]]
    channels = signal.shape[-1]
    gain, shift = (np.broadcast_to(_array(v), (channels,)) for v in (step.layer.scale, step.layer.offset))
    parser.note(step, "folded into the next layer")
    return signal.affine(gain, shift, step.output)
