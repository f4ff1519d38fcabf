"""The engine that writes models out in numpy: no trial waits for a graph to be traced."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tuners.engine import data
from tuners.engine.building import build_metrics, unbuilt_model_built
from tuners.engine.call import FitCall
from tuners.engine.declined import Declined
from tuners.engine.numpy_engine import scoring
from tuners.engine.numpy_engine.inputs import arranged
from tuners.engine.numpy_engine.network import Network
from tuners.engine.numpy_engine.optimizer import Optimizer
from tuners.engine.proof import without_dropout
from tuners.threads import one_thread

Arrays = tuple[list[NDArray[Any]], list[NDArray[Any]]]
"""What steps take: of the inputs, and targets with weights of the examples if there are any."""

SHARED_FROM = 2**27
"""Multiplications in a step from which its products are shared by threads."""

VALIDATION_BATCH = 256
"""Rows that are validated at once by a loss that takes each for itself; their number has no influence on the result."""


class NumpyEngine:
    """Trains models that it can write out: one output, and the layers of `reading.READERS`."""

    name = "numpy"

    def __init__(self) -> None:
        self._scorings = scoring.Scorings()

    def trainer(self, call: FitCall) -> NumpyTrainer:
        """What can train a call.

        Args:
            call: What to train.

        Raises:
            Declined: It cannot be trained so.
        """
        return NumpyTrainer(call, self._scorings)


class NumpyTrainer:
    """Trains one model; see `tuners.engine.training.Trainer` and `tuners.engine.proof.Provable`.

    Attributes:
        parts: What has to have been tried for this to need no trial.
    """

    def __init__(self, call: FitCall, scorings: scoring.Scorings) -> None:
        self._call, self._model = call, call.model
        self._check_data()
        unbuilt_model_built(call)
        # The first number drawn orders the batches, as in the graph engine.
        seed = np.random.randint(2**30)
        self._optimizer = Optimizer(self._model)
        self._network = Network(self._model, self._optimizer.decayed, seed, squares=self._optimizer.rule.squares)
        self._optimizer.bind(self._network)
        self._scoring = scorings.of(call, self._network.head)
        self._training = self._prepared(call.training)
        self._validation = None if call.validation is None else self._prepared(call.validation)
        self._check_labels()
        self._last: tuple[NDArray[Any], int] | None = None
        self.parts = self._network.kinds | self._optimizer.kinds | {self._scoring.kind}

    def _check_data(self) -> None:
        for parts in (self._call.training, self._call.validation):
            if parts is None:
                continue
            arrays = keras.tree.flatten(parts)
            if len(parts) < 2 or not all(map(_is_numbers, (*arrays, *parts[1:]))):
                raise Declined("the data are not inputs and one array of targets, of numbers")
            if not all(array.dtype.kind != "f" or np.isfinite(array).all() for array in arrays):
                # What becomes of them depends on the kernels: TensorFlow's ReLU makes 0 of NaN in some.
                raise Declined("the data have values that are NaN or infinite")
            if len(parts) > 2 and parts[2].size != len(parts[2]):
                raise Declined("an example has several weights")
        if sum(array.size for array in keras.tree.flatten(self._call.training[0])) * 4 > data.LARGEST:
            raise Declined(f"the inputs take more than {data.LARGEST >> 30} GB in float32")

    def _check_labels(self) -> None:
        validation = self._call.validation
        if validation is None:
            return
        if validation[1].shape[1:] != self._call.training[1].shape[1:]:
            raise Declined("the validation data have other shapes")
        classes = self._model.output_shape[-1]
        if self._scoring.loss is None and not scoring.are_ids(validation[1], classes):
            raise Declined(f"the validation targets are not class ids from 0 to {classes - 1}")

    def _prepared(self, parts: tuple[Any, ...]) -> Arrays:
        x, y, *weights = parts
        inputs = self._network.prepared(arranged(self._model, x))
        return inputs, [y, *(each.reshape(len(each)).astype(np.float32) for each in weights)]

    @contextlib.contextmanager
    def comparable(self) -> Iterator[None]:
        """See `Provable`: without dropout, which has a stream of its own here."""
        self._network.drop(False)
        try:
            with without_dropout([each for each in self._model.layers if type(each) is keras.layers.Dropout]):
                yield
        finally:
            self._network.drop(True)

    def prepare(self, returned: tuple[Any, Any] | None) -> None:
        """See `Provable`."""
        self.take()

    def train(self, rows: NDArray[Any]) -> dict[str, float]:
        """See `Trainer`."""
        # A diverging trial overflows; that its loss is not a number is seen at the end of the epoch.
        with np.errstate(all="ignore"), self._threads():
            size, network = self._call.batch_size, self._network
            plan = self._optimizer.plan(-(-len(rows) // size))
            sums = np.zeros(len(self._scoring.names))
            for step, start in enumerate(range(0, len(rows), size)):
                inputs, targets = _some(self._training, rows[start : start + size])
                output = network.forward(inputs, training=True)
                loss, gradient = self._scoring.loss_and_gradient(output, *targets)
                network.backward(gradient)
                self._optimizer.step(
                    network.vector, network.gradient, network.decayed, plan.rates[step], plan.shrinking[step]
                )
                sums += [loss * len(output), *self._scoring.sums(output, targets[0])]
        self._last = sums, len(rows)
        return self._scoring.results(sums, len(rows))

    def validate(self, rows: NDArray[Any]) -> dict[str, float]:
        """See `Trainer`."""
        if self._validation is None:
            raise RuntimeError("there are no data to validate on")
        with np.errstate(all="ignore"), self._threads():
            sums = np.zeros(len(self._scoring.names))
            # A loss of Keras' may look at the examples of a batch together.
            size = VALIDATION_BATCH if self._scoring.loss is None else self._call.validation_batch_size
            for start in range(0, len(rows), size):
                inputs, targets = _some(self._validation, slice(start, min(start + size, len(rows))))
                output = self._network.forward(inputs, training=False)
                loss = self._scoring.mean_loss(output, *targets)
                sums += [loss * len(output), *self._scoring.sums(output, targets[0])]
        self._last = sums, len(rows)
        return self._scoring.results(sums, len(rows))

    def _threads(self) -> Any:
        small = self._network.vector.size * self._call.batch_size < SHARED_FROM
        return one_thread() if small else contextlib.nullcontext()

    def weights(self) -> list[NDArray[Any]]:
        """See `Trainer`."""
        return self._network.weights()

    def give(self) -> None:
        """See `Trainer`."""
        self._model.set_weights(self._network.weights())
        self._optimizer.give()
        if self._last is not None:
            metrics = scoring.metrics_of(self._model)
            # Where there are none, what holds them has to be built as well before it can be asked.
            if len(metrics) <= max(1, len(self._scoring.kinds)):
                build_metrics(self._call)
                metrics = scoring.metrics_of(self._model)
            self._scoring.give(metrics, *self._last)

    def take(self) -> None:
        """See `Trainer`."""
        self._network.load(self._model.get_weights())
        self._optimizer.take()


def _is_numbers(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype.kind in "biuf"


def _some(parts: Arrays, rows: Any) -> Iterator[list[NDArray[Any]]]:
    return ([array[rows] for array in arrays] for arrays in parts)
