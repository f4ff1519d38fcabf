"""The families of models: how they are registered, listed and found."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kzoo.task import KINDS, Task, TaskKind
from kzoo.zoo.hyperparameters import Hyperparameter
from kzoo.zoo.spaces import Space

if TYPE_CHECKING:
    import keras

Builder = Callable[[Task, dict[str, Any]], "keras.Model"]


@dataclasses.dataclass(frozen=True)
class Family:
    """A registered family of models.

    Attributes:
        name: Name to create it by.
        builder: Takes the task and the values of the hyperparameters that apply; returns the model, not compiled.
        space: Every hyperparameter: those of the architecture, then those of the training.
        description: One line for people.
        kinds: Kinds of task that it can learn.
        images_only: Whether inputs must be (height, width, channels).
    """

    name: str
    builder: Builder
    space: Space
    description: str
    kinds: tuple[TaskKind, ...]
    images_only: bool = False

    def space_for(self, task: Task) -> Space:
        """The hyperparameters that have an effect on a task."""
        without = () if task.codes else tuple(declared.name for declared in self.space if declared.for_codes)
        return Space((declared for declared in self.space if declared.name not in without), without)

    def check_task(self, task: Task) -> None:
        """Refuse a task that the family cannot learn.

        Raises:
            ValueError: The task is of the wrong kind, or its inputs have the wrong shape.
        """
        if task.kind not in self.kinds:
            able = ", ".join(name for name in list_models() if task.kind in get_family(name).kinds)
            raise ValueError(f"{self.name} is for {' and '.join(self.kinds)} only, not {task.kind}; try {able}.")
        if self.images_only and not task.is_image:
            raise ValueError(
                f"{self.name} takes images (height, width, channels), but one example has shape {task.input_shape}; "
                "try mlp."
            )


_FAMILIES: dict[str, Family] = {}


def register_model(
    name: str,
    *,
    space: Iterable[Hyperparameter] = (),
    training: Mapping[str, Mapping[str, Any]] | None = None,
    description: str,
    kinds: tuple[TaskKind, ...] = KINDS,
    images_only: bool = False,
) -> Callable[[Builder], Builder]:
    """Register a function as the builder of a family of models.

    The optimizer, its learning rate, the decay and the batch size come with every family, and so does the compiling: a
    builder makes the layers only.

    Args:
        name: Name to create it by.
        space: The hyperparameters of the architecture.
        training: What differs in those of the training, by name: {"batch_size": {"default": 64}}.
        description: One line for people.
        kinds: Kinds of task that it can learn.
        images_only: Whether inputs must be (height, width, channels).

    Returns:
        A decorator that returns the function as it was.

    Raises:
        ValueError: The name is taken by another function, or the hyperparameters do not make a space.
    """
    from kzoo.zoo.optimizers import TRAINING

    def register(builder: Builder) -> Builder:
        known = _FAMILIES.get(name)
        # The same function again is a reloaded module, as in a notebook.
        if known and (known.builder.__module__, known.builder.__qualname__) != (
            builder.__module__,
            builder.__qualname__,
        ):
            raise ValueError(f"A model called {name!r} is registered already; choose another name.")
        _FAMILIES[name] = Family(
            name, builder, Space([*space, *Space(TRAINING).replace(training or {})]), description, kinds, images_only
        )
        return builder

    return register


def list_models(pattern: str = "*") -> list[str]:
    """Names of the registered families.

    Args:
        pattern: A shell pattern, such as "*net".

    Returns:
        The matching names, sorted.
    """
    importlib.import_module("kzoo.zoo.models")
    return sorted(fnmatch.filter(_FAMILIES, pattern))


def get_family(name: str) -> Family:
    """The family registered under a name.

    Raises:
        ValueError: There is none; the message names the nearest.
    """
    names = list_models()
    if name not in _FAMILIES:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}."
        raise ValueError(f"No model is called {name!r}; {hint}")
    return _FAMILIES[name]
