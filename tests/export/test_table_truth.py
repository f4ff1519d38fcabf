"""How good the answers to rows of a table are."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from kzoo.export.errors import RequestError
from kzoo.export.inference.table_truth import Truth, is_worse

rng = np.random.default_rng(1)


def classes(names, rows=60):
    probabilities = rng.dirichlet(np.ones(len(names)), rows)
    label = [names[place] for place in probabilities.argmax(axis=1)]
    return pd.DataFrame(
        {"label": label, **dict(zip([f"probabilities: {name}" for name in names], probabilities.T, strict=True))}
    )


def test_classes_are_judged_as_scikit_learn_does():
    names, truth = ("a", "b", "c"), list(rng.choice(["a", "b", "c"], 60))
    answers, judged = classes(names), Truth()
    for rows in (slice(0, 25), slice(25, 60)):
        judged.take(answers[rows], truth[rows], range(60)[rows])
    found = judged.metrics()
    assert found["rows"] == 60 and not judged.passed_over and not judged.unknown
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, answers["label"]))
    assert found["loss"] == pytest.approx(metrics.log_loss(truth, answers.iloc[:, 1:].to_numpy(), labels=names))


def test_rows_that_say_nothing_are_passed_over_and_classes_that_are_new_are_wrong():
    answers, judged = classes(("0", "1"), 5), Truth()
    answers["label"] = ["1", "1", "0", "0", "1"]
    judged.take(answers, ["1.0", None, "NA", "2", "1"], range(5))
    assert judged.passed_over == 2 and judged.unknown == {"2": 1}
    found = judged.metrics()
    assert found["rows"] == 3 and found["accuracy"] == pytest.approx(2 / 3)
    assert found["loss"] == pytest.approx(-np.log(answers["probabilities: 1"][[0, 4]]).mean())


def test_numbers_are_judged_as_scikit_learn_does():
    values, answers = rng.normal(5, 2, 40), rng.normal(5, 2, 40)
    judged = Truth()
    judged.take(pd.DataFrame({"predictions": answers}), [repr(float(value)) for value in values], range(40))
    found = judged.metrics()
    assert found["root_mean_squared_error"] == pytest.approx(metrics.root_mean_squared_error(values, answers))
    assert found["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(values, answers))
    assert found["r2"] == pytest.approx(metrics.r2_score(values, answers))
    judged = Truth()
    judged.take(pd.DataFrame({"predictions": answers[:1]}), ["5"], [0])
    assert "r2" not in judged.metrics()
    assert Truth().metrics() == {"rows": 0}


@pytest.mark.parametrize(
    ("answers", "truth", "message"),
    [
        (pd.DataFrame({"predictions": [1.0, 2.0]}), ["1", "two"], "Row 8: 'two' is to be right, and is no number"),
        (pd.DataFrame({"a": [1.0], "b": [2.0]}), ["1"], "this export answers with 'a', 'b'"),
    ],
)
def test_what_cannot_be_compared_is_said(answers, truth, message):
    with pytest.raises(RequestError, match=message):
        Truth().take(answers, truth, [6, 7][: len(truth)])


def test_an_accuracy_is_worse_only_by_more_than_luck():
    chance = is_worse({"rows": 500, "accuracy": 0.7}, {"accuracy": 0.8}, 1000)
    assert chance == stats.fisher_exact([[350, 150], [800, 200]], alternative="less").pvalue < 1e-4
    assert is_worse({"rows": 500, "accuracy": 0.9}, {"accuracy": 0.8}, 1000) is None
    assert is_worse({"rows": 20, "accuracy": 0.7}, {"accuracy": 0.8}, 1000) is None
    assert is_worse({"rows": 500, "accuracy": 0.7}, {"accuracy": 0.8}, 0) is None
    assert is_worse({"rows": 500, "r2": 0.1}, {"r2": 0.8}, 1000) is None
