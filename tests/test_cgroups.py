"""Limits of containers, read from trees of files as Linux has them."""

import os
import sys

import hypothesis
import pytest
from hypothesis import strategies as st

from kzoo import cli
from tuners import cgroups, machine
from tuners.parallel.shares import shares

NO_LIMIT = "9223372036854771712"
STAT = "cache 5\ninactive_file {}\n"


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Files below the mount, and what the process is a member of."""

    def make(membership, files):
        (tmp_path / "membership").write_text(membership)
        for name, text in files.items():
            path = tmp_path / "mount" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        monkeypatch.setattr(cgroups, "MEMBERSHIP", tmp_path / "membership")
        monkeypatch.setattr(cgroups, "MOUNT", tmp_path / "mount")

    return make


FIRST = "4:memory:/docker/12\n3:cpu,cpuacct:/docker/12\n1:name=systemd:/\n0::/\n"


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "200000 100000"}, 2.0),
        ("0::/\n", {"cpu.max": "50000 100000"}, 0.5),
        ("0::/\n", {"cpu.max": "max 100000"}, None),
        ("0::/\n", {}, None),
        # The slice around a unit has the stricter limit.
        ("0::/user/job\n", {"user/job/cpu.max": "max 100000", "user/cpu.max": "300000 100000"}, 3.0),
        # A path outside of the container, in which its own group is the mount.
        ("0::/../../docker/12\n", {"cpu.max": "150000 100000"}, 1.5),
        (FIRST, {"cpu,cpuacct/docker/12/cpu.cfs_quota_us": "-1", "cpu,cpuacct/docker/12/cpu.cfs_period_us": "1"}, None),
        (FIRST, {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4.0),
        ("nonsense\n::::\n", {"cpu.max": "nonsense"}, None),
        ("0::/\n", {"cpu.max": "100000 0"}, None),
    ],
)
def test_the_quota_of_processor_time(groups, membership, files, quota):
    groups(membership, files)
    assert cgroups.cpu_quota() == quota


@pytest.mark.parametrize(
    ("membership", "files", "left"),
    [
        ("0::/\n", {"memory.max": "1000", "memory.current": "700", "memory.stat": STAT.format(100)}, 400),
        ("0::/\n", {"memory.max": "max", "memory.current": "700"}, None),
        ("0::/\n", {"memory.max": "1000", "memory.current": "1200"}, 0),
        (FIRST, {"memory/memory.limit_in_bytes": "1000", "memory/memory.usage_in_bytes": "400"}, 600),
        (FIRST, {"memory/memory.limit_in_bytes": NO_LIMIT, "memory/memory.usage_in_bytes": "0"}, int(NO_LIMIT)),
        ("0::/\n", {}, None),
    ],
)
def test_the_memory_that_is_left(groups, membership, files, left):
    groups(membership, files)
    assert cgroups.memory_left() == left
    assert machine.free_memory() <= (left if left is not None else 2**60)


@hypothesis.settings(
    max_examples=30, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(st.binary(max_size=60), st.binary(max_size=30), st.binary(max_size=30))
def test_whatever_the_files_hold_is_read(groups, membership, cpu, memory):
    groups("", {"cpu.max": "", "memory.max": "", "memory.current": "1"})
    cgroups.MEMBERSHIP.write_bytes(membership)
    (cgroups.MOUNT / "cpu.max").write_bytes(cpu)
    (cgroups.MOUNT / "memory.max").write_bytes(memory)
    assert cgroups.cpu_quota() is None or cgroups.cpu_quota() > 0
    assert cgroups.memory_left() is None or cgroups.memory_left() >= 0


def test_a_container_of_two_of_64_cores_computes_with_two_threads(groups, monkeypatch):
    groups("0::/\n", {"cpu.max": "200000 100000"})
    made = shares(2, range(64), [])
    assert {share.environment["OMP_NUM_THREADS"] for share in made} == {"1"}
    assert shares(1, range(64), [])[0].environment["TF_NUM_INTRAOP_THREADS"] == "2"
    assert len(made[0].cores) == 32
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.setattr(machine, "available_cores", lambda: list(range(64)))
    assert machine.core_limit() == 2.0
    # As a user of a machine that is shared has told it.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert machine.core_limit() == 1.0


def test_what_keeps_the_cores_busy_is_seen():
    before = machine.busy_seconds()
    began = os.times()
    while (used := os.times().user - began.user) < 0.1:
        pass
    assert machine.busy_seconds() - before >= used - 0.03


@pytest.mark.parametrize(
    ("limit", "said", "threads"),
    [("200000", {}, "2"), ("150000", {}, "2"), ("200000", {"OMP_NUM_THREADS": "8"}, "8"), ("max", {}, None)],
)
def test_the_command_begins_no_more_threads_than_may_run(groups, monkeypatch, limit, said, threads):
    groups("0::/\n", {"cpu.max": f"{limit} 100000"})
    monkeypatch.setattr(machine, "available_cores", lambda: list(range(64)))
    monkeypatch.setattr(os, "environ", dict(said))
    cli.within_the_quota()
    assert os.environ.get("OMP_NUM_THREADS") == threads
    assert ("TF_NUM_INTRAOP_THREADS" in os.environ) == (limit != "max")


@pytest.mark.parametrize(
    ("said", "left"), [("module://matplotlib_inline.backend_inline", None), ("agg", "agg"), (None, None)]
)
def test_the_command_forgets_what_a_notebook_draws_with(monkeypatch, said, left):
    monkeypatch.setattr(os, "environ", {"MPLBACKEND": said} if said else {})
    cli.without_a_notebook()
    assert os.environ.get("MPLBACKEND") == left


def test_the_command_looks_at_the_quota_before_it_imports_anything(groups, monkeypatch):
    groups("0::/\n", {"cpu.max": "50000 100000"})
    monkeypatch.setattr(os, "environ", {})
    # What imports numpy or TensorFlow comes with the commands.
    monkeypatch.delattr(cli, "app", raising=False)
    monkeypatch.setitem(sys.modules, "kzoo.cli.app", None)
    with pytest.raises(ImportError):
        cli.main()
    assert os.environ["OMP_NUM_THREADS"] == "1"
