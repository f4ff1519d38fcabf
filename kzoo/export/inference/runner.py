"""Exports run in a session of TensorFlow's C++ runtime, as TensorFlow Serving runs them, without Keras."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import ExportError, reason
from kzoo.export.inference.saved_model_file import SERVE_TAG, read_serving_graph
from kzoo.export.inference.trust import refuse_untrusted
from kzoo.export.remarks import without_remarks

_SAVED_MODEL_INTERNAL = "__saved_model_init_op"


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An input or output of a signature.

    Attributes:
        name: Name in requests and answers.
        key: Name in the graph.
        dtype: Its dtype; strings are `tf.string`.
        shape: Its dimensions, None where free, or None where not even their number is known.
    """

    name: str
    key: str
    dtype: tf.DType
    shape: tuple[int | None, ...] | None


@dataclasses.dataclass(frozen=True)
class Signature:
    """What can be asked of an export.

    Attributes:
        name: Name in requests.
        method: TensorFlow Serving's method, such as "tensorflow/serving/predict".
        inputs: Its inputs by name.
        outputs: Its outputs by name.
    """

    name: str
    method: str
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


class Runner:
    """A version of an export in a TensorFlow session, as the server has it.

    Use it as a context manager, or `close` it.

    Args:
        directory: The directory that holds `saved_model.pb`.
        trust: Whether to run it whatever its graph does; else one that does more than compute is refused, see `trust`.

    Attributes:
        directory: The same.
        graph: The graph and its functions, as a `GraphDef`.
        signature_defs: What the export says of its signatures, by name, that of TensorFlow's own for loading included.
        signatures: What can be asked, by name.

    Raises:
        ExportError: TensorFlow cannot load it, or it is refused.
    """

    def __init__(self, directory: str | os.PathLike[str], *, trust: bool = False) -> None:
        self.directory = Path(directory)
        meta_graph = read_serving_graph(self.directory)
        if not trust:
            refuse_untrusted(self.directory, meta_graph)
        self.graph = meta_graph.graph_def
        self.signature_defs: Mapping[str, Any] = meta_graph.signature_def
        self.signatures = {
            name: _signature(name, signature)
            for name, signature in meta_graph.signature_def.items()
            if name != _SAVED_MODEL_INTERNAL
        }
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        try:
            with self._session.graph.as_default(), without_remarks():
                self._fed = _inputs_of_any_shape(self.graph, self.signatures)
                replaced = {**self._fed, **_own_files(self.directory, meta_graph)}
                tf.compat.v1.saved_model.load(self._session, [SERVE_TAG], str(directory), input_map=replaced)
        except Exception as error:  # whatever the loader raises, the export is what is wrong
            self._session.close()
            raise ExportError(f"{directory} does not load: {reason(error)}") from error

    def run(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Answer a batch.

        Args:
            signature: Name of a signature.
            inputs: An array for every input by name, with the batch as first dimension.

        Returns:
            An array for every output by name; strings are bytes in arrays of dtype object.

        Raises:
            KeyError: There is no such signature or input.
            tf.errors.OpError: The graph does not take these values.
        """
        asked = self.signatures[signature]
        fetches = {name: tensor.key for name, tensor in asked.outputs.items()}
        keys = {name: asked.inputs[name].key for name in inputs}
        feeds = {self._fed.get(keys[name], keys[name]): value for name, value in inputs.items()}
        outputs = self._session.run(fetches, feeds)
        # A single text comes without an array around it.
        return {
            name: np.array(value, object) if isinstance(value, bytes) else np.asarray(value)
            for name, value in outputs.items()
        }

    def close(self) -> None:
        """Free the memory."""
        self._session.close()

    def __enter__(self) -> Runner:
        """The runner itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def _inputs_of_any_shape(graph: Any, signatures: Mapping[str, Signature]) -> dict[str, tf.Tensor]:
    """Inputs in place of an export's own, by the names of these: the server does not look at the shapes of inputs."""
    dtypes = {node.name: node.attr["dtype"].type for node in graph.node if node.op == "Placeholder"}
    keys = {tensor.key for signature in signatures.values() for tensor in signature.inputs.values()}
    return {
        key: tf.compat.v1.placeholder(dtypes[key.removesuffix(":0")], name=f"kzoo_input_{number}")
        for number, key in enumerate(sorted(keys))
        if key.removesuffix(":0") in dtypes
    }


def _own_files(directory: Path, meta_graph: Any) -> dict[str, tf.Tensor]:
    """The files of an export by the tensors that name files: the loader feeds these only while it loads."""
    paths = {each.tensor_info.name: directory / "assets" / each.filename for each in meta_graph.asset_file_def}
    if meta_graph.saver_def.filename_tensor_name:
        paths[meta_graph.saver_def.filename_tensor_name] = directory / "variables" / "variables"
    return {name: tf.constant(str(path), name="kzoo_file") for name, path in paths.items()}


def _signature(name: str, proto: Any) -> Signature:
    return Signature(name, proto.method_name, _tensors(proto.inputs), _tensors(proto.outputs))


def _tensors(infos: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: Tensor(name, info.name, tf.as_dtype(info.dtype), _shape(info)) for name, info in infos.items()}


def _shape(info: Any) -> tuple[int | None, ...] | None:
    if info.tensor_shape.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
