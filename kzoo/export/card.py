"""The model card: what an export is, what it was trained on, how good it is, and what can be asked of it.

References:
    Mitchell et al., 2019: Model Cards for Model Reporting.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzoo.export.asking import AskedSignature
from kzoo.export.layout import CARD, CARD_TEXT

if TYPE_CHECKING:
    from kzoo.datasets import Dataset

LIBRARIES = ("kzoo", "tensorflow", "keras", "keras-tuner", "numpy")

SHOWN = 3000
"""Characters of a request and its answer that the text shows."""


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
        signatures: What can be asked of it, with an example each.
        feature_names: Names of the entries of the only input's rows, in their order, or empty.
        class_names: Names of the classes, in the order of the probabilities, or empty.
        folded: Names of the layers that were folded into those beside them.
        not_folded: Why nothing was folded, or "".
        formats: Files of other formats in the export by format.
        missing_words: Of columns of numbers, what stands for a missing one in the files that they come from.
    """

    name: str
    parameters: int
    size: int
    signatures: tuple[AskedSignature, ...]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    folded: tuple[str, ...]
    not_folded: str
    formats: Mapping[str, str] = dataclasses.field(default_factory=dict)
    missing_words: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


def write_card(directory: Path, card: ModelCard, facts: Facts, exported: str) -> None:
    """Write the card as JSON and as Markdown.

    Args:
        directory: The export.
        card: What is known of the model.
        facts: What the exporter has found out.
        exported: When it was exported.

    Raises:
        TypeError: The card holds something that JSON has no form for.
    """
    made = {
        "exported": exported,
        "versions": {library: importlib.metadata.version(library) for library in LIBRARIES},
    }
    found = {field.name: getattr(facts, field.name) for field in dataclasses.fields(facts)}
    asked = {"signatures": _takes_and_answers(facts), "requests": _requests(facts)}
    record = {"format": 1, **found, **asked, **dataclasses.asdict(card), **made}
    path = directory / CARD
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    (directory / CARD_TEXT).write_text(_text(card, facts, made), encoding="utf-8")


def _takes_and_answers(facts: Facts) -> dict[str, dict[str, list[str]]]:
    """By signature, its inputs and outputs, each as "name: dtype [shape]"."""
    return {
        each.name: {"inputs": list(map(str, each.inputs)), "outputs": list(map(str, each.outputs))}
        for each in facts.signatures
    }


def _requests(facts: Facts) -> dict[str, dict[str, Any]]:
    """By signature, how it is asked; a long request stands in its file only."""
    return {
        each.name: {
            "method": each.method,
            "file": each.file,
            **({"request": each.request, "answer": each.answer} if each.is_short else {}),
        }
        for each in facts.signatures
    }


def _text(card: ModelCard, facts: Facts, made: Mapping[str, Any]) -> str:
    about = [f"# {facts.name}", card.description, _table(_summary(card, facts, made))]
    sections = [
        ("Results", _metrics(card.metrics)),
        ("Hyperparameters", _table(card.hyperparameters)),
        ("What can be asked", _signatures(facts)),
        ("Examples", _examples(facts)),
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
        "columns, in their order": ", ".join(facts.feature_names),
        "classes, in the order of the probabilities": ", ".join(facts.class_names),
        "parameters": f"{facts.parameters:,}",
        "weights on disk": f"{facts.size / 1e6:.2f} MB",
        "folded for serving": ", ".join(facts.folded) or f"nothing: {facts.not_folded}",
        "other formats": ", ".join(f"{name} ({file})" for name, file in facts.formats.items()),
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
    for name, signature in _takes_and_answers(facts).items():
        takes, answers = ("<br>".join(f"`{each}`" for each in signature[part]) for part in ("inputs", "outputs"))
        lines.append(f"| `{name}` | {takes} | {answers} |")
    return "\n".join(lines)


def _examples(facts: Facts) -> str:
    about = (
        "Bodies of requests to TensorFlow Serving's REST API, as they are sent, and the answers to them. They stand in "
        "`requests/` too, and in `openapi.json`, which describes the addresses."
    )
    return "\n\n".join([about, *(_example(facts.name, each) for each in facts.signatures)])


def _example(name: str, signature: AskedSignature) -> str:
    heading = f"`{signature.name}`: `POST /v1/models/{name}:{signature.method}`"
    answer = json.dumps(signature.answer, ensure_ascii=False)
    if len(signature.body) + len(answer) > SHOWN or not signature.is_short:
        return f"{heading} with `{signature.file}`"
    return f"{heading}\n\n```json\n{signature.body}\n```\n\n```json\n{answer}\n```"


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.split()).replace("|", "\\|")
