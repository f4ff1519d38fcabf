"""Models of the user's own: `kzoo search ./mine.py:build`, where `build` is one of these.

- A function under `register_model`: a family, with all that the zoo's have.
- A function that takes `hp` and returns a compiled Keras model, as keras-tuner takes it; with a second parameter `task`
  it gets the `kzoo.Task`, whose shapes and classes are those of the data.
- A `keras_tuner.HyperModel`, or a class of them that is made without arguments or with the task.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from kzoo.cli.console import Failure, describe
from kzoo.cli.run import parts_of
from kzoo.datasets import Dataset
from kzoo.task import Task
from kzoo.zoo.registry import Family, get_family, list_models

FEW = 8
"""Rows that a model is tried on before a search begins."""


def load(model: str) -> Any:
    """Run the file of a model and take what has the name.

    Args:
        model: "mine.py:build".

    Returns:
        A `Family`, a `keras_tuner.HyperModel` or a class of them, or a function.

    Raises:
        Failure: The file cannot be run, or has no such thing; the message says where.
    """
    path, name = parts_of(model)
    module = _module(path)
    if not hasattr(module, name):
        made_here = [key for key, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__]
        raise Failure(f"{path} has no {name}; it has {', '.join(made_here) or 'nothing of its own'}.")
    found = getattr(module, name)
    for family in map(get_family, list_models()):
        if family.builder is found:
            return family
    if not callable(found) and not isinstance(found, keras_tuner.HyperModel):
        raise Failure(f"{path}: {name} is {type(found).__name__}, not a function or a keras_tuner.HyperModel.")
    return found


def _module(path: Path) -> Any:
    # A name that no other module has, and the same in every process, as what is pickled needs.
    name = f"kzoo_own_{hashlib.blake2b(str(path.resolve()).encode(), digest_size=8).hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise Failure(f"{path}: no such file of Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # What lies beside it can be imported, also when a model is built, as where it is run itself.
    if str(path.resolve().parent) not in sys.path:
        sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    # A script that ends Python with code 0 would pass for a search that was run.
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise Failure(f"{path}{_line(error, path)}: {type(error).__name__}: {describe(error)}") from None
    return module


def hypermodel_of(found: Any, task: Task, where: str) -> keras_tuner.HyperModel:
    """What `load` found as a hypermodel, whose `fit` may say for itself what the command says; see `_hypermodel`."""
    made = _hypermodel(found, task, where)
    return made if type(made).fit is keras_tuner.HyperModel.fit else _OwnFit(made)


class _OwnFit(keras_tuner.HyperModel):
    """A hypermodel with a `fit` of its own, which may pass on `epochs` or `verbose` besides those that it is given."""

    TWICE = re.compile(r"multiple values for (?:keyword )?argument '(epochs|verbose)'")

    def __init__(self, of: keras_tuner.HyperModel) -> None:
        super().__init__(name=of.name, tunable=of.tunable)
        self._of = of

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """See `keras_tuner.HyperModel.build`."""
        return self._of.build(hp)

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """See `keras_tuner.HyperModel.fit`."""
        while True:
            try:
                return self._of.fit(hp, model, *args, **kwargs)
            except TypeError as error:
                # Python says so before anything is trained.
                twice = self.TWICE.search(str(error))
                if twice is None or twice[1] not in kwargs:
                    raise
                kwargs = {name: each for name, each in kwargs.items() if name != twice[1]}


def _hypermodel(found: Any, task: Task, where: str) -> keras_tuner.HyperModel:
    """What `load` found, as a hypermodel; a `Family` is for `create_hypermodel`.

    Args:
        found: A hypermodel, a class of them, or a function.
        task: What is to be learned.
        where: What a message calls it.

    Raises:
        Failure: It takes other arguments.
    """
    if isinstance(found, keras_tuner.HyperModel):
        return found
    names = list(inspect.signature(found).parameters)
    if isinstance(found, type):
        made = found(task) if names and "task" in names[0] else _called(found, where)
        if not isinstance(made, keras_tuner.HyperModel):
            raise Failure(f"{where} is a class, but not of keras_tuner.HyperModel.")
        return made
    if not names or len(names) > 2 or (len(names) == 2 and names[1] != "task"):
        raise Failure(
            f"{where} takes ({', '.join(names)}); expected a function of hp, or of hp and task, that returns a "
            "compiled Keras model."
        )
    return _Built(found if len(names) == 1 else lambda hp: found(hp, task), where)


def _called(made_by: Callable[[], Any], where: str) -> Any:
    try:
        return made_by()
    except TypeError as error:
        raise Failure(f"{where} cannot be made without arguments: {describe(error)}") from None


class _Built(keras_tuner.HyperModel):
    """The hypermodel of a function."""

    def __init__(self, build: Callable[[keras_tuner.HyperParameters], keras.Model], name: str) -> None:
        super().__init__(name=name)
        self._of = build

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """See `keras_tuner.HyperModel.build`."""
        return self._of(hp)


def tried(hypermodel: keras_tuner.HyperModel, data: Dataset, where: str) -> tuple[list[str], list[str]]:
    """Build a model at its defaults and try it on a few rows, so that a search does not fail trial by trial.

    Returns:
        Names of what it records, "loss" first, and of the hyperparameters that it declares.

    Raises:
        Failure: It cannot be built, or does not take the data.
    """
    path, _ = parts_of(where)
    try:
        hp = keras_tuner.HyperParameters()
        model = hypermodel.build(hp)
        if not isinstance(model, keras.Model):
            raise TypeError(f"it returns {type(model).__name__}, not a compiled Keras model; is a return missing?")
        found = model.evaluate(data.x_train[:FEW], data.y_train[:FEW], verbose=0, return_dict=True)
        return list(found), [each.name for each in hp.space]
    except Exception as error:
        task = data.task
        kind = f"{task.num_classes} classes as ids" if task.kind == "classification" else f"{task.num_targets} numbers"
        raise Failure(
            f"{where}{_line(error, path)}: a model at its defaults fails on the data, inputs {task.input_shape} of "
            f"{task.input_dtype} and targets of {kind}: {describe(error)[:300]}"
        ) from None


def _line(error: BaseException, path: Path) -> str:
    """Where in the user's file something was raised."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}" if error.lineno else ""
    lines = []
    trace = error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).resolve() == path.resolve():
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f", line {lines[-1]}" if lines else ""


def is_family(found: Any) -> bool:
    """Whether `load` found a family."""
    return isinstance(found, Family)
