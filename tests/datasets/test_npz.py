import zipfile

import numpy as np
import pytest
import scipy.sparse

from kzoo.datasets import DataError, load_dataset
from kzoo.tables import packed

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(40, 3)), np.arange(40) % 2


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return path

    return write


def test_sparse_arrays_are_taken_as_dense_ones():
    x = np.eye(40, 5)
    found = load_dataset((scipy.sparse.csr_array(x), np.arange(40) % 2))
    assert sorted(map(tuple, np.concatenate([found.x_train, found.x_val, found.x_test]))) == sorted(map(tuple, x))


def test_table(npz):
    data = load_dataset(npz(x=X, y=Y))
    assert data.task.input_shape == (3,)
    assert data.task.class_names == ("0", "1")
    assert data.x_train.dtype == np.float32
    assert (len(data.x_train), len(data.x_val), len(data.x_test)) == (24, 8, 8)


def test_given_parts_are_kept(npz):
    data = load_dataset(npz(x_train=X[:30], y_train=Y[:30], x_test=X[30:], y_test=Y[30:]))
    np.testing.assert_array_equal(data.x_test, X[30:].astype(np.float32))
    assert len(data.x_val) == 6


def test_images_stay_bytes_and_get_a_channel(npz):
    images = rng.integers(0, 256, (40, 5, 4), dtype=np.uint8)
    data = load_dataset(npz(x=images, y=Y))
    assert data.task.input_shape == (5, 4, 1)
    assert data.task.input_dtype == "uint8"


def test_text_labels_and_regression(npz):
    assert load_dataset(npz(x=X, y=np.array(["cat", "ant"])[Y])).task.class_names == ("ant", "cat")
    several = load_dataset(npz(x=X, y=rng.normal(size=(40, 2))))
    assert several.task.kind == "regression"
    assert several.task.num_targets == 2


def with_nan(values, index):
    values = values.copy()
    values[index] = np.nan
    return values


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X}, "expected arrays x and y.*found a"),
        ({"x": X}, "x is there but its targets are not"),
        ({"x": X, "y": Y[:30]}, "x has 40 rows and y 30"),
        ({"x": with_nan(X, (7, 2)), "y": Y}, r"x\[7, 2\] is NaN"),
        ({"x": X, "y": with_nan(X[:, 0], 3)}, r"y\[3\] is NaN"),
        ({"x": X.astype(str), "y": Y}, "expected numbers"),
        ({"x": X * 1e300, "y": Y}, "more than float32 can hold"),
        ({"x": X[:, 0], "y": Y}, r"expected x as \[rows, features\]"),
        ({"x": X[:, :0], "y": Y}, "axis of length 0"),
        ({"x": X, "y": np.zeros(40, int)}, "'0' in every row"),
        ({"x": X, "y": np.full(40, 0.5)}, "0.5 in every row"),
        ({"x": X, "y": np.stack([Y, np.ones(40)], 1)}, "every row has the label '1'"),
        ({"x": X[:4], "y": Y[:4]}, "no class has 3 rows"),
        ({"x_train": X, "y_train": Y, "x_test": X[:, :2], "y_test": Y}, "must be alike"),
        ({"x_train": X, "y_train": Y, "x_test": X, "y_test": Y + 1}, "'2' is not one of the training classes"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y}, "x_test would not be used beside x;"),
        ({"x_train": X, "y_train": Y, "x_extra": X, "y_extra": Y}, "x_extra would not be used beside x_train"),
        ({"x_train": X, "y_train": Y, "x_val": X, "x_valid": X}, "x_val and x_valid mean the same"),
        (
            {"x": X.repeat(4, 1).reshape(40, 3, 2, 2).repeat(5, 3), "y": Y},
            r"channels first.*transpose\(0, 2, 3, 1\)",
        ),
        ({"x_train": X, "y_train": Y, "y_val": Y}, "y_val is there but its inputs are not"),
        ({"x": X, "y": Y + 1j}, "y is of dtype complex128"),
        ({"x": X, "y": np.zeros((40, 0))}, r"y \(40, 0\); an axis of length 0"),
        ({"x": np.array([{}] * 40), "y": Y}, "Python objects, which are never unpickled"),
    ],
)
def test_says_what_is_wrong(npz, arrays, message):
    with pytest.raises(DataError, match=message):
        load_dataset(npz(**arrays))


def test_other_arrays_are_left_alone(npz):
    data = load_dataset(npz(x=X, y=Y, weights=np.ones(7), labels=np.array([{}])))
    assert data.task.input_shape == (3,)
    assert data.remarks == ("Arrays that are not used: weights, labels.",)


@pytest.mark.parametrize(
    "names",
    [("X", "y"), ("images", "labels"), ("data", "target"), ("features", "targets"), ("inputs", "classes")],
)
def test_names_that_people_use(npz, names):
    plain = load_dataset(npz(x=X, y=Y))
    assert load_dataset(npz(**dict(zip(names, (X, Y), strict=True)))).fingerprint == plain.fingerprint


@pytest.mark.parametrize("form", ["{0}_{1}", "{1}_{0}", "{1} {0}", "{1}{0}"])
def test_names_of_parts_that_people_use(npz, form):
    parts = {"train": slice(0, 20), "valid": slice(20, 30), "test": slice(30, 40)}
    axes = {"X": X, "Y": Y} if form == "{1}{0}" else {"images": X, "labels": Y[:, None]}
    data = load_dataset(npz(**{form.format(a, p): v[rows] for a, v in axes.items() for p, rows in parts.items()}))
    assert [len(each) for each in (data.y_train, data.y_val, data.y_test)] == [20, 10, 10]
    np.testing.assert_array_equal(data.x_val, X[20:30].astype(np.float32))
    assert data.task.kind == "classification"


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [((50, 3), "f4", (50, 3)), ((128, 9), "f8", (128, 9)), ((9, 8), "f4", (9, 8, 1)), ((50, 3), "u1", (50, 3, 1))],
)
def test_series_and_images(npz, shape, dtype, expected):
    x = rng.integers(0, 200, (40, *shape)).astype(dtype)
    data = load_dataset(npz(x=x, y=Y))
    assert data.task.input_shape == expected
    told = f"x is taken as series of {shape[0]} steps of {shape[1]} values; x[..., None] would be images."
    assert data.remarks == ((told,) if len(expected) == 2 else ())


def test_a_small_file_that_unpacks_to_what_fills_the_memory(tmp_path, monkeypatch):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros((2000, 100)), y=np.zeros(2000))
    monkeypatch.setattr(packed, "LARGEST", 10**6)
    with pytest.raises(DataError, match=r"bomb.npz: unpacks to 0.00151 GiB, more than its size lets expect"):
        load_dataset(path)


def header(shape):
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}"
    return b"\x93NUMPY\x01\x00v\x00" + text.ljust(117).encode() + b"\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x", b"hello", "x is not an array"),
        ("x.npy", header((100, 3)), "cannot be read as .npz"),
        ("x.npy", header((10**13, 3)), "cannot be read as .npz"),
    ],
)
def test_a_damaged_array(tmp_path, name, content, message):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, content)
        file.writestr("y.npy", content)
    with pytest.raises(DataError, match=message):
        load_dataset(path)


def test_a_bare_array(tmp_path):
    path = tmp_path / "data.npz"
    with path.open("wb") as file:
        np.save(file, X)
    with pytest.raises(DataError, match="one array without a name"):
        load_dataset(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x80\x04]q\x00."])
def test_a_file_that_is_no_npz(tmp_path, content):
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="data.npz"):
        load_dataset(path)


def test_a_truncated_file(npz):
    path = npz(x=X, y=Y)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(path)
