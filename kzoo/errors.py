"""Errors that a user can mend, below all rooms that raise them."""


class DataError(ValueError):
    """Data that cannot be used as they are; the message says what to do about it."""
