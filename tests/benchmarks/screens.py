"""What the first second of a search shows, and the rest, at several widths: to be looked at.

    python tests/benchmarks/screens.py [--widths 60,80,140] -- search mlp --data digits --trials 4 --epochs 2

Each run has a directory of its own. After the screen stands when its first line and its last one came.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def screen(arguments: list[str], width: int, **environment: str) -> tuple[str, list[float]]:
    """What a command writes to a terminal of a width, and when each piece of it came, in seconds."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    began, pieces, times = time.monotonic(), [], []
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "kzoo", *arguments]
        env = {**os.environ, "TERM": "xterm", **environment}
        process = subprocess.Popen(command, stdout=child, stderr=child, stdin=child, cwd=directory, env=env)
        os.close(child)
        while True:
            try:
                piece = os.read(parent, 65536)
            except OSError:  # The other end is closed.
                break
            if not piece:
                break
            pieces.append(piece)
            times.append(time.monotonic() - began)
        process.wait()
    os.close(parent)
    return b"".join(pieces).decode(errors="replace"), times


def settled(text: str) -> str:
    """The lines that stay: what a bar has drawn and wiped out again is left out."""
    lines = [line.rpartition("\r")[2].rstrip() for line in CODES.sub("", text).replace("\r\n", "\n").split("\n")]
    return "\n".join(line for line in lines if not re.match(r"(trials|epochs|worker \d+) +[━╸╺]|[⠀-⣿] ", line))


def main() -> None:
    """Run the command at each width."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", default="60,80,140")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    for width in map(int, options.widths.split(",")):
        text, times = screen(options.command, width)
        shown = settled(text)
        longest = max(map(len, shown.splitlines()), default=0)
        print(f"{'=' * width}\n{shown}\n{'-' * width}")
        print(f"width {width}: the longest line has {longest}; first after {times[0]:.2f} s, last {times[-1]:.2f} s")


if __name__ == "__main__":
    main()
