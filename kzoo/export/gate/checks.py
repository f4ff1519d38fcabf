"""What the gate looks at, one check per function; each returns what is wrong, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from kzoo.export.errors import ExportError, reason
from kzoo.export.examples_proto import serialize_rows
from kzoo.export.gate.gate import BATCH_SIZES, DIFFERS, ROWS, Expectation
from kzoo.export.gate.graph_checks import not_repeatable, training_ops
from kzoo.export.inference.answers import CLASSES, LABEL, PROBABILITIES, SCORES
from kzoo.export.inference.runner import Runner
from kzoo.export.json_dtypes import JSON_DTYPES, json_dtypes_text
from kzoo.export.saved_model import CLASSIFY, NUMERIC, REGRESS, SERVING
from kzoo.export.warmup import read_warmup

Arrays = Mapping[str, np.ndarray]

_REFUSED = (tf.errors.OpError, ValueError, TypeError, KeyError)
"""What a session raises for inputs that it does not take."""


def problems_of(runner: Runner, expectation: Expectation) -> list[str]:
    """Everything that is wrong with an export; where the signatures are wrong, nothing else is looked at.

    Args:
        runner: The export.
        expectation: What it must do.

    Returns:
        One sentence per problem.
    """
    return (
        list(_signature_problems(runner, expectation))
        or [*weight_problems(runner), *training_ops(runner)]
        or list(_answer_problems(runner, expectation))
        or list(warmup_problems(runner))
    )


def warmup_problems(runner: Runner) -> Iterator[str]:
    """What is wrong with the warm-up requests: one that fails keeps the server from loading the export."""
    try:
        for name, inputs in read_warmup(runner.directory):
            runner.run(name, inputs)
    except (*_REFUSED, ExportError) as error:
        yield f"A warm-up request fails, which would keep the server from loading the export: {reason(error)}"


def weight_problems(runner: Runner) -> Iterator[str]:
    """Weights that are not finite."""
    checkpoint = tf.train.load_checkpoint(str(runner.directory / "variables" / "variables"))
    for name, dtype in checkpoint.get_variable_to_dtype_map().items():
        if dtype.is_floating and not np.isfinite(checkpoint.get_tensor(name).astype("float32")).all():
            yield (
                f"A weight of shape {checkpoint.get_variable_to_shape_map()[name]} holds NaN or infinity, which the "
                "server would answer with; train the model again."
            )


def _signature_problems(runner: Runner, expectation: Expectation) -> Iterator[str]:
    missing = set(expectation.signatures) - set(runner.signatures)
    if missing:
        yield f"It lacks the signatures {sorted(missing)}."
    for signature in runner.signatures.values():
        for tensor in (*signature.inputs.values(), *signature.outputs.values()):
            if tensor.shape is not None and (not tensor.shape or tensor.shape[0] is not None):
                yield (
                    f"Signature {signature.name!r} has {tensor.name!r} of shape {list(tensor.shape)}: the first "
                    "dimension must be the batch, of any size."
                )
            if tensor.dtype not in JSON_DTYPES:
                yield (
                    f"Signature {signature.name!r} has {tensor.name!r} of dtype {tensor.dtype.name}, for which the "
                    f"server's JSON has no form; it has {json_dtypes_text()}."
                )


def _answer_problems(runner: Runner, expectation: Expectation) -> Iterator[str]:
    """Compare every signature with the Keras model, until one fails: what follows would only repeat it."""
    for name in expectation.signatures:
        inputs = expectation.inputs
        if name in (CLASSIFY, REGRESS):
            inputs = {"inputs": serialize_rows(inputs, expectation.feature_names)}
        try:
            problems = list(_signature_answers(runner, name, inputs, expectation))
        except _REFUSED as error:
            problems = [f"Signature {name!r} fails: {reason(error)}"]
        if problems:
            yield from problems
            return


def _signature_answers(runner: Runner, name: str, inputs: Arrays, expectation: Expectation) -> Iterator[str]:
    expected = _expected(name, expectation)
    differing: list[int] = []
    for size in sorted(BATCH_SIZES, reverse=True):
        batch = {key: array[:size] for key, array in inputs.items()}
        answer = runner.run(name, batch)
        for key, want in expected.items():
            where = f"Signature {name!r}, batch of {size}: {key!r}"
            for problem in _difference(answer[key], want[:size], expectation.tolerance, where):
                differing.append(size)
                yield problem
        if expectation.class_names:
            yield from _name_problems(answer, expectation.class_names)
    if differing and ROWS not in differing:
        yield _NEIGHBOURS
    again = runner.run(name, inputs)
    for key, want in runner.run(name, inputs).items():
        if list(_difference(again[key], want, 0.0, key)):
            yield f"Signature {name!r} answers the same batch differently each time: {key!r}. {not_repeatable(runner)}"
    if name in (SERVING, NUMERIC):
        yield from _neighbour_problems(runner, name, inputs, expectation.tolerance)


_NEIGHBOURS = (
    "A row's answer depends on how many others are in its batch: text that is padded to the longest of the batch does "
    "so (give TextVectorization an output_sequence_length), and so does what is computed over rows."
)


def _neighbour_problems(runner: Runner, name: str, inputs: Arrays, tolerance: float) -> Iterator[str]:
    """A row's answer must be the same alone and beside others, in whichever order they come."""
    answers = runner.run(name, inputs)
    rows = len(next(iter(inputs.values())))
    for order in (np.arange(rows)[::-1], np.array([0, rows - 1, rows // 2, rows - 1, 0])):
        for key, answer in runner.run(name, {key: array[order] for key, array in inputs.items()}).items():
            if list(_difference(answer, answers[key][order], tolerance, key)):
                yield (
                    f"Signature {name!r}: {key!r} of a row depends on its neighbours in the batch, as in training mode."
                )
                return


def _expected(name: str, expectation: Expectation) -> dict[str, np.ndarray]:
    outputs = dict(expectation.outputs)
    if name == NUMERIC:
        return {key: array for key, array in outputs.items() if array.dtype != object}
    if name == CLASSIFY:
        (probabilities,) = expectation.outputs.values()
        return {SCORES: probabilities}
    if name == REGRESS:
        (output,) = expectation.outputs.values()
        return {"outputs": output}
    return outputs


def _difference(answer: np.ndarray, want: np.ndarray, tolerance: float, where: str) -> Iterator[str]:
    if answer.shape != want.shape:
        yield f"{where} has shape {list(answer.shape)}, the Keras model's {list(want.shape)}."
    elif want.dtype.kind not in "fc":
        if not np.array_equal(answer, want):
            yield f"{where} is not what the Keras model answers."
    elif not np.isfinite(answer).all():
        yield f"{where} is NaN or infinite."
    else:
        largest = float(np.abs(answer.astype("float64") - want).max(initial=0.0))
        allowed = tolerance * max(1.0, float(np.abs(want).max(initial=0.0)))
        if largest > allowed:
            yield f"{where} {DIFFERS} by {largest:.2g}, more than {allowed:.2g}."


def _name_problems(answer: Arrays, class_names: tuple[str, ...]) -> Iterator[str]:
    names = np.array([name.encode() for name in class_names], object)
    if CLASSES in answer and not (answer[CLASSES] == names).all():
        yield "The classes of the export are not the class names given."
    if LABEL in answer and not (answer[LABEL] == names[answer[PROBABILITIES].argmax(axis=-1)]).all():
        yield "The label of the export is not that of the largest probability."
