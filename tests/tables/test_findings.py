import numpy as np
import pytest

from kzoo.tables.findings import find_problems
from kzoo.tables.survey import survey


def problems(y, test_rows=1000, **columns):
    return find_problems(survey({**columns, "y": y}, "y"), test_rows)


@pytest.fixture
def random():
    return np.random.default_rng(1)


def test_columns_that_give_classes_away_are_named(random):
    x = random.normal(size=400)
    y = np.where(random.normal(size=400) > 0, "yes", "no")
    found = problems(y, x=x, code=np.where(y == "yes", "A", "B"), score=(y == "yes") + random.uniform(size=400) / 2)
    assert [line.split(" alone")[0] for line in found] == ["Column 'code'", "Column 'score'"]
    assert "--drop it, unless it is known before the target is" in found[0]


def test_columns_that_give_a_number_away_are_named(random):
    y = random.lognormal(size=600)
    noise = random.normal(size=600)
    found = problems(y, logarithm=np.log(y), euros=y * 0.9, useful=y + noise, other=noise)
    assert [line.split(" alone")[0] for line in found] == ["Column 'logarithm'", "Column 'euros'"]


def test_a_frequent_class_is_not_given_away_by_a_guess(random):
    y = np.where(random.uniform(size=1000) > 0.97, "rare", "usual")
    assert not problems(y, x=random.normal(size=1000))


def test_copies_of_rows_are_counted(random):
    x, y = random.normal(size=200), random.normal(size=200)
    found = problems(np.append(y, y[:3]), x=np.append(x, x[:3]), z=np.append(x, x[:3]) ** 2)
    assert found[0].startswith("3 rows are copies of earlier ones")


def test_rows_of_few_categories_are_alike_by_chance(random):
    assert not problems(random.choice(["a", "b"], 300), x=random.choice(["c", "d"], 300))


def test_classes_too_rare_to_split_are_named(random):
    y = np.array(["rose", "tulip"] * 100 + ["daisy"])
    assert "one of each class: 'daisy' (1); add rows" in problems(y, x=random.normal(size=201))[0]


@pytest.mark.parametrize(
    ("number", "others", "is_code"),
    [
        (-1, np.arange(3, 60), True),
        (-200, np.arange(1500), True),
        (999, np.arange(28), True),
        (-99.0, np.linspace(0, 5, 50), True),
        (9, np.arange(8), False),
        (99, np.arange(60), False),
        (999, np.linspace(-700, 600, 50), False),
        (-1, np.arange(-3, 40, 2), False),
        (0, np.arange(1000, 1100), False),
        (-1, np.arange(2), False),
    ],
)
def test_numbers_that_stand_for_a_missing_one_are_named(random, number, others, is_code):
    values = np.append(random.choice(others, 900), [number] * 100)
    found = [line for line in problems(random.normal(size=1000), x=values) if "--missing" in line]
    assert len(found) == is_code
    if is_code:
        assert (
            f"'x' is {number:g} in 100 rows (10 %), the others" in found[0] and f"(--missing x={number:g})" in found[0]
        )
    rare = np.append(random.choice(others, 998), [number] * 2)
    assert not [line for line in problems(random.normal(size=1000), x=rare) if "--missing" in line]


def test_a_small_test_is_said(random):
    y = random.choice(["a", "b"], 200)
    assert "differ by less than 12 points" in problems(y, 40, x=random.normal(size=200))[0]
    assert "two models that are about equally good" in problems(random.normal(size=200), 40, x=y)[0]
    assert not problems(y, 400, x=random.normal(size=200))


def test_dates_call_for_a_split_by_time(random):
    days = np.datetime64("2024-01-01") + np.arange(300)
    assert "rows come in its order" in problems(random.normal(size=300), day=days)[0]
    assert "it dates the rows" in problems(random.normal(size=300), day=random.permutation(days))[0]
