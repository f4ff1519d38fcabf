"""The engine that writes models out in numpy: no trial waits for a graph to be traced."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tuners.engine import arguments
from tuners.engine.data import LARGEST
from tuners.engine.fit import Best
from tuners.engine.population import scoring
from tuners.engine.population.inputs import Inputs
from tuners.engine.population.network import Network
from tuners.engine.population.reading import UnknownModelError
from tuners.engine.population.scoring import Scoring
from tuners.engine.population.updates import Optimizer
from tuners.engine.training import Request, Trained
from tuners.results import epochs_of

HOLDOUT_BATCH = 256
"""Rows that are validated at once; their number has no influence on the result."""

CALLBACKS = (keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
"""That need nothing of the model but its weights and learning rate at the ends of epochs."""


@dataclasses.dataclass(frozen=True)
class Rows:
    """Examples as arrays.

    Attributes:
        x: Inputs [rows, ...], after the network's prefix.
        y: Targets [rows, ...].
        weights: [rows], or None.
    """

    x: NDArray
    y: NDArray
    weights: NDArray | None

    def take(self, rows: Any) -> Rows:
        """Some of them, by their numbers or as a slice."""
        return Rows(self.x[rows], self.y[rows], None if self.weights is None else self.weights[rows])


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A trial that this engine can train.

    Attributes:
        request: What to train.
        network: Its model, written out.
        scoring: Its loss and metrics.
        optimizer: Its optimizer.
        training: What to train on.
        holdout: What to validate on, or None.
        batch_size: Examples in a step.
        epochs: How many.
        order: What the order of the batches is drawn from; None to go through the rows as they are.
        callbacks: Of the user.
    """

    request: Request
    network: Network
    scoring: Scoring
    optimizer: Optimizer
    training: Rows
    holdout: Rows | None
    batch_size: int
    epochs: int
    order: np.random.Generator | None
    callbacks: Sequence[Any]


class PopulationEngine:
    """Trains models that it can write out: one input, one output, and the layers of `reading.READERS`."""

    def __init__(self) -> None:
        self._inputs = Inputs()

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
        # A diverging trial overflows; that its loss is not a number is seen at the end of the epoch.
        with np.errstate(all="ignore"):
            return Training(prepared).run()

    def _prepared(self, request: Request, given: dict[str, Any]) -> Prepared:
        model = request.model
        x, y, weights = arguments.training_parts(given)
        if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray) or x.shape[1:] != model.input_shape[1:]:
            raise UnknownModelError("the data are not one array of inputs, as the model takes them, and one of targets")
        if x.size * 4 > LARGEST:
            raise UnknownModelError(f"the inputs take more than {LARGEST >> 30} GB in float32")
        validation = given.get("validation_data")
        # The first number drawn orders the batches, as in the graph engine.
        order, seed = np.random.randint(2**31), np.random.randint(2**30)
        optimizer = Optimizer(model)
        network = Network(model, optimizer.decayed, seed)
        return Prepared(
            request=request,
            network=network,
            scoring=scoring.read(model, network.head, y),
            optimizer=optimizer,
            training=self._rows(network, x, y, weights),
            holdout=None if validation is None else self._rows(network, *validation),
            batch_size=int(given.get("batch_size") or arguments.BATCH_SIZE),
            epochs=int(given.get("epochs") or 1),
            order=np.random.default_rng(order) if given.get("shuffle", True) else None,
            callbacks=arguments.callbacks(given),
        )

    def _rows(self, network: Network, x: NDArray, y: NDArray, weights: NDArray | None = None) -> Rows:
        return Rows(self._inputs.after(network.prefix, x), y, None if weights is None else weights.astype(np.float32))


class Training:
    """One trial from its first epoch to its last.

    Args:
        prepared: What to train.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.rows = len(prepared.training.y)
        self.steps = math.ceil(self.rows / prepared.batch_size)

    def run(self) -> Trained:
        """Train all epochs, or until something says to end."""
        prepared, model, network = self.prepared, self.prepared.request.model, self.prepared.network
        model.stop_training = False
        best = Best(prepared.request)
        callbacks = keras.callbacks.CallbackList(list(prepared.callbacks), add_history=True, model=model)
        callbacks.on_train_begin()
        for epoch in range(prepared.epochs):
            callbacks.on_epoch_begin(epoch)
            logs = self.epoch(epoch)
            if prepared.callbacks:
                model.set_weights(network.weights())
            callbacks.on_epoch_end(epoch, logs)
            if best.stops(epoch + 1, logs, network.weights) or model.stop_training:
                break
        callbacks.on_train_end()
        weights = network.weights() if best.weights is None else best.weights
        return Trained(epochs_of(model.history, prepared.request.objective), weights, model.get_build_config())

    def epoch(self, epoch: int) -> dict[str, float]:
        """Train on all rows once, then validate.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            Metrics by name.
        """
        holdout, measured = self.prepared.holdout, self.prepared.scoring
        logs = measured.results(self._train(epoch * self.steps), self.rows)
        if holdout is not None:
            found = measured.results(self._validate(holdout), len(holdout.y))
            logs |= {f"val_{name}": value for name, value in found.items()}
        return logs

    def _train(self, first: int) -> NDArray:
        """Train on all rows once; sums over them of loss and metrics."""
        prepared, network, sums = self.prepared, self.prepared.network, np.zeros(len(self.prepared.scoring.names))
        order = np.arange(self.rows) if prepared.order is None else prepared.order.permutation(self.rows)
        for step, rate in enumerate(prepared.optimizer.rates(first, self.steps)):
            batch = prepared.training.take(order[step * prepared.batch_size : (step + 1) * prepared.batch_size])
            output = network.forward(batch.x, training=True)
            loss, gradient = prepared.scoring.loss_and_gradient(output, batch.y, batch.weights)
            network.backward(gradient)
            prepared.optimizer.step(
                network.vector, network.gradient, network.decayed, rate=rate, number=first + step + 1
            )
            sums += [loss * len(output), *prepared.scoring.sums(output, batch.y)]
        return sums

    def _validate(self, holdout: Rows) -> NDArray:
        """Sums over the rows to validate on of loss and metrics."""
        sums = np.zeros(len(self.prepared.scoring.names))
        for start in range(0, len(holdout.y), HOLDOUT_BATCH):
            batch = holdout.take(slice(start, start + HOLDOUT_BATCH))
            output = self.prepared.network.forward(batch.x, training=False)
            loss = self.prepared.scoring.value(output, batch.y, batch.weights)
            sums += [loss * len(output), *self.prepared.scoring.sums(output, batch.y)]
        return sums
