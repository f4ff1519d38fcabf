"""Exports run by the C++ loader that TensorFlow Serving uses, without Keras."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import ExportError, reason
from kzoo.export.signatures import signatures_of


class Runner:
    """A version of an export in a TensorFlow session, as the server has it.

    Use it as a context manager, or `close` it.

    Args:
        directory: The directory that holds `saved_model.pb`.

    Attributes:
        directory: The same.
        graph: The graph and its functions, as a `GraphDef`.
        signatures: What can be asked, by name.

    Raises:
        ExportError: TensorFlow cannot load it.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        try:
            with self._session.graph.as_default(), _quiet():
                loaded = tf.compat.v1.saved_model.load(self._session, ["serve"], str(directory))
        except Exception as error:  # whatever the loader raises, the export is what is wrong
            self._session.close()
            raise ExportError(f"{directory} does not load: {reason(error)}") from error
        self.graph = loaded.graph_def
        self.signatures = signatures_of(loaded.signature_def)

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
        feeds = {asked.inputs[name].key: value for name, value in inputs.items()}
        return self._session.run(fetches, feeds)

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


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """TensorFlow logs that this loader is deprecated, but it is the one that the server has."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
