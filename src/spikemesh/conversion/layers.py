"""What becomes of each Keras layer: one short function a family, found by the layer's class name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.conversion.graph import Step
from spikemesh.conversion.signals import (
    Linear,
    Part,
    Population,
    Spikes,
    Term,
    apply,
    compose_pooling,
    per_neuron,
    scaled,
)
from spikemesh.errors import ConversionError, NetworkError
from spikemesh.network import Connectivity, Convolution, Dense, OneToOne, Pooling, Sparse, Window

__all__ = ["Parser"]

Signal = Spikes | Linear
WITHOUT_EFFECT = (
    "Dropout SpatialDropout1D SpatialDropout2D GaussianDropout AlphaDropout GaussianNoise ActivityRegularization Identity"
).split()
RATE_CODE = "spike rates are never negative"


class Parser:
    """Turns steps into populations. ``signals`` maps tensor numbers to what flows there; ``notes`` collects the report."""

    def __init__(self, input_shape: tuple[int, ...], max_pooling: str) -> None:
        self.max_pooling = max_pooling
        shape = input_shape if len(input_shape) in (1, 3) else (*input_shape, 1)
        if len(shape) not in (1, 3):
            raise ConversionError(
                f"an input of shape {input_shape} cannot be laid out; (height, width, channels) or (units,) can"
            )
        n = int(np.prod(shape))
        self.populations = [Population("input", "input", shape, (), np.zeros(n), 0, 0)]
        flat = None if len(input_shape) == 3 else np.arange(n)
        part = Part(0, input_shape, np.ones(n), positions=flat)
        self.signals: dict[int, Signal] = {0: Spikes(input_shape, (part,), None, 0)}
        self.replaced: dict[int, Any] = {}
        self.bare: set[int] = set()
        self.notes: dict[int, str] = {}
        self.warnings: dict[int, list[str]] = {}
        self.names: set[str] = {"input"}

    def step(self, step: Step, last: bool) -> None:
        """Convert one step; ``last`` marks the one whose output is the model's."""
        rule = RULES.get(step.kind)
        if rule is None:
            raise ConversionError(
                f"{step.label} cannot be converted; supported are {', '.join(sorted(RULES))}. {ADVICE.get(step.kind, '')}"
            )
        if getattr(step.layer, "data_format", None) == "channels_first":
            raise ConversionError(f"{step.label} is channels_first; rebuild the model with channels_last")
        try:
            self.signals[step.output] = rule(self, step, last)
        except (NetworkError, ValueError) as reason:
            raise ConversionError(f"{step.label}: {reason}") from reason

    def finish(self, tensor: int, step: Step) -> tuple[int, ...]:
        """Make the model's output neurons; returns their populations."""
        signal = self.signals[tensor]
        if isinstance(signal, Spikes):
            whole = len(signal.parts) == 1 and signal.plain and self.populations[signal.parts[0].pop].size == signal.size
            if whole and signal.parts[0].pop != 0:
                return (signal.parts[0].pop,)
            signal = self.as_linear(signal, step)
        pop = self.grow(replace(signal, key=tensor), step, output=True)
        return (pop.parts[0].pop,)

    # populations

    def grow(self, linear: Linear, step: Step, output: bool = False) -> Spikes:
        """Neurons for a weighted sum; ``linear.key`` is the tensor that their rates follow."""
        shape = linear.shape if len(linear.shape) in (1, 3) else (linear.size,)
        pop = Population(
            self.unique(linear.made_by), linear.kind, shape, linear.terms, linear.bias, step.index, linear.key, None, output
        )
        self.populations.append(pop)
        flat = None if len(linear.shape) == 3 else np.arange(linear.size)
        part = Part(len(self.populations) - 1, linear.shape, np.ones(linear.size), positions=flat)
        return Spikes(linear.shape, (part,), None, linear.key)

    def unique(self, name: str) -> str:
        found, k = name, 2
        while found in self.names:
            found, k = f"{name}.{k}", k + 1
        self.names.add(found)
        return found

    # signals

    def spikes(self, step: Step, which: int = 0) -> Spikes:
        """An input of the step as spikes; a sum without activation becomes neurons only where it cannot be negative."""
        signal = self.signals[step.inputs[which]]
        if isinstance(signal, Spikes):
            return signal
        if not signal.nonnegative:
            raise ConversionError(
                f"{step.label} follows '{signal.made_by}', which has no ReLU: its values may be negative, and {RATE_CODE}; "
                f"give '{signal.made_by}' activation='relu' or leave one of the two layers out"
            )
        grown = self.grow(signal, step)
        self.signals[step.inputs[which]] = grown
        return grown

    def linear(
        self, step: Step, signal: Spikes, terms: list[Term], bias: NDArray[np.float64], kind: str, last: bool
    ) -> Signal:
        shape = step.shape
        made = Linear(shape, tuple(terms), bias, step.layer.name, kind, step.output)
        return self.activate(step, made, _activation(step), last)

    def as_linear(self, signal: Signal, step: Step, kind: str = "unit") -> Linear:
        """Spikes as a sum of one-to-one synapses."""
        if isinstance(signal, Linear):
            return signal
        terms = []
        for part in signal.parts:
            at = signal.flat_positions(part)
            if len(at) == signal.size and (at == np.arange(signal.size)).all():
                terms.append(Term(part.pop, OneToOne(part.gain)))
            else:
                terms.append(Term(part.pop, Sparse.of(np.arange(len(at)), at, part.gain, len(at), signal.size)))
        bias = np.zeros(signal.size) if signal.offset is None else signal.offset.ravel()
        return Linear(signal.shape, tuple(terms), bias, step.layer.name, kind, signal.key)

    def activate(self, step: Step, signal: Signal, name: str, last: bool) -> Signal:
        """Put the activation ``name`` on a signal."""
        if name == "linear":
            return signal
        if name in ("softmax", "sigmoid"):
            if not last:
                raise ConversionError(f"{step.label} has {name} before the last layer; only ReLU can be converted there")
            if name == "sigmoid" and signal.size == 1:
                raise ConversionError(
                    f"{step.label} is one sigmoid unit, and predictions are the argmax over the outputs; use Dense(2, 'softmax')"
                )
            self.bare.add(step.index)
            self.note(step, f"{name} left out: the largest output stays the largest")
            return signal
        if name not in ("relu", "relu6"):
            raise ConversionError(
                f"{step.label} has activation '{name}'; integrate-and-fire neurons approximate ReLU: retrain with 'relu'"
            )
        if isinstance(signal, Spikes) and signal.nonnegative and name == "relu":
            return replace(signal, key=step.output)
        if isinstance(signal, Spikes) and signal.plain and name == "relu6":
            signal = self.as_linear(signal, step)
        linear = replace(self.as_linear(signal, step), key=step.output)
        return self.grow(linear, step)

    def note(self, step: Step, text: str) -> None:
        before = self.notes.get(step.index)
        self.notes[step.index] = text if before is None else f"{before}; {text}"

    def warn(self, step: Step, text: str) -> None:
        self.warnings.setdefault(step.index, []).append(text)


def _activation(step: Step) -> str:
    function = getattr(step.layer, "activation", None)
    return "linear" if function is None else getattr(function, "__name__", type(function).__name__)


def _array(value: Any) -> NDArray[np.float64]:
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value, np.float64)


def _bias(step: Step, n: int) -> NDArray[np.float64]:
    if not getattr(step.layer, "use_bias", False) or step.layer.bias is None:
        return np.zeros(n)
    return per_neuron(_array(step.layer.bias), n)


# layers with weights


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
        terms.append(Term(part.pop, Dense(weight)))
    bias = _bias(step, kernel.shape[1])
    if signal.offset is not None:
        bias = bias + signal.offset @ kernel
    return parser.linear(step, signal, terms, bias, "dense", last)


def conv2d(parser: Parser, step: Step, last: bool) -> Signal:
    layer = step.layer
    return _convolve(
        parser, step, last, _array(layer.kernel), layer.strides, layer.padding, layer.dilation_rate, layer.groups
    )


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


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _shifted(window: Window, part: Part) -> Window:
    """The window over a signal as the window over one of its parts."""
    pad = (window.pad[0] + part.top, window.pad[1] + part.left)
    return replace(window, in_hw=(part.shape[0], part.shape[1]), pad=pad)


def _image(step: Step, signal: Spikes) -> None:
    if len(signal.shape) != 3 or any(p.positions is not None for p in signal.parts):
        raise ConversionError(f"{step.label} needs (height, width, channels), and gets {signal.shape}")


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
    _image(step, signal)
    if groups > 1 and len(signal.parts) > 1:
        raise ConversionError(f"{step.label} has {groups} groups over a Concatenate; convolve the branches before joining")
    window = Window.of(signal.shape[:2], kernel.shape[:2], _pair(strides), padding, _pair(dilation))
    terms = []
    for part in signal.parts:
        mine = kernel if groups > 1 else kernel[:, :, part.channel : part.channel + part.shape[2]]
        synapses = Convolution(mine, _shifted(window, part), groups)
        terms.append(Term(part.pop, scaled(synapses, pre=part.gain)))
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


# pooling


def average_pooling(parser: Parser, step: Step, last: bool) -> Signal:
    layer = step.layer
    return _pool(parser, step, _pair(layer.pool_size), _pair(layer.strides), layer.padding)


def global_average_pooling(parser: Parser, step: Step, last: bool) -> Signal:
    shape = parser.signals[step.inputs[0]].shape
    if len(shape) != 3:
        raise ConversionError(f"{step.label} needs (height, width, channels), and gets {shape}")
    pooled = _pool(parser, step, shape[:2], shape[:2], "valid")
    return pooled if step.layer.keepdims else _reshaped(pooled, step)


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
    window = Window.of(source.shape[:2], size, stride, padding)
    if isinstance(source, Linear) and not source.nonnegative:
        return _pool_linear(parser, step, source, window)
    signal = parser.spikes(step)
    _image(step, signal)
    parts, shape = [], (*window.out_hw, signal.shape[2])
    for part in signal.parts:
        pooling, channels = _pooling_of(window, part), part.shape[2]
        own = (*window.out_hw, channels)
        # a part's own activations stand in the tensor only where nothing but the part's population shapes them
        plain = signal.plain
        pop = Population(
            parser.unique(step.layer.name),
            "pool",
            own,
            (Term(part.pop, pooling),),
            np.zeros(int(np.prod(own))),
            step.index,
            step.output if plain else None,
            (part.channel, part.channel + channels),
        )
        parser.populations.append(pop)
        gain = per_neuron(_channel_gain(part), pop.size)
        parts.append(Part(len(parser.populations) - 1, own, gain, channel=part.channel))
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
    mine, channels = _shifted(window, part), part.shape[2]
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
        terms.append(Term(term.pop, joined))
    bias = apply(Pooling(window, np.ones(source.shape[2])), source.bias)
    parser.note(step, f"merged into '{source.made_by}': no neurons of its own")
    shape = (*window.out_hw, source.shape[2])
    return replace(source, shape=shape, terms=tuple(terms), bias=bias, key=step.output)


# shape


def reshape(parser: Parser, step: Step, last: bool) -> Signal:
    return _reshaped(parser.signals[step.inputs[0]], step)


def _reshaped(signal: Signal, step: Step) -> Signal:
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
    _image(step, signal)
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


# activations


def relu(parser: Parser, step: Step, last: bool) -> Signal:
    layer = step.layer
    slope = float(getattr(layer, "negative_slope", 0) or 0)
    threshold = float(getattr(layer, "threshold", 0) or 0)
    if slope or threshold:
        raise ConversionError(
            f"{step.label} has negative_slope {slope} and threshold {threshold}; only a plain ReLU can be converted"
        )
    capped = getattr(layer, "max_value", None) is not None
    return parser.activate(step, parser.signals[step.inputs[0]], "relu6" if capped else "relu", last)


def activation(parser: Parser, step: Step, last: bool) -> Signal:
    return parser.activate(step, parser.signals[step.inputs[0]], _activation(step), last)


def softmax(parser: Parser, step: Step, last: bool) -> Signal:
    return parser.activate(step, parser.signals[step.inputs[0]], "softmax", last)


# several inputs


def add(parser: Parser, step: Step, last: bool) -> Signal:
    if len(step.inputs) < 2:
        raise ConversionError(f"{step.label} adds a constant; put it in the bias of the layer before")
    terms, bias = [], np.zeros(int(np.prod(step.shape)))
    for tensor in step.inputs:
        signal = parser.signals[tensor]
        if signal.shape != step.shape:
            raise ConversionError(f"{step.label} adds tensors of shapes {signal.shape} and {step.shape}; make them equal")
        linear = parser.as_linear(signal, step)
        terms.extend(linear.terms)
        bias = bias + linear.bias
    return Linear(step.shape, tuple(terms), bias, step.layer.name, "add", step.output)


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


RULES: dict[str, Callable[[Parser, Step, bool], Signal]] = {
    "Dense": dense,
    "Conv2D": conv2d,
    "DepthwiseConv2D": depthwise,
    "SeparableConv2D": separable,
    "BatchNormalization": batch_norm,
    "Rescaling": rescaling,
    "AveragePooling2D": average_pooling,
    "GlobalAveragePooling2D": global_average_pooling,
    "MaxPooling2D": max_pooling,
    "GlobalMaxPooling2D": max_pooling,
    "Flatten": reshape,
    "Reshape": reshape,
    "ZeroPadding2D": zero_padding,
    "ReLU": relu,
    "Relu": relu,
    "Activation": activation,
    "Softmax": softmax,
    "Add": add,
    "Concatenate": concatenate,
    **dict.fromkeys(WITHOUT_EFFECT, without_effect),
}

ADVICE = {
    "LayerNormalization": "It depends on each sample; use BatchNormalization.",
    "LeakyReLU": "Rates are never negative; use ReLU.",
    "Conv1D": "Use Conv2D with one row.",
    "Lambda": "Its code is unknown; use a layer of the list.",
    "Resizing": "Resize the samples before conversion.",
    "LSTM": "Recurrent Keras layers have no integrate-and-fire twin.",
}
