"""Python processes that begin in one that has imported TensorFlow already: four seconds less for each.

A forked process is as fresh as one that is started: its modules have been imported, and nothing has been run. The
process that forks it, `python forked_python.py SOCKET MODULE ...`, leaves it to the one that has asked for it, whose
child it is like any other. There are tests that start a gate, a worker and a server as users' are started.
"""

import ctypes
import fcntl
import gc
import importlib
import inspect
import json
import os
import runpy
import socket
import subprocess
import sys
import threading
import types
from pathlib import Path

MODULES = {
    # A gate and an embedded server go without Keras.
    "export": ("kzoo.export.gate.process", "kzoo.serving.embedded.run"),
    "search": ("tensorflow", "keras_tuner", "kzoo.cli.app", "kzoo.cli.own_model", "kzoo.cli.worker", "tuners.search"),
}
WITHOUT_KERAS = ("kzoo.export.gate.process", "kzoo.serving.embedded")
SET_CHILD_SUBREAPER = 36


class ForkedPopen(subprocess.Popen):
    """A `subprocess.Popen` whose Python is forked."""

    def _execute_child(self, *arguments):
        given = inspect.signature(super()._execute_child).bind(*arguments).arguments
        python, *command = map(os.fspath, given["args"])
        if python != sys.executable:
            super()._execute_child(*arguments)
            return
        ends = (given["p2cread"], given["c2pwrite"], given["errwrite"])
        files = {number: number if end == -1 else end for number, end in enumerate(ends)}
        files |= {number: number for number in given["pass_fds"]}
        request = {
            "command": command,
            "environment": dict(given["env"] or os.environ),
            "directory": os.fspath(given["cwd"] or os.getcwd()),
            "files": list(files),
            "session": given["start_new_session"],
        }
        forks = Forks.of("export" if any(each in command for each in WITHOUT_KERAS) else "search")
        self.pid = forks.fork(request, list(files.values()))
        self._child_created = True
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(given[name] for name in pipes))


def run(command, **options):
    """`subprocess.run` of a Python that is forked."""
    capture, timeout = options.pop("capture_output", False), options.pop("timeout", None)
    check, pipe = options.pop("check", False), subprocess.PIPE if capture else None
    with ForkedPopen(command, stdout=pipe, stderr=pipe, **options) as process:
        try:
            said = process.communicate(timeout=timeout)
        finally:
            process.kill()
    done = subprocess.CompletedProcess(command, process.returncode, *said)
    if check:
        done.check_returncode()
    return done


class Forks:
    """The process that forks.

    Args:
        modules: What it imports first.
    """

    started: "dict[str, Forks]" = {}

    @classmethod
    def of(cls, kind):
        """The one that has imported `MODULES` of a kind."""
        if kind not in cls.started:
            cls.started[kind] = cls(MODULES[kind])
        return cls.started[kind]

    @classmethod
    def close(cls):
        """End all."""
        while cls.started:
            _, forks = cls.started.popitem()
            forks.channel.close()
            forks.process.wait()

    def __init__(self, modules):
        self._lock = threading.Lock()
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", __file__, str(theirs.fileno()), *modules]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        given = {"stdin": subprocess.DEVNULL, "pass_fds": [theirs.fileno()], "env": environment}
        self.process = subprocess.Popen(command, **given)
        theirs.close()

    def fork(self, request, files):
        """Fork a process with these files; its id."""
        with self._lock:
            # What ends between the two leaves its child to this process.
            _adopt_orphans(True)
            try:
                socket.send_fds(self.channel, [json.dumps(request).encode()], files)
                return int(self.channel.recv(100))
            finally:
                _adopt_orphans(False)


def _adopt_orphans(whether):
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(SET_CHILD_SUBREAPER, int(whether), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def serve(channel):
    """Fork a process for each request that comes: its request and files there, None when no more will come."""
    while True:
        message, files, _, _ = socket.recv_fds(channel, 1 << 17, 64)
        if not message:
            return None
        told, telling = os.pipe()
        between = os.fork()
        if not between:
            process = os.fork()
            if process:
                os.write(telling, str(process).encode())
                os._exit(0)
            os.close(told)
            os.close(telling)
            channel.close()
            return json.loads(message), files
        os.waitpid(between, 0)
        for file in (*files, telling):
            os.close(file)
        channel.send(os.read(told, 100))
        os.close(told)


def become(request, files):
    """Take the files, the environment and the place that were asked for."""
    free = max(request["files"]) + 1
    high = [fcntl.fcntl(each, fcntl.F_DUPFD, free) for each in files]
    for each in files:
        os.close(each)
    for file, place in zip(high, request["files"], strict=True):
        os.dup2(file, place)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    if request["session"]:
        os.setsid()


def do(command):
    """What `python COMMAND` does."""
    safe = command[0] == "-P"
    first, *rest = command[safe:]
    what, arguments = (rest[0], rest[1:]) if first in ("-c", "-m") else (first, rest)
    if not safe:
        sys.path.insert(0, {"-c": "", "-m": os.getcwd()}.get(first, str(Path(what).parent)))
    sys.argv = ["-c" if first == "-c" else what, *arguments]
    if first == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if first != "-c":
        main.__file__ = what
    text = what if first == "-c" else Path(what).read_text(encoding="utf-8")
    exec(compile(text, "<string>" if first == "-c" else what, "exec"), vars(main))


if __name__ == "__main__":
    for name in sys.argv[2:]:
        importlib.import_module(name)
    # Collections in the forked ones, of which there is one at their end, pass over it.
    gc.freeze()
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is not None:
        become(*asked)
        do(asked[0]["command"])
