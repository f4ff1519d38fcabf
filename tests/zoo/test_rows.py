"""What models of rows begin with: which numbers become waves, and tables of codes alone."""

import numpy as np
import pytest

from kzoo.tables.encoding import EncodedColumn, TableEncoding
from kzoo.task import Task
from kzoo.zoo.creation import create_model
from kzoo.zoo.hypermodel import create_hypermodel
from kzoo.zoo.rows import FREQUENCIES

CODED = EncodedColumn("town", "category", words=tuple("abcdefghijkl"), coded=True)
AGE = EncodedColumn("age", "number", missing=True)
KEEN = EncodedColumn("keen", "boolean", words=("no", "yes"))


def task_of(*columns):
    table = TableEncoding(columns)
    width = len(table.features)
    zeros, ones = (0.0,) * width, (1.0,) * width
    return Task("classification", (width,), "float32", 9, zeros, ones, class_names=("a", "b"), table=table)


@pytest.mark.parametrize("name", ["realmlp", "tabm"])
def test_waves_stand_for_what_is_measured_alone(name):
    model = create_model(name, task_of(CODED, KEEN, AGE), units=4)
    # Keen, age, whether it is missing, and the town.
    assert model.get_layer("wave_angles").kernel.shape == (1, FREQUENCIES)
    rows = np.array([[0, 1, 0, 3], [0, 2, 0, 3], [0, 2, 0, 12]], np.float32)
    answers = model.predict(rows, verbose=0)
    assert np.ptp(answers, axis=0).min() > 0
    assert len(np.unique(answers[:, 0])) == 3


@pytest.mark.parametrize("name", ["mlp", "realmlp", "tabm", "softmax_regression"])
def test_a_table_of_codes_alone_is_learned(name):
    model = create_model(name, task_of(CODED))
    assert model.predict(np.array([[0], [12]], np.float32), verbose=0).shape == (2, 2)
    assert not [layer for layer in model.layers if layer.name in ("input_normalization", "wave_angles")]


def test_families_have_defaults_of_their_own():
    task = task_of(AGE)
    for name, decay, rate in (("mlp", "cosine", 3e-3), ("realmlp", "cosine", 3e-3)):
        space = create_hypermodel(name, task).space
        assert (space["decay"].default, space["adam/learning_rate"].default) == (decay, rate)
