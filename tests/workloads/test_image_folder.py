"""Pictures of a user's own, and a model of a user's own."""

import numpy as np
import pytest
from PIL import Image

from spikemesh.errors import ConversionError, DataError
from spikemesh.workloads import available_datasets, load_dataset, load_image_folder, prepare
from spikemesh.workloads.catalogue import find

COLOURS = {"apple": (250, 10, 10), "lime": (10, 250, 10), "plum": (60, 10, 160)}


def fill(root, n, shade=0):
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True)
        for k in range(n):
            Image.new("RGB", (20, 16), tuple(c - shade - k if c > 100 else c for c in colour)).save(root / name / f"{k}.png")


def test_halves_as_the_folders_say(tmp_path):
    fill(tmp_path / "Training", 5)
    fill(tmp_path / "Test", 2, shade=3)
    data = load_image_folder(tmp_path, (8, 10, 3), most=4)
    assert data.x_train.shape == (12, 8, 10, 3) and data.x_test.shape == (6, 8, 10, 3)
    assert np.bincount(data.y_train).tolist() == [4, 4, 4] and np.bincount(data.y_test).tolist() == [2, 2, 2]
    for x, y in zip(data.x_train, data.y_train, strict=True):
        colour = list(COLOURS.values())[y]
        assert x[3, 3] == pytest.approx(np.array(colour) / 255, abs=0.05)
    assert load_image_folder(tmp_path, (4, 4, 1)).x_train.shape == (15, 4, 4, 1)
    assert np.array_equal(data.x_train, load_image_folder(tmp_path, (8, 10, 3), most=4).x_train)


def test_without_halves_a_fifth_is_kept_for_the_test(tmp_path):
    fill(tmp_path, 10)
    data = load_image_folder(tmp_path, (4, 4, 3), name="fruit", most=None)
    assert (len(data.y_train), len(data.y_test), data.name, data.n_classes) == (24, 6, "fruit", 3)
    seen = {tuple(x.ravel()) for x in data.x_train}
    assert not seen & {tuple(x.ravel()) for x in data.x_test}


def test_what_is_wrong_with_a_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        load_image_folder(tmp_path / "none", (4, 4, 3))
    with pytest.raises(DataError, match="no folder with pictures"):
        load_image_folder(tmp_path, (4, 4, 3))
    fill(tmp_path / "train", 2)
    with pytest.raises(DataError, match="for training and one for test"):
        load_image_folder(tmp_path, (4, 4, 3))
    fill(tmp_path / "test", 2)
    (tmp_path / "test" / "plum").rename(tmp_path / "test" / "prune")
    with pytest.raises(DataError, match="plum, prune stand in one half only"):
        load_image_folder(tmp_path, (4, 4, 3))
    (tmp_path / "test" / "prune").rename(tmp_path / "test" / "plum")
    (tmp_path / "train" / "lime" / "0.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"lime/0\.png: cannot be read as a picture"):
        load_image_folder(tmp_path, (4, 4, 3))


def test_fruits_are_looked_for_in_the_data_directory(own_directories):
    assert "fruits-360" not in available_datasets()
    with pytest.raises(DataError, match=r"Training/<class>/"):
        load_dataset("fruits-360")
    assert prepare("CNN_Fruits360", "drawn").dataset is None
    fill(own_directories / "data" / "fruits-360" / "Training", 2)
    fill(own_directories / "data" / "fruits-360" / "Test", 1)
    assert "fruits-360" in available_datasets()
    prepared = prepare("CNN_Fruits360")
    assert prepared.network.weights == "drawn" and prepared.inputs(3).shape == (3, 100, 100, 3)


def test_a_users_model_takes_the_place_of_the_workloads(tmp_path):
    from spikemesh.conversion._keras import keras

    k = keras()
    fill(tmp_path / "data", 5)
    k.utils.set_random_seed(0)
    layers = [k.Input((32, 32, 3)), k.layers.Conv2D(4, 3, activation="relu"), k.layers.MaxPooling2D(4), k.layers.Flatten()]
    k.Sequential([*layers, k.layers.Dense(3, activation="softmax")]).save(tmp_path / "mine.keras")
    found = prepare("VGG16", data=tmp_path / "data", model=tmp_path / "mine.keras")
    assert found.network.weights == "given" and found.verdict.startswith("given: the model of mine.keras")
    assert found.network.name == "VGG16" and found.network.n_neurons == 3072 + 30 * 30 * 4 + 7 * 7 * 4 + 3
    assert any("max pooling replaced" in w for w in found.network.report.warnings)
    x = found.dataset.x_test
    assert np.array_equal(found.ann_predictions(x), found.keras_model().predict(x, verbose=0).argmax(axis=1))
    with pytest.raises(DataError, match="no data set to calibrate"):
        prepare("VGG16", model=tmp_path / "mine.keras")
    with pytest.raises(ConversionError, match="the model takes"):
        prepare("CNN_Fruits360", data=tmp_path / "data", model=tmp_path / "mine.keras")
    with pytest.raises(DataError, match="takes no pictures"):
        prepare("ImgSmooth", data=tmp_path / "data")
    assert find("VGG16").recipe is None
