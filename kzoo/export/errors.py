"""What can be wrong with an export or a request to it."""

import re


class ExportError(ValueError):
    """A model that cannot be exported, or an export that is not what it should be; the message says why."""


class AnswersDifferError(ExportError):
    """An export that answers in another way than its model."""


class RequestError(ValueError):
    """A request body that TensorFlow Serving would refuse; the message says why.

    Attributes:
        status: HTTP's status that the server answers with.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


_HEADINGS = ("Graph execution error:", "Exception encountered when calling")
_LONGEST = 500
_BOLD = re.compile("\x1b\\[[0-9;]*m")


def reason(error: BaseException) -> str:
    """The line of an error of TensorFlow's or Keras' that says what was wrong, of headings, traces and arguments."""
    text = _BOLD.sub("", str(getattr(error, "message", None) or error))
    lines = (line.strip() for line in text.splitlines())
    line = next((line for line in lines if line and not line.startswith(_HEADINGS)), type(error).__name__)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
