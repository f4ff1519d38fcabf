"""What can be wrong with an export or a request to it."""


class ExportError(ValueError):
    """A model that cannot be exported, or an export that is not what it should be; the message says why."""


class RequestError(ValueError):
    """A request body that TensorFlow Serving would refuse; the message says why."""


def reason(error: BaseException) -> str:
    """The line of an error of TensorFlow's that says what was wrong; it puts headings before it and traces after it."""
    lines = (line.strip() for line in (getattr(error, "message", None) or str(error)).splitlines())
    return next((line for line in lines if line and line != "Graph execution error:"), type(error).__name__)
