"""How an engine says that it does not take a call of `model.fit`."""

from __future__ import annotations


class Declined(Exception):  # noqa: N818 (it is an answer and no error)
    """An engine does not take a call of `model.fit`; the message says why."""
