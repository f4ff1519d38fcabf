"""What is known of a search beside its trials, as it stands above a report."""

import pytest

from tuners.report.facts import facts


@pytest.mark.parametrize(
    ("source", "shown"), [("digits", "digits"), ("/data/people.csv", "people.csv"), ("photos/", "photos")]
)
def test_a_file_is_called_by_its_name_alone(study, source, shown):
    known = facts(study, {"model": "mlp", "data": source, "epochs": 3})
    assert known["data"] == shown
    assert [*known][:2] == ["model", "data"]


def test_what_is_not_known_is_left_out(study):
    assert "data" not in facts(study, {})
