"""What can be wrong with an export or a request to it."""


class ExportError(ValueError):
    """A model that cannot be exported, or an export that is not what it should be; the message says why."""


class RequestError(ValueError):
    """A request body that TensorFlow Serving would refuse; the message says why."""
