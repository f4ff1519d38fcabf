import dataclasses
import os

import hypothesis
import pytest
from hypothesis import strategies as st

from tuners.machine import available_cores, available_gpus
from tuners.parallel.messages import Decision, Ended, Epoch, MessageError, Order, Ready, decode, encode
from tuners.parallel.shares import Share, shares
from tuners.parallel.worker_pipe import serve


@pytest.mark.parametrize(
    "message",
    [
        Ready(),
        Order("0001", {"units": 32, "activation": "relu", "batch_norm": False}, 3),
        Order("0001", {}, 3, {"rule": "SuccessiveHalving", "factor": 3, "first": 1}, keep=True),
        Decision(True),
        Epoch("0001", 1, 5, {"val_loss": 0.25}),
        Epoch("0001", 1, 5, {"val_loss": 0.25}, asks=True),
        Ended("0001", "COMPLETED", None, [{"val_loss": float("inf")}], {"units": 32}, [{"class_name": "Int"}]),
    ],
)
def test_messages_are_read_as_they_were_written(message):
    assert decode(encode(message)) == message


@pytest.mark.parametrize(
    "line",
    [
        b"", b"1", b"[]", b"{}", b'{"kind": "other"}', b'{"kind": []}', b"[" * 100_000, b"\xff",
        b'{"kind": "ended"}', b'{"kind": "ended", "trial_id": "1", "status": "GOOD"}',
        b'{"kind": "ended", "trial_id": "1", "status": "COMPLETED", "epochs": [{"loss": "low"}]}',
        b'{"kind": "ended", "trial_id": "1", "status": "COMPLETED", "epochs": 3}',
        b'{"kind": "epoch", "trial_id": "1", "epoch": "1", "epochs": 1, "logs": {}}',
        b'{"kind": "epoch", "trial_id": "1", "epoch": 1, "epochs": 1, "logs": {}, "asks": 1}',
        b'{"kind": "order", "trial_id": "1", "values": {}, "seed": 1, "rule": 3}',
        b'{"kind": "order", "trial_id": "1", "values": {}, "seed": 1, "keep": 1}',
        b'{"kind": "verdict", "stop": "yes"}', b'{"kind": "ready", "more": 1}',
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(line):
    with pytest.raises(MessageError, match="not a message"):
        decode(line)


@hypothesis.given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(line):
    try:
        assert dataclasses.is_dataclass(decode(line))
    except MessageError:
        pass


def cores_of(workers, cores):
    return [list(share.cores) for share in shares(workers, cores, [])]


def test_cores_are_divided():
    assert cores_of(2, [0, 1, 2, 3]) == [[0, 2], [1, 3]]
    assert cores_of(3, [4, 5]) == [[4], [5], [4]]
    assert cores_of(1, [0, 1, 2]) == [[0, 1, 2]]


@hypothesis.given(st.integers(1, 40), st.integers(1, 20))
def test_every_worker_has_a_core_and_no_core_is_idle_while_there_are_workers_for_it(workers, cores):
    parts = cores_of(workers, range(cores))
    assert all(parts)
    assert len({core for part in parts for core in part}) == (cores if workers <= cores else min(workers, cores))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_gpus_are_divided_or_shared(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert available_gpus() == ["3", "5"]
    two, four = shares(2, [0, 1]), shares(4, [0, 1])
    assert [share.environment["CUDA_VISIBLE_DEVICES"] for share in two] == ["3", "5"]
    assert "TF_FORCE_GPU_ALLOW_GROWTH" not in two[0].environment
    assert [share.environment["CUDA_VISIBLE_DEVICES"] for share in four] == ["3", "5", "3", "5"]
    assert four[0].environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert "CUDA_VISIBLE_DEVICES" not in shares(1)[0].environment


def test_threads_follow_the_cores():
    assert Share((0, 2)).environment["TF_NUM_INTRAOP_THREADS"] == "2"
    assert set(available_cores()) <= set(range(os.cpu_count()))


def test_a_worker_is_started_by_a_parent():
    with pytest.raises(RuntimeError, match="not started as a worker"):
        serve(lambda order, report: Ended(order.trial_id, "COMPLETED"))
