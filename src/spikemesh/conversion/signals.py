"""What flows through a network under conversion: spikes of blocks, or sums that no neuron has fired for yet.

A Keras tensor becomes one of two things. :class:`Spikes` is an affine function of the activations of neurons that exist;
:class:`Linear` is a weighted sum that becomes neurons only when an activation asks for them. Dropout, flattening, padding
and a batch normalisation that follows an activation therefore cost no neuron: they change how the next layer looks.

Everything here is in the units of the Keras model; scales are divided out when the network is assembled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.network import Connectivity, Convolution, Dense, Edges, OneToOne, Pooling, Sparse, Window

__all__ = ["Block", "Linear", "Part", "Spikes", "Term", "apply", "compose_pooling", "per_neuron", "scaled"]


@dataclass(frozen=True, eq=False)
class Part:
    """One block within a signal. Its activation times ``gain`` stands at its place.

    block : its index. shape : how the signal sees it, (h, w, c) or (n,). gain : (n,) float64.
    top, left, channel : where its corner lies in a signal of rank 3. positions : (n,) flat places in any other signal.
    """

    block: int
    shape: tuple[int, ...]
    gain: NDArray[np.float64]
    top: int = 0
    left: int = 0
    channel: int = 0
    positions: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Spikes:
    """Activations of blocks, each at its place, plus a constant ``offset`` of the signal's shape."""

    shape: tuple[int, ...]
    parts: tuple[Part, ...]
    offset: NDArray[np.float64] | None
    key: int

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def plain(self) -> bool:
        """Whether every part is its block's activation itself, so that nothing is negative."""
        return self.offset is None and all((p.gain == 1).all() for p in self.parts)

    @property
    def nonnegative(self) -> bool:
        return (self.offset is None or bool((self.offset >= 0).all())) and all((p.gain >= 0).all() for p in self.parts)

    def flat_positions(self, part: Part) -> NDArray[np.int64]:
        """(n,) flat place in the signal of each of the part's neurons."""
        if part.positions is not None:
            return part.positions
        _, width, channels = self.shape
        h, w, c = part.shape
        y = (np.arange(h) + part.top)[:, None, None]
        x = (np.arange(w) + part.left)[None, :, None]
        return ((y * width + x) * channels + np.arange(c) + part.channel).ravel().astype(np.int64)

    def affine(self, gain: NDArray[np.float64], shift: NDArray[np.float64], key: int) -> Spikes:
        """``gain * signal + shift``, both (channels,) along the last axis."""
        whole = np.broadcast_to(gain, self.shape).ravel()
        parts = tuple(replace(p, gain=p.gain * whole[self.flat_positions(p)]) for p in self.parts)
        offset = np.zeros(self.shape) if self.offset is None else self.offset
        offset = offset * gain + shift
        return Spikes(self.shape, parts, offset if offset.any() else None, key)


@dataclass(frozen=True, eq=False)
class Term:
    """One summand: the block of index ``block`` through ``synapses``."""

    block: int
    synapses: Connectivity


@dataclass(frozen=True, eq=False)
class Linear:
    """A weighted sum that waits for its activation.

    bias : (n,) float64. made_by, step, kind : name, index and kind of the layer that began it.
    """

    shape: tuple[int, ...]
    terms: tuple[Term, ...]
    bias: NDArray[np.float64]
    made_by: str
    step: int
    kind: str
    key: int

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def nonnegative(self) -> bool:
        """Whether no activation of the presynaptic neurons can make it negative."""
        return bool((self.bias >= 0).all()) and all(_least_weight(t.synapses) >= 0 for t in self.terms)

    def affine(self, gain: NDArray[np.float64], shift: NDArray[np.float64], key: int) -> Linear:
        whole = np.broadcast_to(gain, self.shape).ravel()
        terms = tuple(Term(t.block, scaled(t.synapses, post=whole)) for t in self.terms)
        return replace(self, terms=terms, bias=self.bias * whole + np.broadcast_to(shift, self.shape).ravel(), key=key)


@dataclass(frozen=True, eq=False)
class Block:
    """Neurons to be.

    terms : none for the input. key, channels : where its activation is found while calibrating (a Keras tensor, and
    a range along its last axis), or None where the scale is that of its source. output : its sum is read as it is.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    terms: tuple[Term, ...]
    bias: NDArray[np.float64]
    step: int
    key: int | None
    channels: tuple[int, int] | None = None
    output: bool = False

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


def per_neuron(values: NDArray[np.floating], n: int) -> NDArray[np.float64]:
    """One value a channel, repeated for ``n`` neurons (channels last)."""
    values = np.atleast_1d(values)
    return np.tile(values, n // len(values)).astype(np.float64)


def _by_channel(values: NDArray[np.float64], channels: int) -> NDArray[np.float64] | None:
    """(channels,) where ``values`` (n,) repeat over the positions; None where they do not."""
    table = values.reshape(-1, channels)
    return table[0] if (table == table[0]).all() else None


def _least_weight(synapses: Connectivity) -> float:
    if isinstance(synapses, Convolution):
        weight: Any = synapses.kernel
    elif isinstance(synapses, Pooling):
        weight = synapses.scale
    elif isinstance(synapses, Sparse):
        weight = synapses.synapses.weight
    else:
        weight = synapses.weight  # type: ignore[attr-defined]
    return float(weight.min()) if weight.size else 0.0


def scaled(
    synapses: Connectivity, pre: NDArray[np.float64] | None = None, post: NDArray[np.float64] | None = None
) -> Connectivity:
    """The same synapses, each weight times ``pre`` of its presynaptic and ``post`` of its postsynaptic neuron.

    ``pre``: (n_pre,), ``post``: (n_post,). Raises ValueError where a shared kernel would need other factors at other
    positions.
    """
    pre = np.ones(synapses.n_pre) if pre is None else pre
    post = np.ones(synapses.n_post) if post is None else post
    if isinstance(synapses, Dense):
        return Dense(synapses.weight * pre[:, None] * post[None, :])
    if isinstance(synapses, OneToOne):
        window = slice(synapses.post_offset, synapses.post_offset + synapses.n_pre)
        return replace(synapses, weight=synapses.weight * pre * post[window])
    if isinstance(synapses, Sparse):
        e = synapses.synapses
        return replace(synapses, synapses=Edges(e.pre, e.post, e.weight * pre[e.pre] * post[e.post]))
    if isinstance(synapses, Pooling):
        a, b = _by_channel(pre, synapses.channels), _by_channel(post, synapses.channels)
        if a is not None and b is not None:
            return replace(synapses, scale=synapses.scale * a * b)
    if isinstance(synapses, Convolution):
        a, b = _by_channel(pre, synapses.channels_in), _by_channel(post, synapses.channels_out)
        if a is not None and b is not None:
            table = np.repeat(a.reshape(synapses.groups, -1).T, synapses.channels_out // synapses.groups, axis=1)
            return replace(synapses, kernel=synapses.kernel * table * b)
    raise ValueError("factors that differ between positions cannot be taken into a shared kernel")


def apply(synapses: Connectivity, values: NDArray[np.floating]) -> NDArray[np.float64]:
    """What the postsynaptic neurons receive when presynaptic neuron i emits ``values[..., i]``: (..., n_post)."""
    values = np.asarray(values, np.float64)
    lead = values.shape[:-1]
    if isinstance(synapses, Dense):
        return np.asarray(values @ synapses.weight, np.float64)
    if isinstance(synapses, OneToOne):
        out = np.zeros((*lead, synapses.n_post))
        out[..., synapses.post_offset : synapses.post_offset + synapses.n_pre] = values * synapses.weight
        return out
    if isinstance(synapses, Pooling):
        per_out, _ = synapses.window.counts()
        plane = values.reshape(*lead, -1, synapses.channels)
        out = np.zeros((*lead, len(per_out), synapses.channels))
        for _, _, i, o in synapses.window.taps():
            out[..., o, :] += plane[..., i, :]
        return (out * synapses.scale / per_out[:, None]).reshape(*lead, -1)
    if isinstance(synapses, Convolution):
        groups, cout = synapses.groups, synapses.channels_out // synapses.groups
        plane = values.reshape(*lead, -1, groups, synapses.channels_in // groups)
        out = np.zeros((*lead, synapses.window.out_hw[0] * synapses.window.out_hw[1], groups, cout))
        for ky, kx, i, o in synapses.window.taps():
            tap = synapses.kernel[ky, kx].reshape(-1, groups, cout)
            out[..., o, :, :] += np.einsum("...gi,igo->...go", plane[..., i, :, :], tap, optimize=True)
        return out.reshape(*lead, -1)
    from scipy.sparse import csr_array

    e = synapses.edges()
    matrix = csr_array((e.weight.astype(np.float64), (e.post, e.pre)), shape=(synapses.n_post, synapses.n_pre))
    return np.asarray((matrix @ values.reshape(-1, synapses.n_pre).T).T.reshape(*lead, synapses.n_post), np.float64)


def compose_pooling(conv: Convolution, pool: Window) -> Convolution | None:
    """Convolution and the average pooling after it as one convolution; None where a pool reaches over the border."""
    (ph, pw), (sy, sx), (dy, dx) = pool.size, conv.window.stride, conv.window.dilation
    inside, _ = pool.counts()
    if any(pool.pad) or (inside != ph * pw).any():
        return None
    kh, kw = conv.window.size
    size = ((ph - 1) * sy + (kh - 1) * dy + 1, (pw - 1) * sx + (kw - 1) * dx + 1)
    kernel = np.zeros((*size, *conv.kernel.shape[2:]))
    for y in range(ph):
        for x in range(pw):
            rows = slice(y * sy, y * sy + (kh - 1) * dy + 1, dy)
            columns = slice(x * sx, x * sx + (kw - 1) * dx + 1, dx)
            kernel[rows, columns] += conv.kernel / (ph * pw)
    stride = (sy * pool.stride[0], sx * pool.stride[1])
    window = Window(conv.window.in_hw, pool.out_hw, size, stride, conv.window.pad)
    return Convolution(kernel, window, conv.groups)
