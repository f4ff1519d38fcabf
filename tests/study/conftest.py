import numpy as np
import pytest

import tuners


@pytest.fixture(scope="session")
def searched_twice(tmp_path_factory):
    """A finished search with two executions a trial, and its directory."""
    import keras

    def build(hp):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
        rate = hp.Float("learning_rate", 1e-3, 1.0, sampling="log")
        model.compile(keras.optimizers.SGD(rate), "binary_crossentropy")
        return model

    rng = np.random.default_rng(0)
    x = rng.normal(size=(24, 3)).astype("float32")
    y = (x[:, 0] > 0).astype("float32")
    directory = tmp_path_factory.mktemp("runs")
    tuner = tuners.CoarseToFineSearch(
        build, "val_loss", 3, 3, directory=str(directory), project_name="twice", executions_per_trial=2
    )
    tuner.search(x, y, validation_data=(x[:12], y[:12]), epochs=2, verbose=0)
    return tuners.Study.load(directory / "twice"), directory / "twice"
