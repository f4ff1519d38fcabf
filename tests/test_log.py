"""What a search tells is seen without configuration, and once."""

import io
import logging
import sys

import pytest

from tuners.log import get_logger

LOG = get_logger("tuners.somewhere")


@pytest.fixture
def root():
    """The root logger as an application has it that has configured nothing."""
    logger = logging.getLogger()
    before, logger.handlers = logger.handlers, []
    yield logger
    logger.handlers = before


def test_lines_are_seen_where_nothing_is_configured(root, capsys):
    LOG.info("Trial 1 of 2: 100 %s")
    LOG.error("It has failed.")
    assert capsys.readouterr() == ("Trial 1 of 2: 100 %s\n", "It has failed.\n")


def test_a_line_that_the_application_shows_is_not_shown_twice(root, capsys):
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s:%(name)s:%(message)s"))
    root.addHandler(handler)
    LOG.info("Trial 1")
    assert capsys.readouterr() == ("", "INFO:tuners.somewhere:Trial 1\n")
    handler.setLevel(logging.WARNING)
    LOG.info("Trial 2")
    assert capsys.readouterr() == ("Trial 2\n", "")


def test_a_log_file_has_the_records_and_the_terminal_the_lines(root, capsys):
    written = io.StringIO()
    root.addHandler(logging.StreamHandler(written))
    LOG.info("Trial 1")
    assert capsys.readouterr().out == written.getvalue() == "Trial 1\n"


def test_an_application_can_silence_the_library(root, capsys):
    library = logging.getLogger("tuners")
    before = library.level
    library.setLevel(logging.WARNING)
    try:
        LOG.info("Trial 1")
    finally:
        library.setLevel(before)
    assert capsys.readouterr() == ("", "")


def test_there_is_one_handler_however_often_it_is_asked_for():
    get_logger("tuners.elsewhere")
    assert len(logging.getLogger("tuners").handlers) == 1
