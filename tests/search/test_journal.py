import errno
import os
import subprocess
import sys
import warnings

import hypothesis
import pytest
from hypothesis import strategies as st

from tuners.journal import FILE, Journal, JournalError, RunLocked, encode, read_journal
from tuners.replay import replay

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
            "state": {"trial_id": trial_id, "status": "COMPLETED", "score": 1.0},
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


def test_a_newer_format_is_refused(tmp_path):
    (tmp_path / FILE).write_bytes(encode({"kind": "header", "format": 99}))
    with pytest.raises(JournalError, match="format 99.*upgrade"):
        read_journal(tmp_path)


def test_another_process_is_refused_and_its_lock_dies_with_it(tmp_path):
    code = "import sys; from tuners.journal import Journal; Journal(sys.argv[1]); print('has it', flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline().strip() == "has it"
    with pytest.raises(RunLocked, match=f"process {other.pid}"):
        Journal(tmp_path)
    other.kill()
    other.communicate()
    Journal(tmp_path).close()


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
