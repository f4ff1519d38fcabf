"""A model folded as an export is, without the export."""

import keras
import numpy as np

from kzoo.export.folding.verified_folding import fold_model
from kzoo.export.interface import interface_of


def folded(model, examples):
    interface, rows = interface_of(model, examples)
    outputs = {name: np.asarray(value) for name, value in interface.call(model, rows).items()}
    return fold_model(model, interface, rows, outputs)


def answers(folding, x):
    (answer,) = folding.traced.answers({"inputs": x}).values()
    return answer


def shaken(model, seed=0):
    """The model with weights as a training leaves them, not as they begin: biases that are zero hide a wrong sign."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        name, shape = weight.path.split("/")[-1], tuple(weight.shape)
        if not keras.backend.is_float_dtype(weight.dtype):
            continue
        if name == "moving_variance":
            weight.assign(rng.uniform(0.3, 3, shape))
        elif name == "gamma":
            weight.assign(rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape))
        else:
            weight.assign(rng.normal(size=shape) * (0.5 if len(shape) < 2 else 1 / np.sqrt(np.prod(shape[:-1]))))
    return model
