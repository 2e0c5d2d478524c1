"""The HTTP server, and the way of each request: caller, faults, authorization, service, record of calls."""

import io
import logging
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.iam import requests
from sagemaker_gitops.local.iam.authorizer import Authorizer
from sagemaker_gitops.local.iam.policy import Access
from sagemaker_gitops.local.iam.requests import Identity
from sagemaker_gitops.local.server import protocols
from sagemaker_gitops.local.server.calls import Calls, Recorded
from sagemaker_gitops.local.server.clients import ACCOUNT_HEADER, INTERNAL_HEADER
from sagemaker_gitops.local.server.context import Caller, Document, Place, Refusal, unsupported
from sagemaker_gitops.local.server.control_api import CONTROL_PATH
from sagemaker_gitops.local.server.faults import Faults
from sagemaker_gitops.local.server.moto_rules import MotoRules
from sagemaker_gitops.local.server.persistence import PersistentMoto
from sagemaker_gitops.local.server.protocols import Signature, signature
from sagemaker_gitops.local.server.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ACCOUNT_KEY = f"HTTP_{ACCOUNT_HEADER.upper().replace('-', '_')}"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Middleware:
    """What each request passes: identity, authorization, AWS's rules beyond moto's, faults, the record of calls."""

    identity: Identity
    authorizer: Authorizer
    rules: MotoRules
    faults: Faults
    calls: Calls


class Gateway:
    """A WSGI application: the embedded AWS's services, and moto for the rest."""

    def __init__(self, services: list[Service], *, moto: PersistentMoto, middleware: Middleware, token: str) -> None:
        self._services = services
        self._moto = moto
        self._identity = middleware.identity
        self._authorizer = middleware.authorizer
        self._rules = middleware.rules
        self._faults = middleware.faults
        self._calls = middleware.calls
        self._token = token

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        """Answer one request."""
        request = Request(environ)
        # Read as bytes first: parsing a form would consume the body.
        request.get_data()
        # The embedded AWS's own calls, and the switches of faults, are neither hit by faults nor recorded.
        internal = request.headers.get(INTERNAL_HEADER) == self._token or request.path.startswith(CONTROL_PATH)
        way = _Way(request=request, signed=signature(request), internal=internal)
        return self._answer(way)(environ, start_response)

    def _answer(self, way: "_Way") -> Response:
        """Whatever fails on the way is an answer, and a line in the record."""
        try:
            response = self._carry_out(way)
        except Refusal as refusal:
            response = protocols.error_response(way.request, refusal, way.service)
        except Exception as problem:  # noqa: BLE001 - the client gets an answer, whatever broke here or in moto
            _LOG.exception("%s of %s failed", way.operation, way.service)
            broken = Refusal("InternalFailure", f"{type(problem).__name__}: {problem}", status=500)
            response = protocols.error_response(way.request, broken, way.service)
        if not way.internal:
            call = Recorded(service=way.service, operation=way.operation, params=way.params, needed=way.needed)
            self._calls.record(way.caller, call, status=response.status_code)
        return response

    def _carry_out(self, way: "_Way") -> Response:
        request, signed = way.request, way.signed
        if not way.internal:
            way.caller = self._identity.caller(request)
        for service in self._services:
            operation = service.operation(request, signed)
            if operation is not None:
                way.service, way.operation = service.name, operation
                return self._answer_service(service, way)
        way.operation = protocols.operation_name(request)
        if signed.service.startswith("sagemaker"):
            raise unsupported(f"{request.method} {request.path} of SageMaker")
        if signed.service == "iam":
            self._authorizer.forget()
        return self._answer_internal(way) if way.internal else self._answer_moto(way)

    def _answer_service(self, service: Service, way: "_Way") -> Response:
        if way.internal:
            way.caller = self._identity.caller(way.request)
            return service.answer(way.caller, way.operation, service.params(way.request, way.operation))
        self._faults.apply(service.name, way.operation)
        way.params = service.params(way.request, way.operation)
        way.needed = self._authorizer.check(way.caller, service.name, way.operation, way.params)
        response = service.answer(way.caller, way.operation, dict(way.params))
        return self._faults.with_stale(way.operation, (way.caller.place, way.params), response)

    def _answer_internal(self, way: "_Way") -> Response:
        place = Place(account=way.request.headers[ACCOUNT_HEADER], region=way.signed.region)
        self._rules.check(way.request, way.signed, place)
        return self._moto.call(way.request)

    def _answer_moto(self, way: "_Way") -> Response:
        request, signed, caller = way.request, way.signed, way.caller
        action, params = requests.asked(request, signed)
        self._faults.apply(signed.service, way.operation)
        way.needed = self._authorizer.check(caller, signed.service, action, params)
        self._rules.check(request, signed, caller.place)
        # Otherwise moto would put unknown keys into an account of its own choice.
        request.environ[_ACCOUNT_KEY] = caller.place.account
        response = self._moto.call(request)
        if response.status_code == HTTPStatus.NOT_FOUND:
            way.needed = [*way.needed, *self._authorizer.check_missing(caller, signed.service, params)]
        return response


@dataclass(kw_only=True)
class _Way:
    """A request on its way, with what is known of it so far: the record tells that much even when it fails."""

    request: Request
    signed: Signature
    internal: bool
    caller: Caller = field(default=Caller(place=Place(account="", region=""), arn=""))
    service: str = ""
    operation: str = ""
    params: Document = field(default_factory=dict)
    needed: list[Access] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.service = self.signed.service


HOST = "127.0.0.1"
_POLL_SECONDS = 0.05


class KeepAliveHandler(MotoRequestHandler):
    """Reads each request to its end before it is answered, so that the next may follow on the connection.

    Werkzeug closes every connection because an application may leave a body unread. A client that
    sends hundreds of invocations a second would spend its time on connecting.
    """

    protocol_version = "HTTP/1.1"
    # Headers and body leave in two writes: without this the second waits for the client's ACK.
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request and keep the connection."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.environ = environ = self.make_environ()
        body = Request(environ, populate_request=False).get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        response = Response.from_app(self.server.app, environ, buffered=True)
        self._send(response)

    def _send(self, response: Response) -> None:
        content = b"" if self.command == "HEAD" else response.get_data()
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            if name.lower() not in {"connection", "transfer-encoding"}:
                self.send_header(name, value)
        if "Content-Length" not in response.headers and response.status_code not in {204, 304}:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing: every call is recorded in calls.jsonl."""


class Listener:
    """Binds first and answers later: services need the address before they exist."""

    def __init__(self, port: int) -> None:
        self._server = make_server(HOST, port, Response(status=503), threaded=True, request_handler=KeepAliveHandler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True, name="listener"
        )

    @property
    def url(self) -> str:
        """Return the address to reach it at."""
        return f"http://{HOST}:{self._server.port}"

    def serve(self, application: "WSGIApplication") -> None:
        """Answer requests from now on."""
        self._server.app = application
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
