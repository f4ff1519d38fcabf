"""Processes of the gate that begin in one that has imported TensorFlow already: three seconds less for each.

A forked process is as fresh as one that is started: TensorFlow has been imported, and nothing has been run. The process
that is forked is started once, as `python forked_gates.py SOCKET`. `tests/export/test_exporter.py` has a gate that is
started as users' are.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback


def serve(channel):
    """Fork a process for each request that comes, until the channel is closed."""
    from kzoo.export.gate.process import main

    while True:
        message, files, _, _ = socket.recv_fds(channel, 1 << 16, 2)
        if not message:
            return
        asked = json.loads(message)
        if "wait" in asked:
            channel.send(json.dumps(os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1])).encode())
            continue
        process = os.fork()
        if not process:
            channel.close()
            _run(main, asked, files)
        for file in files:
            os.close(file)
        channel.send(json.dumps(process).encode())


def _run(main, asked, files):
    status = 1
    try:
        for file, place in zip((files[0], os.open(os.devnull, os.O_WRONLY), files[1]), range(3), strict=True):
            os.dup2(file, place)
            os.close(file)
        os.environ.clear()
        os.environ.update(asked["environment"])
        main(asked["directory"], asked["scratch"])
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


class Gates:
    """Starts processes as `kzoo.export.gate.gate.start_process` does."""

    def __init__(self):
        self._channel = self._process = None
        self._lock = threading.Lock()

    def start(self, directory, scratch, environment):
        with self._lock:
            return self._start(directory, scratch, environment)

    def _start(self, directory, scratch, environment):
        if self._process is None:
            self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            command = [sys.executable, "-P", __file__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()])
            theirs.close()
        inputs, remarks = os.pipe(), os.pipe()
        request = {"directory": str(directory), "scratch": str(scratch), "environment": environment}
        socket.send_fds(self._channel, [json.dumps(request).encode()], [inputs[0], remarks[1]])
        os.close(inputs[0])
        os.close(remarks[1])
        return Started(self, int(self._channel.recv(100)), inputs[1], remarks[0])

    def status(self, process):
        with self._lock:
            self._channel.send(json.dumps({"wait": process}).encode())
            return int(self._channel.recv(100))

    def close(self):
        if self._process is not None:
            self._channel.close()
            self._process.wait()


class Started:
    """What the gate uses of `subprocess.Popen`."""

    returncode = None

    def __init__(self, gates, process, stdin, stderr):
        self._gates, self._process, self._stdin, self._stderr = gates, process, stdin, stderr

    def communicate(self, text="", timeout=None):
        if self.returncode is not None:
            return None, ""
        if self._stdin is not None:
            # Once: after a timeout the gate asks again for what was said.
            with contextlib.suppress(BrokenPipeError):
                os.write(self._stdin, text.encode())
            os.close(self._stdin)
            self._stdin = None
        said, deadline = b"", time.monotonic() + (timeout or 60)
        while True:
            if not select.select([self._stderr], [], [], max(0, deadline - time.monotonic()))[0]:
                raise subprocess.TimeoutExpired("the gate", timeout)
            part = os.read(self._stderr, 1 << 16)
            if not part:
                break
            said += part
        os.close(self._stderr)
        self.returncode = self._gates.status(self._process)
        return None, said.decode()

    def kill(self):
        if self.returncode is None:
            os.kill(self._process, signal.SIGKILL)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
