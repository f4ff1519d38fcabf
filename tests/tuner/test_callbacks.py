"""The user's callbacks, and the hooks of a tuner's own class."""

import threading

import keras
import keras_tuner
import pytest
from small import DATA, build

import tuners
from tuners.callbacks import copied_callbacks


class Locked(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


def test_one_that_cannot_be_copied_is_named(search):
    made = search()
    message = r"should be deep-copyable(.|\n)*copy.deepcopy\(\[<.*Locked(.|\n)*Give Locked a method __deepcopy__"
    with pytest.raises(keras_tuner.errors.FatalValueError, match=message) as raised:
        made.search(**DATA, callbacks=[keras.callbacks.TerminateOnNaN(), Locked()])
    assert "TerminateOnNaN" not in str(raised.value)


def test_each_form_of_callbacks_is_taken():
    one = keras.callbacks.TerminateOnNaN()
    for given, count in ((None, 0), ([], 0), (one, 1), ((one, one), 2), ([[one], one], 2)):
        copies = copied_callbacks(given)
        assert len(copies) == count
        assert one not in copies
    listed = keras.callbacks.CallbackList([one], add_history=False)
    assert [type(each) for each in copied_callbacks(listed)] == [keras.callbacks.TerminateOnNaN]


def test_what_callbacks_share_they_share_after_copying():
    one, other = keras.callbacks.Callback(), keras.callbacks.Callback()
    one.seen = other.seen = []
    copies = copied_callbacks([one, other])
    assert copies[0].seen is copies[1].seen is not one.seen


def test_tensorboard_has_a_directory_for_each_execution_and_its_hyperparameters(search, tmp_path):
    made = search(max_trials=2, executions_per_trial=2)
    board = keras.callbacks.TensorBoard(tmp_path / "logs")
    made.search(**DATA, epochs=1, callbacks=[board])
    for trial in made.oracle.trials:
        for execution in ("execution0", "execution1"):
            assert list((tmp_path / "logs" / trial / execution).glob("train/events*"))
            # What the HParams page of TensorBoard reads.
            written = b"".join(each.read_bytes() for each in (tmp_path / "logs" / trial / execution).glob("events*"))
            assert b"_hparams_" in written and b"learning_rate" in written
    assert board.log_dir == str(tmp_path / "logs") or board.log_dir == tmp_path / "logs"


@pytest.mark.parametrize("engine", ["fit", "auto"])
@pytest.mark.parametrize("hooks", [("on_epoch_begin", "on_epoch_end"), ("on_batch_begin", "on_batch_end")])
def test_the_hooks_of_a_tuner_are_called(tmp_path, engine, hooks):
    seen = []

    def hook(name):
        def called(self, trial, model, number, logs=None):
            assert isinstance(model, keras.Model)
            seen.append((name, trial.trial_id, number))
            if name == "on_epoch_end":
                assert "val_loss" in logs

        return called

    Own = type("Own", (tuners.CoarseToFineSearch,), {name: hook(name) for name in hooks})
    made = Own(build, "val_loss", 1, 1, engine=engine, directory=tmp_path)
    made.search(**DATA, epochs=2, batch_size=40, verbose=0)
    steps = [0, 1] if "on_epoch_begin" in hooks else [0, 1, 0, 1]
    assert seen == [(name, "0000", number) for number in steps for name in hooks]


def test_what_keras_tuner_calls_may_be_overridden(tmp_path):
    """Names that subclasses override, and keras-tuner keeps for them; fails when it calls them otherwise."""
    called = []

    class Own(tuners.CoarseToFineSearch):
        def _build_and_fit_model(self, trial, *args, **kwargs):
            called.append("fit")
            kwargs["epochs"] = 2
            return super()._build_and_fit_model(trial, *args, **kwargs)

        def _build_hypermodel(self, hp):
            called.append("build")
            return super()._build_hypermodel(hp)

        def on_trial_begin(self, trial):
            called.append("begin")

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            called.append("end")

        def on_search_begin(self):
            called.append("search")

    made = Own(build, "val_loss", 1, 1, directory=tmp_path)
    made.search(**DATA, epochs=1, verbose=0)
    assert called == ["search", "begin", "fit", "build", "end"]
    assert len(made.oracle.trials["0000"].metrics.get_history("loss")) == 2
    for name in ("_build_and_fit_model", "_build_hypermodel", "_try_build", "_override_compile_args"):
        assert callable(getattr(keras_tuner.Tuner, name))
