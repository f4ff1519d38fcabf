import numpy as np
import pandas as pd
import pytest

from kzoo.serving import BadRequest, SignatureInfo, TensorInfo
from kzoo.serving.frames import columns_of, frame_of, is_frame
from kzoo.serving.signatures import fitting_arrays

COLUMNS = SignatureInfo({"age": TensorInfo("float32", (None, 1)), "town": TensorInfo("str", (None,))}, {})
MATRIX = SignatureInfo({"inputs": TensorInfo("float32", (None, 2))}, {})


def fitted(frame, signature):
    return fitting_arrays(columns_of(frame, signature), "s", signature)


def test_what_is_a_frame():
    assert is_frame(pd.DataFrame())
    assert not is_frame(pd.Series([1])) and not is_frame({"a": [1]})


def test_columns_are_inputs_by_name():
    frame = pd.DataFrame({"town": pd.Series(["Ulm", "Bonn"], dtype="category"), "age": [3, 4]})
    arrays = fitted(frame, COLUMNS)
    assert arrays["town"].tolist() == ["Ulm", "Bonn"]
    assert arrays["age"].tolist() == [[3.0], [4.0]]
    with pytest.raises(BadRequest, match="takes 'age', 'town', not 'age', 'size', 'town'"):
        fitted(frame.assign(size=1), COLUMNS)
    with pytest.raises(BadRequest, match="'town' has nan in row 1; the model takes text"):
        fitted(frame.assign(town=pd.Series(["Ulm", np.nan], dtype=object)), COLUMNS)
    with pytest.raises(BadRequest, match=r"'age' has <NA> in row 0; the model takes float32, with NaN"):
        fitted(frame.assign(age=pd.array([None, 4], dtype="Int64").astype(object)), COLUMNS)


def test_columns_together_are_the_one_input():
    frame = pd.DataFrame({"width": [1, 2], "height": [0.5, None]})
    np.testing.assert_array_equal(fitted(frame, MATRIX)["inputs"], np.array([[1, 0.5], [2, np.nan]], "float32"))
    with pytest.raises(BadRequest, match=r"has shape \[2, 1\]; expected \[any, 2\]"):
        fitted(frame[["width"]], MATRIX)
    with pytest.raises(BadRequest, match="more than one column 'width'"):
        fitted(pd.concat([frame, frame["width"]], axis=1), MATRIX)


def test_one_column_of_texts():
    texts = SignatureInfo({"text": TensorInfo("str", (None,))}, {})
    assert fitted(pd.DataFrame({"review": ["good", "bad"]}), texts)["text"].tolist() == ["good", "bad"]


def test_answers_as_a_frame():
    asked = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    found = frame_of({"price": np.ones((2, 1)), "p": np.eye(2), "label": np.array(["u", "v"])}, asked)
    wanted = {"price": [1.0, 1.0], "p_0": [1.0, 0.0], "p_1": [0.0, 1.0], "label": ["u", "v"]}
    pd.testing.assert_frame_equal(found, pd.DataFrame(wanted, index=["x", "y"]), check_dtype=False)
    for array in (np.zeros((2, 3, 3)), np.zeros(3), np.float32(1)):
        with pytest.raises(BadRequest, match="which is no column or columns of a DataFrame of 2 rows"):
            frame_of({"map": np.asarray(array)}, asked)
