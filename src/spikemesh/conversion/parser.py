"""The state of a conversion: signals by tensor, the blocks so far, and what to tell the user about each layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.conversion.graph import Step
from spikemesh.conversion.signals import Block, Linear, Part, Spikes, Term
from spikemesh.errors import ConversionError
from spikemesh.network import OneToOne, Sparse

__all__ = ["RATE_CODE", "Parser", "Signal", "activation_of", "relu_of"]

Signal = Spikes | Linear
RATE_CODE = "spike rates are never negative"
FINAL = ("softmax", "log_softmax", "sigmoid")
"""Activations that leave the order of the outputs as it is, and may therefore be left out at the end."""


class Parser:
    """Turns steps into blocks. ``signals`` maps tensor numbers to what flows there; ``notes`` collects the report."""

    def __init__(self, input_shape: tuple[int, ...], max_pooling: str) -> None:
        self.max_pooling = max_pooling
        shape = input_shape if len(input_shape) in (1, 3) else (*input_shape, 1)
        if len(shape) not in (1, 3):
            raise ConversionError(
                f"an input of shape {input_shape} cannot be laid out; (height, width, channels) or (units,) can"
            )
        n = int(np.prod(shape))
        self.blocks = [Block("input", "input", shape, (), np.zeros(n), 0, 0)]
        flat = None if len(input_shape) == 3 else np.arange(n)
        part = Part(0, input_shape, np.ones(n), positions=flat)
        self.signals: dict[int, Signal] = {0: Spikes(input_shape, (part,), None, 0)}
        self.replaced: dict[int, Any] = {}
        self.bare: set[int] = set()
        self.notes: dict[int, str] = {}
        self.warnings: dict[int, list[str]] = {}
        self.names: set[str] = {"input"}

    def finish(self, tensor: int, step: Step) -> tuple[int, ...]:
        """Make the model's output neurons; returns their blocks."""
        signal = self.signals[tensor]
        if isinstance(signal, Spikes):
            whole = len(signal.parts) == 1 and signal.plain and self.blocks[signal.parts[0].block].size == signal.size
            if whole and signal.parts[0].block != 0:
                block = signal.parts[0].block
                self.blocks[block] = replace(self.blocks[block], output=True)
                return (block,)
            signal = self.as_linear(signal, step)
        grown = self.grow(replace(signal, key=tensor), output=True)
        return (grown.parts[0].block,)

    # blocks

    def grow(self, linear: Linear, output: bool = False) -> Spikes:
        """Neurons for a weighted sum; ``linear.key`` is the tensor that their rates follow."""
        shape = linear.shape if len(linear.shape) in (1, 3) else (linear.size,)
        block = Block(
            self.unique(linear.made_by), linear.kind, shape, linear.terms, linear.bias, linear.step, linear.key, None, output
        )
        self.blocks.append(block)
        flat = None if len(linear.shape) == 3 else np.arange(linear.size)
        part = Part(len(self.blocks) - 1, linear.shape, np.ones(linear.size), positions=flat)
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
        grown = self.grow(signal)
        self.signals[step.inputs[which]] = grown
        return grown

    def linear(self, step: Step, signal: Spikes, terms: list[Term], bias: NDArray[np.float64], kind: str, last: bool) -> Signal:
        shape = step.shape
        made = Linear(shape, tuple(terms), bias, step.layer.name, step.index, kind, step.output)
        return self.activate(step, made, activation_of(step), last)

    def as_linear(self, signal: Signal, step: Step, kind: str = "unit") -> Linear:
        """Spikes as a sum of one-to-one synapses."""
        if isinstance(signal, Linear):
            return signal
        terms = []
        for part in signal.parts:
            at = signal.flat_positions(part)
            if len(at) == signal.size and (at == np.arange(signal.size)).all():
                terms.append(Term(part.block, OneToOne(part.gain)))
            else:
                terms.append(Term(part.block, Sparse.of(np.arange(len(at)), at, part.gain, len(at), signal.size)))
        bias = np.zeros(signal.size) if signal.offset is None else signal.offset.ravel()
        return Linear(signal.shape, tuple(terms), bias, step.layer.name, step.index, kind, signal.key)

    def activate(self, step: Step, signal: Signal, name: str, last: bool) -> Signal:
        """Put the activation ``name`` on a signal."""
        if name == "linear":
            return signal
        if name in FINAL:
            if not last:
                raise ConversionError(f"{step.label} has {name} before the last layer; only ReLU can be converted there")
            if signal.size == 1:
                raise ConversionError(
                    f"{step.label} is one {name} unit; predictions are the argmax over several outputs: use Dense(2, 'softmax')"
                )
            self.bare.add(step.index)
            self.note(step, f"{name} left out: the largest output stays the largest")
            return signal
        if name not in ("relu", "relu6"):
            raise ConversionError(
                f"{step.label} has activation '{name}'; integrate-and-fire neurons approximate ReLU: retrain with 'relu'"
            )
        if isinstance(signal, Spikes) and signal.nonnegative and name == "relu":
            self.note(step, "without effect: nothing is negative here")
            return replace(signal, key=step.output)
        if isinstance(signal, Spikes) and signal.plain and name == "relu6":
            signal = self.as_linear(signal, step)
        linear = replace(self.as_linear(signal, step), key=step.output)
        if linear.step != step.index:
            self.note(step, f"the ReLU of '{linear.made_by}'")
        return self.grow(linear)

    def note(self, step: Step, text: str) -> None:
        before = self.notes.get(step.index)
        self.notes[step.index] = text if before is None else f"{before}; {text}"

    def warn(self, step: Step, text: str) -> None:
        self.warnings.setdefault(step.index, []).append(text)


def activation_of(step: Step) -> str:
    """The name of the activation at the end of the step's layer, "linear" where it has none."""
    function = getattr(step.layer, "activation", None)
    if function is None:
        return "linear"
    kind = type(function).__name__
    if kind in ("ReLU", "Softmax"):  # a layer object in the place of a function
        return relu_of(step, function) if kind == "ReLU" else "softmax"
    return getattr(function, "__name__", kind)


def relu_of(step: Step, layer: Any) -> str:
    """ "relu", or "relu6" where it is capped: its scale lies at or below the cap, where its neurons saturate."""
    slope = float(getattr(layer, "negative_slope", 0) or 0)
    threshold = float(getattr(layer, "threshold", 0) or 0)
    if slope or threshold:
        raise ConversionError(
            f"{step.label} has negative_slope {slope:g} and threshold {threshold:g}; only a plain ReLU can be converted"
        )
    return "relu6" if getattr(layer, "max_value", None) is not None else "relu"
