"""The engine that trains models of one structure by one compiled function, traced for the first of them only."""

from __future__ import annotations

import dataclasses
import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tuners.engine import arguments
from tuners.engine.data import DeviceData, Examples
from tuners.engine.fit import Best
from tuners.engine.population import program, scoring
from tuners.engine.population.compiled import CompiledEpoch, Numbers, Structure
from tuners.engine.population.reading import UnknownModelError
from tuners.engine.population.updates import Schedule
from tuners.engine.training import Request, Trained
from tuners.results import epochs_of

KEPT = 64
"""Compiled functions that are kept, those that were not used for longest going first."""

CALLBACKS = (keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
"""That need nothing of the model but its weights and learning rate at the ends of epochs."""


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A trial that this engine can train.

    Attributes:
        request: What to train.
        structure: What to trace.
        numbers: What the trial has of its own.
        schedule: Its optimizer's numbers.
        training: What to train on.
        holdout: What to validate on, or None.
        epochs: How many.
        shuffled: Whether batches are drawn anew in every epoch.
        callbacks: Of the user.
    """

    request: Request
    structure: Structure
    numbers: Numbers
    schedule: Schedule
    training: Examples
    holdout: Examples | None
    epochs: int
    shuffled: bool
    callbacks: Sequence[Any]


class PopulationEngine:
    """Trains models that it can write out: one input, one output, and the layers of `reading.READERS`.

    Args:
        data: The data on the device, which stay from one trial to the next.
    """

    def __init__(self, data: DeviceData) -> None:
        self._data = data
        self._compiled: OrderedDict[Structure, CompiledEpoch] = OrderedDict()

    def prepare(self, request: Request) -> Prepared | str:
        """A trial made ready, or why this engine cannot train it.

        Args:
            request: What to train; `arguments.refusal` must have been "".
        """
        given = arguments.of(request) or {}
        for callback in arguments.callbacks(given):
            if type(callback) not in CALLBACKS:
                return f"the callback {type(callback).__name__}"
        try:
            return self._prepared(request, given)
        except UnknownModelError as error:
            return str(error)

    def train(self, prepared: Prepared) -> Trained:
        """Train a trial.

        Args:
            prepared: What `prepare` gave.

        Returns:
            Metrics of each epoch and the best epoch's weights.
        """
        compiled = self._function(prepared.structure)
        compiled.load(prepared.request.model.get_weights())
        try:
            return _Training(prepared, compiled).run()
        finally:
            compiled.release()

    def _prepared(self, request: Request, given: dict[str, Any]) -> Prepared:
        model = request.model
        reading = program.read(model)
        x, y, weights = arguments.training_parts(given)
        validation = given.get("validation_data")
        if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray) or x.shape[1:] != model.input_shape[1:]:
            raise UnknownModelError("the data are not one array of inputs, as the model takes them, and one of targets")
        schedule = Schedule(model)
        structure = Structure(
            program=reading.program,
            scoring=scoring.read(model, reading.program.head, y),
            rule=schedule.rule,
            weighted=(weights is not None, validation is not None and len(validation) > 2),
            holdout=validation is not None,
            signature=(x.dtype, x.shape[1:], y.dtype, y.shape[1:]),
        )
        # The first number drawn orders the batches, as in the graph engine.
        order, seed = np.random.randint(2**31), np.random.randint(2**30)
        return Prepared(
            request=request,
            structure=structure,
            numbers=Numbers(
                batch_size=int(given.get("batch_size") or arguments.BATCH_SIZE),
                rates=reading.rates,
                constants=reading.constants,
                order=int(order),
                seed=int(seed),
            ),
            schedule=schedule,
            training=self._data.examples((x, y, weights)),
            holdout=None if validation is None else self._data.examples(tuple(validation)),
            epochs=int(given.get("epochs") or 1),
            shuffled=bool(given.get("shuffle", True)),
            callbacks=arguments.callbacks(given),
        )

    def _function(self, structure: Structure) -> CompiledEpoch:
        compiled = self._compiled.pop(structure, None) or CompiledEpoch(structure)
        self._compiled[structure] = compiled
        if len(self._compiled) > KEPT:
            self._compiled.popitem(last=False)
        return compiled


class _Training:
    """One trial from its first epoch to its last."""

    def __init__(self, prepared: Prepared, compiled: CompiledEpoch) -> None:
        self.prepared, self.compiled = prepared, compiled
        self.steps = math.ceil(prepared.training.rows / prepared.numbers.batch_size)
        self.rng = np.random.default_rng(prepared.numbers.order)

    def run(self) -> Trained:
        prepared, model = self.prepared, self.prepared.request.model
        model.stop_training = False
        best = Best(prepared.request)
        callbacks = keras.callbacks.CallbackList(list(prepared.callbacks), add_history=True, model=model)
        callbacks.on_train_begin()
        for epoch in range(prepared.epochs):
            callbacks.on_epoch_begin(epoch)
            logs = self._epoch(epoch)
            if prepared.callbacks:
                model.set_weights(self.compiled.weights())
            callbacks.on_epoch_end(epoch, logs)
            if best.stops(epoch + 1, logs, self.compiled.weights) or model.stop_training:
                break
        callbacks.on_train_end()
        weights = self.compiled.weights() if best.weights is None else best.weights
        return Trained(epochs_of(model.history, prepared.request.objective), weights, model.get_build_config())

    def _epoch(self, epoch: int) -> dict[str, float]:
        prepared, rows = self.prepared, self.prepared.training.rows
        order = self.rng.permutation(rows) if prepared.shuffled else np.arange(rows)
        first = epoch * self.steps
        holdout = prepared.holdout
        trained, validated = self.compiled.run(
            prepared.training.parts,
            () if holdout is None else holdout.parts,
            order.astype(np.int32),
            prepared.schedule.table(first, self.steps),
            prepared.numbers,
            first=first,
        )
        logs = prepared.structure.scoring.results(trained, rows)
        if holdout is not None:
            found = prepared.structure.scoring.results(validated, holdout.rows)
            logs |= {f"val_{name}": value for name, value in found.items()}
        return logs
