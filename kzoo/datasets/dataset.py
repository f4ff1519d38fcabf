"""What loading data gives: arrays for training, validation and test, and the task they pose."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.errors import DataError as DataError
from kzoo.task import Task


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Training, validation and test examples of one task.

    The arrays are read-only, since the task's statistics and the fingerprint describe what is in them.

    Attributes:
        name: Name of the data set, or of the file or folder that it came from.
        x_train: Raw inputs to train on, [rows, *task.input_shape], of dtype task.input_dtype.
        y_train: Class ids, int32 [rows]; labels, float32 [rows, labels] of 0 and 1; or regression targets, float32
            [rows] or [rows, targets].
        x_val: Inputs to choose hyperparameters by.
        y_val: Their targets.
        x_test: Inputs for the final evaluation only.
        y_test: Their targets.
        task: The learning task, with the statistics of the training split.
        licence: Terms the data come under, where known.
        origin: Who collected the data, or the name of the file or folder, without its place on this machine.
        remarks: What a person wants to know of how they were read, a sentence each.
        groups: Numbers of the groups that the rows of training, then of validation are of, int64 [rows]; None where
            they were not split by groups.
    """

    name: str
    x_train: NDArray[Any]
    y_train: NDArray[Any]
    x_val: NDArray[Any]
    y_val: NDArray[Any]
    x_test: NDArray[Any]
    y_test: NDArray[Any]
    task: Task
    licence: str = ""
    origin: str = ""
    remarks: tuple[str, ...] = ()
    groups: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        for part in ("train", "val", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if len(x) != len(y):
                raise DataError(f"{self.name}: x_{part} has {len(x)} rows and y_{part} {len(y)}; they must agree.")
            object.__setattr__(self, f"x_{part}", _read_only(x))
            object.__setattr__(self, f"y_{part}", _read_only(y))

    def __repr__(self) -> str:
        task = self.task
        nouns = {"classification": f"{task.num_classes} classes", "multi-label": f"{task.num_classes} labels"}
        aim = nouns.get(task.kind, f"{task.num_targets} target(s)")
        rows = f"{len(self.x_train)} training, {len(self.x_val)} validation, {len(self.x_test)} test rows"
        return f"Dataset({self.name!r}: {rows} of {task.input_dtype} {task.input_shape}, {aim})"

    def folds(self, count: int, *, seed: int = 1) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Folds of the rows of training and validation, with the rows of a group in one fold.

        Where there are classes, the folds are as alike in them as the groups allow.

        Args:
            count: Number of folds, >= 2.
            seed: Of the order of the groups, 0 to 2**32 - 1.

        Returns:
            For each fold the row numbers to train on and those to validate on, of training rows followed by validation
            rows, as `folds=` of a tuner takes them.

        Raises:
            DataError: The data were not split by groups, or there are fewer groups than folds.
        """
        from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

        if self.groups is None:
            raise DataError(f"{self.name} was not split by groups; load it with group=, or give the number of folds.")
        if len(np.unique(self.groups)) < count:
            raise DataError(f"{self.name}: {len(np.unique(self.groups))} groups are too few for {count} folds.")
        classes = self.task.kind == "classification"
        splitter = (StratifiedGroupKFold if classes else GroupKFold)(count, shuffle=True, random_state=seed)
        y = np.concatenate([self.y_train, self.y_val])
        with warnings.catch_warnings():
            # That a class has fewer rows than there are folds; its groups are where they are.
            warnings.simplefilter("ignore", UserWarning)
            return list(splitter.split(np.empty((len(y), 0)), y, self.groups))

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hexadecimal digest of all six arrays: it changes when a value, a dtype, a shape or the split does."""
        digest = hashlib.blake2b(digest_size=16)
        for array in (self.x_train, self.y_train, self.x_val, self.y_val, self.x_test, self.y_test):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
