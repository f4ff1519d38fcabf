"""The data sets that have a name."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.image_sets import DIGITS, IMAGE_SETS, read_image_set
from kzoo.datasets.raw import Part, RawData

UCI = "CC BY 4.0"
TOY_SETS = {
    "digits": (UCI, "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI (test part)"),
    "wine": (UCI, "S. Aeberhard and M. Forina, Wine, UCI"),
    "breast_cancer": (UCI, "W. Wolberg et al., Breast Cancer Wisconsin (Diagnostic), UCI"),
    "iris": (UCI, "R. A. Fisher, Iris, UCI"),
    "diabetes": ("none stated", "B. Efron et al. (2004), Least Angle Regression, Annals of Statistics"),
}


def list_datasets() -> tuple[str, ...]:
    """Names that `load_dataset` takes."""
    return (*TOY_SETS, *IMAGE_SETS)


def read_named(name: str) -> RawData:
    """Reads one of `list_datasets()`."""
    return read_image_set(name) if name in IMAGE_SETS else _read_toy_set(name)


def _read_toy_set(name: str) -> RawData:
    x, y, class_names, feature_names = (read_digits() if name == "digits" else None) or read_with_scikit_learn(name)
    licence, origin = TOY_SETS[name]
    return RawData(
        name=name,
        where=name,
        train=Part(x.astype(np.float32), y),
        kind="regression" if name == "diabetes" else "classification",
        class_names=class_names,
        feature_names=feature_names,
        licence=licence,
        origin=origin,
    )


Found = tuple[NDArray[Any], NDArray[Any], tuple[str, ...], tuple[str, ...]]
"""Inputs, targets, and the names of the classes and of the features."""


def read_with_scikit_learn(name: str) -> Found:
    """One of `TOY_SETS`."""
    from sklearn import datasets

    # Diabetes in its own units: models normalise their inputs themselves, and requests come in those units.
    options = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(**options)
    classes = () if name == "diabetes" else tuple(map(str, bunch.target_names))
    if name == "digits":
        return bunch.images[..., None], bunch.target, classes, ()
    return bunch.data, bunch.target, classes, tuple(map(str, bunch.feature_names))


def read_digits() -> Found | None:
    """The digits from scikit-learn's file; None where that is not where it has been.

    They are what people try a search on first, and its import takes longer than all else before the search begins.
    """
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if not path.exists():
        return None
    numbers = np.loadtxt(path, delimiter=",", dtype=np.int64)
    if numbers.shape != (1797, 65):
        return None
    return numbers[:, :-1].reshape(-1, 8, 8, 1), numbers[:, -1], DIGITS, ()
