"""Searches that come with the package."""

from pathlib import Path

import keras_tuner
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kzoo
import tuners
from kzoo.zoo.past_searches import past_searches, written
from tuners.space.dimensions import cube_from_space
from tuners.strategy.transfer import Source, SourceModels
from tuners.strategy.warm_start import Known

FAMILIES = [path.stem for path in Path(past_searches.__code__.co_filename).parent.glob("*.json")]
TASKS = {"classification": kzoo.load_dataset("iris").task, "regression": kzoo.load_dataset("diabetes").task}
VALUES = st.dictionaries(
    st.sampled_from(["units", "norm", "adam/learning_rate"]),
    st.integers(1, 9999) | st.sampled_from(["before", "none"]) | st.floats(1e-6, 1e6),
    min_size=1,
)


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_shipped_fits_the_family(family, kind):
    hypermodel = kzoo.create_hypermodel(family, TASKS[kind], priority=4)
    found = hypermodel.past_searches
    assert len(found) >= 3 and all(len(trials) >= 20 for trials in found.values())
    hp = keras_tuner.HyperParameters()
    hypermodel.values(hp)
    cube = cube_from_space(hp.get_config()["space"])
    own = {each.name for each in hypermodel.family.space}
    for trials in found.values():
        for values, score in trials:
            assert cube.holds(values) and values.keys() <= own
            assert score is None or abs(score) < 1e6
    sources = [Source(name, tuple(Known(*each) for each in trials)) for name, trials in found.items()]
    assert SourceModels(sources, cube, lambda points: points).used == list(found)


def test_a_family_that_was_not_searched_has_none(tmp_path):
    assert past_searches("convnet", "classification") == {} == past_searches("mlp", "regression", tmp_path)
    assert past_searches("mlp", "multi-label") == past_searches("mlp", "classification")


@given(st.lists(st.tuples(VALUES, st.none() | st.floats(-1e3, 1e3)), min_size=1, max_size=5))
def test_what_is_written_is_read_again(tmp_path_factory, trials):
    folder = tmp_path_factory.mktemp("shipped")
    text = written([("a", "regression", trials), ("b", "classification", [])], {"family": "mlp"})
    (folder / "mlp.json").write_text(text)
    (found,) = past_searches("mlp", "regression", folder).values()
    for (values, score), (expected, reached) in zip(found, trials, strict=True):
        assert values == {
            name: pytest.approx(value, rel=1e-3) if isinstance(value, float) else value
            for name, value in expected.items()
        }
        assert score == (None if reached is None else pytest.approx(reached, rel=1e-3))
    assert past_searches("mlp", "classification", folder) == {"b": []}


def test_a_search_of_the_family_begins_with_them(tmp_path):
    def header(name, **options):
        hypermodel = kzoo.create_hypermodel("mlp", TASKS["classification"], epochs=1)
        tuner = tuners.CoarseToFineSearch(
            hypermodel, "val_accuracy", 3, seed=1, directory=tmp_path, project_name=name, **options
        )
        tuner.oracle.verbose = 0
        tuner.oracle.create_trial("a")
        return hypermodel, tuners.store.records.replay(tuners.store.journal.read_journal(tmp_path / name)).header

    hypermodel, found = header("with")
    assert [each["name"] for each in found["learned_from"]] == list(hypermodel.past_searches)
    _, none = header("without", learn_from=())
    assert "learned_from" not in none
