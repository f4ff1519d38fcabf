"""A program as one compiled function for an epoch of training and validation, with its weights in variables."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine.population.kernels import Step
from tuners.engine.population.program import Node, Program
from tuners.engine.population.scoring import Scoring
from tuners.engine.population.updates import COLUMNS, Rule, apply_fused

HOLDOUT_BATCH = 512
"""Rows that are validated at once; their number has no influence on the result."""


@dataclasses.dataclass(frozen=True)
class Structure:
    """What is traced: two trials that are equal here share a compiled function.

    Attributes:
        program: What the model computes.
        scoring: Its loss and metrics.
        rule: Its optimizer.
        weighted: Whether training examples, and validation examples, have weights.
        holdout: Whether there is something to validate on.
        signature: Types and shapes of an example's x and y.
    """

    program: Program
    scoring: Scoring
    rule: Rule
    weighted: tuple[bool, bool]
    holdout: bool
    signature: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Numbers:
    """What a trial has of its own, beside weights.

    Attributes:
        batch_size: Examples in a step.
        rates: Of the program.
        constants: Of the program.
        order: Seed of the order of its batches.
        seed: Of its dropout.
    """

    batch_size: int
    rates: tuple[float, ...]
    constants: tuple[Any, ...]
    order: int
    seed: int


class CompiledEpoch:
    """The compiled function of a structure.

    Args:
        structure: What to trace.
    """

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        program = structure.program
        self._weights = [_variable(rank) for rank in program.ranks]
        self._slots = {
            index: {name: _variable(program.ranks[index]) for name in structure.rule.slots} for index in program.trained
        }
        self._run: Any = None

    def load(self, weights: Sequence[NDArray]) -> None:
        """Start a training: the initial weights, and an optimizer that has seen nothing."""
        for variable, value in zip(self._weights, weights, strict=True):
            variable.assign(value, read_value=False)
        for index, slots in self._slots.items():
            for slot in slots.values():
                slot.assign(tf.zeros_like(self._weights[index]), read_value=False)

    def release(self) -> None:
        """Free the memory of the variables until the next training."""
        for variable in [*self._weights, *(slot for slots in self._slots.values() for slot in slots.values())]:
            variable.assign(tf.zeros([0] * variable.shape.rank), read_value=False)

    def weights(self) -> list[NDArray]:
        """The weights as they are now."""
        return [variable.numpy() for variable in self._weights]

    def run(
        self,
        training: Sequence[Any],
        holdout: Sequence[Any],
        order: NDArray,
        table: NDArray,
        numbers: Numbers,
        *,
        first: int,
    ) -> tuple[NDArray, NDArray]:
        """Train on all rows once, then validate.

        Args:
            training: Tensors x, y and weights, if any.
            holdout: The same to validate on; empty where there is nothing.
            order: Of the training rows.
            table: Coefficients of the optimizer [steps, columns].
            numbers: What the trial has of its own.
            first: Number of the first step.

        Returns:
            Sums over examples of loss and metrics, in training and in validation.
        """
        scalars = tf.constant(numbers.rates, tf.float32, shape=[len(numbers.rates)])
        integers = tf.constant([numbers.batch_size, numbers.seed, first], tf.int32)
        constants = [tf.constant(each) for each in numbers.constants]
        arguments = (
            list(training),
            list(holdout),
            tf.constant(order),
            tf.constant(table),
            scalars,
            integers,
            constants,
        )
        if self._run is None:
            signature = [tf.nest.map_structure(_open, part) for part in arguments]
            self._run = tf.function(self._epoch, signature, autograph=False)
        trained, validated = self._run(*arguments)
        return trained.numpy(), validated.numpy()

    def _epoch(
        self, training: Any, holdout: Any, order: Any, table: Any, rates: Any, integers: Any, constants: Any
    ) -> tuple[Any, Any]:
        batch_size, seed, first = tf.unstack(integers, num=3)
        common = _Common(tf.unstack(rates, num=self._rates), constants, seed)

        def body(index: Any, sums: Any) -> tuple[Any, Any]:
            rows = order[index * batch_size : (index + 1) * batch_size]
            batch = [tf.gather(part, rows) for part in training]
            row = dict(zip(COLUMNS, tf.unstack(table[index], num=len(COLUMNS)), strict=True))
            return index + 1, sums + self._train(batch, row, common, first + index)

        zeros = tf.zeros([len(self.structure.scoring.names)])
        _, trained = tf.while_loop(lambda index, _: index < tf.shape(table)[0], body, [tf.constant(0), zeros])
        return trained, self._validate(holdout, common, zeros) if holdout else zeros

    def _validate(self, holdout: Any, common: _Common, zeros: Any) -> Any:
        rows = tf.shape(holdout[0])[0]

        def body(start: Any, sums: Any) -> tuple[Any, Any]:
            x, y, *weights = [part[start : start + HOLDOUT_BATCH] for part in holdout]
            output, _ = self._forward(x, common, start, training=False)
            loss = self.structure.scoring.loss_only(output, y, weights[0] if weights else None)
            return start + HOLDOUT_BATCH, sums + self._sums(loss, output, y)

        return tf.while_loop(lambda start, _: start < rows, body, [tf.constant(0), zeros])[1]

    def _train(self, batch: Any, row: Mapping[str, Any], common: _Common, number: Any) -> Any:
        x, y, *weights = batch
        output, saved = self._forward(x, common, number, training=True)
        loss, gradient = self.structure.scoring.loss_and_gradient(output, y, weights[0] if weights else None)
        self._update(self._backward(saved, gradient), row)
        return self._sums(loss, output, y)

    def _sums(self, loss: Any, output: Any, y: Any) -> Any:
        rows = tf.cast(tf.shape(output)[0], tf.float32)
        return tf.stack([loss * rows, *self.structure.scoring.sums(output, y)], axis=-1)

    def _forward(self, x: Any, common: _Common, number: Any, *, training: bool) -> tuple[Any, list[Any]]:
        values, saved = [x], []
        for place, node in enumerate(self.structure.program.nodes):
            step = common.step(node, self._weights, training=training, place=place, number=number)
            output, kept = node.kernel.forward(step, *(values[source] for source in node.sources))
            values.append(output)
            saved.append((step, kept))
        return values[-1], saved

    def _backward(self, saved: Any, gradient: Any) -> dict[int, Any]:
        nodes = self.structure.program.nodes
        waiting: dict[int, list[Any]] = {len(nodes): [gradient]}
        found: dict[int, Any] = {}
        for value, node, (step, kept) in zip(range(len(nodes), 0, -1), reversed(nodes), reversed(saved), strict=True):
            if not node.upstream and not node.trained:
                continue
            arrived = waiting.pop(value)
            total = arrived[0] if len(arrived) == 1 else tf.add_n(arrived)
            inputs, weights = node.kernel.backward(step, kept, total, inputs=node.upstream)
            found |= dict(zip(node.weights, weights, strict=False))
            if node.upstream:
                for source, each in zip(node.sources, inputs, strict=True):
                    waiting.setdefault(source, []).append(each)
        return found

    def _update(self, gradients: Mapping[int, Any], row: Mapping[str, Any]) -> None:
        rule = self.structure.rule
        for index, gradient in gradients.items():
            weight = self._weights[index]
            if index in rule.decayed:
                weight.assign_sub(weight.read_value() * row["d"], read_value=False)
            apply_fused(rule, weight, self._slots[index], gradient, row)

    @property
    def _rates(self) -> int:
        return sum(len(node.rates) for node in self.structure.program.nodes)


@dataclasses.dataclass(frozen=True)
class _Common:
    rates: Sequence[Any]
    constants: Sequence[Any]
    seed: Any

    def step(self, node: Node, weights: Sequence[Any], *, training: bool, place: int, number: Any) -> Step:
        return Step(
            weights=tuple(weights[index] for index in node.weights),
            rates=tuple(self.rates[index] for index in node.rates),
            constants=tuple(self.constants[index] for index in node.constants),
            training=training,
            members=False,
            seed=lambda: tf.stack([self.seed + place, number]),
        )


def _open(tensor: Any) -> tf.TensorSpec:
    # Rows and steps change from trial to trial, and with them nothing in the graph.
    return tf.TensorSpec([None, *tensor.shape[1:]] if tensor.shape.rank else [], tensor.dtype)


def _variable(rank: int) -> tf.Variable:
    # Of open shape: the widths of layers are no part of the structure.
    return tf.Variable(tf.zeros([0] * rank), shape=tf.TensorShape([None] * rank), trainable=False)
