"""A converted network computes what the Keras model computes, whatever layers it is made of."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikemesh.conversion import convert
from spikemesh.errors import ConversionError


def settle(keras, model, seed=0):
    """Random weights, biases and normalisations, away from the symmetric start of an untrained model."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            settle(keras, layer, seed + 1)
            continue
        if not layer.weights:
            continue
        drawn = []
        for w in layer.weights:
            if w.name == "moving_variance":
                drawn.append(rng.uniform(0.5, 2, w.shape))
            elif w.name == "gamma":
                drawn.append(rng.choice([-1.3, -0.5, 0.4, 0.8, 1.5], w.shape))
            elif "kernel" in w.name:
                drawn.append(rng.normal(0, 1.5 / np.sqrt(np.prod(w.shape[:-1])), w.shape))
            else:
                drawn.append(rng.normal(0.05, 0.2, w.shape))
        layer.set_weights(drawn)
    return model


def logits_of(keras, model, x):
    """The model's output without the activation at its end."""
    last = model.layers[-1]
    if getattr(last, "activation", None) is keras.activations.softmax:
        last.activation = keras.activations.linear
        try:
            return np.asarray(keras.ops.convert_to_numpy(model(x)))
        finally:
            last.activation = keras.activations.softmax
    return np.asarray(keras.ops.convert_to_numpy(model(x)))


def check_same_function(keras, reference, model, x, **options):
    """The outputs of the network of ReLUs, times the output scale, are the model's logits."""
    network = convert(model, x, **options)
    scale = network.report.rows[-1].scale
    found = reference[0](network, x)[:, network.output_ids]
    wanted = logits_of(keras, model, x).reshape(len(x), -1)
    np.testing.assert_allclose(found * scale, wanted, rtol=2e-4, atol=2e-4 * np.abs(wanted).max())
    assert found.max() <= 1.0001
    return network


def image_model(keras, middle, shape=(8, 7, 3), head=True):
    kl = keras.layers
    layers = [keras.Input(shape), *middle]
    if head:
        layers += [kl.Flatten(), kl.Dense(4, activation="softmax")]
    return settle(keras, keras.Sequential(layers))


def middles(keras):
    kl = keras.layers
    relu = {"activation": "relu"}
    return {
        "valid": [kl.Conv2D(5, 3, **relu)],
        "same": [kl.Conv2D(5, 3, padding="same", **relu)],
        "same, even kernel, strided": [kl.Conv2D(5, (4, 2), strides=2, padding="same", **relu)],
        "dilated": [kl.Conv2D(4, 2, dilation_rate=2, **relu)],
        "dilated, same": [kl.Conv2D(4, 3, dilation_rate=2, padding="same", **relu)],
        "groups": [kl.Conv2D(6, 3, groups=3, **relu)],
        "depthwise": [kl.DepthwiseConv2D(3, depth_multiplier=2, padding="same", **relu)],
        "depthwise, strided": [kl.DepthwiseConv2D(2, strides=2, use_bias=False), kl.ReLU()],
        "separable": [kl.SeparableConv2D(5, 3, depth_multiplier=2, **relu)],
        "pool": [kl.Conv2D(5, 3, **relu), kl.AveragePooling2D(2)],
        "pool, same, overlapping": [kl.Conv2D(5, 3, **relu), kl.AveragePooling2D(3, 2, "same")],
        "pool of the input": [kl.AveragePooling2D(2), kl.Conv2D(4, 2, **relu)],
        "pool over padding": [kl.Conv2D(3, 2, **relu), kl.ZeroPadding2D(1), kl.AveragePooling2D(2)],
        "pool before ReLU": [kl.Conv2D(5, 3, strides=(2, 1)), kl.AveragePooling2D((2, 3), 1), kl.ReLU()],
        "pool before ReLU, same": [kl.Conv2D(5, 3, padding="same"), kl.AveragePooling2D(2), kl.ReLU()],
        "global pool": [kl.Conv2D(5, 3, **relu), kl.GlobalAveragePooling2D()],
        "global pool kept": [kl.Conv2D(5, 3, **relu), kl.GlobalAveragePooling2D(keepdims=True)],
        "padding": [kl.ZeroPadding2D(((1, 2), (0, 3))), kl.Conv2D(5, 3, strides=2, **relu)],
        "padding, same": [kl.Conv2D(2, 2, **relu), kl.ZeroPadding2D((1, 0)), kl.Conv2D(5, 3, padding="same", **relu)],
        "padding then flat": [kl.Conv2D(2, 2, **relu), kl.ZeroPadding2D(((1, 0), (0, 2)))],
        "norm before": [kl.Conv2D(5, 3), kl.BatchNormalization(), kl.ReLU()],
        "norm after": [kl.Conv2D(5, 3, **relu), kl.BatchNormalization()],
        "norm after, then same": [kl.Conv2D(5, 3, **relu), kl.BatchNormalization(), kl.Conv2D(4, 3, padding="same", **relu)],
        "norm after, then depthwise": [kl.Conv2D(4, 3, **relu), kl.BatchNormalization(), kl.DepthwiseConv2D(3, **relu)],
        "norm after, then pool": [kl.Conv2D(5, 3, **relu), kl.BatchNormalization(), kl.AveragePooling2D(2)],
        "norm after padding": [kl.Conv2D(5, 3, **relu), kl.ZeroPadding2D(1), kl.BatchNormalization(), kl.Conv2D(3, 2, **relu)],
        "padding after norm": [kl.Conv2D(5, 3, **relu), kl.BatchNormalization(), kl.ZeroPadding2D(1), kl.Conv2D(3, 2, **relu)],
        "norm between ReLUs": [kl.Conv2D(5, 3, **relu), kl.BatchNormalization(), kl.ReLU(), kl.Conv2D(3, 2, **relu)],
        "norm of the input": [kl.BatchNormalization(), kl.Conv2D(5, 3, padding="same", **relu)],
        "norm without scale": [kl.Conv2D(5, 3), kl.BatchNormalization(scale=False, center=False), kl.Activation("relu")],
        "norm after flat": [kl.Conv2D(3, 3, **relu), kl.Flatten(), kl.BatchNormalization(), kl.Dense(6, **relu)],
        "dropouts": [kl.Dropout(0.5), kl.Conv2D(5, 3, **relu), kl.SpatialDropout2D(0.3), kl.GaussianNoise(0.1)],
        "dense on images": [kl.Dense(5, **relu), kl.Dense(3, **relu)],
        "norm after, then groups": [kl.Conv2D(6, 3, **relu), kl.BatchNormalization(), kl.Conv2D(6, 2, groups=3, **relu)],
        "rescaled, then norm": [kl.Rescaling(2.0, offset=-1.0), kl.BatchNormalization(), kl.Conv2D(3, 3, **relu)],
        "rescaling": [kl.Rescaling(2.0, offset=-1.0), kl.Conv2D(5, 3, padding="same", **relu)],
        "reshape": [kl.Conv2D(4, 3, **relu), kl.Reshape((5, 6, 4)), kl.Conv2D(3, 2, **relu)],
        "flat and back": [kl.Flatten(), kl.Dense(24, **relu), kl.Reshape((3, 4, 2)), kl.Conv2D(3, 2, **relu)],
        "ReLU as a layer in a layer": [kl.Conv2D(4, 3, activation=kl.ReLU())],
        "twice the same ReLU": [kl.Conv2D(4, 3, **relu), kl.ReLU(), kl.Activation("linear")],
    }


NAMES = [
    "valid", "same", "same, even kernel, strided", "dilated", "dilated, same", "groups", "depthwise", "depthwise, strided",
    "separable", "pool", "pool, same, overlapping", "pool of the input", "pool over padding", "pool before ReLU",
    "pool before ReLU, same", "global pool", "global pool kept", "padding", "padding, same", "padding then flat", "norm before",
    "norm after", "norm after, then same", "norm after, then depthwise", "norm after, then pool", "norm after padding",
    "padding after norm", "norm between ReLUs", "norm of the input", "norm without scale", "norm after flat", "dropouts",
    "dense on images", "norm after, then groups", "rescaled, then norm",
    "rescaling", "reshape", "flat and back", "ReLU as a layer in a layer", "twice the same ReLU",
]  # fmt: skip


def test_every_model_is_listed(keras):
    assert list(middles(keras)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_sequential_models_keep_their_function(keras, reference, name):
    model = image_model(keras, middles(keras)[name])
    x = np.random.default_rng(1).random((20, 8, 7, 3), np.float32)
    check_same_function(keras, reference, model, x)


CHANNELWISE = (
    "same",
    "norm after, then groups",
    "groups",
    "depthwise",
    "pool",
    "norm after, then pool",
    "padding then flat",
    "reshape",
)


@pytest.mark.parametrize("name", CHANNELWISE)
def test_channel_scales_keep_the_function(keras, reference, name):
    x = np.random.default_rng(2).random((20, 8, 7, 3), np.float32)
    check_same_function(keras, reference, image_model(keras, middles(keras)[name]), x, normalisation="channel")


def test_channel_scales_that_a_reshape_mixes_are_refused(keras, reference):
    kl = keras.layers
    middle = [kl.Conv2D(4, 3, activation="relu"), kl.Reshape((5, 4, 6)), kl.Conv2D(3, 2, activation="relu")]
    x = np.random.default_rng(2).random((20, 8, 7, 3), np.float32)
    check_same_function(keras, reference, image_model(keras, middle), x)
    with pytest.raises(ConversionError, match="normalisation='layer'"):
        convert(image_model(keras, middle), x, normalisation="channel")


def branches(keras, name):
    """Functional models with several paths."""
    kl = keras.layers
    x = keras.Input((6, 6, 2))
    a = kl.Conv2D(4, 3, padding="same", activation="relu")(x)
    if name == "residual":
        b = kl.Conv2D(4, 3, padding="same")(a)
        y = kl.ReLU()(kl.Add()([kl.BatchNormalization()(b), a]))
    elif name == "residual with projection":
        b = kl.Conv2D(5, 3, strides=2, padding="same")(a)
        y = kl.ReLU()(kl.BatchNormalization()(kl.Add()([b, kl.Conv2D(5, 1, strides=2)(a)])))
    elif name == "residual before activation":
        b = kl.Conv2D(4, 3, padding="same")(kl.ReLU()(kl.BatchNormalization()(a)))
        c = kl.Add()([b, a])
        d = kl.Conv2D(4, 3, padding="same")(kl.ReLU()(kl.BatchNormalization()(c)))
        y = kl.ReLU()(kl.Add()([c, d]))
    elif name == "sum of activated":
        y = kl.Add()([a, kl.Conv2D(4, 1, activation="relu")(x), a])
    elif name == "inception":
        parts = [kl.Conv2D(3, k, padding="same", activation="relu")(a) for k in (1, 3)]
        y = kl.Concatenate()([*parts, kl.AveragePooling2D(3, 1, "same")(a), x])
    elif name == "inception, pooled":
        parts = [kl.Conv2D(3, k, padding="same", activation="relu")(a) for k in (1, 3)]
        y = kl.Conv2D(4, 2, activation="relu")(kl.AveragePooling2D(2)(kl.BatchNormalization()(kl.Concatenate()(parts))))
    elif name == "dense net":
        joined = kl.Concatenate()([x, a])
        b = kl.Conv2D(3, 3, padding="same")(kl.ReLU()(kl.BatchNormalization()(joined)))
        y = kl.Concatenate()([joined, kl.ReLU()(b)])
    elif name == "added to joined":
        b = kl.Conv2D(2, 1, activation="relu")(x)
        y = kl.ReLU()(kl.Add()([kl.Concatenate()([b, x]), kl.Conv2D(4, 1)(a)]))
    elif name == "padded and added":
        b = kl.Conv2D(4, 3)(a)
        y = kl.ReLU()(kl.Add()([kl.ZeroPadding2D(1)(kl.ReLU()(b)), kl.Conv2D(4, 1)(a)]))
    elif name == "flat branches":
        y = kl.Concatenate()([kl.Flatten()(a), kl.GlobalAveragePooling2D()(a), kl.Dense(5, activation="relu")(kl.Flatten()(x))])
    elif name == "two readers of one sum":
        b = kl.Conv2D(4, 3, padding="same")(a)
        y = kl.Concatenate()([kl.ReLU()(b), kl.ReLU()(kl.BatchNormalization()(b))])
    elif name == "shared layer":
        shared = kl.Conv2D(4, 3, padding="same", activation="relu")
        y = kl.Add()([shared(a), shared(shared(a))])
    elif name == "nested":
        inner = keras.Sequential([keras.Input((6, 6, 4)), kl.Conv2D(3, 3, activation="relu"), kl.AveragePooling2D(2)])
        y = inner(a)
    elif name == "nested twice":
        inner = keras.Sequential([keras.Input((6, 6, 4)), kl.Conv2D(4, 3, padding="same", activation="relu")])
        y = kl.Add()([inner(inner(a)), a])
    elif name == "operators":
        y = keras.ops.relu(kl.Conv2D(4, 3, padding="same")(a) + a)
    return settle(keras, keras.Model(x, kl.Dense(3, activation="softmax")(kl.Flatten()(y))))


BRANCHES = (
    "residual", "residual with projection", "residual before activation", "sum of activated", "inception", "inception, pooled",
    "dense net", "added to joined", "padded and added", "flat branches", "two readers of one sum", "shared layer", "nested",
    "nested twice", "operators",
)  # fmt: skip


@pytest.mark.parametrize("name", BRANCHES)
def test_functional_models_keep_their_function(keras, reference, name):
    model = branches(keras, name)
    x = np.random.default_rng(3).random((16, 6, 6, 2), np.float32)
    check_same_function(keras, reference, model, x)


def test_a_residual_sum_costs_one_block(keras):
    network = convert(branches(keras, "residual"), np.random.default_rng(3).random((16, 6, 6, 2), np.float32))
    assert [layer.kind for layer in network.layers] == ["input", "conv", "add", "dense"]
    assert len(network.projections) == 4
    same = 16 * 16 * 2 * 4  # (3 * 6 - 2)^2 in-bounds taps a map
    assert network.n_synapses == same + same * 2 + 144 + 144 * 3


def test_each_branch_of_a_pooled_join_has_a_scale_of_its_own(keras):
    kl = keras.layers
    x = keras.Input((6, 6, 2))
    small, large = (kl.Conv2D(3, 1, activation="relu", kernel_initializer=keras.initializers.Constant(c))(x) for c in (0.1, 10))
    pooled = kl.AveragePooling2D(2)(kl.Concatenate()([small, large]))
    network = convert(
        keras.Model(x, kl.Dense(2)(kl.Flatten()(pooled))), np.random.default_rng(0).random((9, 6, 6, 2), np.float32)
    )
    scales = [p.connectivity.scale for p in network.projections[2:4]]
    assert [layer.kind for layer in network.layers] == ["input", "conv", "conv", "pool", "pool", "dense"]
    np.testing.assert_allclose(*scales, rtol=1e-5)  # 100 times the activation, 100 times the scale: the same weights


def test_counts_are_those_of_the_layers(keras):
    kl = keras.layers
    kernels = [kl.Conv2D(6, 5, activation="relu"), kl.AveragePooling2D(2), kl.Conv2D(16, 5, activation="relu")]
    dense = [kl.Dense(n, activation="relu") for n in (120, 84)]
    model = keras.Sequential([keras.Input((28, 28, 1)), *kernels, kl.AveragePooling2D(2), kl.Flatten(), *dense, kl.Dense(10)])
    network = convert(model, np.random.default_rng(0).random((4, 28, 28, 1), np.float32))
    assert (network.n_neurons, network.n_synapses) == (6598, 286_120)
    assert network.layer_sizes == (784, 3456, 864, 1024, 256, 120, 84, 10)
    assert [layer.kind for layer in network.layers] == ["input", "conv", "pool", "conv", "pool", "dense", "dense", "dense"]
    assert (network.report.neurons, network.report.synapses) == (6598, 286_120)


@pytest.mark.parametrize(
    ("shape", "batch"), [((12,), (9, 12)), ((3, 4), (9, 3, 4)), ((3, 4), (9, 3, 4, 1)), ((3, 4, 1), (9, 3, 4))]
)
def test_input_shapes(keras, reference, shape, batch):
    kl = keras.layers
    model = settle(keras, keras.Sequential([keras.Input(shape), kl.Flatten(), kl.Dense(5, activation="relu"), kl.Dense(3)]))
    x = np.random.default_rng(0).random(batch, np.float32)
    network = convert(model, x)
    assert network.layers[0].size == 12
    wanted = logits_of(keras, model, x.reshape(9, *shape))
    found = reference[0](network, x)[:, network.output_ids] * network.report.rows[-1].scale
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("end", ["linear", "softmax", "softmax layer", "sigmoid", "relu", "pooled", "log_softmax"])
def test_the_end_of_the_model(keras, reference, end):
    kl = keras.layers
    last = {
        "linear": [kl.Dense(4)],
        "softmax": [kl.Dense(4, activation="softmax")],
        "softmax layer": [kl.Dense(4), kl.Softmax()],
        "sigmoid": [kl.Dense(4, activation="sigmoid")],
        "relu": [kl.Dense(4, activation="relu")],
        "log_softmax": [kl.Dense(4), kl.Activation("log_softmax")],
        "pooled": [kl.Reshape((2, 2, 3)), kl.Conv2D(4, 1), kl.GlobalAveragePooling2D(), kl.Softmax()],
    }[end]
    model = settle(keras, keras.Sequential([keras.Input((6,)), kl.Dense(12, activation="relu"), *last]))
    x = np.random.default_rng(0).random((50, 6), np.float32)
    network = convert(model, x)
    outputs = reference[0](network, x)[:, network.output_ids]
    assert outputs.shape == (50, 4)
    assert np.isclose(outputs.max(), 1, atol=1e-5)  # the largest output fires every step and does not saturate
    predicted = np.asarray(model(x)).argmax(axis=1)
    agree = outputs.argmax(axis=1) == predicted
    if end == "relu":
        agree |= np.asarray(model(x)).max(axis=1) == 0
    assert agree.all()


def drawn_layer(draw, keras, side):
    """A random layer for a plane of ``side`` pixels."""
    kl = keras.layers
    kind = draw(st.sampled_from(["conv", "depthwise", "pool", "norm", "pad"]))
    padding = draw(st.sampled_from(["valid", "same"])) if side > 3 else "same"
    size, stride = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    if kind == "norm":
        return [kl.BatchNormalization()]
    if kind == "pad":
        return [kl.ZeroPadding2D(draw(st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2)))]
    if kind == "pool":
        return [kl.AveragePooling2D(min(size, side), stride, "valid")]
    if kind == "depthwise":
        return [kl.DepthwiseConv2D(size, stride, padding, depth_multiplier=draw(st.integers(1, 2))), kl.ReLU()]
    norm = [kl.BatchNormalization()] if draw(st.booleans()) else []
    return [kl.Conv2D(draw(st.integers(1, 4)), size, stride, padding), *norm, kl.ReLU()]


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_stack_of_layers_keeps_its_function(keras, reference, data):
    height, width, channels = data.draw(st.integers(4, 9)), data.draw(st.integers(4, 9)), data.draw(st.integers(1, 3))
    model = keras.Sequential([keras.Input((height, width, channels)), keras.layers.Identity()])
    for _ in range(data.draw(st.integers(1, 4))):
        for layer in drawn_layer(data.draw, keras, min(model.output_shape[1:3])):
            model.add(layer)
    for layer in (keras.layers.Flatten(), keras.layers.Dense(3)):
        model.add(layer)
    settle(keras, model, data.draw(st.integers(0, 5)))
    x = np.random.default_rng(0).random((6, height, width, channels), np.float32)
    check_same_function(keras, reference, model, x, normalisation=data.draw(st.sampled_from(["layer", "channel"])))
