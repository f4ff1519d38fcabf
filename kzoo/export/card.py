"""The model card: what an export is, what it was trained on, how good it is, and what can be asked of it.

References:
    Mitchell et al., 2019: Model Cards for Model Reporting.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzoo.export.layout import CARD, CARD_TEXT

if TYPE_CHECKING:
    from kzoo.datasets import Dataset

LIBRARIES = ("kzoo", "tensorflow", "keras", "keras-tuner", "numpy")


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What is known about a model by the one who exports it.

    Attributes:
        description: What the model is for, in a sentence or two.
        family: Name of the family in the zoo.
        hyperparameters: Values by the names that people use.
        data: Name of the data set.
        fingerprint: Digest of the data, `Dataset.fingerprint`.
        rows: Rows of each split by its name.
        licence: Terms that the data come under.
        origin: Who collected the data.
        metrics: By split, the value of each metric by its name.
        training: How the weights came about: the trial of a search, or trained again.
    """

    description: str = ""
    family: str = ""
    hyperparameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    data: str = ""
    fingerprint: str = ""
    rows: Mapping[str, int] = dataclasses.field(default_factory=dict)
    licence: str = ""
    origin: str = ""
    metrics: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    training: str = ""

    @classmethod
    def of(cls, data: Dataset, **known: Any) -> ModelCard:
        """A card of a model trained on a data set.

        Args:
            data: The data set.
            **known: Other attributes.
        """
        rows = {"training": len(data.x_train), "validation": len(data.x_val), "test": len(data.x_test)}
        return cls(
            data=data.name,
            fingerprint=data.fingerprint,
            rows=rows,
            licence=data.licence,
            origin=data.origin,
            **known,
        )


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the exporter finds out by itself.

    Attributes:
        name: Name that the model is served under.
        parameters: Number of weights, as single numbers.
        size: Bytes of the weights on disk.
        signatures: By name, inputs and outputs, each as "name: dtype [shape]".
        class_names: Names of the classes, or empty.
        folded: Names of the layers that were folded into those beside them.
        not_folded: Why nothing was folded, or "".
    """

    name: str
    parameters: int
    size: int
    signatures: Mapping[str, Mapping[str, list[str]]]
    class_names: tuple[str, ...]
    folded: tuple[str, ...]
    not_folded: str


def write_card(directory: Path, card: ModelCard, facts: Facts) -> None:
    """Write the card as JSON and as Markdown.

    Args:
        directory: The export.
        card: What is known of the model.
        facts: What the exporter has found out.

    Raises:
        TypeError: The card holds something that JSON has no form for.
    """
    made = {
        "exported": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {library: importlib.metadata.version(library) for library in LIBRARIES},
    }
    record = {"format": 1, **dataclasses.asdict(facts), **dataclasses.asdict(card), **made}
    path = directory / CARD
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    (directory / CARD_TEXT).write_text(_text(card, facts, made), encoding="utf-8")


def _text(card: ModelCard, facts: Facts, made: Mapping[str, Any]) -> str:
    about = [f"# {facts.name}", card.description, _table(_summary(card, facts, made))]
    sections = [
        ("Results", _metrics(card.metrics)),
        ("Hyperparameters", _table(card.hyperparameters)),
        ("What can be asked", _signatures(facts)),
        ("Made with", _table(made["versions"])),
    ]
    parts = [*about, *(f"## {title}\n\n{text}" for title, text in sections if text)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(card: ModelCard, facts: Facts, made: Mapping[str, Any]) -> dict[str, Any]:
    rows = ", ".join(f"{count:,} {split}" for split, count in card.rows.items())
    summary = {
        "family": card.family,
        "data": card.data,
        "rows": rows,
        "origin of the data": card.origin,
        "licence of the data": card.licence or ("not known" if card.data else ""),
        "digest of the data": card.fingerprint,
        "training": card.training,
        "classes": ", ".join(facts.class_names),
        "parameters": f"{facts.parameters:,}",
        "weights on disk": f"{facts.size / 1e6:.2f} MB",
        "folded for serving": ", ".join(facts.folded) or f"nothing: {facts.not_folded}",
        "exported": made["exported"],
    }
    return {name: value for name, value in summary.items() if value}


def _table(rows: Mapping[str, Any]) -> str:
    if not rows:
        return ""
    return "\n".join(["| | |", "|---|---|", *(f"| {_cell(name)} | {_cell(value)} |" for name, value in rows.items())])


def _metrics(metrics: Mapping[str, Mapping[str, float]]) -> str:
    if not metrics:
        return ""
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    lines = [f"| split | {' | '.join(map(_cell, names))} |", "|---|" + "---:|" * len(names)]
    for split, values in metrics.items():
        cells = [f"{values[name]:.4g}" if name in values else "" for name in names]
        lines.append(f"| {_cell(split)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _signatures(facts: Facts) -> str:
    lines = ["| signature | takes | answers |", "|---|---|---|"]
    for name, signature in facts.signatures.items():
        takes, answers = ("<br>".join(f"`{each}`" for each in signature[part]) for part in ("inputs", "outputs"))
        lines.append(f"| `{name}` | {takes} | {answers} |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.split()).replace("|", "\\|")
