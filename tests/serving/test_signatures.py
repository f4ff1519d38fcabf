import numpy as np
import pytest

from kzoo.serving import BadRequest, SignatureInfo, TensorInfo
from kzoo.serving.signatures import DTYPES, answered_array, fitting_arrays, tensor_info

TWO = SignatureInfo({"a": TensorInfo("float32", (None, 2)), "b": TensorInfo("str", (None,))}, {})


def test_every_dtype_is_numpys():
    for name in set(DTYPES.values()):
        assert np.dtype(name).kind in "fiubU"


def test_two_inputs():
    arrays = fitting_arrays({"a": [[1, 2]], "b": ["x"]}, "serving_default", TWO)
    assert arrays["a"].dtype == np.float32
    assert arrays["b"].tolist() == ["x"]
    with pytest.raises(BadRequest, match="give a mapping"):
        fitting_arrays([[1, 2]], "serving_default", TWO)
    with pytest.raises(BadRequest, match="takes text"):
        fitting_arrays({"a": [[1, 2]], "b": [1]}, "serving_default", TWO)


def test_a_fraction_is_no_integer():
    signature = SignatureInfo({"x": TensorInfo("uint8", None)}, {})
    assert fitting_arrays(np.array([[1]], "uint8"), "s", signature)["x"].dtype == np.uint8
    with pytest.raises(BadRequest, match="is float64; the model takes uint8"):
        fitting_arrays([0.5], "s", signature)


def one(dtype, shape=None):
    return SignatureInfo({"x": TensorInfo(dtype, shape)}, {})


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([[0, 255]], "uint8"),
        (np.array([[-128, 127]]), "int8"),
        ([[1, 2]], "float32"),
        ([[True, False]], "uint8"),
        (np.array([[2**63 - 1]]), "int64"),
        (np.array([[1.5, np.inf, np.nan]]), "float32"),
        (np.array([[1, 2.5]], dtype=object), "float32"),
        (np.array([[3]], dtype=object), "int32"),
    ],
)
def test_values_that_fit(value, dtype):
    fitting = fitting_arrays(value, "s", one(dtype))["x"]
    assert fitting.dtype == dtype
    np.testing.assert_array_equal(fitting, np.asarray(value, dtype))


@pytest.mark.parametrize(
    ("value", "dtype", "words"),
    [
        ([[256]], "uint8", "'x' has 256, which is beyond what uint8 holds"),
        ([[-1]], "uint8", "has -1, which is beyond what uint8 holds"),
        ([[2**40]], "int32", "beyond what int32 holds"),
        (np.array([[2**63]], "uint64"), "int64", "beyond what int64 holds"),
        ([[1e300]], "float32", r"has 1e\+300, which is beyond what float32 holds"),
        ([[70000.0]], "float16", "beyond what float16 holds"),
        ([[1.0], [None]], "float32", "'x' has None in row 1; the model takes float32, with NaN for what is missing"),
        ([[1], [None]], "int64", "'x' has None in row 1; the model takes int64.$"),
        ([["1"]], "float32", "is <U1; the model takes float32"),
        ([[{}]], "float32", "has values that are no numbers"),
    ],
)
def test_values_that_do_not_fit(value, dtype, words):
    with pytest.raises(BadRequest, match=words):
        fitting_arrays(value, "s", one(dtype))


@pytest.mark.parametrize("text", [None, float("nan"), 3])
def test_what_is_no_text(text):
    with pytest.raises(BadRequest, match=f"'x' has {text} in row 1; the model takes text, which may be ''"):
        fitting_arrays(["a", text] if text is None else np.array(["a", text], object), "s", one("str", (None,)))


def test_a_column_is_one_value_for_every_row():
    assert fitting_arrays([1, 2, 3], "s", one("float32", (None, 1)))["x"].shape == (3, 1)


@pytest.mark.parametrize("dtype", ["float32", "str", "int64"])
def test_no_rows(dtype):
    for value in ([], np.empty((0, 4))):
        assert fitting_arrays(value, "s", one(dtype, (None, 4)))["x"].shape == (0, 4)


def test_what_numpy_has_no_dtype_for():
    info = tensor_info("DT_BFLOAT16", False, [-1, 3])
    assert info == TensorInfo("DT_BFLOAT16", (None, 3))
    with pytest.raises(BadRequest, match="numpy has no dtype"):
        fitting_arrays(np.zeros((1, 3)), "s", SignatureInfo({"x": info}, {}))
    assert answered_array([[1.5]], info).dtype == np.float64
