"""The model card: what an export is, where it comes from and how good it is, for people and programs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kzoo.datasets import Dataset

Scalar = str | int | float | bool | None


@dataclasses.dataclass(frozen=True)
class DataCard:
    """The data that a model was trained on.

    Attributes:
        name: Name of the data.
        fingerprint: Digest of them, or "".
        rows: Number of rows by split, such as {"train": 1077, "validation": 360, "test": 360}.
        licence: Terms they come under, or "" where that is not known.
        origin: Who collected them, or where they were read from, or "".
    """

    name: str
    fingerprint: str = ""
    rows: Mapping[str, int] = dataclasses.field(default_factory=dict)
    licence: str = ""
    origin: str = ""

    @classmethod
    def of(cls, data: Dataset) -> DataCard:
        """The card of a data set."""
        rows = {"train": len(data.x_train), "validation": len(data.x_val), "test": len(data.x_test)}
        licence = "" if data.licence == "none stated" else data.licence
        return cls(data.name, data.fingerprint, rows, licence, data.origin)


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What whoever exports a model knows of it; `export_model` adds what it finds out itself.

    Attributes:
        description: What the model is for, in a sentence, or "".
        family: Name of the model family, or "".
        hyperparameters: Values by name: text, numbers, booleans.
        training: How it was trained, in a sentence, or "".
        data: What it was trained on, or None.
        metrics: Finite numbers by split and name, such as {"test": {"accuracy": 0.97}}.
    """

    description: str = ""
    family: str = ""
    hyperparameters: Mapping[str, Scalar] = dataclasses.field(default_factory=dict)
    training: str = ""
    data: DataCard | None = None
    metrics: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        plain = {name: _plain(name, value) for name, value in self.hyperparameters.items()}
        metrics = {
            split: {name: _number(f"{name} of {split}", value) for name, value in values.items()}
            for split, values in self.metrics.items()
        }
        object.__setattr__(self, "hyperparameters", plain)
        object.__setattr__(self, "metrics", metrics)


@dataclasses.dataclass(frozen=True)
class TensorFacts:
    """An input or output of a signature.

    Attributes:
        dtype: Its dtype.
        shape: Its dimensions, None where free, or None where not even their number is known.
    """

    dtype: str
    shape: tuple[int | None, ...] | None


@dataclasses.dataclass(frozen=True)
class SignatureFacts:
    """What can be asked of the export.

    Attributes:
        method: TensorFlow Serving's method: "predict", "classify" or "regress".
        inputs: Its inputs by name.
        outputs: Its outputs by name.
    """

    method: str
    inputs: Mapping[str, TensorFacts]
    outputs: Mapping[str, TensorFacts]


@dataclasses.dataclass(frozen=True)
class ExportFacts:
    """What the exporter finds out itself.

    Attributes:
        name: Name that the model is served under.
        created: Time of the export, UTC, as ISO 8601.
        versions: Versions of the libraries, by name.
        parameters: Number of the model's parameters.
        bytes: Size of its graph and weights on disk.
        signatures: What can be asked, by name.
        class_names: Names of the classes in the order of the probabilities, or empty.
        folded: Layers that were folded into those beside them.
        not_folded: Why nothing was folded, or "".
        warmup_batch_sizes: Batch sizes of the warm-up requests.
        fingerprint: TensorFlow's fingerprint of the SavedModel.
    """

    name: str
    created: str
    versions: Mapping[str, str]
    parameters: int
    bytes: int
    signatures: Mapping[str, SignatureFacts]
    class_names: tuple[str, ...]
    folded: tuple[str, ...]
    not_folded: str
    warmup_batch_sizes: tuple[int, ...]
    fingerprint: str


def card_json(card: ModelCard, facts: ExportFacts) -> str:
    """The card for programs."""
    record = {"format": 1, "export": dataclasses.asdict(facts), "model": dataclasses.asdict(card)}
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(name: str, value: Any) -> Scalar:
    if value is None or isinstance(value, str | bool | int):
        return value
    return _number(name, value)


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"A model card cannot hold {value!r} for {name}; expected a finite number.")
    return number
