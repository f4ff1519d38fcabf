"""The model card of a staged export: what the exporter finds out itself, and the two files."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kzoo.export.card import ExportFacts, ModelCard, SignatureFacts, TensorFacts, card_json
from kzoo.export.card_page import card_page
from kzoo.export.extras import extras
from kzoo.export.folding import Folding
from kzoo.export.golden import Golden
from kzoo.export.signatures import CLASSIFY, REGRESS, Tensor, read_signatures

if TYPE_CHECKING:
    import keras

_LIBRARIES = ("kzoo", "tensorflow", "keras", "numpy")


def write_card(
    version: Path, card: ModelCard, model: keras.Model, folding: Folding, golden: Golden, sizes: tuple[int, ...]
) -> None:
    """Write `card.json` and `card.md` beside a version's golden answers.

    Args:
        version: The staged version, with everything that the server loads.
        card: What whoever exports the model knows of it.
        model: The model.
        folding: What was folded.
        golden: What the export must do.
        sizes: Batch sizes of the warm-up requests.
    """
    facts = ExportFacts(
        name=golden.model,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        versions={"python": platform.python_version()} | {name: _version(name) for name in _LIBRARIES},
        parameters=model.count_params(),
        bytes=sum(path.stat().st_size for path in (version / "saved_model.pb", *(version / "variables").iterdir())),
        signatures=_signatures(version, golden.signatures),
        class_names=golden.class_names,
        folded=folding.folded,
        not_folded=folding.reason,
        warmup_batch_sizes=sizes,
        fingerprint=golden.fingerprint,
    )
    (extras(version) / "card.json").write_text(card_json(card, facts), encoding="utf-8")
    (extras(version) / "card.md").write_text(card_page(card, facts), encoding="utf-8")


def _signatures(version: Path, names: tuple[str, ...]) -> dict[str, SignatureFacts]:
    signatures = read_signatures(version)
    return {
        name: SignatureFacts(
            method=name if name in (CLASSIFY, REGRESS) else "predict",
            inputs=_tensors(signatures[name].inputs),
            outputs=_tensors(signatures[name].outputs),
        )
        for name in names
    }


def _tensors(tensors: Mapping[str, Tensor]) -> dict[str, TensorFacts]:
    return {name: TensorFacts(tensors[name].dtype.name, tensors[name].shape) for name in sorted(tensors)}


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed as a package"
