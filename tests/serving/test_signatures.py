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


def test_what_numpy_has_no_dtype_for():
    info = tensor_info("DT_BFLOAT16", False, [-1, 3])
    assert info == TensorInfo("DT_BFLOAT16", (None, 3))
    with pytest.raises(BadRequest, match="numpy has no dtype"):
        fitting_arrays(np.zeros((1, 3)), "s", SignatureInfo({"x": info}, {}))
    assert answered_array([[1.5]], info).dtype == np.float64
