"""What is there before a search is left alone by collections, and what the search leaves behind is not."""

import gc
import weakref

import pytest
from small import DATA

from tuners.machine import frozen_heap


class Circle:
    def __init__(self):
        self.self = self


def test_only_what_is_new_is_collected():
    old = Circle()
    before = weakref.ref(old)
    with frozen_heap():
        del old
        after = weakref.ref(Circle())
        gc.collect()
        assert before() is not None and after() is None
    gc.collect()
    assert before() is None


def test_what_was_frozen_stays_so():
    gc.freeze()
    try:
        count = gc.get_freeze_count()
        new = Circle()
        with frozen_heap():
            assert gc.get_freeze_count() == count
        assert gc.get_freeze_count() == count and new
    finally:
        gc.unfreeze()


class Interrupted:
    def on_epoch(self, trial, epoch, epochs, logs):
        pass

    def on_trial_end(self, trial):
        assert gc.get_freeze_count()
        raise KeyboardInterrupt


def test_nothing_stays_frozen_after_an_interrupt(search):
    made = search(observer=Interrupted())
    with pytest.raises(KeyboardInterrupt):
        made.search(**DATA, epochs=1)
    assert not gc.get_freeze_count()
