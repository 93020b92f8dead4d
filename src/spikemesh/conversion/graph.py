"""A Keras model as a flat list of steps, and its activations batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.conversion._keras import keras
from spikemesh.errors import ConversionError

__all__ = ["Graph", "Step", "flatten", "forward"]


@dataclass(frozen=True, eq=False)
class Step:
    """One call of one layer (or ``keras.ops`` operation). Tensors are numbered; ``names`` maps Keras' tensors to them."""

    index: int
    layer: Any
    arguments: Any
    names: dict[int, int]
    inputs: tuple[int, ...]
    output: int
    shape: tuple[int, ...]
    """of the output, without the batch axis"""

    @property
    def kind(self) -> str:
        return type(self.layer).__name__

    @property
    def label(self) -> str:
        return f"layer '{self.layer.name}' ({self.kind}, index {self.index})"


@dataclass
class Graph:
    """The model's steps in topological order. Tensor 0 is the input."""

    name: str
    input_shape: tuple[int, ...]
    steps: list[Step] = field(default_factory=list)
    output: int = 0
    _next: int = 1

    def fresh(self) -> int:
        self._next += 1
        return self._next - 1


def flatten(model: Any) -> Graph:
    """Every layer call of a built Sequential or functional model, nested models included.

    Raises
    ------
    ConversionError
        for anything else: not a Keras model, not built, several inputs or outputs, a subclassed model.
    """
    function = _function(model)
    if len(function.inputs) != 1 or len(function.outputs) != 1:
        raise ConversionError(
            f"model '{model.name}' has {len(function.inputs)} inputs and {len(function.outputs)} outputs; "
            "one input and one output can be converted: build a model of the part that classifies"
        )
    shape = tuple(function.inputs[0].shape[1:])
    if None in shape:
        raise ConversionError(f"model '{model.name}' has an input of open shape {shape}; give every size in its Input")
    graph = Graph(model.name, shape)
    graph.output = _walk(function, {id(function.inputs[0]): 0}, graph)
    return graph


def _function(model: Any) -> Any:
    k = keras()
    if not isinstance(model, k.Model):
        raise ConversionError(f"a Keras 3 model is needed, not {type(model).__module__}.{type(model).__name__}")
    if isinstance(model, k.Sequential):
        if not model.built or getattr(model, "_functional", None) is None:
            raise ConversionError(f"model '{model.name}' is not built; give it an Input or call model.build(shape)")
        return model._functional
    if not hasattr(model, "_nodes_by_depth"):
        raise ConversionError(
            f"model '{model.name}' is a subclass of keras.Model with code of its own; rebuild it as a functional model"
        )
    return model


def _walk(function: Any, names: dict[int, int], graph: Graph) -> int:
    """Append the steps of ``function``; ``names`` holds the numbers of its input tensors."""
    k = keras()
    for depth in sorted(function._nodes_by_depth, reverse=True):
        for node in function._nodes_by_depth[depth]:
            if node.operation is None or node.is_input:
                continue
            layer, inputs = node.operation, tuple(names[id(t)] for t in node.input_tensors)
            if len(node.outputs) != 1:
                raise ConversionError(
                    f"layer '{layer.name}' ({type(layer).__name__}) has {len(node.outputs)} outputs; one is supported"
                )
            if isinstance(layer, k.Model):
                inner = _function(layer)
                if len(inner.inputs) != 1 or len(inner.outputs) != 1:
                    raise ConversionError(f"the model '{layer.name}' inside has several inputs or outputs; use one each")
                names[id(node.outputs[0])] = _walk(inner, {id(inner.inputs[0]): inputs[0]}, graph)
                continue
            output = graph.fresh()
            names[id(node.outputs[0])] = output
            step = Step(
                len(graph.steps) + 1,
                layer,
                node.arguments,
                {id(t): names[id(t)] for t in node.input_tensors},
                inputs,
                output,
                tuple(node.outputs[0].shape[1:]),
            )
            graph.steps.append(step)
    return names[id(function.outputs[0])]


def forward(
    graph: Graph, batch: NDArray[np.float32], wanted: set[int], replaced: dict[int, Any], bare: set[int]
) -> Iterator[tuple[int, NDArray[np.floating]]]:
    """Run one batch and yield (tensor number, its values) of the ``wanted`` tensors as they appear.

    replaced : layers called instead of the model's own, by step index. bare : steps whose own activation is left out.
    A tensor is let go after its last use, so that memory is one batch and the widest stretch of the model.
    """
    k = keras()
    values: dict[int, Any] = {0: k.ops.convert_to_tensor(batch)}
    last = {t: s.index for s in graph.steps for t in s.inputs}
    if 0 in wanted:
        yield 0, batch
    for step in graph.steps:
        tensors = {kt: values[n] for kt, n in step.names.items()}
        args, kwargs = step.arguments.fill_in(tensors)
        layer = replaced.get(step.index, step.layer)
        out = _call_bare(layer, args, kwargs) if step.index in bare else layer(*args, **kwargs)
        values[step.output] = out
        if step.output in wanted:
            yield step.output, np.asarray(k.ops.convert_to_numpy(out))
        for t in step.inputs:
            if last[t] == step.index:
                values.pop(t, None)


def _call_bare(layer: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Call a layer without the activation at its end."""
    if type(layer).__name__ in ("Softmax", "Activation"):
        return args[0]
    own = layer.activation
    layer.activation = keras().activations.linear
    try:
        return layer(*args, **kwargs)
    finally:
        layer.activation = own
