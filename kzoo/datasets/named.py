"""The data sets that have a name."""

from __future__ import annotations

import numpy as np

from kzoo.datasets.image_sets import IMAGE_SETS, read_image_set
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
    from sklearn import datasets

    # Diabetes in its own units: models normalise their inputs themselves, and requests come in those units.
    options = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(**options)
    licence, origin = TOY_SETS[name]
    regression = name == "diabetes"
    x = bunch.images[..., None] if name == "digits" else bunch.data
    return RawData(
        name=name,
        where=name,
        train=Part(x.astype(np.float32), bunch.target),
        kind="regression" if regression else "classification",
        class_names=() if regression else tuple(map(str, bunch.target_names)),
        feature_names=() if name == "digits" else tuple(map(str, bunch.feature_names)),
        licence=licence,
        origin=origin,
    )
