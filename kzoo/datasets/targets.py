"""From labels or numbers, as found, to class ids, labels that are given or not, or float32 targets."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.dataset import DataError
from kzoo.datasets.raw import RawData
from kzoo.tables.findings import is_classes
from kzoo.tables.labels import Labels, in_columns, in_fields
from kzoo.tables.target import LARGEST_EXACT
from kzoo.task import KINDS, TaskKind


@dataclasses.dataclass(frozen=True, eq=False)
class Targets:
    """Targets of each part that was given, and the names of the classes.

    Attributes:
        kind: Of the task.
        class_names: Of the classes or labels; empty for numbers.
        train: Class ids, int32 [rows]; labels, float32 [rows, labels] of 0 and 1; or numbers, float32 [rows] or [rows,
            targets].
        validation: The same of rows set apart, or None.
        test: The same.
        remarks: What a person wants to know of how they were read, a sentence each.
    """

    kind: TaskKind
    class_names: tuple[str, ...]
    train: NDArray[Any]
    validation: NDArray[Any] | None
    test: NDArray[Any] | None
    remarks: tuple[str, ...] = ()


def prepare_targets(raw: RawData, kind: TaskKind | None) -> Targets:
    """Encodes the targets of all parts alike.

    Args:
        raw: The data as found.
        kind: The kind of task; None to go by the data: text, booleans and whole numbers of at most 20 different
            values, 1.0 and 0.0 among them, are classes; several columns of 0 and 1 are labels, or classes where each
            row has one of them; other numbers are to be predicted.

    Returns:
        Class ids in the order of `class_names`, sorted labels unless the source names them; labels; or numbers, [rows]
        for one target and [rows, targets] for several.

    Raises:
        DataError: The labels do not fit the kind, there is only one class or value, or a part has a class of its own.
    """
    if kind not in (None, *KINDS):
        raise DataError(f"kind is {kind!r}; expected {', '.join(map(repr, KINDS))} or None.")
    if kind and raw.kind and kind != raw.kind:
        raise DataError(f"{raw.where} is a {raw.kind} task; leave kind={kind!r} out.")
    kind = kind or raw.kind
    parts = [_one_column(part.y) if part else None for part in (raw.train, raw.validation, raw.test)]
    assert parts[0] is not None
    if parts[0].ndim == 2:
        return _several(raw, kind, parts)
    found = in_fields(parts[0], kind)
    if found:
        return _labelled(raw, found, [each if each is None else _again(each, found, raw.where) for each in parts[1:]])
    if kind == "multi-label":
        raise DataError(
            f"{raw.where}: there is one label a row; for several name a column of 0 and 1 for each (--target, "
            "repeated), or put them into one field with | between them."
        )
    if kind == "regression" or (kind is None and not is_classes(parts[0])):
        return _numeric(raw, parts)
    return _classes(raw, parts)


def _one_column(y: NDArray[Any]) -> NDArray[Any]:
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _several(raw: RawData, kind: TaskKind | None, parts: list[NDArray[Any] | None]) -> Targets:
    """The targets where each row has several values."""
    found = [None if each is None else in_columns(each, raw.target_names) for each in parts]
    train = found[0]
    binary = train is not None and all(
        (each is None) == (labels is None) for each, labels in zip(parts, found, strict=True)
    )
    if train is None or not binary or kind == "regression":
        if kind in (None, "regression"):
            return _numeric(raw, parts)
        assert parts[0] is not None
        needed = "one class per row" if kind == "classification" else "labels of 0 and 1, or of yes and no"
        raise DataError(f"{raw.where}: the target has {parts[0].shape[1]} columns; a {kind} task takes {needed}.")
    one_hot = all(each is None or (each.given.sum(axis=1) == 1).all() for each in found)
    if kind == "classification" and not one_hot:
        raise DataError(
            f"{raw.where}: rows of the target have several of its {len(train.names)} labels or none; that is "
            "kind='multi-label' (--kind multi-label)."
        )
    if one_hot and kind != "multi-label":
        ids = [None if each is None else each.given.argmax(axis=1).astype(np.int32) for each in found]
        assert ids[0] is not None
        told = f"The target is one-hot: it is taken as {len(train.names)} classes."
        return Targets("classification", train.names, ids[0], ids[1], ids[2], (told,))
    return _labelled(raw, train, [None if each is None else each.given for each in found[1:]])


def _labelled(raw: RawData, found: Labels, others: list[NDArray[Any] | None]) -> Targets:
    constant = np.flatnonzero((found.given == found.given[0]).all(axis=0))
    if len(constant):
        every = "every" if found.given[0, constant[0]] else "no"
        raise DataError(f"{raw.where}: {every} row has the label {found.names[constant[0]]!r}; leave it out.")
    each = f"{found.given.sum(axis=1).mean():.2g} a row on average"
    told = f"The target has {len(found.names)} labels, each of which a row has or has not, {each}."
    if found.sign:
        told = f"{told[:-1]}: fields are parted at {found.sign!r} (kind='classification' takes them whole)."
    return Targets("multi-label", found.names, found.given, others[0], others[1], (told,))


def _again(y: NDArray[Any], known: Labels, where: str) -> NDArray[Any]:
    """Labels of another part, in the order of those of the training rows."""
    parts = [[part.strip() for part in str(word).split(known.sign) if part.strip()] for word in y]
    strange = sorted({part for found in parts for part in found} - {*known.names})
    if strange:
        raise DataError(f"{where}: label {strange[0]!r} is not one of those to train on.")
    return np.array([[name in found for name in known.names] for found in parts], dtype=np.float32)


def _numeric(raw: RawData, parts: list[NDArray[Any] | None]) -> Targets:
    numbers = [None if y is None else _numbers(y, raw.where) for y in parts]
    assert numbers[0] is not None
    _check_varies(numbers[0], raw.where)
    return Targets("regression", (), numbers[0], numbers[1], numbers[2])


def _numbers(y: NDArray[Any], where: str) -> NDArray[Any]:
    if y.dtype.kind not in "biuf":
        word = next((each for each in y.flat if isinstance(each, str)), y.flat[0])
        raise DataError(f"{where}: the target is text ({str(word)!r}) where numbers are needed for regression.")
    return y.astype(np.float32)


def _check_varies(y: NDArray[Any], where: str) -> None:
    constant = (y == y[0]).all(axis=0)
    if np.any(constant):
        which = f"column {int(np.argmax(constant))} of the target" if y.ndim > 1 else "the target"
        raise DataError(f"{where}: {which} is {y.flat[np.argmax(constant)]:g} in every row; nothing to learn.")


def _classes(raw: RawData, parts: list[NDArray[Any] | None]) -> Targets:
    labels = [None if y is None else _labels(y, raw.where) for y in parts]
    assert labels[0] is not None
    values = np.arange(len(raw.class_names)) if raw.class_names else np.unique(labels[0])
    if len(values) < 2:
        raise DataError(f"{raw.where}: the target is {str(values[0])!r} in every row; two classes at least are needed.")
    ids = [None if y is None else _class_ids(y, values, raw.where) for y in labels]
    assert ids[0] is not None
    return Targets("classification", raw.class_names or tuple(map(str, values)), ids[0], ids[1], ids[2])


def _labels(y: NDArray[Any], where: str) -> NDArray[Any]:
    if y.dtype.kind == "S":
        return np.char.decode(y, "utf-8", "replace")
    if y.dtype.kind != "f":
        return y
    odd = np.flatnonzero((y != np.round(y)) | (np.abs(y) > LARGEST_EXACT))
    if len(odd):
        raise DataError(f"{where}: the target is {y[odd[0]]} somewhere; classes are text or whole numbers.")
    return y.astype(np.int64)


def _class_ids(labels: NDArray[Any], values: NDArray[Any], where: str) -> NDArray[Any]:
    ids = np.searchsorted(values, labels).clip(max=len(values) - 1)
    strange = labels[values[ids] != labels]
    if len(strange):
        known = ", ".join(map(str, values[:10])) + (", ..." if len(values) > 10 else "")
        raise DataError(f"{where}: label {str(strange[0])!r} is not one of the training classes {known}.")
    return ids.astype(np.int32)
