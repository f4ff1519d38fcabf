import copy
import errno
import os
import subprocess
import sys
import threading
import warnings

import hypothesis
import pytest
from hypothesis import strategies as st

from tuners import Study
from tuners.store.checkpoints import CheckpointError, save_weights
from tuners.store.journal import FILE, Journal, JournalError, RunLocked, encode, read_journal
from tuners.store.records import replay

METRICS = {"val_loss": {"direction": "min", "observations": [{"value": [1.0], "step": 0}]}}
RECORDS = [{"kind": "header", "format": 1, "objective": {"val_loss": "min"}, "seed": 3}]
for number in range(4):
    trial_id = f"{number:04d}"
    RECORDS += [
        {"kind": "created", "trial_id": trial_id, "number": number, "point": {"x": 0.5}, "values": {"x": 1}},
        {
            "kind": "ended",
            "number": number,
            "point": {"x": 0.5},
            "values": {"x": 1},
            "runs": 1,
            "state": {
                "trial_id": trial_id,
                "status": "COMPLETED",
                "score": 1.0,
                "best_step": 0,
                "message": None,
                "metrics": {"metrics": METRICS},
            },
        },
    ]
CONTENT = b"".join(encode(record) for record in RECORDS)


def test_what_is_written_is_read(tmp_path):
    journal = Journal(tmp_path)
    for record in RECORDS:
        journal.append(record, sync=True)
    journal.close()
    assert read_journal(tmp_path) == RECORDS


@hypothesis.given(st.integers(0, len(CONTENT)))
def test_truncated_at_any_byte(tmp_path_factory, length):
    directory = tmp_path_factory.mktemp("torn")
    (directory / FILE).write_bytes(CONTENT[:length])
    whole = CONTENT[:length].count(b"\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert read_journal(directory) == RECORDS[:whole]
    assert bool(caught) == (not CONTENT[:length].endswith(b"\n") and length > 0)
    journal = Journal(directory)
    journal.append(RECORDS[0])
    journal.close()
    assert read_journal(directory) == [*RECORDS[:whole], RECORDS[0]]


@hypothesis.given(st.integers(0, len(CONTENT) - 1), st.integers(0, 7))
def test_a_flipped_bit_costs_one_record_at_most(tmp_path_factory, place, bit):
    directory = tmp_path_factory.mktemp("flipped")
    content = bytearray(CONTENT)
    content[place] ^= 1 << bit
    (directory / FILE).write_bytes(content)
    with pytest.warns(UserWarning, match="damaged line"):
        kept = read_journal(directory)
    # A newline that has gone, or come, takes the two records beside it.
    assert len(kept) >= len(RECORDS) - 2
    assert all(record in RECORDS for record in kept)
    replay(kept)


def test_the_damaged_file_is_kept(tmp_path):
    (tmp_path / FILE).write_bytes(CONTENT[:-5])
    Journal(tmp_path).close()
    assert (tmp_path / "journal.damaged.jsonl").read_bytes() == CONTENT[:-5]
    assert read_journal(tmp_path) == RECORDS[:-1]


def altered(kind, *path, value):
    """The records with one field of the last of a kind replaced, checksums and all."""
    records = copy.deepcopy(RECORDS)
    part = [record for record in records if record["kind"] == kind][-1]
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    return records


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("created", ("trial_id",), "../../outside"),
        ("ended", ("state", "trial_id"), "/etc"),
        ("created", ("trial_id",), "a" * 65),
        ("created", ("trial_id",), 7),
        ("created", ("values",), ["x"]),
        ("created", ("values", "x"), {"class_name": "Lambda"}),
        ("created", ("point", "x"), "high"),
        ("ended", ("number",), "first"),
        ("ended", ("runs",), None),
        ("ended", ("state",), []),
        ("ended", ("state", "status"), "GOOD"),
        ("ended", ("state", "score"), "high"),
        ("ended", ("state", "message"), 3),
        ("ended", ("state", "metrics", "metrics", "val_loss", "observations"), [{"value": ["low"], "step": 0}]),
        ("created", ("values", "x"), 10**400),
        ("created", ("point", "x"), 10**400),
        ("ended", ("state", "score"), 10**400),
        ("ended", ("runs",), float("inf")),
        ("ended", ("elapsed",), 10**400),
        ("ended", ("state", "metrics", "metrics", "val_loss", "observations"), [{"value": [10**400], "step": 0}]),
        ("ended", ("engines",), ["fit"]),
        ("ended", ("engines",), {"used": [3]}),
        ("ended", ("engines",), {"parameters": "many"}),
        ("ended", ("engines",), {"refusals": {"numpy": None}}),
        ("header", ("objective",), "val_loss"),
        ("header", ("objective",), {"val_loss": "up"}),
        ("header", ("seed",), None),
    ],
)
def test_a_journal_that_was_made_up_is_refused_in_words(tmp_path, kind, path, value):
    (tmp_path / FILE).write_bytes(b"".join(map(encode, altered(kind, *path, value=value))))
    with pytest.raises(JournalError, match=r"record \d+ is not of a search"):
        Study.load(tmp_path)


@pytest.mark.parametrize("class_name", ["Lambda", "HyperParameters", None])
def test_a_space_holds_hyperparameters_only(class_name):
    with pytest.raises(JournalError, match="no hyperparameter"):
        replay([{"kind": "space", "space": [{"class_name": class_name, "config": {"name": "x"}}]}])


@pytest.mark.parametrize(
    ("class_name", "config"),
    [
        ("Float", {"name": "x", "min_value": 0.0, "max_value": 8.0, "sampling": "log"}),
        ("Float", {"name": "x", "min_value": 0.0, "max_value": 1.0, "step": 0.0}),
        ("Float", {"name": "x", "min_value": 0.0}),
        ("Float", {"name": "x", "min_value": 0.0, "max_value": 1.0, "default": []}),
        ("Choice", {"name": "x", "values": []}),
        ("Choice", {"name": "x", "values": ["a", "b"], "default": []}),
        ("Boolean", {"name": "x", "conditions": ["no"]}),
    ],
)
def test_a_space_that_has_no_place_for_its_defaults_is_refused(class_name, config):
    with pytest.raises(JournalError, match="record 1 is not of a search"):
        replay([{"kind": "space", "space": [{"class_name": class_name, "config": config}]}])


def test_a_trial_that_ends_twice_has_its_first_result(tmp_path):
    again = copy.deepcopy(RECORDS[-1])
    again["state"]["score"] = 2.0
    (tmp_path / FILE).write_bytes(CONTENT + encode(again))
    study = Study.load(tmp_path)
    assert [trial.score for trial in study.trials] == [1.0] * 4


@pytest.mark.parametrize("trial_id", ["../../outside", "/etc", "..", "", "a/b"])
def test_weights_stay_in_their_place(tmp_path, trial_id):
    with pytest.raises(CheckpointError, match="trial_id"):
        save_weights(tmp_path / "run", trial_id, [])
    assert not list(tmp_path.iterdir())


def test_a_journal_that_is_too_large_is_not_read(tmp_path):
    with open(tmp_path / FILE, "wb") as file:
        file.truncate(2**31 + 1)
    with pytest.raises(JournalError, match="is larger than"):
        read_journal(tmp_path)


def test_a_newer_format_is_refused(tmp_path):
    (tmp_path / FILE).write_bytes(encode({"kind": "header", "format": 99}))
    with pytest.raises(JournalError, match="format 99.*upgrade"):
        read_journal(tmp_path)


def test_another_process_is_refused_and_its_lock_dies_with_it(tmp_path):
    code = "import sys, tuners.store.journal as j; j.Journal(sys.argv[1]); print('has it', flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline().strip() == "has it"
    with pytest.raises(RunLocked, match=f"process {other.pid}"):
        Journal(tmp_path)
    other.kill()
    other.communicate()
    Journal(tmp_path).close()


def test_a_thread_may_close_what_another_has_opened(tmp_path):
    journal = Journal(tmp_path)
    thread = threading.Thread(target=journal.close)
    thread.start()
    thread.join()
    code = "import sys, tuners.store.journal as j; j.Journal(sys.argv[1]).close()"
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)


def test_the_same_process_takes_over(tmp_path):
    first = Journal(tmp_path)
    second = Journal(tmp_path)
    second.append(RECORDS[0])
    with pytest.raises(JournalError, match="taken it over"):
        first.append(RECORDS[0])
    second.close()


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    journal = Journal(tmp_path)
    journal.append(RECORDS[0])
    write = os.write

    def half(handle, content):
        write(handle, content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space left") as caught:
        journal.append(RECORDS[1])
    assert str(caught.value.filename).endswith(FILE)
    monkeypatch.undo()
    journal.append(RECORDS[1])
    journal.close()
    assert read_journal(tmp_path) == RECORDS[:2]


def test_a_best_step_before_the_first_is_refused(tmp_path):
    records = copy.deepcopy(RECORDS)
    records[2]["state"]["best_step"] = -5
    (tmp_path / FILE).write_bytes(b"".join(encode(record) for record in records))
    with pytest.raises(JournalError, match=r"the best step of a trial is -5; expected 0 or more"):
        Study.load(tmp_path)
