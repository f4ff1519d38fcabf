"""Data as the reader of a format gives them, before classes are numbered and splits are cut."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kzoo.tables.columns import Column
from kzoo.tables.marks import Marks
from kzoo.task import TaskKind

if TYPE_CHECKING:
    import pandas


class Rows(Protocol):
    """Inputs that are fetched by row number: an array, or images still in their files."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows, then the shape of one example."""

    @property
    def dtype(self) -> np.dtype:
        """Of the array that indexing returns."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: NDArray[Any]) -> NDArray[Any] | Rows: ...


@dataclasses.dataclass(frozen=True, eq=False)
class TableRows:
    """Rows of named columns, which become numbers when it is known which of them are trained on."""

    frame: pandas.DataFrame

    @property
    def shape(self) -> tuple[int, ...]:
        """See `Rows`."""
        return self.frame.shape

    @property
    def dtype(self) -> np.dtype:
        """See `Rows`."""
        return np.dtype(object)

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, rows: NDArray[Any]) -> TableRows:
        return TableRows(self.frame.iloc[rows])


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """Inputs with their labels or regression targets, [rows] or [rows, targets]."""

    x: Rows
    y: NDArray[Any]


@dataclasses.dataclass(frozen=True, eq=False)
class RawData:
    """Data as found: finite, with x and y of equal length and inputs in the shape and dtype of a `Task`.

    Attributes:
        name: What to call the data set.
        where: The file, folder or name to begin an error message with.
        train: Rows to train on; parts that the source does not set apart are cut from them.
        validation: Rows set apart for validation, if the source does so.
        test: Rows set apart for the test, if the source does so.
        kind: The kind of task, where the source leaves no doubt.
        class_names: Names of the classes if y holds ids 0, 1, ...; else the labels in y name them.
        feature_names: Names of the input columns, or empty.
        target_names: Names of the columns of y, or empty.
        columns: Of a table, what they hold; the inputs are `TableRows` then, which are yet to be encoded.
        marks: What is known of how the rows to train on are to be split.
        remarks: What a person wants to know of how the data were read, a sentence each.
        licence: Terms the data come under, where known.
        origin: Who collected the data, or the name of the file or folder.
    """

    name: str
    where: str
    train: Part
    validation: Part | None = None
    test: Part | None = None
    kind: TaskKind | None = None
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    marks: Marks | None = None
    remarks: tuple[str, ...] = ()
    licence: str = ""
    origin: str = ""
