"""The application: which address is answered by what."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from kzoo.export.errors import RequestError
from kzoo.serving.embedded import rest
from kzoo.serving.embedded.inference_protocol import infer, model_metadata
from kzoo.serving.embedded.limits import Refused, unpacked
from kzoo.serving.embedded.page import POLICY, page
from kzoo.serving.embedded.protocol_tensors import EXTENSION, HEADER
from kzoo.serving.embedded.service import SERVER, Service, json_response, refusal
from kzoo.serving.embedded.status import StatusError
from kzoo.version import __version__

METRICS = "/monitoring/prometheus/metrics"
GET = ("GET", "HEAD")
ANY_METHOD = [*rest.HTTP_METHODS, "TRACE", "CONNECT"]
_PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

Answering = Callable[[Service, Request], Awaitable[Response]]


def application(service: Service, hosts: Collection[str] | None = None) -> Starlette:
    """The ASGI application of a server.

    Args:
        service: Its models, threads, limits and counts.
        hosts: Names that it may be asked by, or None for any. A page of the web can give its own name the address of
            this machine, and would be let read what answers there (DNS rebinding).
    """

    def route(path: str, answering: Answering, *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            if request.method not in methods:
                allowed = ", ".join(methods)
                return json_response({"error": f"{path} takes {allowed}."}, 405, {"Allow": allowed})
            if hosts is not None and (asked := _asked_host(request)) not in hosts:
                told = f"This server is asked as {' or '.join(filter(None, hosts))}, not {asked!r}."
                return json_response({"error": told}, 403, {"Connection": "close"})
            try:
                return await answering(service, request)
            except Refused as refused:
                return refusal(refused)
            except StatusError as error:
                return json_response({"error": error.message}, error.http_status)
            except RequestError as error:
                return json_response({"error": str(error)}, 400)
            except ClientDisconnect:
                return Response(status_code=400)

        return Route(path, endpoint, methods=ANY_METHOD)

    models = [f"/v2/models/{{name}}{version}" for version in ("", "/versions/{version}")]
    routes = [
        route("/", _page, *GET),
        route(METRICS, _metrics, *rest.HTTP_METHODS),
        route("/v2", _server_metadata, *GET),
        route("/v2/health/live", _live, *GET),
        route("/v2/health/ready", _ready, *GET),
        *(route(path, _model_metadata, *GET) for path in models),
        *(route(f"{path}/ready", _model_ready, *GET) for path in models),
        *(route(f"{path}/infer", _infer, "POST") for path in models),
        route("/{path:path}", rest.answer, *ANY_METHOD),
    ]
    return Starlette(routes=routes)


def _asked_host(request: Request) -> str:
    """The name or address that a client has asked, without its port; "" where it says none, as HTTP/1.0 may."""
    host = request.headers.get("host", "").lower()
    return host.partition("]")[0][1:] or host if host.startswith("[") else host.partition(":")[0]


async def _page(service: Service, request: Request) -> Response:
    def made() -> str:
        (name,) = service.core.names
        with service.core.lease(name) as runner:
            return page(runner, name, SERVER)

    return HTMLResponse(await service.aside(made), headers=_PAGE_HEADERS)


async def _metrics(service: Service, request: Request) -> Response:
    if request.url.query:
        # As `http_server.cc, ProcessPrometheusRequest`.
        told = f"Unexpected path: {request.url.path}?{request.url.query}. Should be {METRICS}"
        return PlainTextResponse(told, 400)
    return PlainTextResponse(service.metrics.page())


async def _server_metadata(service: Service, request: Request) -> Response:
    return json_response({"name": SERVER.partition("/")[0], "version": __version__, "extensions": [EXTENSION]})


async def _live(service: Service, request: Request) -> Response:
    return json_response({"live": True})


async def _ready(service: Service, request: Request) -> Response:
    ready = all(service.available(name) for name in service.core.names)
    return json_response({"ready": ready}, 200 if ready else 503)


async def _model_ready(service: Service, request: Request) -> Response:
    name, version = _asked(request)
    available = service.available(name)
    ready = bool(available) if version is None else version in available
    return json_response({"name": name, "ready": ready}, 200 if ready else 503)


async def _model_metadata(service: Service, request: Request) -> Response:
    name, version = _asked(request)
    with service.core.lease(name, version) as runner:
        return json_response(model_metadata(runner, name, service.available(name)))


async def _infer(service: Service, request: Request) -> Response:
    name, version = _asked(request)
    body = await service.bodies.read(request)
    began, status = time.monotonic(), 400
    given = request.headers.get(HEADER, "")
    length = int(given[:20]) if given.isascii() and given.isdigit() else None

    def respond() -> Response:
        plain = unpacked(body, request.headers.get("content-encoding", ""), service.limits.body_bytes)
        with service.core.lease(name, version) as runner:
            answer = infer(runner, name, plain, length)
        if answer.json_bytes is None:
            return json_response(answer.body)
        headers = {HEADER: str(answer.json_bytes)}
        return Response(answer.body, 200, headers, media_type="application/octet-stream")

    try:
        response = await service.workers.run(respond)
        status = response.status_code
        return response
    except StatusError as error:
        status = error.http_status
        raise
    except Refused as refused:
        status = refused.status
        raise
    finally:
        service.bodies.release(len(body))
        service.record(name, "infer", status, time.monotonic() - began)


def _asked(request: Request) -> tuple[str, int | None]:
    """Name and version of a model in an address."""
    name, version = request.path_params["name"], request.path_params.get("version")
    if version is not None and not (version.isascii() and version.isdigit() and len(version) < 19):
        raise StatusError("NOT_FOUND", f"There is no version {version} of {name}; versions are numbers.")
    return name, None if version is None else int(version)
