"""The private names of keras-tuner, Keras and TensorFlow that cannot be avoided.

A tuner tells its oracle where the project is through `Oracle._set_project_dir`, and the oracle's public attributes
`directory` and `project_name` stay None. The protocol between chief and workers is in `keras_tuner.src.protos`, and no
public name leads there. `tests/oracle/test_private_apis.py` and `tests/parallel/test_chief.py` fail when this changes.

In a graph TensorFlow registers the gradient of every call of a function that defines its own, such as `tf.nn.silu`, and
keeps it for ever, and through it the whole graph: megabytes for every model. No public name removes it.
`tests/engine/test_compiled_models.py` fails when this changes.

`Optimizer.exclude_from_weight_decay` sets which weights are left out of weight decay, and nothing public tells which
they are. `tests/engine/test_numpy_engine.py` fails when Keras changes this.

The configurations of Keras' losses and metrics leave out some of what they were made with, such as Huber's delta. It is
in `_fn_kwargs` alone. `tests/engine/test_identity.py` fails when Keras changes this.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras_tuner


def project_directory(oracle: keras_tuner.Oracle) -> Path | None:
    """Directory of the search that an oracle belongs to, or None before a tuner has told it."""
    directory = getattr(oracle, "_directory", None)
    return None if directory is None else Path(directory, oracle._project_name)  # noqa: SLF001


def set_project_directory(oracle: keras_tuner.Oracle, directory: str | os.PathLike[str]) -> None:
    """Tell an oracle, as a tuner would, where its search is; for an oracle that is used by itself."""
    path = Path(directory).absolute()
    oracle._set_project_dir(str(path.parent), path.name)  # noqa: SLF001


def oracle_service() -> tuple[type, Callable[[Any, Any], None]]:
    """The base class of what answers a distributed search, and what adds an instance of it to a gRPC server."""
    # Imported here, since only chiefs need gRPC.
    from keras_tuner.src import protos

    service = protos.get_service_grpc()
    return service.OracleServicer, service.add_OracleServicer_to_server


def oracle_messages() -> Any:
    """The module with the requests and answers of a distributed search."""
    from keras_tuner.src import protos

    return protos.get_service()


def forget_gradients(operations: Iterable[Any]) -> None:
    """Let go of what TensorFlow registered for the derivatives of operations.

    Args:
        operations: All of a graph, of which no derivative is taken any more.
    """
    # Imported here, since reading a study must not import TensorFlow.
    from tensorflow.python.framework import ops

    registered = ops.gradient_registry._registry  # noqa: SLF001
    for each in operations:
        # A function with a gradient of its own ends in one of these, which has the name of the gradient.
        if each.type == "IdentityN":
            with contextlib.suppress(ValueError):
                registered.pop(each.get_attr("_gradient_op_type").decode(), None)


def is_decayed(optimizer: Any, weight: Any) -> bool:
    """Whether the weight decay of an optimizer shrinks a Keras variable."""
    # Asked with the variable underneath, as the optimizer asks itself: names are matched against its name.
    return optimizer._use_weight_decay(weight.value)  # noqa: SLF001


def arguments_of_function(thing: Any) -> dict[str, Any] | None:
    """What a loss or a metric of Keras gives the function that it computes by; None where it has none."""
    return getattr(thing, "_fn_kwargs", None)
