"""A worker as its parent sees it: a process that is sent trials and answers with lines."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from tuners.parallel.worker import CORES

LAST_OUTPUT = 4000
"""Bytes of a dead worker's last words that are kept."""


class WorkerProcess:
    """One worker.

    Args:
        number: Its number, from 0.
        command: What starts it.
        cores: Cores that it may use.
    """

    def __init__(self, number: int, command: Sequence[str], cores: Sequence[int]) -> None:
        self.name = f"worker{number}"
        self.number, self.command, self.cores = number, command, cores
        self.trial: Any = None
        self.since = 0.0
        self.ready = False
        self._log = tempfile.TemporaryFile()
        threads = str(len(cores))
        environment = {
            **os.environ,
            CORES: ",".join(map(str, cores)),
            "OMP_NUM_THREADS": threads,
            "TF_NUM_INTRAOP_THREADS": threads,
            "TF_NUM_INTEROP_THREADS": threads,
        }
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            # Ctrl-C in the terminal is for the parent, which lets workers finish their trials.
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout
        os.set_blocking(self.output.fileno(), False)
        self._rest = b""

    def send(self, trial: Any) -> None:
        """Have it train a trial; a worker that has died meanwhile is found out when its output ends."""
        self.trial, self.since = trial, time.monotonic()
        request = {"trial_id": trial.trial_id, "values": trial.hyperparameters.values}
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()

    def messages(self) -> tuple[list[dict[str, Any]], bool]:
        """What it has said since it was last asked, and whether it has ended."""
        content, ended = b"", False
        while True:
            chunk = self.output.read(1 << 16)
            if chunk is None:
                break
            if not chunk:
                ended = True
                break
            content += chunk
        *lines, self._rest = (self._rest + content).split(b"\n")
        return [json.loads(line) for line in lines], ended

    def last_words(self) -> str:
        """The end of what it wrote to standard error, and how it ended."""
        code = self.process.wait()
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - LAST_OUTPUT))
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"{self._log.read().decode(errors='replace').strip()}\nThe worker process ended with {how}."

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Let it go; it ends when its input does."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self.process.kill()
        self.process.wait()
        self._log.close()


def shares(cores: Sequence[int], workers: int) -> list[list[int]]:
    """Cores for each worker: parted evenly, or one in turn where there are more workers than cores."""
    if workers >= len(cores):
        return [[cores[number % len(cores)]] for number in range(workers)]
    return [list(cores[number::workers]) for number in range(workers)]
