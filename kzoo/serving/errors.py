"""What can go wrong with a server."""


class ServingError(RuntimeError):
    """A server that cannot be started or asked; the message says why and what to do."""
