"""Damaged Keras models, .keras and .h5: a model or a ConversionError. Slow, because Keras takes its time."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikemesh.conversion import load_keras_model
from spikemesh.errors import ConversionError

pytestmark = pytest.mark.slow
edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=12)), min_size=1, max_size=5)


@pytest.fixture(scope="module", params=[".keras", ".h5"])
def model_file(request, tmp_path_factory):
    import keras

    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3, activation="relu"), keras.layers.Flatten()])
    path = tmp_path_factory.mktemp("model") / f"whole{request.param}"
    model.save(path)
    assert load_keras_model(path).count_params() == model.count_params()
    return path


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits)
def test_a_damaged_model_is_loaded_or_refused(model_file, tmp_path, changes):
    content = model_file.read_bytes()
    for place, gone, piece in changes:
        at = int(place * len(content))
        content = content[:at] + piece + content[at + gone :]
    damaged = tmp_path / f"damaged{model_file.suffix}"
    damaged.write_bytes(content)
    try:
        load_keras_model(damaged)
    except ConversionError as error:
        assert str(damaged) in str(error)
        assert "\n" not in str(error)
