import errno
import os
import subprocess
import sys
import threading
import warnings
import zlib

import filelock
import hypothesis
import pytest
from hypothesis import strategies as st

from tuners.store import journal as journal_module
from tuners.store.checkpoints import CheckpointError, save_weights
from tuners.store.journal import FILE, LOCK, Journal, JournalError, RunLocked, encode, in_use, read_journal
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


def test_a_journal_of_the_largest_size_is_read(tmp_path, monkeypatch):
    (tmp_path / FILE).write_bytes(CONTENT)
    monkeypatch.setattr(journal_module, "LARGEST", len(CONTENT))
    assert read_journal(tmp_path) == RECORDS


@pytest.mark.parametrize(("written", "shown"), [(2, "2"), (99, "99"), ("1", "1"), (None, "None"), ("x" * 30, "x" * 20)])
def test_a_newer_format_is_refused(tmp_path, written, shown):
    (tmp_path / FILE).write_bytes(encode({"kind": "header", "format": written}))
    with pytest.raises(JournalError, match=f"is of format {shown}; this version reads up to 1: upgrade"):
        read_journal(tmp_path)


def test_a_header_without_a_format_is_of_the_first(tmp_path):
    (tmp_path / FILE).write_bytes(encode({"kind": "header"}))
    assert read_journal(tmp_path) == [{"kind": "header"}]


def test_a_line_is_its_checksum_and_its_text():
    # The checksum is from another program: `printf '{"kind":"a","n":[1,2]}' | gzip -c | tail -c8 | od -An -tx4`.
    assert encode({"kind": "a", "n": [1, 2]}) == b'24b536d2 {"kind":"a","n":[1,2]}\n'


@pytest.mark.parametrize("text", [b"[]", b"3", b"null", b"{}", b'{"kind":3}', b"{", b'{"kind":"a"', b"[" * 10**5])
def test_a_line_that_is_no_record_is_left_out_and_counted(tmp_path, text):
    lines = CONTENT.splitlines(keepends=True)
    lines.insert(2, b"%08x %s\n" % (zlib.crc32(text), text))
    lines.append(b"half a li")
    (tmp_path / FILE).write_bytes(b"".join(lines))
    with pytest.warns(
        UserWarning, match=r"journal\.jsonl: 2 damaged line\(s\) left out, the first is line 3; the others"
    ):
        assert read_journal(tmp_path) == RECORDS


def test_what_is_no_file_is_refused(tmp_path):
    (tmp_path / FILE).mkdir()
    with pytest.raises(JournalError, match=r"journal\.jsonl is no file"):
        read_journal(tmp_path)


def test_a_directory_is_made_and_its_files_are_no_programs(tmp_path):
    journal = Journal(tmp_path / "a" / "b")
    assert journal.found == 0
    journal.append(RECORDS[0])
    journal.close()
    assert journal.size() == len(encode(RECORDS[0])) == Journal(tmp_path / "a" / "b").found
    assert (tmp_path / "a" / "b" / FILE).stat().st_mode & 0o111 == 0


@pytest.mark.parametrize("replaced", [True, False])
def test_a_journal_that_is_removed_while_it_is_written_is_noticed(tmp_path, replaced):
    journal = Journal(tmp_path)
    journal.append(RECORDS[0], sync=True)
    (tmp_path / FILE).rename(tmp_path / "elsewhere")
    if replaced:
        (tmp_path / FILE).write_bytes(b"")
    message = "Was removed or replaced while the search ran" if replaced else "No such file"
    with pytest.raises(FileNotFoundError, match=rf"^\[Errno {errno.ENOENT}\] {message}.*journal\.jsonl'$"):
        journal.append(RECORDS[1], sync=True)
    journal.close()
    assert (tmp_path / "elsewhere").read_bytes() == encode(RECORDS[0]), "a record is written whole or not at all"


def test_whether_a_search_runs_is_told_by_its_lock(tmp_path):
    assert in_use(tmp_path) is None and list(tmp_path.iterdir()) == []
    journal = Journal(tmp_path)
    assert in_use(tmp_path) is True
    journal.close()
    assert [in_use(tmp_path), in_use(str(tmp_path))] == [False, False]


@pytest.mark.parametrize(
    ("content", "shown"), [(b" 12", "12"), (b"", "unknown"), (b" \xff", "\ufffd"), (b" " + b"1" * 40, "1" * 32)]
)
def test_the_holder_of_a_lock_is_named_as_far_as_it_is_known(tmp_path, content, shown):
    (tmp_path / LOCK).write_bytes(content)
    with filelock.FileLock(tmp_path / LOCK, preserve_lock_file=True):
        with pytest.raises(RunLocked, match=rf"is in use by another search \(process {shown}\); wait"):
            Journal(tmp_path)


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
    assert str(caught.value.filename).endswith(FILE) and caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    journal.append(RECORDS[1])
    journal.close()
    assert read_journal(tmp_path) == RECORDS[:2]
