"""What cannot be converted is named, with its place in the model and a way out."""

import numpy as np
import pytest

from spikemesh.conversion import convert, load_keras_model
from spikemesh.errors import ConversionError

X = np.random.default_rng(0).random((6, 8, 8, 2), np.float32)


def sequential(keras, *layers, shape=(8, 8, 2)):
    return keras.Sequential([keras.Input(shape), *layers])


def refusal(model, calibration=X, **options):
    with pytest.raises(ConversionError) as caught:
        convert(model, calibration, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_unknown_layers(keras):
    kl = keras.layers
    text = refusal(sequential(keras, kl.Conv2D(3, 3, activation="relu", name="front"), kl.LayerNormalization(name="odd")))
    assert "'odd' (LayerNormalization, index 2)" in text
    assert "BatchNormalization" in text
    for layer in (kl.UpSampling2D(2), kl.Permute((2, 1, 3)), kl.Conv2DTranspose(2, 3), kl.LeakyReLU(), kl.Multiply()):
        if isinstance(layer, kl.Multiply):
            x = keras.Input((8, 8, 2))
            model = keras.Model(x, layer([x, x]))
        else:
            model = sequential(keras, layer)
        text = refusal(model)
        assert f"({type(layer).__name__}, index 1) cannot be converted; supported are" in text
        assert text.rstrip().endswith(".") and not text.rstrip().endswith("ZeroPadding2D.")  # says what to do


def test_unknown_activations(keras):
    kl = keras.layers
    for name in ("tanh", "swish", "gelu", "leaky_relu"):
        text = refusal(sequential(keras, kl.Conv2D(3, 3, activation=name, name="c"), kl.Flatten(), kl.Dense(2)))
        assert "'c' (Conv2D, index 1)" in text and "retrain with 'relu'" in text
    assert "before the last layer" in refusal(sequential(keras, kl.Flatten(), kl.Dense(4, activation="softmax"), kl.Dense(2)))
    assert "Dense(2, 'softmax')" in refusal(sequential(keras, kl.Flatten(), kl.Dense(1, activation="sigmoid")))
    assert "only a plain ReLU" in refusal(sequential(keras, kl.Conv2D(3, 3), kl.ReLU(negative_slope=0.1)))


def test_hidden_layers_without_relu(keras):
    kl = keras.layers
    text = refusal(sequential(keras, kl.Conv2D(3, 3, name="bare"), kl.Flatten(), kl.Dense(2, name="next")))
    assert "'next' (Dense, index 3)" in text and "'bare', which has no ReLU" in text
    assert "put the ReLU before it" in refusal(
        sequential(keras, kl.Conv2D(3, 3, name="bare"), kl.AveragePooling2D(3, 2, "same"), kl.ReLU())
    )


def test_max_pooling_is_refused_or_replaced(keras, reference):
    kl = keras.layers
    keras.utils.set_random_seed(0)
    front = kl.Conv2D(3, 3, activation="relu")
    model = sequential(keras, front, kl.MaxPooling2D(2, name="top"), kl.Flatten(), kl.Dense(4))
    text = refusal(model)
    assert "'top' (MaxPooling2D, index 2)" in text and "max_pooling='average'" in text
    network = convert(model, X, max_pooling="average")
    assert any("average" in w for w in network.report.warnings)
    pooled = sequential(keras, front, kl.AveragePooling2D(2), kl.Flatten(), model.layers[-1])
    twin = convert(pooled, X)
    for a, b in zip(network.projections, twin.projections, strict=True):
        assert np.array_equal(a.connectivity.edges().weight, b.connectivity.edges().weight)
    whole = sequential(keras, front, kl.GlobalMaxPooling2D(), kl.Dense(4))
    assert convert(whole, X, max_pooling="average").layer_sizes == (128, 108, 3, 4)


def test_models_of_the_wrong_kind(keras):
    kl = keras.layers
    assert "Keras 3 model is needed" in refusal("model.keras")
    assert "not built" in refusal(keras.Sequential([kl.Flatten(), kl.Dense(2)]))
    a, b = keras.Input((8, 8, 2)), keras.Input((8, 8, 2))
    assert "2 inputs" in refusal(keras.Model([a, b], kl.Add()([a, b])))
    assert "2 outputs" in refusal(keras.Model(a, [kl.Flatten()(a), kl.Flatten()(a)]))

    class Own(keras.Model):
        def call(self, x):
            return x

    assert "subclass" in refusal(Own())
    assert "open shape" in refusal(sequential(keras, kl.Conv2D(2, 3, activation="relu"), shape=(None, None, 2)))
    model = sequential(keras, kl.Conv2D(2, 3, data_format="channels_first"), shape=(2, 8, 8))
    assert "channels_last" in refusal(model)
    x = keras.Input((8, 8, 2))
    assert "last axis" in refusal(keras.Model(x, kl.Concatenate(axis=1)([x, x])))
    assert "axis 1" in refusal(sequential(keras, kl.BatchNormalization(axis=1)))


@pytest.mark.parametrize(
    ("calibration", "words"),
    [
        (X * 255, "divide by 255"),
        (X * 2 - 1, "scale them"),
        (X[:, :4], "have shape (4, 8, 2); the model takes (8, 8, 2)"),
        (X[:0], "no sample"),
        (np.full_like(X, np.nan), "run from nan"),
        (X.astype(str), "must be numbers"),
        (X[0], "have shape"),
        (iter([X]), "not list_iterator"),
        (lambda: [], "no sample"),
        (3, "not int"),
    ],
)
def test_calibration_is_checked(keras, calibration, words):
    kl = keras.layers
    assert words in refusal(sequential(keras, kl.Flatten(), kl.Dense(3)), calibration)


def test_options_are_checked(keras):
    model = sequential(keras, keras.layers.Flatten(), keras.layers.Dense(3))
    assert "'layer' or 'channel'" in refusal(model, normalisation="both")
    assert "'refuse' or 'average'" in refusal(model, max_pooling="max")
    assert "(0, 100]" in refusal(model, percentile=0)
    assert "at least 1" in refusal(model, batch_size=0)


def test_a_layer_that_never_fires_is_reported(keras):
    kl = keras.layers
    silent = kl.Conv2D(3, 3, activation="relu", bias_initializer=keras.initializers.Constant(-100), name="silent")
    network = convert(sequential(keras, silent, kl.Flatten(), kl.Dense(3)), X)
    assert "silent: no calibration sample made any of its activations positive" in network.report.warnings[0]
    assert network.report.rows[1].dead == 1


def test_calibration_in_every_form_gives_the_same_network(keras):
    keras.utils.set_random_seed(1)
    kl = keras.layers
    model = sequential(keras, kl.Conv2D(3, 3, activation="relu"), kl.Flatten(), kl.Dense(3))

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, k):
            return X[2 * k : 2 * k + 2], np.zeros(2)

    forms = [X, X.tolist(), [X[:4], X[4:]], lambda: np.array_split(X, 3), Batches(), keras.ops.convert_to_tensor(X)]
    networks = [convert(model, form, batch_size=4) for form in forms]
    for network in networks[1:]:
        for a, b in zip(networks[0].projections, network.projections, strict=True):
            np.testing.assert_allclose(a.connectivity.edges().weight, b.connectivity.edges().weight, rtol=1e-6)


def test_the_model_is_left_as_it_was(keras):
    keras.utils.set_random_seed(1)
    model = sequential(keras, keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax"))
    before = model(X).numpy()
    convert(model, X)
    assert np.array_equal(model(X).numpy(), before)


def test_models_in_files(keras, tmp_path):
    model = sequential(keras, keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax"))
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        loaded = load_keras_model(tmp_path / name)
        assert np.array_equal(loaded(X).numpy(), model(X).numpy())
    whole = (tmp_path / "model.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5").write_text("no model")
    bad = {"cut.keras": "cannot load", "text.h5": "cannot load", "none.keras": "no such file", "a.pt": "ends in"}
    for name, words in bad.items():
        with pytest.raises(ConversionError, match=words):
            load_keras_model(tmp_path / name)


def test_code_in_a_model_file_is_not_run(keras, tmp_path):
    model = sequential(keras, keras.layers.Lambda(lambda t: t * 2))
    model.save(tmp_path / "code.keras")
    with pytest.raises(ConversionError, match="cannot load"):
        load_keras_model(tmp_path / "code.keras")


def test_the_report_reads_well(keras):
    kl = keras.layers
    layers = [kl.Conv2D(3, 3, name="c"), kl.BatchNormalization(name="n"), kl.ReLU(name="r"), kl.Dropout(0.2, name="d")]
    network = convert(
        sequential(keras, *layers, kl.Flatten(name="f"), kl.Dense(4, activation="softmax", name="o")), X, name="toy"
    )
    rows = {r.layer: r for r in network.report.rows}
    assert list(rows) == ["input", "c", "n", "r", "d", "f", "o"]
    assert rows["c"].became == "conv 6x6x3" and rows["c"].neurons == 108
    assert rows["n"].became == "folded into the layer before"
    assert rows["r"].became == "the ReLU of 'c'"
    assert "left out" in rows["d"].became and "softmax left out" in rows["o"].became
    assert network.name == "toy" and network.weights == "trained"
    text = str(network.report)
    assert "240 neurons, 2,376 synapses" in text
    assert len(text.splitlines()) == 10 + len(network.report.warnings) and max(map(len, text.splitlines())) < 160


def test_the_report_doubts_saturated_dead_and_slow_layers(keras):
    kl = keras.layers
    keras.utils.set_random_seed(1)
    model = sequential(keras, kl.Conv2D(4, 3, activation="relu", name="c"), kl.Flatten(), kl.Dense(4, name="o"))
    report = convert(model, X, percentile=60).report
    assert any(w.startswith("c: ") and "use a higher percentile" in w for w in report.warnings)
    kernel, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([np.abs(kernel), bias - np.array([0, 9, 9, 9], np.float32)])
    report = convert(model, X).report
    assert any("75% of its neurons are active in no calibration sample" in w for w in report.warnings)
    row = report.rows[1]
    active = np.maximum(np.asarray(keras.ops.convert_to_numpy(model.layers[0](X))), 0)
    assert row.steps == pytest.approx(row.scale / active[active > 0].mean(), rel=1e-5)
    assert report.first_answer == pytest.approx(sum(r.steps for r in report.rows if r.steps == r.steps))
    slow = X * 0.001
    slow[0, 0, 0] = 1
    model.layers[0].set_weights([np.abs(kernel), bias * 0])
    assert any("simulate many times as long" in w for w in convert(model, slow, percentile=100).report.warnings)
