"""The private names of keras-tuner, Keras and TensorFlow that cannot be avoided.

A tuner tells its oracle where the project is through `Oracle._set_project_dir`, and the oracle's public attributes
`directory` and `project_name` stay None. The protocol between chief and workers is in `keras_tuner.src.protos`, and no
public name leads there. `tests/oracle/test_private_apis.py` and `tests/parallel/test_chief.py` fail when this changes.

What a model was compiled with is in `Model._compile_config`; what is public of it are configurations, from which a
function of the user's cannot be had again. `tests/tuner/test_compile_arguments.py` fails when Keras changes this. That
a callback has compiled the model shows by another object there, and by nothing public; `tests/engine/test_choice.py`
fails when Keras keeps the old one.

What a hypermodel declares goes through `HyperParameters._retrieve`, which keeps the first declaration of a name, and no
public method replaces one. `tests/oracle/test_changed_space.py` fails when this changes.

In a graph TensorFlow registers the gradient of every call of a function that defines its own, such as `tf.nn.silu`, and
keeps it for ever, and through it the whole graph: megabytes for every model. No public name removes it.
`tests/tuner/test_memory.py` fails when this changes.

`Optimizer.exclude_from_weight_decay` sets which weights are left out of weight decay, and nothing public tells which
they are. `tests/engine/test_numpy_engine.py` fails when Keras changes this.

The configurations of Keras' losses and metrics leave out some of what they were made with, such as Huber's delta. It is
in `_fn_kwargs` alone. `tests/engine/test_identity.py` fails when Keras changes this.

Which custom objects a `keras.saving.custom_object_scope` around the search has in force is in the `backup` of a scope
within it, which is not documented. `tests/tuner/test_session.py` fails when Keras changes this.

Whether a `TensorBoard` profiles is in `_should_trace` alone. `tests/tuner/test_tensorboard.py` fails when Keras changes
this.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner


def project_directory(oracle: keras_tuner.Oracle) -> Path | None:
    """Directory of the search that an oracle belongs to, or None before a tuner has told it."""
    directory = getattr(oracle, "_directory", None)
    return None if directory is None else Path(directory, oracle._project_name)  # noqa: SLF001


def set_project_directory(oracle: keras_tuner.Oracle, directory: str | os.PathLike[str]) -> None:
    """Tell an oracle, as a tuner would, where its search is; for an oracle that is used by itself."""
    path = Path(directory).absolute()
    oracle._set_project_dir(str(path.parent), path.name)  # noqa: SLF001


def objects_of_scopes() -> dict[str, Any]:
    """Custom objects, by name, of the `keras.saving.custom_object_scope` that is in force."""
    with keras.saving.CustomObjectScope({}) as scope:
        return dict(scope.backup)


class RecalledSpace(keras_tuner.HyperParameters):
    """Hyperparameters of a search that goes on: what is declared now takes the place of what was declared then.

    Attributes:
        awaited: Those, by `identity`, whose declaration is recalled and has not been made anew.
        follow: Is given the old and the new declaration where they differ, and the value or None; gives the value that
            stands, and raises where the change cannot be followed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.awaited: set[tuple[str, str]] = set()
        self.follow: Callable[[Any, Any, Any], Any] = lambda old, new, value: value

    def _retrieve(self, hp: Any) -> Any:
        if identity(hp) in self.awaited:
            self.awaited.discard(identity(hp))
            old = replace_declaration(self, hp)
            if old.get_config() != hp.get_config():
                value = self.follow(old, hp, self.values.get(hp.name))
                if hp.name in self.values:
                    self.values[hp.name] = value
        return super()._retrieve(hp)


def identity(hyperparameter: Any) -> tuple[str, str]:
    """What tells a hyperparameter from others: its name, and the conditions under which it applies."""
    return hyperparameter.name, repr([each.get_config() for each in hyperparameter.conditions])


def replace_declaration(space: keras_tuner.HyperParameters, new: Any) -> Any:
    """Put a declaration in the place of that of the same identity, which is returned."""
    new = type(new).from_config(new.get_config())
    of_name = space._hps[new.name]  # noqa: SLF001
    old = next(each for each in of_name if identity(each) == identity(new))
    of_name[of_name.index(old)] = new
    space.space[space.space.index(old)] = new
    return old


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


@contextlib.contextmanager
def gradients_with_graphs() -> Iterator[None]:
    """What TensorFlow registers within for the derivatives of operations stays as long as their graph, not for ever."""
    # Imported here, since reading a study must not import TensorFlow.
    from tensorflow.python.framework import ops

    registry = ops.gradient_registry
    before = registry._registry  # noqa: SLF001
    registry._registry = new = _GradientsOfGraphs(before)  # noqa: SLF001
    try:
        yield
    finally:
        before.clear()
        before.update(new)
        registry._registry = before  # noqa: SLF001


class _GradientsOfGraphs(dict[str, Any]):
    """Entries of the registry, each only as long as a graph that it was made for."""

    def __setitem__(self, name: str, entry: Any) -> None:
        from tensorflow.python.framework import ops
        from tensorflow.python.framework.func_graph import FuncGraph

        graph, gradient = ops.get_default_graph(), entry["type"]
        if isinstance(graph, FuncGraph):
            entry = {**entry, "type": _WhileItLives(name, gradient)}
        # The graphs around it as well, which hold what is in it by name only.
        while isinstance(graph, FuncGraph):
            if not hasattr(graph, "kept_gradients"):
                graph.kept_gradients = []
            graph.kept_gradients.append(gradient)
            graph = graph.outer_graph
        super().__setitem__(name, entry)


class _WhileItLives:
    """Stands for the derivative of an operation in the registry, and leaves it when that is gone."""

    def __init__(self, name: str, gradient: Callable[..., Any]) -> None:
        from tensorflow.python.framework import ops

        registry = ops.gradient_registry
        self._gradient = weakref.ref(gradient, lambda _: registry._registry.pop(name, None))  # noqa: SLF001

    def __call__(self, *args: Any) -> Any:
        gradient = self._gradient()
        assert gradient is not None, "an operation has outlived its graph"
        return gradient(*args)


def is_decayed(optimizer: Any, weight: Any) -> bool:
    """Whether the weight decay of an optimizer shrinks a Keras variable."""
    # Asked with the variable underneath, as the optimizer asks itself: names are matched against its name.
    decayed: bool = optimizer._use_weight_decay(weight.value)  # noqa: SLF001
    return decayed


def arguments_of_function(thing: Any) -> dict[str, Any] | None:
    """What a loss or a metric of Keras gives the function that it computes by; None where it has none."""
    return getattr(thing, "_fn_kwargs", None)


def compile_arguments(model: Any) -> dict[str, Any]:
    """The arguments that a Keras model was compiled with, as they were given; none where it is not compiled."""
    return dict(model._compile_config.config) if model.compiled else {}  # noqa: SLF001


def compilation(model: Any) -> Any:
    """What stands for the last compilation of a Keras model: another object after each."""
    return model._compile_config  # noqa: SLF001


def writes_in_epochs(board: keras.callbacks.TensorBoard) -> bool:
    """Whether a TensorBoard writes anything while an epoch is trained: the graph, single batches, or a profile."""
    writes: bool = (
        board.write_graph or board.write_steps_per_second or board.update_freq != "epoch" or board._should_trace  # noqa: SLF001
    )
    return writes
