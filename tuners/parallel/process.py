"""A worker as its parent sees it: a process with a pipe for orders, one for answers and one for what it prints."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence

from tuners.parallel.messages import LIMIT, Decision, Message, MessageError, Order, decode, encode
from tuners.parallel.shares import Share
from tuners.parallel.worker_pipe import PIPES

LAST_OUTPUT = 4000
"""Bytes of a worker's last output that are kept."""

CHUNK = 2**20


class WorkerProcess:
    """One worker process.

    Args:
        command: What starts it.
        share: Its part of the machine.

    Attributes:
        since: When it was started or was given its trial, in monotonic seconds.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(self, command: Sequence[str], share: Share) -> None:
        self.since = time.monotonic()
        self.ready = False
        self.served = 0
        self.first_memory = 0
        self.silent = False
        self._rest, self._tail = bytearray(), b""
        orders, self._orders = os.pipe()
        self.answers, answers = os.pipe()
        try:
            self._process = subprocess.Popen(
                command,
                # A trial that asks a question gets no answer instead of the parent's terminal.
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, **share.environment, PIPES: f"{orders},{answers}"},
                pass_fds=(orders, answers),
                # Ctrl-C in the terminal is for the parent, which lets workers finish their trials.
                start_new_session=True,
            )
        except OSError:
            os.close(self._orders)
            os.close(self.answers)
            raise
        finally:
            os.close(orders)
            os.close(answers)
        assert self._process.stdout is not None
        self.printed = self._process.stdout.fileno()
        os.set_blocking(self.answers, False)
        os.set_blocking(self.printed, False)

    def send(self, message: Order | Decision) -> None:
        """Tell it something; that a worker has died is noticed when its answers end."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._orders, encode(message))

    def messages(self) -> list[Message]:
        """What it has answered since it was last asked; `silent` is true when no more will come.

        Raises:
            MessageError: It has sent something that is not a message.
        """
        content = _read(self.answers)
        self.silent = content == b""
        self._rest += content or b""
        if len(self._rest) > LIMIT + CHUNK:
            raise MessageError(f"sent a message of more than {LIMIT} bytes")
        if not content or b"\n" not in content:
            return []
        *lines, self._rest = self._rest.split(b"\n")
        return [decode(bytes(line)) for line in lines]

    def take_output(self) -> bool:
        """Read what it has printed and keep the end of it; whether there was any."""
        content = _read(self.printed) or b""
        self._tail = (self._tail + content)[-LAST_OUTPUT:]
        return bool(content)

    def has_ended(self, patience: float = 0.0) -> bool:
        """Whether the process has ended, or ends within this many seconds."""
        # `close` reaps it, so that its process group keeps its id until then.
        deadline = time.monotonic() + patience
        while os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        return True

    def memory_growth(self) -> int:
        """Bytes by which its resident memory has grown since its first trial; 0 where the system does not say."""
        try:
            with open(f"/proc/{self._process.pid}/statm", encoding="ascii") as file:
                memory = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0
        self.first_memory = self.first_memory or memory
        return memory - self.first_memory

    def last_words(self) -> str:
        """The end of what it has printed."""
        while self.take_output():
            pass
        return self._tail.decode(errors="replace").strip()

    def close(self) -> str:
        """End it, with whatever it has started, and say how it ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        words = self.last_words()
        for descriptor in (self._orders, self.answers):
            os.close(descriptor)
        assert self._process.stdout is not None
        self._process.stdout.close()
        how = f"by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"with exit code {code}"
        return f"{words}\nThe worker process was ended {how}.".strip()


def _read(descriptor: int) -> bytes | None:
    """What has come: b"" at the end of the stream, None where nothing has come yet."""
    try:
        return os.read(descriptor, CHUNK)
    except BlockingIOError:
        return None
