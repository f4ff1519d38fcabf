"""Networks of several members: what they are trained on, and what they answer."""

import keras
import numpy as np
import pytest

from kzoo.zoo.creation import create_model


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_the_loss_is_the_mean_of_the_members_losses(kind, examples):
    x, y, task = examples(kind, False)
    model = create_model("tabm", task, units=8, members=4, dropout=0.0, learning_rate=1e-9, batch_size=len(x))
    each = np.asarray(model(x, training=True))
    assert each.shape[:2] == (len(x), 4)
    assert np.ptp(each, axis=1).min() > 0
    np.testing.assert_allclose(model.predict(x, verbose=0), each.mean(axis=1), rtol=1e-5)
    loss = keras.losses.get(model.loss)
    expected = np.mean([float(loss(y, each[:, member])) for member in range(4)])
    weights = np.where(np.arange(len(x)) < 6, 1.0, 0.0)
    weighted = np.mean([float(loss(y, each[:, member], weights)) for member in range(4)])
    trained = model.fit(x, y, batch_size=len(x), verbose=0).history
    assert trained["loss"] == pytest.approx([expected], rel=1e-4)
    # Metrics and the loss of a validation are those of the mean; the mean of several is nearer than they are.
    tested = model.evaluate(x, y, verbose=0, return_dict=True)
    assert tested["loss"] < expected
    del tested["loss"], trained["loss"]
    assert {name: values[0] for name, values in trained.items()} == pytest.approx(tested, rel=1e-4)
    found = model.fit(x, y, batch_size=len(x), sample_weight=weights, verbose=0).history["loss"]
    assert found == pytest.approx([weighted], rel=1e-4)
