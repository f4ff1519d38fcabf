import gzip
import io
import struct
import tarfile
from pathlib import Path

import keras
import numpy as np
import pytest

from kzoo.datasets import DataError, image_sets, load_dataset
from kzoo.datasets.idx import read_idx

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


def test_mnist_npz(place):
    images = rng.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    np.savez(place / "mnist.npz", x_train=images, y_train=LABELS, x_test=images[:30], y_test=LABELS[:30])
    data = load_dataset("mnist")
    assert data.task.input_dtype == "uint8"
    np.testing.assert_array_equal(data.x_test, images[:30, ..., None])
    assert (len(data.x_train), len(data.x_val)) == (48, 12)


@pytest.mark.parametrize(("name", "other"), [("mnist", "fashion_mnist"), ("fashion_mnist", "mnist")])
def test_one_set_is_not_taken_for_another(place, name, other):
    labels = LABELS.copy()
    labels[:10] = image_sets.IMAGE_SETS[other].first_labels
    write_idx(place, np.zeros((60, 28, 28), np.uint8), labels)
    with pytest.raises(DataError, match=f"these are the files of {other}, not of {name}"):
        load_dataset(name)


def test_first_labels_of_fashion_mnist():
    path = Path(image_sets.IMAGE_SETS["fashion_mnist"].places[0]) / f"{image_sets.IDX_FILES[1]}.gz"
    if not path.exists():
        pytest.skip("the package dataset-fashion-mnist is not installed")
    assert tuple(read_idx(path)[:10]) == image_sets.IMAGE_SETS["fashion_mnist"].first_labels


def test_a_missing_file_and_a_missing_directory(place, monkeypatch):
    write_idx(place, np.zeros((60, 28, 28), np.uint8), LABELS)
    (place / f"{image_sets.IDX_FILES[3]}.gz").unlink()
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte.* is missing"):
        load_dataset("mnist")
    monkeypatch.setenv(image_sets.VARIABLE, str(place / "nowhere"))
    with pytest.raises(DataError, match="KZOO_DATA is .*nowhere.* not a directory"):
        load_dataset("mnist")


@pytest.fixture(params=["cifar10", "cifar100"])
def cifar(request):
    """A small set with the contents of its files, as they are in the archive."""
    name = request.param
    count, label_bytes = (60, 1) if name == "cifar10" else (600, 2)
    y = (np.arange(count) % (10 if name == "cifar10" else 100)).astype(np.uint8)
    pixels = rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
    labels = np.zeros((count, label_bytes), np.uint8)
    labels[:, -1] = y
    rows = np.concatenate([labels, pixels.reshape(count, -1)], axis=1)
    half = count // 2
    if name == "cifar10":
        files = {"data_batch_2.bin": rows[half:], "data_batch_1.bin": rows[:half], "test_batch.bin": rows}
    else:
        files = {"train.bin": rows, "test.bin": rows}
    return name, {file: part.tobytes() for file, part in files.items()}, pixels.transpose(0, 2, 3, 1), y


def pack(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"folder/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("packed", [True, False])
def test_cifar(place, cifar, packed):
    name, files, images, y = cifar
    files |= {"readme.html": b"<p>"}
    if packed:
        pack(place / image_sets.IMAGE_SETS[name].archive, files)
    else:
        folder = place / image_sets.IMAGE_SETS[name].folder
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_bytes(content)
    data = load_dataset(name)
    assert data.task.input_shape == (32, 32, 3)
    np.testing.assert_array_equal(data.x_test, images)
    np.testing.assert_array_equal(data.y_test, y)
    assert len(data.x_train) + len(data.x_val) == len(images)
    assert data.task.class_names == image_sets.IMAGE_SETS[name].class_names


def test_cifar_files_name_their_classes(place, cifar):
    name, files, _, y = cifar
    names = [f"thing_{index}" for index in range(y.max() + 1)]
    file = "batches.meta.txt" if name == "cifar10" else "fine_label_names.txt"
    pack(place / image_sets.IMAGE_SETS[name].archive, files | {file: "\n".join([*names, ""]).encode()})
    assert load_dataset(name).task.class_names == tuple(names)


def test_damaged_cifar(place, cifar):
    name, files, _, _ = cifar
    path = place / image_sets.IMAGE_SETS[name].archive
    first = next(iter(files))
    pack(path, files | {first: files[first][:-1]})
    with pytest.raises(DataError, match=f"{first} has .* not a multiple of"):
        load_dataset(name)
    pack(path, {first: files[first]})
    with pytest.raises(DataError, match="is it the binary version"):
        load_dataset(name)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(name)


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


def test_a_download_is_read_and_leaves_the_output_alone(place, cifar, monkeypatch, capsys):
    name, files, images, _ = cifar
    images_set = image_sets.IMAGE_SETS[name]
    elsewhere = place / "downloaded.tar.gz"
    pack(elsewhere, files)

    def get_file(fname, origin, file_hash, hash_algorithm):
        assert origin.endswith(images_set.archive) and file_hash == images_set.checksum and hash_algorithm == "md5"
        print("Downloading data")
        return str(elsewhere)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    np.testing.assert_array_equal(load_dataset(name).x_test, images)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Downloading" in captured.err
