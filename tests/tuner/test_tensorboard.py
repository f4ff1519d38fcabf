"""A TensorBoard given to a search writes a directory for each execution, whatever trains."""

from pathlib import Path

import keras
import pytest
from small import DATA
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from tuners.engine.call import read_call
from tuners.engine.declined import Declined


class Own(keras.callbacks.TensorBoard):
    """Most scripts that log a learning rate have one of these."""

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, {**(logs or {}), "own": 1.0})


def directories(logs):
    return {str(each.parent.relative_to(logs)) for each in logs.rglob("events*")}


def test_one_of_a_class_of_its_own_has_directories_too(search, tmp_path):
    made = search(max_trials=1)
    made.search(**DATA, epochs=1, callbacks=[Own(tmp_path / "logs")])
    parts = ("", "/train", "/validation")
    assert directories(tmp_path / "logs") == {
        f"{trial}/execution0{part}" for trial in made.oracle.trials for part in parts
    }
    written = b"".join(each.read_bytes() for each in (tmp_path / "logs" / "0000" / "execution0").glob("events*"))
    assert b"_hparams_" in written and b"learning_rate" in written


def scalars(directory):
    found = {}
    for part in ("train", "validation"):
        events = EventAccumulator(str(directory / part), size_guidance={"tensors": 0}).Reload()
        for tag in events.Tags()["tensors"]:
            found |= {(part, tag, each.step): make_ndarray(each.tensor_proto) for each in events.Tensors(tag)}
    return found


def test_every_engine_writes_what_fit_writes(search, tmp_path):
    found = {}
    for engine in ("fit", "graph", "numpy"):
        board = keras.callbacks.TensorBoard(tmp_path / engine, write_graph=False, histogram_freq=1)
        made = search(max_trials=1, engine=engine, project_name=f"by-{engine}")
        made.search(**DATA, epochs=2, shuffle=False, callbacks=[board])
        assert [use.engine for use in made.engine_uses] == [engine]
        (trial,) = made.oracle.trials
        found[engine] = scalars(tmp_path / engine / trial / "execution0")
    fit = found.pop("fit")
    assert ("validation", "epoch_accuracy", 1) in fit and ("train", "epoch_learning_rate", 0) in fit
    assert ("train", "sequential/dense/kernel/histogram", 1) in fit
    for other in found.values():
        assert other.keys() == fit.keys()
        for key, values in fit.items():
            if not key[1].endswith("histogram"):
                assert other[key] == pytest.approx(values, rel=1e-4), key


@pytest.mark.parametrize(
    "options", [{}, {"profile_batch": (2, 3)}, {"update_freq": "batch"}, {"write_steps_per_second": True}]
)
def test_what_writes_inside_of_epochs_is_left_to_fit(tmp_path, options):
    options = {"write_graph": not options, **options}
    board = keras.callbacks.TensorBoard(tmp_path, **options)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(Declined, match="writes inside of epochs"):
        read_call(model, (DATA["x"], DATA["y"]), {"callbacks": [board]})


def test_hooks_of_one_board_are_seen(tmp_path):
    board = keras.callbacks.TensorBoard(Path(tmp_path), write_graph=False)
    board.on_train_batch_end = print
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(Declined, match="sees batches"):
        read_call(model, (DATA["x"], DATA["y"]), {"callbacks": [board]})
