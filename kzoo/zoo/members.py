"""One network of several members: each is trained on its own loss, and what is answered is their mean.

References:
    Gorishniy et al., 2025: TabM, for members that share their weights. Trained on the loss of their mean they would
    lean on each other.
"""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="kzoo")
class MeanOfMembers(keras.layers.Layer):
    """The mean of the members' answers [batch, outputs]; in training their answers as they are.

    Its input is [batch, members, outputs]. It is the last layer of a `MembersModel`.
    """

    def call(self, answers: Any, training: bool | None = None) -> Any:
        """See the class."""
        return answers if training else keras.ops.mean(answers, axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """That of answers outside of training."""
        return (input_shape[0], *input_shape[2:])


@keras.saving.register_keras_serializable(package="kzoo")
class MembersModel(keras.Model):
    """A functional model that ends in `MeanOfMembers`.

    In training the loss is the mean of the members' losses, whichever loss it is compiled with; metrics are those of
    the mean of their answers, as in validation.
    """

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """See `keras.Model.compute_loss`; `y_pred` may be [batch, members, outputs]."""
        if y_pred is not None and len(y_pred.shape) == 3:
            members = y_pred.shape[1]
            y_pred = keras.ops.reshape(y_pred, (-1, y_pred.shape[2]))
            y = keras.ops.repeat(y, members, axis=0)
            sample_weight = None if sample_weight is None else keras.ops.repeat(sample_weight, members, axis=0)
        return super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """See `keras.Model.compute_metrics`; `y_pred` may be [batch, members, outputs]."""
        if len(y_pred.shape) == 3:
            y_pred = keras.ops.mean(y_pred, axis=1)
        return super().compute_metrics(x, y, y_pred, sample_weight)
