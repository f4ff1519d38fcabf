"""A real Ray cluster of three nodes on this machine, in which the oracle, a task and a node are killed."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from scripted_search import wait_for

from tuners import Study
from tuners.parallel.cluster import search_on_ray

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")

HERE = Path(__file__).parent

HEALTH = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_health_check_timeout_ms": "5000",
}
"""A node that was killed is known to be gone after seconds, not half a minute."""


@pytest.fixture(scope="module")
def ray_environment():
    path = os.pathsep.join([str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "RAY_USAGE_STATS_ENABLED": "0", "TF_CPP_MIN_LOG_LEVEL": "3", **HEALTH}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, ray_environment):
    """Address of a head without cores and two nodes of one core each, and the processes of the nodes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"

    # A path of a socket may have 107 characters.
    temporary = tmp_path_factory.mktemp("ray", numbered=True)
    short = Path("/tmp") / f"kzoo-ray-{os.getpid()}"
    short.symlink_to(temporary)

    def start(number, *arguments):
        # Each node has an address of its own, so that the driver is on the head, which is not killed.
        command = [
            sys.executable,
            "-m",
            "ray.scripts.scripts",
            "start",
            f"--node-ip-address=127.0.0.{number}",
            "--block",
        ]
        command += ["--disable-usage-stats", "--object-store-memory=80000000", *arguments]
        for attempt in range(3):
            log = temporary / f"node{number}-{attempt}.txt"
            with log.open("w") as output:
                node = subprocess.Popen(
                    command, env=ray_environment, stdout=output, stderr=output, start_new_session=True
                )
            wait_for(lambda node=node, log=log: node.poll() is not None or "runtime started" in log.read_text(), 60)
            if node.poll() is None:
                return node
        raise RuntimeError(f"Node {number} of the cluster does not start:\n{log.read_text()}")

    head = ["--head", f"--port={address.split(':')[1]}", "--num-cpus=0", "--include-dashboard=false"]
    nodes = [start(1, *head, f"--temp-dir={short}")]
    # One after the other: Ray gives a node that starts beside another on the same machine too little time.
    nodes += [start(number, f"--address={address}", "--num-cpus=1") for number in (2, 3)]
    yield address, nodes
    for node in reversed(nodes):
        os.killpg(node.pid, signal.SIGKILL)
        node.wait()
    short.unlink()


def test_oracle_task_and_node_are_killed_and_nothing_is_lost(cluster, ray_environment, tmp_path):
    address, nodes = cluster
    journal, lock = tmp_path / "run" / "journal.jsonl", tmp_path / "run" / "journal.lock"
    command = [sys.executable, HERE / "on_ray.py", address, tmp_path]
    running = subprocess.Popen(
        command, env=ray_environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )

    def wait_for_trials(number):
        wait_for(lambda: journal.exists() and journal.read_bytes().count(b'"ended"') >= number, 100)
        assert running.poll() is None

    try:
        wait_for_trials(1)
        trainer = next(tmp_path.glob("trained-*"))
        os.kill(int(trainer.name.split("-")[1]), signal.SIGKILL)
        wait_for_trials(3)
        os.kill(int(lock.read_text()), signal.SIGKILL)
        wait_for_trials(5)
        os.killpg(nodes[2].pid, signal.SIGKILL)
        output, _ = running.communicate(timeout=100)
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 0, output
    study = Study.load(tmp_path / "run")
    assert [trial.status for trial in study.trials] == ["COMPLETED"] * 12
    assert all(trial.score == trial.values["x"] for trial in study.trials)
    assert {len(trial.history["score"]) for trial in study.trials} == {1, 3}
    assert {"starting", "training", "idle"} <= {line.split()[-1] for line in output.splitlines() if "worker" in line}
    assert "epoch" in output and "COMPLETED" in output


def test_an_address_where_nobody_is():
    with pytest.raises(ConnectionError, match="No Ray cluster answers at 127.0.0.1:9: Connection refused"):
        search_on_ray("on_ray:make", [], address="127.0.0.1:9")
    with pytest.raises(ValueError, match="'somewhere'; expected HOST:PORT"):
        search_on_ray("on_ray:make", [], address="somewhere")
