"""A worker whose trials do what their hyperparameters say, without TensorFlow: python scripted_worker.py DIRECTORY."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tuners.parallel.messages import Ended, Epoch
from tuners.parallel.worker_pipe import serve, use_cores
from tuners.pruning import rule_from_config

use_cores()
directory = Path(sys.argv[1])
served, kept = 0, []


def once():
    mark = directory / "done"
    first = not mark.exists()
    mark.touch()
    return first


def long(order, report, deadly):
    """Nine epochs, and the less x the better."""
    rule, epochs = order.rule and rule_from_config(order.rule), []
    for epoch in range(1, 10):
        epochs.append({"score": 1 - order.values["x"]})
        asks = rule is not None and rule.is_rung(epoch, 9)
        if report(Epoch(order.trial_id, epoch, 9, epochs[-1], asks)):
            break
        if deadly and epoch == 5:
            os.kill(os.getpid(), signal.SIGKILL)
    return Ended(order.trial_id, "COMPLETED", None, epochs, dict(order.values))


def train(order, report):
    global served
    served += 1
    deed, x = order.values["deed"], order.values["x"]
    print(f"trial {order.trial_id} does: {deed}", flush=True)
    with open(directory / "trained", "a") as trained:
        trained.write(f"{order.trial_id}\n")
    report(Epoch(order.trial_id, 1, 1, {"score": x}))
    if deed.startswith("long"):
        return long(order, report, deadly=deed == "long, die once" and once())
    if deed == "die" or (deed == "die once" and once()):
        print("last words", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if deed == "leave":
        raise SystemExit(3)
    if deed == "leave a child":
        subprocess.Popen(["sleep", "600", str(directory)])
    if deed == "nonsense" and once():
        os.write(int(os.environ["KZOO_WORKER_PIPES"].split(",")[1]), b'{"kind": "ended"}\n')
    if deed == "flood":
        os.write(int(os.environ["KZOO_WORKER_PIPES"].split(",")[1]), b"x" * 2**25)
    if deed == "grow":
        kept.append(b"x" * 2**26)
    if deed == "chatter":
        print("x" * 79 + "\n", end="" * 20000)
    if deed == "raise":
        return Ended(order.trial_id, "INVALID", "ValueError: does not work")
    if deed == "fatal":
        return Ended(order.trial_id, "FATAL", "nothing works")
    time.sleep({"hang": 600, "slow": 0.5}.get(deed, 0))
    metrics = {"score": float(deed) if deed in ("nan", "inf") else x, "worker": os.getpid(), "served": served}
    return Ended(order.trial_id, "COMPLETED", None, [metrics], dict(order.values))


serve(train)
