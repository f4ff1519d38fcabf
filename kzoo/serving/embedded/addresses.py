"""Addresses of the REST API, taken apart as the real server does.

References:
    `tensorflow_serving/model_servers/http_rest_api_util.cc, ParseModelInfo`
"""

from __future__ import annotations

import dataclasses
import re
import urllib.parse

from kzoo.serving.embedded.status import StatusError

API = re.compile(r"(?i)/v1/.*", re.ASCII)
"""What is answered with a status and JSON; anything else is a page that is not there."""
_OF_MODEL = r"(?:(?:/versions/(?P<version>\d+))|(?:/labels/(?P<label>[^/:]+)))?"
_ADDRESSES = {
    "POST": re.compile(rf"(?i)/v1/models/(?P<name>[^/:]+){_OF_MODEL}:(?P<method>classify|regress|predict)", re.ASCII),
    "GET": re.compile(rf"(?i)/v1/models(?:/(?P<name>[^/:]+))?{_OF_MODEL}(?:/(?P<part>metadata))?", re.ASCII),
}
_LARGEST = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Address:
    """What a request is about.

    Attributes:
        name: Name of the model, or "".
        version: Number of a version, or None.
        label: Label of a version, or None.
        method: "predict", "classify" or "regress" of a POST, else "".
        part: "metadata" of a GET, or "".
    """

    name: str
    version: int | None = None
    label: str | None = None
    method: str = ""
    part: str = ""


def parse(http_method: str, target: str) -> Address:
    """Take an address apart.

    Args:
        http_method: "GET", "POST" or any other.
        target: Path and query as they came; a query becomes part of what it follows.

    Raises:
        StatusError: It is none of the API's.
    """
    pattern = _ADDRESSES.get(http_method)
    match = pattern.fullmatch(target) if pattern else None
    # A method is read in any letters too, but done in these only.
    found = match.groupdict("") if match else {}
    method = found.get("method", "")
    if not found or method != method.lower():
        raise StatusError("INVALID_ARGUMENT", f"Malformed request: {http_method} {target}")
    version = found["version"]
    # More digits than any number of 64 bits has are not made a number at all.
    if version and (len(version.lstrip("0")) > 19 or int(version) > _LARGEST):
        raise StatusError("INVALID_ARGUMENT", f"Failed to convert version: {version} to numeric.")
    return Address(
        name=_decoded(found["name"]),
        version=int(version) if version else None,
        label=_decoded(found["label"]) if found["label"] else None,
        method=method,
        # Known in these letters only; in others it asks for the status.
        part="metadata" if found.get("part") == "metadata" else "",
    )


def _decoded(text: str) -> str:
    return urllib.parse.unquote(text, errors="replace")
