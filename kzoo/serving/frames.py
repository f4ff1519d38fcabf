"""DataFrames as inputs and answers of a client."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kzoo.serving.errors import BadRequest
from kzoo.serving.signatures import SignatureInfo

if TYPE_CHECKING:
    import pandas


def is_frame(value: Any) -> bool:
    """Whether a value is a pandas DataFrame; pandas is not imported for that."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def columns_of(frame: pandas.DataFrame, signature: SignatureInfo) -> dict[str, Any]:
    """The inputs of a signature from a DataFrame.

    Args:
        frame: Rows; its columns are the inputs by name, in whatever order, or together the one input, in their order.
        signature: What takes them.

    Raises:
        BadRequest: Two columns have one name.
    """
    if not frame.columns.is_unique:
        twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
        raise BadRequest(f"The DataFrame has more than one column {', '.join(map(repr, twice))}.")
    names = [str(name) for name in frame.columns]
    one = next(iter(signature.inputs.items())) if len(signature.inputs) == 1 else None
    if one is not None and names != [one[0]]:
        name, info = one
        return {name: frame.iloc[:, 0].to_numpy() if info.shape == (None,) else frame.to_numpy()}
    return {name: frame.iloc[:, place].to_numpy() for place, name in enumerate(names)}


def frame_of(answer: Mapping[str, NDArray[Any]], frame: pandas.DataFrame) -> pandas.DataFrame:
    """A DataFrame of answers, with the index of the DataFrame that was asked for.

    Args:
        answer: Arrays [rows] or [rows, values] by output name.
        frame: What was asked for.

    Raises:
        BadRequest: An answer is of another shape.
    """
    import pandas

    columns: dict[str, NDArray[Any]] = {}
    for name, array in answer.items():
        if array.ndim not in (1, 2) or len(array) != len(frame):
            raise BadRequest(
                f"Output {name!r} has shape {list(array.shape)}, which is no column or columns of a DataFrame of "
                f"{len(frame)} rows; ask with arrays instead, such as frame.to_numpy()."
            )
        if array.ndim == 1 or array.shape[1] == 1:
            columns[name] = array.reshape(len(frame))
        else:
            columns |= {f"{name}_{place}": values for place, values in enumerate(np.moveaxis(array, 1, 0))}
    return pandas.DataFrame(columns, index=frame.index)
