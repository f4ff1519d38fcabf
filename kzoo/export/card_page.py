"""The model card as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kzoo.export.card import DataCard, ExportFacts, ModelCard, SignatureFacts, TensorFacts

_CLASSES_SHOWN = 20


def card_page(card: ModelCard, facts: ExportFacts) -> str:
    """The card for people.

    Args:
        card: What whoever exported the model knows of it.
        facts: What the exporter found out.

    Returns:
        Markdown.
    """
    sections = [
        [f"# {_text(facts.name)}"],
        [_text(card.description)],
        _bullets(_model_facts(card, facts)),
        _section("Metrics", _metrics(card.metrics)),
        _section("Data", _bullets(_data_facts(card.data)) if card.data else ["Not known."]),
        _section("Hyperparameters", _hyperparameters(card.hyperparameters)),
        _section("Signatures", _signatures(facts.signatures)),
        _section("Classes", _classes(facts.class_names)),
        _section("Versions", _bullets(facts.versions.items())),
    ]
    return "\n\n".join("\n".join(section) for section in sections if any(section)) + "\n"


def _model_facts(card: ModelCard, facts: ExportFacts) -> Iterator[tuple[str, str]]:
    yield "family", card.family or "not known"
    yield "trained", card.training or "not known"
    yield "exported", facts.created
    yield "parameters", f"{facts.parameters:,}"
    yield "graph and weights", _size(facts.bytes)
    yield "folded layers", ", ".join(facts.folded) or f"none: {facts.not_folded}"
    yield "warm-up batch sizes", ", ".join(map(str, facts.warmup_batch_sizes))
    yield "fingerprint", facts.fingerprint


def _data_facts(data: DataCard) -> Iterator[tuple[str, str]]:
    yield "name", data.name
    if data.rows:
        yield "rows", ", ".join(f"{count:,} {split}" for split, count in data.rows.items())
    yield "licence", data.licence or "not known"
    yield "origin", data.origin or "not known"
    yield "fingerprint", data.fingerprint or "not known"


def _metrics(metrics: Mapping[str, Mapping[str, float]]) -> list[str]:
    if not metrics:
        return ["Not known."]
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    rows = [[name, *(f"{values[name]:.4g}" if name in values else "" for values in metrics.values())] for name in names]
    return _table(["", *metrics], rows, numbers=True)


def _hyperparameters(values: Mapping[str, Any]) -> list[str]:
    if not values:
        return ["Not known."]
    shown = [[name, f"{value:.6g}" if isinstance(value, float) else str(value)] for name, value in values.items()]
    return _table(["name", "value"], shown)


def _signatures(signatures: Mapping[str, SignatureFacts]) -> list[str]:
    rows = [
        [name, signature.method, _tensors(signature.inputs), _tensors(signature.outputs)]
        for name, signature in signatures.items()
    ]
    return _table(["signature", "method", "inputs", "outputs"], rows)


def _tensors(tensors: Mapping[str, TensorFacts]) -> str:
    return ", ".join(f"{name} {tensor.dtype} {_shape(tensor.shape)}" for name, tensor in tensors.items())


def _shape(shape: Sequence[int | None] | None) -> str:
    if shape is None:
        return "of any shape"
    return f"[{', '.join('any' if size is None else str(size) for size in shape)}]"


def _classes(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:_CLASSES_SHOWN])
    return [_text(f"{shown} and {len(names) - _CLASSES_SHOWN} more" if len(names) > _CLASSES_SHOWN else shown)]


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"## {title}", "", *lines] if lines else []


def _bullets(facts: Iterable[tuple[str, str]]) -> list[str]:
    return [f"- {_text(name)}: {_text(value)}" for name, value in facts]


def _table(titles: list[str], rows: list[list[str]], *, numbers: bool = False) -> list[str]:
    rule = ["---", *(["---:" if numbers else "---"] * (len(titles) - 1))]
    cells = [titles, rule, *([_text(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(row)} |" for row in cells]


def _text(value: str) -> str:
    """Text that stays on its line and in its cell, and is not taken for markup."""
    line = " ".join(value.split())
    # An underscore inside a word, as in batch_size, is one in Markdown too.
    return re.sub(r"[\\`*<>|]|(?<!\w)_|_(?!\w)", r"\\\g<0>", line)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
