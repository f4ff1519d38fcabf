"""The page as one HTML file: style, script, drawing library and data are in it, and nothing else is loaded.

The scripts and the style are allowed by their digests, nothing else runs; what the study says is data in a block of
JSON, which the script puts into the page as text.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import importlib.resources
import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from tuners.insight.conclusions import Conclusions, conclude
from tuners.report.actions import in_a_script
from tuners.report.page.data import page_data
from tuners.report.plain import clean
from tuners.store.files import write_file

if TYPE_CHECKING:
    from tuners.report.plain import Command
    from tuners.study import Study

SCRIPTS = ("echarts.min.js", "charts.js", "page.js")


@functools.cache
def _part(name: str) -> str:
    return (importlib.resources.files(__package__) / name).read_text(encoding="utf-8")


@functools.cache
def _digest(name: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(_part(name).encode()).digest()).decode() + "'"


def policy(*, live: bool = False) -> str:
    """The Content-Security-Policy of the page: its own scripts and style by digest, and nothing from elsewhere.

    Args:
        live: Whether the page may ask its server for what is new.
    """
    scripts = " ".join(map(_digest, SCRIPTS))
    allowed = (
        f"default-src 'none'; script-src {scripts}; style-src {_digest('page.css')}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    return f"{allowed}; connect-src 'self'" if live else allowed


def page(
    study: Study,
    title: str = "Search",
    given: Mapping[str, Any] | None = None,
    command: Command = in_a_script,
    conclusions: Conclusions | None = None,
) -> str:
    """The page of a study as HTML that needs no other file.

    Args:
        study: The study; its search may still be running.
        title: What the page is called.
        given: What whoever ran the search knows, such as {"model": "mlp", "data": "digits"}; it stands first.
        command: Makes a command of an action of a finding; what to write into a script where not given.
        conclusions: What the study teaches, where that has been worked out already.
    """
    return document(page_data(title, study, conclusions or conclude(study), given or {}, command))


def document(shown: Mapping[str, Any]) -> str:
    """The page of data as HTML that needs no other file.

    Args:
        shown: What `tuners.report.page.data.page_data` gives; with "live", as `tuners.report.live` has it, the page
            asks for what is new.
    """
    # ASCII, and no end of the block in it, whatever the texts are.
    data = text_of(shown).replace("<", "\\u003c")
    return Template(_part("page.html")).substitute(
        # A directory's name may hold bytes that are no text.
        title=html.escape(shown["title"].encode(errors="replace").decode()),
        policy=html.escape(policy(live="live" in shown)),
        style=_part("page.css"),
        library=_part("echarts.min.js"),
        charts=_part("charts.js"),
        script=_part("page.js"),
        data=data,
    )


def text_of(shown: Mapping[str, Any]) -> str:
    """Data of the page as JSON."""
    return json.dumps(clean(shown), separators=(",", ":"), allow_nan=False)


def write_page(
    path: str | Path,
    study: Study,
    title: str = "Search",
    given: Mapping[str, Any] | None = None,
    command: Command = in_a_script,
    conclusions: Conclusions | None = None,
) -> None:
    """Write the page of a study, whole or not at all; see `page`.

    Raises:
        OSError: It cannot be written.
    """
    write_file(Path(path), page(study, title, given, command, conclusions).encode())
