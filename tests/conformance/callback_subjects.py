"""Every callback of Keras, and callbacks that override each hook and note down what they see."""

from __future__ import annotations

import functools
import inspect
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras_catalog import classes, others, required
from small_models import dense, tabular
from subjects import Subject
from trial_outcomes import Group, Notes

ARGUMENTS = {
    "filepath": "{directory}/best.weights.h5",
    "directory": "{directory}",
    "backup_dir": "{directory}/backup",
    "filename": "{directory}/log.csv",
    "log_dir": "{directory}/logs",
    "root": "http://127.0.0.1:9",
    "schedule": lambda epoch, rate: rate * 0.5,
    "swap_on_epoch": True,
}
CHOICES = {
    "monitor": ("loss", "val_accuracy", "accuracy", "nothing"),
    "mode": ("min", "max"),
    "patience": 1,
    "min_delta": 0.5,
    "baseline": 0.01,
    "initial_value_threshold": 0.5,
    "save_freq": (3,),
    "save_weights_only": True,
    "update_freq": ("batch",),
    "factor": 0.5,
    "min_lr": 0.08,
    "start_from_epoch": 1,
}
HOOKS = tuple(name for name in dir(keras.callbacks.Callback) if name.startswith(("on_", "set_")))


def groups(name: str) -> Iterator[Group]:
    """The trials of a callback: plain, and with each other argument."""
    made = classes("callbacks")[name]
    with tempfile.TemporaryDirectory() as directory:
        given = {key: _within(directory, value) for key, value in required(made, ARGUMENTS).items()}
        if "save_weights_only" in inspect.signature(made).parameters:
            given["save_weights_only"] = True
        extra = dict.fromkeys(("plain",), {}) | {
            f"{key}={value!r}": {key: value} for key, value in others(made, CHOICES)
        }
        for label, more in extra.items():
            try:
                callback = made(**{**given, **more})
            except Exception:
                continue
            args, kwargs = tabular()
            build = functools.partial(_built_anew, Path(directory))
            yield Group({label: build}, args, {**kwargs, "epochs": 4, "callbacks": [callback]})


def _built_anew(directory: Path) -> keras.Model:
    """A model that finds nothing of what a callback has written for the one before, such as a backup to go on from."""
    for path in directory.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return _model()


def _within(directory: str, value: Any) -> Any:
    return value.format(directory=directory) if isinstance(value, str) else value


def _model() -> keras.Model:
    return dense(optimizer=keras.optimizers.SGD(0.2, momentum=0.5))


def _averaged() -> keras.Model:
    return dense(optimizer=keras.optimizers.SGD(0.2, use_ema=True))


def seen(callback: keras.callbacks.Callback, hook: str, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a callback sees in a hook, in plain Python."""
    model = callback.model
    if model is None:
        return (hook, "no model")
    logs = {key: float(np.mean(value)) for each in given if isinstance(each, dict) for key, value in each.items()}
    return (
        hook,
        [each for each in given if isinstance(each, int)],
        logs,
        {key: value for key, value in (callback.params or {}).items()},
        [metric.name for metric in model.metrics],
        [float(np.abs(weight).sum()) for weight in model.get_weights()],
        int(model.optimizer.iterations),
        float(model.optimizer.learning_rate),
        bool(model.stop_training),
    )


def noting(hooks: tuple[str, ...], notes: Notes) -> keras.callbacks.Callback:
    """A callback that overrides hooks and notes down what it sees in each.

    Args:
        hooks: Their names.
        notes: Where.
    """

    def overridden(hook: str) -> Callable[..., None]:
        def run(self: Any, *args: Any, **kwargs: Any) -> None:
            getattr(keras.callbacks.Callback, hook)(self, *args, **kwargs)
            notes.append(seen(self, hook, (*args, *kwargs.values())))

        return run

    return type("Noting", (keras.callbacks.Callback,), {hook: overridden(hook) for hook in hooks})()


def of_hooks(hooks: tuple[str, ...], **more: Any) -> Iterator[Group]:
    """The trials of a callback that overrides hooks."""
    notes = Notes()
    args, kwargs = tabular()
    given = {**kwargs, "callbacks": [noting(hooks, notes)], **more}
    yield Group({"built": dense, "built by its first batch": _unbuilt}, args, given, notes=notes)


def _unbuilt() -> keras.Model:
    model = keras.Sequential([keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class _Acts(keras.callbacks.Callback):
    """Changes a model at the end of an epoch.

    Args:
        act: What it does.
    """

    def __init__(self, act: Callable[[keras.Model], None]) -> None:
        super().__init__()
        self.act = act

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0:
            self.act(self.model)


def _freeze(model: keras.Model) -> None:
    model.layers[1].trainable = False


def _stop(model: keras.Model) -> None:
    model.stop_training = True


def _fail(model: keras.Model) -> None:
    raise KeyError("of the callback")


def _compile_again(model: keras.Model) -> None:
    model.compile("sgd", "sparse_categorical_crossentropy")


ACTS: dict[str, Callable[[keras.Model], None]] = {
    "learning rate": lambda model: setattr(model.optimizer, "learning_rate", 0.5),
    "weights": lambda model: model.set_weights([each * 0.5 for each in model.get_weights()]),
    "one weight": lambda model: model.weights[0].assign(model.weights[0] * 0),
    "freezes a layer": _freeze,
    "stops": _stop,
    "fails": _fail,
    "compiles again": _compile_again,
    "momentum": lambda model: setattr(model.optimizer, "momentum", 0.1),
    "predicts": lambda model: model.predict(np.zeros((3, 6)), verbose=0),
    "evaluates": lambda model: model.evaluate(np.zeros((3, 6)), np.zeros(3), verbose=0),
}


def of_act(name: str) -> Iterator[Group]:
    """The trials of a callback that changes its model between epochs."""
    args, kwargs = tabular()
    yield Group({"plain": dense}, args, {**kwargs, "epochs": 3, "callbacks": [_Acts(ACTS[name])]})


def _averaging() -> Iterator[Group]:
    args, kwargs = tabular()
    yield Group({"plain": _averaged}, args, {**kwargs, "callbacks": [keras.callbacks.SwapEMAWeights()]})


def subjects() -> list[Subject]:
    """One for each callback and each hook of the installed Keras, and for what callbacks do to models."""
    found = [Subject(f"callbacks.{name}", functools.partial(groups, name)) for name in classes("callbacks")]
    found += [Subject(f"hook {hook}", functools.partial(of_hooks, (hook,))) for hook in HOOKS]
    found += [
        Subject("all hooks", functools.partial(of_hooks, HOOKS)),
        Subject("all hooks, no validation", functools.partial(of_hooks, HOOKS, validation_data=None)),
        Subject("all hooks, validation_freq", functools.partial(of_hooks, HOOKS, validation_freq=2, epochs=3)),
        Subject("all hooks, verbose", functools.partial(of_hooks, HOOKS, verbose=2)),
        Subject("averaged weights", _averaging),
    ]
    return found + [Subject(f"callback: {name}", functools.partial(of_act, name)) for name in ACTS]
