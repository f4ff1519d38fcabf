import gzip
import io
import struct
import tarfile

import keras
import numpy as np
import pytest

from kzoo.datasets import DataError, image_sets, load_dataset

rng = np.random.default_rng(0)
LABELS = (np.arange(60) % 10).astype(np.uint8)


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv(image_sets.VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def offline(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(keras.utils, "get_file", refuse)
    for name in ("mnist", "fashion_mnist"):
        monkeypatch.setattr(getattr(keras.datasets, name), "load_data", refuse)


def write_idx(place, images, labels, compressed=True):
    arrays = (images, labels, images[:30], labels[:30])
    for name, array in zip(image_sets.IDX_FILES, arrays, strict=True):
        content = idx(array)
        path = place / (f"{name}.gz" if compressed else name)
        path.write_bytes(gzip.compress(content) if compressed else content)


@pytest.mark.parametrize("compressed", [True, False])
def test_idx(place, compressed):
    images = rng.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    write_idx(place, images, LABELS, compressed)
    data = load_dataset("fashion_mnist")
    assert data.task.class_names[9] == "Ankle boot"
    assert data.task.input_shape == (28, 28, 1)
    assert data.x_train.dtype == np.uint8
    np.testing.assert_array_equal(data.x_test, images[:30, ..., None])
    assert len(data.x_val) == 12


@pytest.mark.parametrize(("name", "label_bytes"), [("cifar10", 1), ("cifar100", 2)])
def test_cifar(place, name, label_bytes):
    pixels = rng.integers(0, 256, (60, 3, 32, 32), dtype=np.uint8)
    fine = LABELS if name == "cifar10" else np.arange(1000).astype(np.uint8) % 100
    pixels = np.resize(pixels, (len(fine), 3, 32, 32))
    labels = np.repeat(fine[:, None], label_bytes, axis=1)
    content = np.concatenate([labels, pixels.reshape(len(fine), -1)], axis=1).tobytes()
    names = ("data_batch_1.bin", "test_batch.bin") if name == "cifar10" else ("train.bin", "test.bin")
    with tarfile.open(place / image_sets.IMAGE_SETS[name].archive, "w:gz") as archive:
        for each in names:
            member = tarfile.TarInfo(f"folder/{each}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    data = load_dataset(name)
    assert data.task.input_shape == (32, 32, 3)
    np.testing.assert_array_equal(data.x_test, pixels.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(data.y_test, fine)


def test_damaged_files_are_named(place):
    write_idx(place, rng.integers(0, 256, (60, 28, 28), dtype=np.uint8), LABELS)
    path = place / f"{image_sets.IDX_FILES[0]}.gz"
    whole = path.read_bytes()
    for content in (whole[:-100], gzip.compress(gzip.decompress(whole)[:-1]), gzip.compress(b"nonsense"), b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match="train-images-idx3-ubyte.gz"):
            load_dataset("fashion_mnist")


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100"])
def test_offline_says_what_would_do(place, offline, name):
    with pytest.raises(DataError, match=f"{name} could not be downloaded.*KZOO_DATA"):
        load_dataset(name)
