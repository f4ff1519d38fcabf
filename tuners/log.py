"""What the library tells people: records of the logger `tuners`, shown as lines where nothing else shows them."""

from __future__ import annotations

import logging
import sys

NAME = "tuners"


class LineHandler(logging.Handler):
    """Prints records as plain lines: on standard output, from warnings on upwards on standard error.

    Where an application has a handler that writes the record to the terminal already, nothing is printed.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        if not self._shown_elsewhere(record):
            print(record.getMessage(), file=sys.stderr if record.levelno >= logging.WARNING else sys.stdout, flush=True)

    def _shown_elsewhere(self, record: logging.LogRecord) -> bool:
        logger = logging.getLogger(NAME)
        others = [*logger.handlers, *(logging.getLogger().handlers if logger.propagate else ())]
        return any(
            record.levelno >= each.level and getattr(each, "stream", None) in (sys.stdout, sys.stderr)
            for each in others
            if each is not self
        )


def get_logger(name: str) -> logging.Logger:
    """The logger of a module, whose records are seen without any configuration.

    Args:
        name: `__name__` of the module.
    """
    library = logging.getLogger(NAME)
    if not any(isinstance(each, LineHandler) for each in library.handlers):
        library.addHandler(LineHandler())
        if library.level == logging.NOTSET:
            # Else the level of the root logger, which lets warnings pass only, would hold for what a search tells.
            library.setLevel(logging.INFO)
    return logging.getLogger(name)
