import types

import pytest

from tuners.parallel import leases
from tuners.parallel.leases import Leases

BEATING, SILENT = 10.0, 100.0


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test sets."""
    clock = types.SimpleNamespace(now=1000.0)
    monkeypatch.setattr(leases, "time", types.SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def held(clock):
    """Two workers with a trial each."""
    held = Leases(BEATING, SILENT)
    for tuner_id, trial_id in (("ann", "a"), ("bob", "b")):
        held.grant(tuner_id, types.SimpleNamespace(trial_id=trial_id))
    return held


def lost(held):
    return [(lease.tuner_id, lease.trial.trial_id) for lease in held.expired()]


def test_a_worker_has_the_trial_that_it_was_given_last(held):
    assert (held.of("ann").trial_id, held.of("bob").trial_id, held.of("eve"), len(held)) == ("a", "b", None, 2)
    held.grant("ann", types.SimpleNamespace(trial_id="c"))
    assert (held.of("ann").trial_id, len(held)) == ("c", 2)


def test_a_trial_that_has_ended_is_with_nobody(held):
    held.end("a")
    held.end("of nobody")
    assert (held.of("ann"), held.of("bob").trial_id, len(held)) == (None, "b", 1)
    assert held.renew("a") is None


def test_a_worker_that_gives_no_sign_of_life_has_the_longer_time(held, clock):
    clock.now += SILENT
    assert lost(held) == [], "not longer than that"
    clock.now += 0.5
    assert lost(held) == [("ann", "a"), ("bob", "b")]
    assert len(held) == 0 and held.of("ann") is None and lost(held) == []


def test_a_sign_of_life_begins_the_shorter_time_of_its_trial_alone(held, clock):
    clock.now += SILENT - 1
    assert held.renew("b") == "bob" and held.renew("of nobody") is None
    clock.now += BEATING
    assert lost(held) == [("ann", "a")]
    clock.now += 0.5
    assert lost(held) == [("bob", "b")]


def test_a_question_begins_the_time_anew(held, clock):
    held.renew("a")
    clock.now += BEATING
    held.of("ann")
    clock.now += BEATING
    assert lost(held) == []
    clock.now += 0.5
    assert lost(held) == [("ann", "a")]


def test_the_next_trial_of_a_worker_has_its_own_time(held, clock):
    held.renew("a")
    held.grant("ann", types.SimpleNamespace(trial_id="c"))
    clock.now += SILENT
    assert lost(held) == [], "whether it still gives signs of life is to be seen"
