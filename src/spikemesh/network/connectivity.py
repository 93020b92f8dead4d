"""How one block of neurons feeds another: dense, convolution, pooling, one-to-one, or any list of synapses.

A connectivity knows its synapses without holding them: a convolution of 900 million synapses is a kernel and a window.
``edges()`` lists them for networks small enough to be listed; ``fan_in()``, ``fan_out()`` and ``n_synapses`` never do.

Neurons are numbered inside their block: channels last, so (y, x, channel) has index (y * width + x) * channels + channel,
the order in which Keras flattens. Only real synapses count: a tap that falls on the zero border is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import NetworkError

__all__ = ["Connectivity", "Convolution", "Dense", "Edges", "OneToOne", "Pooling", "Sparse", "Window"]

Ids = NDArray[np.int32]
Weights = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Edges:
    """Synapses as flat arrays, sorted by presynaptic, then postsynaptic neuron.

    ``pre``, ``post``: (n_synapses,) int32 neuron indices; ``weight``: (n_synapses,) float, in units of the threshold.
    Parallel synapses between the same two neurons stay apart.
    """

    pre: Ids
    post: Ids
    weight: Weights

    @staticmethod
    def sorted(pre: NDArray[np.integer], post: NDArray[np.integer], weight: Weights) -> Edges:
        """Sorts by (pre, post); parallel synapses keep their order."""
        rises = (pre[1:] > pre[:-1]) | ((pre[1:] == pre[:-1]) & (post[1:] >= post[:-1]))
        if rises.all():
            return Edges(pre.astype(np.int32), post.astype(np.int32), weight)
        order = np.lexsort((post, pre))
        return Edges(pre[order].astype(np.int32), post[order].astype(np.int32), weight[order])

    def __len__(self) -> int:
        return len(self.pre)


@runtime_checkable
class Connectivity(Protocol):
    """What every connectivity offers. Neuron indices are local to the two blocks."""

    @property
    def n_pre(self) -> int: ...
    @property
    def n_post(self) -> int: ...
    @property
    def n_synapses(self) -> int: ...

    def fan_in(self) -> NDArray[np.int64]:
        """(n_post,) synapses that end at each postsynaptic neuron."""
        ...

    def fan_out(self) -> NDArray[np.int64]:
        """(n_pre,) synapses that start at each presynaptic neuron."""
        ...

    def edges(self) -> Edges:
        """Every synapse, listed."""
        ...


def as_floats(values: ArrayLike, what: str) -> NDArray[np.floating]:
    """The values as an array of floats; float32 stays float32. A NetworkError where they are no real numbers."""
    array = np.asarray(values)
    if np.issubdtype(array.dtype, np.floating):
        return array
    if array.size and not (np.issubdtype(array.dtype, np.integer) or array.dtype == np.bool_):
        raise NetworkError(f"{what} must hold numbers, not {array.dtype}")
    return array.astype(np.float64)


def check_ids(name: str, values: object, limit: int | None = None) -> NDArray[np.integer]:
    """The values as a flat array of integers in [0, limit); a NetworkError names the first that is not."""
    ids = np.asarray(values)
    if ids.ndim != 1 or (ids.size and not np.issubdtype(ids.dtype, np.integer)):
        raise NetworkError(f"{name} must be a flat array of integers, not {ids.dtype} of shape {ids.shape}")
    if ids.size and (ids.min() < 0 or (limit is not None and ids.max() >= limit)):
        unknown = int(ids.min() if ids.min() < 0 else ids.max())
        known = "neurons count from 0" if limit is None else f"there are {limit}"
        raise NetworkError(f"{name} names neuron {unknown}; {known}")
    return ids if ids.size else ids.astype(np.int32)


def _finite(weight: ArrayLike, what: str) -> Weights:
    weight = as_floats(weight, what)
    if not np.isfinite(weight).all():
        raise NetworkError(f"{what} has {int((~np.isfinite(weight)).sum())} weight(s) that are NaN or infinite")
    return weight


@dataclass(frozen=True, eq=False)
class Dense:
    """Every presynaptic neuron feeds every postsynaptic one. ``weight``: (n_pre, n_post)."""

    weight: Weights

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _finite(self.weight, "a dense connectivity"))
        if self.weight.ndim != 2:
            raise NetworkError(f"dense weights must be (n_pre, n_post), not of shape {self.weight.shape}")

    @property
    def n_pre(self) -> int:
        return int(self.weight.shape[0])

    @property
    def n_post(self) -> int:
        return int(self.weight.shape[1])

    @property
    def n_synapses(self) -> int:
        return int(self.weight.size)

    def fan_in(self) -> NDArray[np.int64]:
        return np.full(self.n_post, self.n_pre, np.int64)

    def fan_out(self) -> NDArray[np.int64]:
        return np.full(self.n_pre, self.n_post, np.int64)

    def edges(self) -> Edges:
        pre = np.repeat(np.arange(self.n_pre, dtype=np.int32), self.n_post)
        post = np.tile(np.arange(self.n_post, dtype=np.int32), self.n_pre)
        return Edges(pre, post, self.weight.ravel())


def _pair(values: Sequence[int]) -> tuple[int, int]:
    return int(values[0]), int(values[1])


@dataclass(frozen=True)
class Window:
    """A window that slides over a (height, width) plane.

    ``pad`` is what TensorFlow adds before the first row and column; the rest follows from ``out_hw``.
    """

    in_hw: tuple[int, int]
    out_hw: tuple[int, int]
    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        for name, least in (("in_hw", 1), ("out_hw", 1), ("size", 1), ("stride", 1), ("dilation", 1), ("pad", 0)):
            values = getattr(self, name)
            if len(values) != 2 or min(values) < least:
                raise NetworkError(f"a window's {name} must be two whole numbers of at least {least}, not {values}")

    @staticmethod
    def of(
        in_hw: tuple[int, int],
        size: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        padding: str = "valid",
        dilation: tuple[int, int] = (1, 1),
    ) -> Window:
        """The window as TensorFlow places it; ``padding`` is "valid" or "same"."""
        if min(*stride, *size, *dilation) < 1:
            raise NetworkError(f"size, stride and dilation must be at least 1: {size}, {stride}, {dilation}")
        out, pad = [], []
        for n, k, s, d in zip(in_hw, size, stride, dilation, strict=True):
            reach = (k - 1) * d + 1
            if padding == "same":
                o = -(-n // s)
                pad.append(max((o - 1) * s + reach - n, 0) // 2)
            elif padding == "valid":
                o = (n - reach) // s + 1
                pad.append(0)
            else:
                raise NetworkError(f"padding must be 'valid' or 'same', not {padding!r}")
            if o < 1:
                raise NetworkError(f"a window of {tuple(size)} (dilation {tuple(dilation)}) does not fit in {tuple(in_hw)}")
            out.append(o)
        return Window(_pair(in_hw), _pair(out), _pair(size), _pair(stride), _pair(pad), _pair(dilation))

    def axis(self, a: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """For each tap along axis ``a``: the in-bounds (input, output) coordinates it joins."""
        joined = []
        for k in range(self.size[a]):
            o = np.arange(self.out_hw[a])
            i = o * self.stride[a] - self.pad[a] + k * self.dilation[a]
            inside = (i >= 0) & (i < self.in_hw[a])
            joined.append((i[inside], o[inside]))
        return joined

    def counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Taps in bounds of each output position and of each input position, flat (h * w,) each."""
        per_out, per_in = [], []
        for a in (0, 1):
            into, out = np.zeros(self.in_hw[a], np.int64), np.zeros(self.out_hw[a], np.int64)
            for i, o in self.axis(a):
                np.add.at(into, i, 1)
                np.add.at(out, o, 1)
            per_in.append(into)
            per_out.append(out)
        return np.outer(*per_out).ravel(), np.outer(*per_in).ravel()

    def taps(self) -> list[tuple[int, int, NDArray[np.int64], NDArray[np.int64]]]:
        """(ky, kx, input positions, output positions) of every tap; positions are flat indices into their plane."""
        ys, xs = self.axis(0), self.axis(1)
        joined = []
        for ky, (iy, oy) in enumerate(ys):
            for kx, (ix, ox) in enumerate(xs):
                joined.append(
                    (
                        ky,
                        kx,
                        (iy[:, None] * self.in_hw[1] + ix).ravel(),
                        (oy[:, None] * self.out_hw[1] + ox).ravel(),
                    )
                )
        return joined


@dataclass(frozen=True, eq=False)
class Convolution:
    """A 2-D convolution, also grouped or depthwise.

    ``kernel``: (height, width, channels_in / groups, channels_out), as Keras keeps it; output channel f belongs to
    group f // (channels_out / groups). A depthwise convolution has one group per input channel.
    """

    kernel: Weights
    window: Window
    groups: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", _finite(self.kernel, "a convolution"))
        if self.kernel.ndim != 4 or self.kernel.shape[:2] != tuple(self.window.size):
            raise NetworkError(f"a kernel of shape {self.kernel.shape} does not fit a window of {self.window.size}")
        if self.groups < 1 or self.kernel.shape[3] % self.groups:
            raise NetworkError(f"{self.kernel.shape[3]} output channels cannot form {self.groups} groups")

    @property
    def channels_in(self) -> int:
        return int(self.kernel.shape[2]) * self.groups

    @property
    def channels_out(self) -> int:
        return int(self.kernel.shape[3])

    @property
    def n_pre(self) -> int:
        return self.window.in_hw[0] * self.window.in_hw[1] * self.channels_in

    @property
    def n_post(self) -> int:
        return self.window.out_hw[0] * self.window.out_hw[1] * self.channels_out

    @cached_property
    def n_synapses(self) -> int:
        return int(self.window.counts()[0].sum()) * int(self.kernel.shape[2]) * self.channels_out

    def fan_in(self) -> NDArray[np.int64]:
        per_out, _ = self.window.counts()
        return np.repeat(per_out * int(self.kernel.shape[2]), self.channels_out)

    def fan_out(self) -> NDArray[np.int64]:
        _, per_in = self.window.counts()
        return np.repeat(per_in * (self.channels_out // self.groups), self.channels_in)

    def edges(self) -> Edges:
        cin, cout = int(self.kernel.shape[2]), self.channels_out // self.groups
        group = np.arange(self.groups)
        from_channel = group[:, None, None] * cin + np.arange(cin)[None, :, None] + np.zeros((1, 1, cout), int)
        to_channel = group[:, None, None] * cout + np.zeros((1, cin, 1), int) + np.arange(cout)[None, None, :]
        pres, posts, weights = [], [], []
        for ky, kx, i, o in self.window.taps():
            tap = self.kernel[ky, kx].reshape(cin, self.groups, cout).transpose(1, 0, 2)
            pres.append((i[:, None] * self.channels_in + from_channel.ravel()).ravel().astype(np.int32))
            posts.append((o[:, None] * self.channels_out + to_channel.ravel()).ravel().astype(np.int32))
            weights.append(np.broadcast_to(tap.ravel(), (len(i), tap.size)).ravel())
        return Edges.sorted(np.concatenate(pres), np.concatenate(posts), np.concatenate(weights))


@dataclass(frozen=True, eq=False)
class Pooling:
    """Average pooling: each output averages the inputs of its own channel that lie in bounds.

    ``scale``: (channels,) factor on the average, 1 where nothing is normalised.
    """

    window: Window
    scale: Weights

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", _finite(self.scale, "a pooling"))
        if self.scale.ndim != 1 or not len(self.scale):
            raise NetworkError(f"a pooling's scale must be one number a channel, not of shape {self.scale.shape}")

    @property
    def channels(self) -> int:
        return len(self.scale)

    @property
    def n_pre(self) -> int:
        return self.window.in_hw[0] * self.window.in_hw[1] * self.channels

    @property
    def n_post(self) -> int:
        return self.window.out_hw[0] * self.window.out_hw[1] * self.channels

    @cached_property
    def n_synapses(self) -> int:
        return int(self.window.counts()[0].sum()) * self.channels

    def fan_in(self) -> NDArray[np.int64]:
        return np.repeat(self.window.counts()[0], self.channels)

    def fan_out(self) -> NDArray[np.int64]:
        return np.repeat(self.window.counts()[1], self.channels)

    def edges(self) -> Edges:
        per_out, _ = self.window.counts()
        channel = np.arange(self.channels)
        pres, posts, weights = [], [], []
        for _, _, i, o in self.window.taps():
            pres.append((i[:, None] * self.channels + channel).ravel())
            posts.append((o[:, None] * self.channels + channel).ravel())
            weights.append((self.scale[None, :] / per_out[o][:, None]).ravel())
        return Edges.sorted(np.concatenate(pres), np.concatenate(posts), np.concatenate(weights))


@dataclass(frozen=True, eq=False)
class OneToOne:
    """Neuron k feeds neuron k + ``post_offset``. ``weight``: (n_pre,)."""

    weight: Weights
    post_offset: int = 0
    n_post_total: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _finite(self.weight, "a one-to-one connectivity"))
        if self.weight.ndim != 1:
            raise NetworkError(f"one-to-one weights must be flat, not of shape {self.weight.shape}")
        if not 0 <= self.post_offset <= self.n_post - self.n_pre:
            raise NetworkError(
                f"{self.n_pre} one-to-one synapses from neuron {self.post_offset} on do not fit into {self.n_post} neurons"
            )

    @property
    def n_pre(self) -> int:
        return len(self.weight)

    @property
    def n_post(self) -> int:
        return self.n_pre + self.post_offset if self.n_post_total is None else self.n_post_total

    @property
    def n_synapses(self) -> int:
        return len(self.weight)

    def fan_in(self) -> NDArray[np.int64]:
        counts = np.zeros(self.n_post, np.int64)
        counts[self.post_offset : self.post_offset + self.n_pre] = 1
        return counts

    def fan_out(self) -> NDArray[np.int64]:
        return np.ones(self.n_pre, np.int64)

    def edges(self) -> Edges:
        pre = np.arange(self.n_pre, dtype=np.int32)
        return Edges(pre, pre + np.int32(self.post_offset), self.weight)


@dataclass(frozen=True, eq=False)
class Sparse:
    """Any list of synapses. ``synapses`` is sorted by (pre, post); parallel synapses and self-loops are allowed."""

    synapses: Edges
    n_pre: int
    n_post: int

    @staticmethod
    def of(pre: object, post: object, weight: object, n_pre: int, n_post: int) -> Sparse:
        ids = [check_ids(name, values, n) for name, values, n in (("pre", pre, n_pre), ("post", post, n_post))]
        weights = _finite(weight, "a list of synapses")  # type: ignore[arg-type]
        if weights.ndim != 1 or not len(ids[0]) == len(ids[1]) == len(weights):
            raise NetworkError(
                f"pre, post and weight must be flat and of one length: {ids[0].shape}, {ids[1].shape}, {weights.shape}"
            )
        return Sparse(Edges.sorted(ids[0], ids[1], weights), n_pre, n_post)

    @property
    def n_synapses(self) -> int:
        return len(self.synapses)

    def fan_in(self) -> NDArray[np.int64]:
        return np.bincount(self.synapses.post, minlength=self.n_post).astype(np.int64)

    def fan_out(self) -> NDArray[np.int64]:
        return np.bincount(self.synapses.pre, minlength=self.n_pre).astype(np.int64)

    def edges(self) -> Edges:
        return self.synapses
