"""What the server says of a request or a version that failed: a canonical status code and a message."""

from __future__ import annotations

HTTP_STATUS = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}
"""HTTP status by code, as `tensorflow_serving/model_servers/http_server.cc, ToHTTPStatusCode` has them."""


class StatusError(Exception):
    """Something that the server refuses or cannot do.

    Args:
        code: A canonical code of gRPC's, such as "NOT_FOUND".
        message: What the server says.

    Attributes:
        code: The same.
        message: The same.
        http_status: What it is over REST.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.http_status = code, message, HTTP_STATUS[code]


class NotFound(StatusError):
    """There is no such model or version, or it is not loaded."""

    def __init__(self, message: str) -> None:
        super().__init__("NOT_FOUND", message)
