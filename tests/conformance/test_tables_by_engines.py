"""Models of tables: trained by `model.fit` and by the engines, to the same."""

import pytest
from subjects import check, check_first, every, share
from table_subjects import subjects


@pytest.mark.parametrize("subject", share(subjects(), one_of=3))
def test_a_share_trains_as_fit_does(subject):
    check_first(subject)


@pytest.mark.parametrize("subject", every(subjects()))
def test_trains_as_fit_does(subject):
    check(subject)
