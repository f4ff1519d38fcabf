"""Ctrl-C while trials run: the first lets them finish, the second stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


class Interrupt:
    """While this is entered, the first Ctrl-C sets `asked`; a second one raises `KeyboardInterrupt`.

    So the first one interrupts no record that is being written. Outside of the main thread nothing is changed.

    Args:
        told: Is called when the first one comes, in a thread of its own, in which it may print.
    """

    def __init__(self, told: Callable[[], None] | None = None) -> None:
        self.asked = False
        self._told = told
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if self._told is not None:
            # Not here: what is interrupted may be in the middle of printing.
            threading.Thread(target=self._told, daemon=True).start()
