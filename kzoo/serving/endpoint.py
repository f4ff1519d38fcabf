"""Where a server or the gateway before it is, and how to get in."""

from __future__ import annotations

import dataclasses
import ssl
import urllib.parse
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """An address.

    Attributes:
        host: Name or address of the machine, an IPv6 address without its brackets.
        port: Port.
        path: What stands before the paths of the API, such as "/models-api"; empty where there is no gateway.
        tls: How the connection is encrypted, or None where it is not.
        headers: Headers of every request.
    """

    host: str
    port: int
    path: str = ""
    tls: ssl.SSLContext | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}{self.path}"


def endpoint(
    host: str,
    port: int,
    *,
    tls: bool | ssl.SSLContext = False,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
) -> Endpoint:
    """An address from what a user gives.

    Args:
        host: Name or address of the machine, or a URL, which then says all of it: "https://gateway/models-api".
        port: Port, where `host` is no URL.
        tls: Whether the connection is encrypted, by the certificates that this machine trusts, or a context.
        headers: Headers of every request.
        token: Bearer token of every request.

    Raises:
        ValueError: The URL is none, or a header has characters that do not go into one.
    """
    path = ""
    if "://" in host:
        url = urllib.parse.urlsplit(host)
        if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment or url.username:
            raise ValueError(f"{host!r} is not the URL of a server; expected https://HOST[:PORT][/PATH].")
        tls = tls or url.scheme == "https"
        host, port, path = url.hostname, url.port or (443 if tls else 80), url.path.rstrip("/")
    all_headers = dict(headers or {})
    if token is not None:
        all_headers["Authorization"] = f"Bearer {token}"
    for name, value in all_headers.items():
        if not (f"{name}{value}".isprintable() and f"{name}{value}".isascii()):
            raise ValueError(f"The header {name!r} has characters that do not go into a header.")
    context = ssl.create_default_context() if tls is True else tls or None
    return Endpoint(host.strip("[]"), port, path, context, all_headers)
