"""From a Keras model to a published version that TensorFlow Serving takes."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from kzoo.export.asking import AskedSignature, show_newest, write_requests
from kzoo.export.card import Facts, ModelCard, write_card
from kzoo.export.column_inputs import ColumnsModel, check_encoding, columns_of
from kzoo.export.errors import AnswersDifferError, ExportError, reason
from kzoo.export.folding.proof import difference, nudged
from kzoo.export.folding.verified_folding import Folding, fold_model
from kzoo.export.formats.runtimes import Format, known_formats
from kzoo.export.formats.writing import write_formats
from kzoo.export.gate.gate import Expectation, Gate, first_rows
from kzoo.export.inference import answers
from kzoo.export.interface import BatchArrays, Interface, declared_batch_said, interface_of
from kzoo.export.manifest import write_manifest
from kzoo.export.openapi import write_openapi
from kzoo.export.saved_model import tables_of, write_saved_model
from kzoo.export.staging import claim_and_publish, staging
from kzoo.export.traced import trace
from kzoo.export.warmup import write_warmup
from kzoo.task import Task

if TYPE_CHECKING:
    import keras


# What no rounding explains any more.
_MOST_SENSITIVE = 1e-3


def export_model(
    model: keras.Model,
    base_dir: str | os.PathLike[str],
    *,
    examples: Any,
    task: Task | None = None,
    class_names: Sequence[str] | None = None,
    card: ModelCard | None = None,
    fold: bool = True,
    tolerance: float = 1e-5,
    formats: Sequence[str] = (),
) -> Path:
    """Publish a model as the next version under a directory, for TensorFlow Serving.

    The version appears whole or not at all, after it has answered in a fresh process, without Keras, as the model does.

    Args:
        model: Any Keras model that takes batches of any size; it need not be compiled.
        base_dir: Directory of the versions, such as `saved_models/digits`; the server's base path.
        examples: Some raw rows, at least 1 and rather 64, in the structure that the model is called with: an array
            [rows, ...], or a list or dict of them. The export is checked with them, and the server warms up with them.
            Of a table, rows as they were trained on or columns by name: the export takes columns by name.
        task: What the model has learned. A classification task makes it answer with `probabilities`, in the order of
            the class names, and `label`.
        class_names: The same for a model without a task: one name per class, in the order of the probabilities. Without
            task and class names the export answers with the model's own outputs (`outputs`, or their names).
        card: What is known of the model; it is kept in the export, with what the exporter finds out itself.
        fold: Whether to fold batch norm and normalisation into the layers beside them, which answers the same faster.
            It is done only as far as the examples get the same answers; False exports the graph as it was trained.
        tolerance: Largest difference from the model's own outputs, as a share of the largest of them, or of 1 if that
            is larger. Models that compute in half precision are allowed 0.01 at least, 0.04 with bfloat16, and a
            model whose answers change by more where its inputs do by a millionth, as much as that, up to 0.001.
        formats: Other formats to write the model in besides, of "onnx", "litert" and "openvino": files in `formats/`
            of the version, which answer with the model's own outputs. Each needs its extra, such as `kzoo[onnx]`, and
            is run in its own runtime before anything is published.

    Returns:
        The directory of the version, `<base_dir>/<number>`. A number is never used twice. Beside it stands how it is
        asked: `request.json`, a request that can be sent as it is, `requests/` with one for each signature, and
        `openapi.json`.

    Raises:
        ExportError: The model or the examples are not fit to serve, and why; nothing is published then.
    """
    others = known_formats(formats)
    missing_words: dict[str, tuple[str, ...]] = {}
    if task is not None and task.table is not None:
        missing_words = {each.name: each.missing_words for each in task.table.columns if not each.is_text}
        examples = columns_of(examples, task.table)
        check_encoding(examples, task.table)
        model = ColumnsModel(model, task.table)
    interface, rows = interface_of(model, examples, task=task, class_names=class_names)
    name, card = Path(base_dir).resolve().name, card or ModelCard()

    def publish(own: BatchArrays, fold: bool, why: str = "") -> Path:
        with staging(base_dir) as directory, Gate(directory) as gate:
            folding, expectation = write_version(model, interface, rows, own, directory, name, fold, tolerance)
            write_formats(model, directory, others)
            expectation = dataclasses.replace(expectation, formats=tuple(each.name for each in others))
            try:
                signatures = gate.check(expectation)
            except AnswersDifferError as error:
                if not folding.traced.replacements:
                    raise
                refused = str(error)
            else:
                folding = dataclasses.replace(folding, reason=why or folding.reason)
                facts = _facts(name, directory, signatures, folding, interface, others, missing_words)
                _describe(directory, card, facts)
                write_manifest(directory)
                version = claim_and_publish(directory)
                show_newest(version.parent)
                return version
        # Folding may only decline: where it is what makes the difference, the model is published as it is.
        return publish(own, False, f"folded, it was refused: {refused}")

    with declared_batch_said(model):
        own = _own_outputs(model, interface, rows)
        answers.check_outputs(own, interface)
        try:
            return publish(own, fold)
        except AnswersDifferError as error:
            # Compiled, some models answer in another way than step by step: TensorFlow leaves out a cast to whole
            # numbers and back. They do so in `predict` as well, and in the validation that they were chosen by.
            with contextlib.suppress(ExportError):
                compiled = _own_outputs(model, interface, rows, compiled=True)
                if any(not np.array_equal(compiled[name], array) for name, array in own.items()):
                    return publish(compiled, fold)
            raise error from None


def write_version(
    model: keras.Model,
    interface: Interface,
    rows: BatchArrays,
    outputs: BatchArrays,
    directory: Path,
    name: str,
    fold: bool = True,
    tolerance: float = 1e-5,
) -> tuple[Folding, Expectation]:
    """Write what a server loads, and tell what it has to answer; see `export_model`.

    Args:
        model: The model.
        interface: What it takes and answers.
        rows: The examples, by input name.
        outputs: What the model answers to them, by output name.
        directory: An empty directory.
        name: Name that the export is served under.
        fold: Whether to fold.
        tolerance: Largest difference from the outputs.

    Returns:
        What was folded, and what the gate is to check.
    """
    if fold:
        folding = fold_model(model, interface, rows, outputs)
    else:
        folding = Folding(trace(model, interface), reason="not asked for")
    signatures = write_saved_model(folding.traced, interface, directory, tables_of(model))
    write_warmup(directory, name, signatures, rows, interface.feature_names)
    expectation = Expectation(
        signatures,
        first_rows(rows),
        first_rows(answers.expected_numeric(outputs, interface)),
        max(tolerance, folding.traced.rounding, _sensitivity(model, interface, rows, outputs)),
        interface.class_names,
        interface.feature_names,
    )
    return folding, expectation


def _sensitivity(model: keras.Model, interface: Interface, rows: BatchArrays, outputs: BatchArrays) -> float:
    """How much the answers change where the inputs do in their last places: another order of sums may cost as much."""
    try:
        others = interface.call(model, nudged(rows))
        found = max(difference(np.asarray(others[name]), expected) for name, expected in outputs.items())
    except Exception:  # a layer may take the very examples only
        return 0.0
    return min(found, _MOST_SENSITIVE) if np.isfinite(found) else 0.0


def _describe(directory: Path, card: ModelCard, facts: Facts) -> None:
    exported = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    write_card(directory, card, facts, exported)
    write_requests(directory, facts.signatures)
    write_openapi(
        directory,
        facts.name,
        facts.signatures,
        description=card.description,
        exported=exported,
        feature_names=facts.feature_names,
        class_names=facts.class_names,
    )


def _facts(
    name: str,
    directory: Path,
    signatures: tuple[AskedSignature, ...],
    folding: Folding,
    interface: Interface,
    formats: tuple[Format, ...],
    missing_words: Mapping[str, tuple[str, ...]],
) -> Facts:
    return Facts(
        name=name,
        parameters=folding.traced.parameters,
        size=sum(file.stat().st_size for file in (directory / "variables").iterdir()),
        signatures=signatures,
        feature_names=interface.feature_names,
        class_names=interface.class_names,
        folded=folding.folded,
        not_folded=folding.reason,
        formats={each.name: each.file.as_posix() for each in formats},
        missing_words=missing_words,
    )


def _own_outputs(
    model: keras.Model, interface: Interface, arrays: BatchArrays, *, compiled: bool = False
) -> BatchArrays:
    rows = len(next(iter(arrays.values())))
    call = functools.partial(interface.call, model)
    try:
        answer = (tf.function(call, autograph=False) if compiled else call)(arrays)
        outputs = {name: np.asarray(value) for name, value in answer.items()}
    except ExportError:
        raise
    except Exception as error:  # whatever its code raises
        raise ExportError(f"The model cannot answer the {rows} examples: {reason(error)}") from error
    for name, array in outputs.items():
        if array.shape[:1] != (rows,):
            raise ExportError(
                f"The output {name!r} has shape {list(array.shape)} for {rows} examples: the first dimension must be "
                "the batch, of any size."
            )
    return outputs
