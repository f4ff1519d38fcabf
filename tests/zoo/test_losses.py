"""Losses of the zoo: what they are, and that they are the same in numpy."""

import numpy as np
import pytest
import tensorflow as tf

from kzoo.zoo.losses import StandardizedMeanSquaredError

rng = np.random.default_rng(0)
Y, ANSWERS = (np.exp(rng.normal(size=(7, 2))).astype(np.float32) for _ in range(2))


@pytest.mark.parametrize("logarithms", [False, True])
def test_the_loss_in_numpy_is_the_loss(logarithms):
    loss = StandardizedMeanSquaredError([0.5, 30.0], logarithms=logarithms)
    answers = ANSWERS.copy()
    if logarithms:
        answers[0, 0] = 0.0  # It has no logarithm, and no slope.
    with tf.GradientTape() as tape:
        given = tf.constant(answers)
        tape.watch(given)
        each = loss.call(tf.constant(Y), given)
    found, slope = loss.value_and_derivative(Y, answers)
    assert found.dtype == slope.dtype == np.float32
    np.testing.assert_allclose(found, each, rtol=1e-5)
    np.testing.assert_allclose(slope, tape.gradient(each, given), rtol=1e-5)
    of_one = np.log(answers[1] / Y[1]) if logarithms else answers[1] - Y[1]
    assert found[1] == pytest.approx(np.mean((of_one / [0.5, 30.0]) ** 2), rel=1e-5)
