"""k-fold cross-validation: the training data of each fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import keras
import keras_tuner
import numpy as np
from numpy.typing import NDArray

Rows: TypeAlias = "Sequence[int] | NDArray[Any]"


class Folds:
    """Splits the arguments of `model.fit` into folds, the same ones in every trial.

    Args:
        folds: Number of folds, >= 2; each is validated on once, with the model trained on the others. The rows are
            shuffled, and where y holds class ids, or is one-hot, every fold has its share of each class. Or the folds
            themselves: for each the row numbers to train on and those to validate on, as the splitters of scikit-learn
            give them (`list(GroupKFold(5).split(x, y, groups))`).

    Attributes:
        count: Number of folds.

    Raises:
        ValueError: The count is out of range, or folds are not disjoint row numbers from 0.
    """

    def __init__(self, folds: int | Sequence[tuple[Rows, Rows]]) -> None:
        self._given: list[tuple[NDArray[Any], NDArray[Any]]] | None = None
        if isinstance(folds, int) and not isinstance(folds, bool):
            self.count = folds
        else:
            self._given = _checked(folds)
            self.count = len(self._given)
        if self.count < 2:
            raise ValueError(f"folds is {folds!r}; expected 2 or more, or None for no cross-validation.")

    def of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
        """Keyword arguments of `model.fit` for each fold.

        Args:
            args: Positional arguments of `model.fit`: x and y at most.
            kwargs: Keyword arguments of `model.fit`; x, y and sample_weight are arrays [rows, ...] or structures of
                them.
            seed: Of the shuffling.

        Raises:
            keras_tuner.errors.FatalValueError: They cannot be split; the message says why.
        """
        given = {**dict(zip(("x", "y"), args, strict=False)), **kwargs}
        data = {name: given[name] for name in ("x", "y", "sample_weight") if given.get(name) is not None}
        self._check(given, args, keras.tree.flatten(list(data.values())))
        # Made anew for every trial: an array may have been changed meanwhile.
        return [
            {**{name: given[name] for name in given if name not in data}, **fold} for fold in self._split(data, seed)
        ]

    def _check(self, given: Mapping[str, Any], args: tuple[Any, ...], arrays: list[Any]) -> None:
        for name in ("validation_data", "validation_split"):
            if given.get(name):
                raise _error(f"{name} is given, and folds={self.count} validates on parts of x and y: leave one out.")
        if len(args) > 2:
            raise _error("pass x and y by position at most where folds are asked for, and the rest by name.")
        if not arrays or not all(isinstance(each, np.ndarray) and each.ndim for each in arrays):
            raise _error("folds are made of numpy arrays x and y; for other data make the folds yourself.")
        rows = {len(each) for each in arrays}
        if len(rows) > 1 or min(rows) < self.count:
            raise _error(
                f"folds={self.count} cannot be made of arrays with {' and '.join(map(str, sorted(rows)))} rows."
            )

    def _split(self, data: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
        from sklearn.model_selection import KFold, StratifiedKFold

        rows = len(keras.tree.flatten(data["x"])[0])
        if self._given is not None:
            largest = max(int(each.max()) for fold in self._given for each in fold)
            if largest >= rows:
                raise _error(f"the folds name row {largest}, and x has {rows} rows.")
            return [_fold(data, *each) for each in self._given]
        classes = _classes(data.get("y"))
        if classes is not None:
            ids, counts = np.unique(classes, return_counts=True)
            if counts.min() < self.count:
                raise _error(f"class {ids[counts.argmin()]} has {counts.min()} rows, fewer than folds={self.count}.")
        splitter = (KFold if classes is None else StratifiedKFold)(self.count, shuffle=True, random_state=seed)
        return [_fold(data, *each) for each in splitter.split(np.empty((rows, 0)), classes)]


def _checked(folds: Any) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Folds that were given, as arrays of row numbers.

    Raises:
        ValueError: They are something else.
    """
    try:
        found = [(np.asarray(train), np.asarray(held)) for train, held in folds]
    except (TypeError, ValueError):
        raise ValueError(
            f"folds is {folds!r}; expected their number, or for each the rows to train on and the rows to validate on, "
            "as in list(GroupKFold(5).split(x, y, groups))."
        ) from None
    for number, fold in enumerate(found, 1):
        for rows in fold:
            if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows) or rows.min() < 0:
                raise ValueError(f"fold {number}: {rows!r} are no row numbers; expected whole numbers from 0, [rows].")
        if np.isin(fold[0], fold[1]).any():
            raise ValueError(f"fold {number}: rows are both trained on and validated on.")
    return found


def facts_of_call(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], folds: Folds | None, executions: int
) -> dict[str, Any]:
    """What a call of `Tuner.search` says of the training: rows, rows of validation, epochs, executions, folds.

    Args:
        args: Positional arguments of `model.fit`.
        kwargs: Keyword arguments of `model.fit`.
        folds: The folds of a cross-validation, or None.
        executions: Executions of each trial.

    Returns:
        Whole numbers by name; what cannot be seen, such as the rows of a generator, is left out.
    """
    given = {**dict(zip(("x", "y"), args, strict=False)), **kwargs}
    rows, share = _rows_of(given.get("x")), given.get("validation_split") or 0.0
    validation = given.get("validation_data")
    held = _rows_of(validation[0]) if isinstance(validation, tuple | list) and validation else None
    if rows is not None and folds is not None:
        held = rows  # Every row is validated on once.
    elif rows is not None and share:
        held = rows - int(rows * (1.0 - share))
        rows -= held
    epochs = given.get("epochs", 1)
    found = {
        "rows": rows,
        "validation_rows": held,
        "epochs": epochs if isinstance(epochs, int) else None,
        "executions": executions,
        "folds": None if folds is None else folds.count,
    }
    return {name: value for name, value in found.items() if value is not None}


def _rows_of(data: Any) -> int | None:
    arrays = keras.tree.flatten(data)
    shape = getattr(arrays[0], "shape", None) if arrays else None
    return int(shape[0]) if shape and shape[0] is not None else None


def _error(text: str) -> keras_tuner.errors.FatalValueError:
    return keras_tuner.errors.FatalValueError(f"Cross-validation: {text}")


def _classes(y: Any) -> NDArray[Any] | None:
    """Class ids [rows]; None where y is not an array of class ids."""
    if not isinstance(y, np.ndarray) or y.ndim > 2:
        return None
    if y.ndim == 2 and y.shape[1] > 1:
        one_hot = np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()
        return y.argmax(axis=1) if one_hot else None
    return y.reshape(len(y)) if y.dtype.kind in "biu" else None


def _fold(data: Mapping[str, Any], train: NDArray[Any], held: NDArray[Any]) -> dict[str, Any]:
    def rows(part: Any, which: NDArray[Any]) -> Any:
        return keras.tree.map_structure(lambda array: array[which], part)

    training = {name: rows(part, train) for name, part in data.items()}
    return {**training, "validation_data": tuple(rows(part, held) for part in data.values())}
