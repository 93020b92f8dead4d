"""Layer lists: the networks of the papers as a few tuples, counted, drawn or trained from the same description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikemesh.network import Connectivity, Convolution, Dense, Layer, Pooling, Projection, SpikingNetwork, Window

__all__ = ["Conv", "Fc", "Pool", "Topology"]


@dataclass(frozen=True)
class Conv:
    """A convolution of ``filters`` maps with a square kernel, then ReLU."""

    filters: int
    kernel: int
    padding: str = "valid"
    stride: int = 1
    normalise: bool = False
    """whether the Keras model has a BatchNormalization between the convolution and its ReLU"""


@dataclass(frozen=True)
class Pool:
    """Average pooling over a square."""

    size: int = 2
    stride: int = 2


@dataclass(frozen=True)
class Fc:
    """A dense layer, then ReLU; the last one is left linear. ``dropout``: share left out in training before it."""

    units: int
    dropout: float = 0.0


@dataclass(frozen=True)
class Topology:
    """A feed-forward network: input (height, width, channels) or (units,), then layers."""

    input_shape: tuple[int, ...]
    layers: tuple[Conv | Pool | Fc, ...]

    def shapes(self) -> Iterator[tuple[str, str, tuple[int, ...], Window | None]]:
        """(name, kind, shape, window) of each layer after the input."""
        shape: tuple[int, ...] = self.input_shape
        counts: dict[str, int] = {}
        for layer in self.layers:
            window = None
            if isinstance(layer, Fc):
                kind, shape = "dense", (layer.units,)
            else:
                side, stride = (layer.kernel, layer.stride) if isinstance(layer, Conv) else (layer.size, layer.stride)
                padding = layer.padding if isinstance(layer, Conv) else "valid"
                window = Window.of((shape[0], shape[1]), (side, side), (stride, stride), padding)
                kind, channels = ("conv", layer.filters) if isinstance(layer, Conv) else ("pool", shape[2])
                shape = (*window.out_hw, channels)
            counts[kind] = counts.get(kind, 0) + 1
            yield f"{kind}{counts[kind]}", kind, shape, window

    def counts(self) -> tuple[int, int]:
        """Neurons and synapses, by the rules of the design: in-bounds taps, one per tap in pooling, nothing drawn."""
        before = self.input_shape
        neurons, synapses = int(np.prod(before)), 0
        for _, kind, shape, window in self.shapes():
            neurons += int(np.prod(shape))
            if window is None:
                synapses += int(np.prod(before)) * shape[0]
            else:
                taps = int(window.counts()[0].sum())
                synapses += taps * shape[2] * (before[2] if kind == "conv" else 1)
            before = shape
        return neurons, synapses

    def drawn(self, name: str, seed: int = 0) -> SpikingNetwork:
        """The network with weights drawn from N(0, 1 / fan-in), straight from the layer list: no synapse is listed.

        Rates stay moderate through the layers: weights of this spread keep the variance of what arrives near that of one
        presynaptic neuron. Pooling is the plain average. Biases are 0.
        """
        rng = np.random.default_rng(seed)
        layers = [Layer("input", self.input_shape, "input")]
        projections: list[Projection] = []
        pre_start, start = 0, layers[0].size
        for title, kind, shape, window in self.shapes():
            before = layers[-1].shape
            synapses: Connectivity
            if kind == "dense":
                synapses = Dense(_normal(rng, (layers[-1].size, shape[0]), layers[-1].size))
            elif kind == "pool":
                assert window is not None
                synapses = Pooling(window, np.ones(shape[2], np.float32))
            else:
                assert window is not None
                fan_in = window.size[0] * window.size[1] * before[2]
                synapses = Convolution(_normal(rng, (*window.size, before[2], shape[2]), fan_in), window)
            projections.append(Projection(pre_start, start, synapses))
            layers.append(Layer(title, shape, kind))
            pre_start, start = start, start + layers[-1].size
        return SpikingNetwork(tuple(layers), tuple(projections), weights="drawn", name=name)

    def keras(self, name: str) -> Any:
        """The same network as an untrained Keras Sequential model that ends in softmax."""
        from spikemesh.conversion._keras import keras

        k = keras()
        kl = k.layers
        model = k.Sequential([k.Input(self.input_shape)], name=name)
        flat = len(self.input_shape) == 1
        for layer, (title, _, _, _) in zip(self.layers, self.shapes(), strict=True):
            if isinstance(layer, Pool):
                model.add(kl.AveragePooling2D(layer.size, layer.stride, name=title))
            elif isinstance(layer, Conv):
                own = None if layer.normalise else "relu"
                model.add(kl.Conv2D(layer.filters, layer.kernel, layer.stride, layer.padding, activation=own, name=title))
                if layer.normalise:
                    model.add(kl.BatchNormalization(name=f"{title}_norm"))
                    model.add(kl.ReLU(name=f"{title}_relu"))
            else:
                if not flat:
                    model.add(kl.Flatten(name="flatten"))
                    flat = True
                if layer.dropout:
                    model.add(kl.Dropout(layer.dropout, name=f"{title}_dropout"))
                own = "softmax" if layer is self.layers[-1] else "relu"
                model.add(kl.Dense(layer.units, activation=own, name=title))
        return model


def _normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> Any:
    weights = rng.standard_normal(shape, np.float32)
    weights *= np.float32(1 / np.sqrt(fan_in))
    return weights
