"""What can go wrong between an export, its server and a client."""


class ServingError(RuntimeError):
    """Something about serving that can be mended; the message says how."""


class ServerUnreachable(ServingError):
    """No server answers at the address."""


class ModelNotFound(ServingError):
    """The server has no such model, version or label, or has not loaded it yet."""


class BadRequest(ServingError):
    """The server refuses a request: a wrong signature, input name, shape or dtype."""


class AccessDenied(ServingError):
    """The server, or the gateway before it, wants another token or certificate."""


class DeadlineExceeded(ServingError):
    """The answer did not come within the timeout."""
