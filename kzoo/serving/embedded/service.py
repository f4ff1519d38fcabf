"""What the protocols of the embedded server share: the versions, threads, limits and counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.responses import Response

from kzoo.serving.embedded.core import ServerCore
from kzoo.serving.embedded.limits import Bodies, Limits, Refused, Workers
from kzoo.serving.embedded.metrics import Metrics
from kzoo.serving.embedded.status import HTTP_STATUS
from kzoo.version import __version__

SERVER = f"kzoo-embedded/{__version__}"
"""What the server calls itself in every answer."""

Result = TypeVar("Result")
_CODES = {status: code for code, status in reversed(HTTP_STATUS.items())} | {400: "INVALID_ARGUMENT", 200: "OK"}


class Service:
    """Versions, threads, limits and counts of a server.

    Args:
        core: The versions; whoever made it starts and stops it.
        limits: What clients may ask.
    """

    def __init__(self, core: ServerCore, limits: Limits) -> None:
        self.core = core
        self.limits = limits
        self.metrics = Metrics()
        self.bodies = Bodies(limits)
        self.workers = Workers(limits)

    def available(self, name: str) -> list[int]:
        """Versions that answer, ascending.

        Raises:
            NotFound: There is no such model.
        """
        return sorted(each.version for each in self.core.status(name) if each.state == "AVAILABLE")

    async def aside(self, function: Callable[..., Result], *args: Any) -> Result:
        """Run something short beside the predictions, so that it does not wait behind them."""
        return await asyncio.to_thread(function, *args)

    def record(self, name: str, api: str, status: int | str, seconds: float) -> None:
        """Count a request; see `Metrics.record`.

        Args:
            name: Name of a model, served or not.
            api: What was asked of it.
            status: HTTP's status, or a name of one.
            seconds: How long it took.
        """
        known = name if name in self.core.names else ""
        self.metrics.record(known, api, status if isinstance(status, str) else _CODES.get(status, "UNKNOWN"), seconds)

    def stop(self) -> None:
        """Wait for the requests that run."""
        self.workers.stop()


def refusal(refused: Refused) -> Response:
    """The answer to a request that is not answered for what it costs; of the rest of its body nothing is read."""
    headers = {"Connection": "close"}
    if refused.retry_after is not None:
        headers["Retry-After"] = str(refused.retry_after)
    return json_response({"error": refused.reason}, refused.status, headers)


def json_response(
    content: bytes | dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """An answer in JSON: an object, or one that is written already."""
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode(errors="replace")
    return Response(body, status, headers, media_type="application/json")
