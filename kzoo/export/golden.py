"""Golden answers: real rows and what the Keras model answered to them, kept in the version that must answer the same.

The gate compares a staged export with them before it is published, and `kzoo check` a published one at any later time.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import ExportError
from kzoo.export.extras import extras
from kzoo.export.prediction_log import read_logs, request_log, request_of, write_logs
from kzoo.export.signatures import SERVING

# Batch sizes that every export must take; the last is odd and no power of two, so that nothing fits it by chance.
BATCH_SIZES = (1, 3, 17)
ROWS = BATCH_SIZES[-1]
FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Golden:
    """What an export must do.

    Attributes:
        model: Name that it is served under.
        signatures: Names of its signatures.
        inputs: Arrays by input name, `ROWS` rows each.
        outputs: What the Keras model answers to them: arrays by name in the "numeric" signature, text by its name in
            "serving_default".
        tolerance: Largest difference, as a share of the largest magnitude of an output, or of 1 if that is larger.
        fingerprint: TensorFlow's fingerprint of the SavedModel.
        class_names: Names of the classes, or empty.
        feature_names: Features of a tf.Example, or empty where there is one for every input.
    """

    model: str
    signatures: tuple[str, ...]
    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]
    tolerance: float
    fingerprint: str
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()


def first_rows(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """As many rows as the gate needs, beginning again from the first where there are fewer."""
    return {name: array[np.arange(ROWS) % len(array)] for name, array in arrays.items()}


def fingerprint(version: Path) -> str:
    """TensorFlow's fingerprint of a SavedModel: of its graph, its signatures and its checkpoint."""
    return tf.saved_model.experimental.read_fingerprint(str(version)).singleprint()


def write_golden(version: Path, golden: Golden) -> None:
    """Write the golden answers of a version: a request with its answer, and what else must hold.

    Args:
        version: The directory of the version.
        golden: What to write.
    """
    log = request_log(golden.model, SERVING, golden.inputs)
    for name, array in golden.outputs.items():
        log.predict_log.response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
    write_logs(extras(version) / "golden.tfrecord", [log])
    facts: dict[str, Any] = {"format": FORMAT, **dataclasses.asdict(golden)}
    del facts["inputs"], facts["outputs"]
    (extras(version) / "golden.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def read_golden(version: Path) -> Golden:
    """The golden answers of a version.

    Raises:
        ExportError: It has none, or they cannot be read.
    """
    path = extras(version) / "golden.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts.pop("format") != FORMAT:
            raise ExportError(f"{path.name} was written by a newer kzoo; check with that version.")
        for name in ("signatures", "class_names", "feature_names"):
            facts[name] = tuple(facts[name])
        (log,) = read_logs(extras(version) / "golden.tfrecord")
        _, inputs = request_of(log)
        outputs = {name: tf.make_ndarray(proto) for name, proto in log.predict_log.response.outputs.items()}
        return Golden(inputs=inputs, outputs=outputs, **facts)
    except FileNotFoundError:
        raise ExportError(f"{path.name} is not there; the golden answers to check with are lost.") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ExportError(f"{path.name} holds no golden answers ({error}).") from None
    except ValueError as error:
        if isinstance(error, ExportError):
            raise
        raise ExportError(f"{path.name} cannot be read ({error}).") from None
