"""Search scripts for keras-tuner: any hypermodel with our search, and our hypermodels with any keras-tuner tuner.

Run: python examples/02_search_script.py [directory for the results]
"""

import sys
from pathlib import Path

import keras
import keras_tuner

import kzoo
import tuners

results = Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "runs"
data = kzoo.load_dataset("breast_cancer")
fit = {
    "x": data.x_train,
    "y": data.y_train,
    "validation_data": (data.x_val, data.y_val),
    "epochs": 5,
}


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    """A hypermodel of one's own, as for any keras-tuner tuner."""
    model = keras.Sequential([keras.Input(data.task.input_shape)])
    model.add(keras.layers.Normalization(mean=data.task.input_mean, variance=data.task.input_variance))
    for layer in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(hp.Int(f"units_{layer}", 8, 128, sampling="log"), activation="relu"))
    model.add(keras.layers.Dense(data.task.num_classes, activation="softmax"))
    optimizer = keras.optimizers.SGD(
        hp.Float("learning_rate", 1e-4, 1.0, sampling="log"), momentum=hp.Float("momentum", 0.5, 0.999)
    )
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# The momentum above is declared linearly, which wastes nearly all draws on [0.5, 0.99]; `scales` puts that right.
ours = tuners.CoarseToFineSearch(
    build,
    objective="val_accuracy",
    max_trials=6,
    seed=1,
    scales={"momentum": "one_minus_log"},
    directory=results,
    project_name="own-hypermodel",
)
ours.search(**fit)
ours.results_summary(1)

# The oracle by itself, inside the tuner that keras-tuner comes with.
plain = keras_tuner.Tuner(
    oracle=tuners.CoarseToFineOracle(objective="val_accuracy", max_trials=3, seed=1),
    hypermodel=build,
    directory=results,
    project_name="plain-tuner",
)
plain.search(**fit, verbose=0)

# A hypermodel of the zoo under a tuner of keras-tuner, batch size and all.
theirs = keras_tuner.RandomSearch(
    kzoo.create_hypermodel("mlp", data.task, priority=2, epochs=5),
    objective="val_accuracy",
    max_trials=3,
    seed=1,
    directory=results,
    project_name="zoo-random-search",
)
theirs.search(**fit, verbose=0)
print("zoo under RandomSearch:", theirs.get_best_hyperparameters()[0].values)
