"""Connectivities against brute force: plain loops over every output, tap and channel."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh import SpikemeshError
from spikemesh.network import Convolution, Dense, Edges, OneToOne, Pooling, Sparse, Window

pair = st.tuples(st.integers(1, 3), st.integers(1, 3))


def tensorflow_window(n, k, s, d, padding):
    """Output length and padding before, from TensorFlow's rules as its documentation gives them."""
    if padding == "valid":
        return len(range(0, n - (k - 1) * d, s)), 0
    out = (n + s - 1) // s
    total = max((out - 1) * s + (k - 1) * d + 1 - n, 0)
    return out, total // 2


def brute_taps(in_hw, size, stride, padding, dilation):
    """(output y, x, tap y, x, input y, x) of every tap in bounds."""
    (out_h, top), (out_w, left) = (
        tensorflow_window(n, k, s, d, padding) for n, k, s, d in zip(in_hw, size, stride, dilation, strict=True)
    )
    for oy, ox, ky, kx in product(range(out_h), range(out_w), range(size[0]), range(size[1])):
        iy, ix = oy * stride[0] - top + ky * dilation[0], ox * stride[1] - left + kx * dilation[1]
        if 0 <= iy < in_hw[0] and 0 <= ix < in_hw[1]:
            yield oy, ox, ky, kx, iy, ix


def listed(connectivity):
    edges = connectivity.edges()
    return sorted(zip(edges.pre.tolist(), edges.post.tolist(), edges.weight.tolist(), strict=True))


def check_counts(connectivity):
    """What never lists synapses must agree with the list."""
    edges = connectivity.edges()
    assert len(edges) == connectivity.n_synapses
    assert np.array_equal(connectivity.fan_in(), np.bincount(edges.post, minlength=connectivity.n_post))
    assert np.array_equal(connectivity.fan_out(), np.bincount(edges.pre, minlength=connectivity.n_pre))
    assert edges.pre.dtype == edges.post.dtype == np.int32
    assert (np.diff(edges.pre.astype(np.int64) * connectivity.n_post + edges.post) >= 0).all()


windows = st.builds(
    lambda extra, size, stride, padding, dilation: (
        tuple((k - 1) * d + 1 + e for k, d, e in zip(size, dilation, extra, strict=True)),
        size,
        stride,
        padding,
        dilation,
    ),
    st.tuples(st.integers(0, 5), st.integers(0, 5)),
    pair,
    pair,
    st.sampled_from(["same", "valid"]),
    pair,
)


@settings(max_examples=120, deadline=None)
@given(windows, st.integers(1, 2), st.integers(1, 3), st.integers(1, 3), st.integers(0, 99))
def test_a_convolution_has_the_synapses_of_its_definition(geometry, c_in, c_out, groups, seed):
    in_hw, size, stride, padding, dilation = geometry
    kernel = np.random.default_rng(seed).normal(size=(*size, c_in, c_out * groups))
    window = Window.of(in_hw, size, stride, padding, dilation)
    conv = Convolution(kernel, window, groups)
    channels_in, channels_out, out_w = c_in * groups, c_out * groups, window.out_hw[1]
    expected = []
    for oy, ox, ky, kx, iy, ix in brute_taps(*geometry):
        for f in range(channels_out):
            for c in range(c_in):
                source = (f // c_out) * c_in + c
                pre = (iy * in_hw[1] + ix) * channels_in + source
                expected.append((pre, (oy * out_w + ox) * channels_out + f, kernel[ky, kx, c, f]))
    assert listed(conv) == sorted(expected)
    check_counts(conv)


@settings(max_examples=120, deadline=None)
@given(windows, st.integers(1, 3), st.integers(0, 99))
def test_average_pooling_shares_one_over_the_taps_in_bounds(geometry, channels, seed):
    in_hw, *_ = geometry
    scale = np.random.default_rng(seed).uniform(0.5, 2, channels)
    window = Window.of(*geometry)
    taps = list(brute_taps(*geometry))
    per_output = np.zeros(window.out_hw, int)
    for oy, ox, *_ in taps:
        per_output[oy, ox] += 1
    expected = [
        (
            (iy * in_hw[1] + ix) * channels + c,
            (oy * window.out_hw[1] + ox) * channels + c,
            scale[c] / per_output[oy, ox],
        )
        for oy, ox, _, _, iy, ix in taps
        for c in range(channels)
    ]
    pool = Pooling(window, scale)
    assert listed(pool) == sorted(expected)
    check_counts(pool)


def test_average_pooling_keeps_a_constant_picture():
    pool = Pooling(Window.of((5, 5), (3, 3), (2, 2), "same"), np.ones(2))
    edges = pool.edges()
    assert np.allclose(np.bincount(edges.post, edges.weight), 1.0)


@pytest.mark.parametrize(
    ("n", "size", "stride", "padding", "dilation", "out", "pad"),
    [
        (227, 11, 4, "valid", 1, 55, 0),
        (224, 11, 4, "same", 1, 56, 3),
        (28, 5, 1, "same", 1, 28, 2),
        (7, 2, 2, "same", 1, 4, 0),
        (6, 4, 1, "same", 1, 6, 1),
        (7, 3, 1, "valid", 2, 3, 0),
        (5, 3, 3, "same", 1, 2, 0),
        (1, 1, 1, "valid", 1, 1, 0),
    ],
)
def test_windows_lie_where_tensorflow_puts_them(n, size, stride, padding, dilation, out, pad):
    window = Window.of((n, n), (size, size), (stride, stride), padding, (dilation, dilation))
    assert (window.out_hw, window.pad) == ((out, out), (pad, pad))


@pytest.mark.slow
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("size", "stride", "dilation", "groups"), [(3, 2, 1, 1), (4, 1, 1, 2), (3, 1, 2, 1), (2, 3, 1, 2)])
def test_a_convolution_is_what_keras_computes(padding, size, stride, dilation, groups):
    keras = pytest.importorskip("keras")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 11, 9, 4)).astype(np.float32)
    layer = keras.layers.Conv2D(
        6, size, stride, padding, dilation_rate=dilation, groups=groups, use_bias=False, kernel_initializer="normal"
    )
    expected = np.asarray(layer(x))
    kernel = np.asarray(layer.get_weights()[0])
    window = Window.of((11, 9), (size, size), (stride, stride), padding, (dilation, dilation))
    edges = Convolution(kernel, window, groups).edges()
    computed = np.bincount(edges.post, x.ravel()[edges.pre] * edges.weight, minlength=expected.size)
    assert np.allclose(computed.reshape(expected.shape), expected, atol=1e-5)


@given(st.integers(1, 6), st.integers(1, 6))
def test_dense_joins_all_with_all(n_pre, n_post):
    weight = np.arange(n_pre * n_post, dtype=np.float32).reshape(n_pre, n_post)
    dense = Dense(weight)
    assert listed(dense) == [(i, j, float(weight[i, j])) for i in range(n_pre) for j in range(n_post)]
    check_counts(dense)


def test_one_to_one_joins_from_an_offset_on():
    one = OneToOne(np.array([0.5, 2.0]), post_offset=1, n_post_total=5)
    assert listed(one) == [(0, 1, 0.5), (1, 2, 2.0)]
    check_counts(one)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(-3, 3)), max_size=40))
def test_a_list_of_synapses_keeps_every_one_also_parallel_ones(triples):
    pre, post, weight = (np.array([t[k] for t in triples], int) for k in range(3))
    sparse = Sparse.of(pre, post, weight, 5, 4)
    assert listed(sparse) == sorted((i, j, float(w)) for i, j, w in triples)
    check_counts(sparse)


def test_sorting_leaves_parallel_synapses_in_their_order():
    edges = Edges.sorted(np.array([1, 0, 1, 0]), np.array([2, 2, 2, 2]), np.array([4.0, 3.0, 1.0, 2.0]))
    assert edges.weight.tolist() == [3.0, 2.0, 4.0, 1.0]


def test_weights_stay_in_the_precision_they_came_in():
    for dtype in (np.float32, np.float64):
        assert Dense(np.ones((2, 2), dtype)).edges().weight.dtype == dtype
    assert Sparse.of([0], [0], [1], 1, 1).edges().weight.dtype == np.float64


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Dense(np.array([[1.0, np.nan]])), "1 weight"),
        (lambda: Dense(np.ones(3)), r"\(n_pre, n_post\)"),
        (lambda: Dense(np.array([["a"]])), "numbers"),
        (lambda: Dense(np.array([[1j]])), "numbers"),
        (lambda: Convolution(np.ones((2, 2, 1, 1)), Window.of((4, 4), (3, 3))), "does not fit a window"),
        (lambda: Convolution(np.ones((3, 3, 1, 3)), Window.of((4, 4), (3, 3)), groups=2), "2 groups"),
        (lambda: Convolution(np.full((1, 1, 1, 1), np.inf), Window.of((4, 4), (1, 1))), "NaN or infinite"),
        (lambda: Window.of((4, 4), (5, 5)), "does not fit"),
        (lambda: Window.of((4, 4), (3, 3), padding="full"), "'valid' or 'same'"),
        (lambda: Window.of((4, 4), (3, 3), stride=(0, 1)), "at least 1"),
        (lambda: Window((4, 4), (2, 2), (3, 3), pad=(-1, 0)), "pad"),
        (lambda: Pooling(Window.of((4, 4), (2, 2)), np.ones((1, 2))), "one number a channel"),
        (lambda: OneToOne(np.ones(3), post_offset=1, n_post_total=3), "do not fit"),
        (lambda: OneToOne(np.ones(3), post_offset=-1), "do not fit"),
        (lambda: Sparse.of([0, 3], [0, 0], [1, 1], 3, 3), "pre names neuron 3; there are 3"),
        (lambda: Sparse.of([0, 0], [0, -1], [1, 1], 3, 3), "post names neuron -1"),
        (lambda: Sparse.of([0.5], [0], [1], 3, 3), "integers"),
        (lambda: Sparse.of([0], [0], [[1]], 3, 3), "one length"),
        (lambda: Sparse.of([0], [0, 1], [1], 3, 3), "one length"),
        (lambda: Sparse.of([0], [0], [None], 3, 3), "numbers"),
    ],
)
def test_what_cannot_be_is_refused_in_words(build, says):
    with pytest.raises(SpikemeshError, match=says):
        build()
