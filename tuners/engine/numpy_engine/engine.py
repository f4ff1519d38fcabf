"""The engine that writes models out in numpy: no trial waits for a graph to be traced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tuners.engine import arguments
from tuners.engine.data import LARGEST
from tuners.engine.numpy_engine import scoring
from tuners.engine.numpy_engine.groups import groups
from tuners.engine.numpy_engine.inputs import Inputs
from tuners.engine.numpy_engine.member import Member, Rows
from tuners.engine.numpy_engine.optimizer import Rule
from tuners.engine.numpy_engine.program import Program
from tuners.engine.numpy_engine.reading import UnknownModelError
from tuners.engine.numpy_engine.training import Training
from tuners.engine.request import Request, Trained

CALLBACKS = (keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
"""That need nothing of the model but its weights and learning rate at the ends of epochs."""


class PopulationEngine:
    """Trains models that it can write out: one input, one output, and the layers of `reading.READERS`.

    Models of one structure are trained together, so that one call of numpy serves all of them.
    """

    def __init__(self) -> None:
        self._inputs = Inputs()

    def prepare(self, request: Request) -> Member | str:
        """A trial made ready, or why this engine cannot train it.

        Args:
            request: What to train; `arguments.refusal` must have been "".
        """
        given = arguments.of(request) or {}
        for callback in arguments.callbacks(given):
            if type(callback) not in CALLBACKS:
                return f"the callback {type(callback).__name__}"
        try:
            return self._member(request, given)
        except UnknownModelError as error:
            return str(error)

    def train(self, members: Sequence[Member]) -> list[Trained | Exception]:
        """Train what `prepare` gave, each as it would be trained alone.

        Args:
            members: What to train.

        Returns:
            Of each, metrics of its epochs and the best epoch's weights, or what its training raised.
        """
        found: dict[int, Trained | Exception] = {}
        # A diverging trial overflows; that its loss is not a number is seen at the end of the epoch.
        with np.errstate(all="ignore"):
            for group in groups(members):
                found |= zip(group, Training([members[number] for number in group]).run(), strict=True)
        return [found[number] for number in range(len(members))]

    def _member(self, request: Request, given: dict[str, Any]) -> Member:
        model = request.model
        x, y, weights = arguments.training_parts(given)
        if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray) or x.shape[1:] != model.input_shape[1:]:
            raise UnknownModelError("the data are not one array of inputs, as the model takes them, and one of targets")
        if x.size * 4 > LARGEST:
            raise UnknownModelError(f"the inputs take more than {LARGEST >> 30} GB in float32")
        validation = given.get("validation_data")
        # The first number drawn orders the batches, as in the graph engine.
        order, seed = np.random.randint(2**31), np.random.randint(2**30)
        rule = Rule(model)
        program = Program(model, rule.decayed, seed)
        return Member(
            request=request,
            program=program,
            scoring=scoring.read(model, program.head, y),
            rule=rule,
            training=self._rows(program, x, y, weights),
            holdout=None if validation is None else self._rows(program, *validation),
            batch_size=int(given.get("batch_size") or arguments.BATCH_SIZE),
            epochs=int(given.get("epochs") or 1),
            order=np.random.default_rng(order) if given.get("shuffle", True) else None,
            callbacks=arguments.callbacks(given),
        )

    def _rows(self, program: Program, x: NDArray, y: NDArray, weights: NDArray | None = None) -> Rows:
        return Rows(self._inputs.after(program.prefix, x), y, None if weights is None else weights.astype(np.float32))
