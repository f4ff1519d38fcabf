import multiprocessing
import os
import shutil
import time

import pytest

from kzoo.export.versions import claim_version, list_versions
from kzoo.serving import ServingError, models_config, promote, prune, read_release


def test_nothing_promoted_serves_the_newest(base):
    release = read_release(base)
    assert (release.labels, release.served) == ({}, ())


def test_a_first_promotion_keeps_what_was_served(base):
    promotion = promote(base, 1)
    assert (promotion.label, promotion.version, promotion.previous) == ("stable", 1, None)
    release = read_release(base)
    assert release.labels == {"stable": 1}
    assert release.served == (1, 3)
    assert release == promotion.release


def test_a_canary_and_then_stable(base):
    promote(base, 1)
    promote(base, 3, label="canary")
    promotion = promote(base, 3)
    assert promotion.previous == 1
    assert read_release(base).labels == {"canary": 3, "stable": 3}
    # 1 is loaded still: the server moves the label only once 3 answers, and going back is quick.
    assert read_release(base).served == (1, 3)
    assert promote(base, 3).release.served == (3,)


def test_a_version_that_is_not_there(base):
    with pytest.raises(ServingError, match="no version 7; there is 1, 2, 3"):
        promote(base, 7)
    assert read_release(base).labels == {}


def test_a_label_that_is_not_known(base):
    with pytest.raises(ValueError, match="stable or canary"):
        promote(base, 1, label="beta")


def test_what_else_is_in_models_config_stays(base):
    promote(base, 1)
    path = base / "serving" / "models.config"
    changed = path.read_text().replace('base_path: "/models/insects"', 'base_path: "/srv/insects"')
    path.write_text(changed)
    promote(base, 2)
    assert "/srv/insects" in path.read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [("model_config_list { config {", "no configuration"), ("", "0 models"), (b"\xff\xfe".decode("latin1"), "no conf")],
)
def test_a_damaged_models_config_is_named_and_left(base, text, words):
    promote(base, 1)
    path = base / "serving" / "models.config"
    path.write_text(text)
    with pytest.raises(ServingError, match=words) as caught:
        promote(base, 2)
    assert str(path) in str(caught.value)
    assert path.read_text() == text


def test_prune_leaves_labelled_and_newest_versions(base):
    promote(base, 1)
    assert prune(base, keep=1) == [2]
    assert list_versions(base) == [1, 3]
    assert sorted(path.name for path in base.iterdir()) == [".staging-abc", "1", "3", "request.json", "serving"]


def test_a_pruned_version_is_not_served_any_more(base):
    promote(base, 2)
    promote(base, 3)
    assert read_release(base).served == (2, 3)
    assert prune(base, keep=1) == [1, 2]
    assert read_release(base).served == (3,)


def test_prune_keeps_as_many_as_told(base):
    assert prune(base, keep=2) == [1]
    assert prune(base, keep=2) == []
    with pytest.raises(ValueError, match="always stays"):
        prune(base, keep=0)


def test_numbers_of_pruned_versions_are_not_used_again(base):
    assert claim_version(base) == 4
    (base / "4").mkdir()
    promote(base, 1)
    shutil.rmtree(base / "4")
    prune(base, keep=1)
    assert claim_version(base) == 5


def test_what_a_killed_prune_left_is_removed(base):
    (base / ".pruned-x" / "version").mkdir(parents=True)
    prune(base, keep=3)
    assert not list(base.glob(".pruned-*"))


def watch(base, stop, halves):
    """What the server does: list the base, take numbers for versions, open what a version needs."""
    while not stop.is_set():
        for version in [entry.name for entry in os.scandir(base) if entry.name.isdecimal()]:
            # A version that is gone meanwhile is gone whole; one that is there has all its files.
            present = {name: os.path.exists(base / version / name) for name in ("a", "saved_model.pb")}
            if not all(present.values()) and os.path.exists(base / version):
                halves.put(version)


def test_a_reader_never_sees_a_version_half_removed(base):
    for number in range(1, 60):
        (base / str(number)).mkdir(exist_ok=True)
        for name in ("saved_model.pb", "a"):
            (base / str(number) / name).write_bytes(b"x")
    context = multiprocessing.get_context("fork")
    stop, halves = context.Event(), context.Queue()
    reader = context.Process(target=watch, args=(base, stop, halves))
    reader.start()
    for keep in range(59, 0, -1):
        prune(base, keep=keep)
        time.sleep(0.001)
    stop.set()
    reader.join(timeout=20)
    assert halves.empty()
    assert list_versions(base) == [59]


def promote_often(base, label):
    for round_ in range(30):
        promote(base, round_ % 3 + 1, label=label)


def test_two_who_promote_lose_nothing(base):
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=promote_often, args=(base, label)) for label in ("stable", "canary")]
    for each in others:
        each.start()
    for each in others:
        each.join(timeout=30)
    assert read_release(base).labels == {"stable": 3, "canary": 3}


def test_a_reader_of_models_config_never_sees_half(base):
    promote(base, 1)
    context = multiprocessing.get_context("fork")
    writer = context.Process(target=promote_often, args=(base, "stable"))
    writer.start()
    while writer.is_alive():
        config = models_config.read_config(base / "serving")
        assert models_config.labels_of(config)
    writer.join()
