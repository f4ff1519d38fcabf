"""The REST API: requests to a model, its status and its metadata, at the addresses of the real server.

Where it differs, on purpose, besides what `rest_api` lists:

- Clients are kept within limits (`limits`), with the statuses 408, 413 and 503, and within names (`application`), with
  403. A packed body that is too large is told so; to the real server it is empty from 100 MB on.
- A request for a model that is not there is looked at only as far as its body is JSON at all.
- Requests for names that are not served are counted together, under the name "".
- What stands on the pages with the statuses 404 and 501 is shorter than libevent's.

References:
    `tensorflow_serving/model_servers/http_rest_api_handler.cc, HttpRestApiHandler::ProcessRequest` and
    `tensorflow_serving/model_servers/http_server.cc, RestApiRequestDispatcher::ProcessRequest`
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kzoo.export.errors import RequestError
from kzoo.export.inference import rest_api
from kzoo.export.inference.answer_json import error_body
from kzoo.export.inference.request_json import parse_body
from kzoo.serving.embedded.addresses import API, Address, parse
from kzoo.serving.embedded.limits import Refused, unpacked
from kzoo.serving.embedded.service import Service, json_response
from kzoo.serving.embedded.states import VersionState
from kzoo.serving.embedded.status import StatusError

HTTP_METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH")
"""Methods that the real server lets through (`EvHTTPServer::Initialize`)."""
_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n"
_WEB = re.compile(r"https?://")


async def answer(service: Service, request: Request) -> Response:
    """Answer a request at `/v1/`, or at an address where there is nothing.

    Raises:
        Refused: It is too large or too slow, or too many wait.
    """
    target = _target(request)
    if request.method not in HTTP_METHODS:
        return HTMLResponse(_PAGE.format("501 Not Implemented"), 501)
    if not API.fullmatch(target):
        return HTMLResponse(_PAGE.format("404 Not Found"), 404)
    body = await service.bodies.read(request)
    began, address = time.monotonic(), Address("")
    status: int | str = "UNKNOWN"
    try:
        if request.method == "OPTIONS":
            response = _preflight(request)
        else:
            address = parse(request.method, target)
            response = await _model(service, address, request, body)
        status = response.status_code
        return response
    except Refused as refused:
        status = refused.status
        raise
    except StatusError as error:
        status = error.code
        return json_response(error_body(error.message), error.http_status)
    finally:
        service.bodies.release(len(body))
        service.record(address.name, address.method, status, time.monotonic() - began)


def _target(request: Request) -> str:
    """Path and query as they came, which is what the real server looks at."""
    query = request.scope["query_string"]
    target: bytes = request.scope["raw_path"] + (b"?" + query if query else b"")
    return target.decode("latin-1")


def _preflight(request: Request) -> Response:
    # Without --enable_cors_support, and kzoo starts no server with it, a preflight is answered and allows nothing.
    return Response(status_code=200 if _WEB.search(request.headers.get("origin", "")) else 400)


async def _model(service: Service, address: Address, request: Request, body: bytes) -> Response:
    if request.method == "POST":
        encoding = request.headers.get("content-encoding", "")
        answered = await service.workers.run(_respond, service, address, body, encoding)
        return json_response(answered.body, answered.status)
    if not address.name:
        raise StatusError("INVALID_ARGUMENT", "Missing model name in request.")
    if address.part:
        return json_response(await service.aside(_metadata, service, address))
    return json_response(status_json(service.core.status(address.name, address.version)))


def _respond(service: Service, address: Address, body: bytes, encoding: str) -> rest_api.Response:
    plain = unpacked(body, encoding, service.limits.body_bytes)
    try:
        with service.core.lease(address.name, address.version, address.label) as runner:
            return rest_api.respond(runner, address.method, plain)
    except StatusError:
        # The body is parsed before the model is looked for.
        try:
            parse_body(plain)
        except RequestError as error:
            return rest_api.Response(error.status, error_body(str(error)))
        raise


def _metadata(service: Service, address: Address) -> bytes:
    lease = service.core.lease(address.name, address.version, address.label)
    with lease as runner:
        return rest_api.metadata(runner, address.name, lease.version)


def status_json(states: Sequence[VersionState]) -> bytes:
    """States of versions as `GetModelStatusResponse` is written (`http_rest_api_util.cc, ToJsonString`)."""
    versions = [
        {
            "version": str(each.version),
            "state": each.state,
            "status": {"error_code": each.code, "error_message": each.message},
        }
        for each in states
    ]
    return (json.dumps({"model_version_status": versions}, indent=1, ensure_ascii=False) + "\n").encode()
