import os

import hypothesis
import ml_dtypes
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tuners.store.checkpoints import (
    BUILD,
    CheckpointError,
    checkpoint_path,
    keep_only,
    kept_trials,
    load_weights,
    save_weights,
)


class Model:
    """What of a Keras model its weights need."""

    def __init__(self, weights, built=True):
        self.shapes = [each.shape for each in weights]
        self.built, self.config = built, None
        self.weights = [np.zeros(shape) for shape in self.shapes] if built else []

    def build_from_config(self, config):
        self.__init__([np.zeros(shape) for shape in self.shapes])
        self.config = config

    def set_weights(self, weights):
        self.weights = weights


# More than ten, so that their order is not that of their numbers as text.
MANY = [np.full((index,), index, "float32") for index in range(12)]

KINDS = st.sampled_from(["float32", "float16", "float64", "int64", "uint8", "bool"])


@hypothesis.given(st.lists(arrays.arrays(KINDS, arrays.array_shapes(min_dims=0)), max_size=3))
@hypothesis.settings(max_examples=20)
@hypothesis.example(MANY)
def test_weights_come_back_as_they_were(tmp_path_factory, weights):
    directory, model = tmp_path_factory.mktemp("kept") / "a" / "run", Model(weights)
    save_weights(directory, "0007", weights)
    load_weights(directory, "0007", model)
    assert model.config is None, "it was built"
    assert [each.dtype for each in model.weights] == [each.dtype for each in weights]
    for found, expected in zip(model.weights, weights, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert [path.name for path in checkpoint_path(directory, "0007").parent.iterdir()] == ["weights.npz"]


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn"])
def test_weights_of_which_numpy_does_not_know_the_type_come_back_exactly(tmp_path, name):
    weights = np.linspace(-9, 9, 99).astype(getattr(ml_dtypes, name))
    model = Model([weights])
    save_weights(tmp_path, "0", [weights])
    load_weights(tmp_path, "0", model)
    np.testing.assert_array_equal(model.weights[0].astype(weights.dtype), weights)


def test_a_model_that_its_first_batch_builds_is_built(tmp_path):
    save_weights(tmp_path, "0", MANY, {"input_shape": [None, 4]})
    model = Model(MANY, built=False)
    load_weights(tmp_path, "0", model)
    assert model.built and model.config == {"input_shape": [None, 4]} and len(model.weights) == len(MANY)
    save_weights(tmp_path, "1", [])
    model = Model([], built=False)
    load_weights(tmp_path, "1", model)
    assert not model.built, "nothing is known to build it by"


def test_the_weights_of_the_best_alone_are_kept(tmp_path):
    for trial_id in ("0002", "a-b_C", "0001", "0003"):
        save_weights(tmp_path, trial_id, [])
    (tmp_path / "trial_0009").mkdir()
    assert kept_trials(tmp_path) == ["0001", "0002", "0003", "a-b_C"]
    keep_only(tmp_path, ["0003", "0001", "not there"])
    assert kept_trials(tmp_path) == ["0001", "0003"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trial_0001", "trial_0003", "trial_0009"]


def test_weights_that_are_not_kept_are_named_with_those_that_are(tmp_path):
    with pytest.raises(CheckpointError, match=r"of trial 0004 are not kept, only .* \(none\); .* keep_checkpoints"):
        load_weights(tmp_path, "0004", Model([]))
    for trial_id in ("0002", "0001"):
        save_weights(tmp_path, trial_id, [])
    with pytest.raises(CheckpointError, match=r"\(0001, 0002\)"):
        load_weights(tmp_path, "0004", Model([]))


@pytest.mark.parametrize("others", [MANY[:-1], [*MANY, MANY[0]], [*MANY[:-1], MANY[0]], MANY[::-1]])
def test_weights_of_another_structure_are_refused_by_their_file(tmp_path, others):
    save_weights(tmp_path, "0004", MANY)
    with pytest.raises(CheckpointError, match=r"trial_0004.weights\.npz does not fit the model .* for trial 0004: has"):
        load_weights(tmp_path, "0004", Model(others))


@pytest.mark.parametrize("kind", ["<U3", "<M8[s]", "S3", "complex64"])
def test_weights_that_are_no_numbers_are_refused(tmp_path, kind):
    save_weights(tmp_path, "0", [np.zeros(2), np.zeros(2, kind)])
    with pytest.raises(CheckpointError, match="does not fit"):
        load_weights(tmp_path, "0", Model([np.zeros(2), np.zeros(2)]))


def torn(path):
    path.write_bytes(path.read_bytes()[:-30])


def of_objects(path):
    np.savez(path, **{BUILD: np.array("null"), "00000": np.array([print], object)})


def without_the_build(path):
    np.savez(path, **{"00000": np.zeros(2)})


@pytest.mark.parametrize("harm", [torn, of_objects, without_the_build])
def test_a_file_that_cannot_be_read_is_named(tmp_path, harm):
    save_weights(tmp_path, "0004", [np.zeros(2)])
    harm(checkpoint_path(tmp_path, "0004"))
    with pytest.raises(CheckpointError, match=r"trial_0004.weights\.npz: not readable as weights \(.+\)\.$"):
        load_weights(tmp_path, "0004", Model([np.zeros(2)]))


@pytest.mark.parametrize("trial_id", ["../0", "0/1", "a" * 65, "0\n"])
def test_an_id_cannot_lead_elsewhere(tmp_path, trial_id):
    with pytest.raises(CheckpointError, match=r"^trial_id is '.*'; expected letters, digits, _ and -\.$"):
        checkpoint_path(tmp_path, trial_id)
    assert checkpoint_path(tmp_path, "aZ09_-").parent == tmp_path / "trial_aZ09_-"


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    save_weights(tmp_path, "0", MANY)

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_weights(tmp_path, "0", [])
    monkeypatch.undo()
    assert [path.name for path in checkpoint_path(tmp_path, "0").parent.iterdir()] == ["weights.npz"]
    model = Model(MANY)
    load_weights(tmp_path, "0", model)
    assert len(model.weights) == len(MANY)
