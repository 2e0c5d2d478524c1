"""The one door: who calls, which faults strike, which service answers, and a line in the record."""

import logging
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from pipeline.local import wire
from pipeline.local.calls import Calls
from pipeline.local.clients import ACCOUNT_HEADER, INTERNAL_HEADER
from pipeline.local.faults import Faults
from pipeline.local.fronts import Front
from pipeline.local.identity import Identity, Signature, signature
from pipeline.local.journal import Journal
from pipeline.local.place import Document
from pipeline.local.refusal import Refusal, unsupported
from pipeline.local.switches import SWITCHES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_ACCOUNT_KEY = f"HTTP_{ACCOUNT_HEADER.upper().replace('-', '_')}"
_LOG = logging.getLogger(__name__)


class Gateway:
    """A WSGI application: the plane's services, and moto for the rest."""

    def __init__(
        self,
        fronts: list[Front],
        *,
        moto: Journal,
        identity: Identity,
        faults: Faults,
        calls: Calls,
        token: str,
    ) -> None:
        self._fronts = fronts
        self._moto = moto
        self._identity = identity
        self._faults = faults
        self._calls = calls
        self._token = token

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        """Answer one request."""
        request = Request(environ)
        # Read as bytes first: parsing a form would consume the body.
        request.get_data()
        signed = signature(request)
        # The plane's own calls, and the switches of faults, are neither hit by faults nor recorded.
        internal = request.headers.get(INTERNAL_HEADER) == self._token or request.path.startswith(SWITCHES)
        for front in self._fronts:
            operation = front.operation(request, signed)
            if operation is not None:
                return self._own(front, operation, request, internal=internal)(environ, start_response)
        if signed.service.startswith("sagemaker"):
            refusal = unsupported(f"{request.method} {request.path} of SageMaker")
            return wire.error_response(request, refusal, signed.service)(environ, start_response)
        if internal:
            return self._moto.call(request)(environ, start_response)
        return self._other(request, signed)(environ, start_response)

    def _own(self, front: Front, operation: str, request: Request, *, internal: bool) -> Response:
        caller = self._identity.caller(request)
        params: Document = {}
        try:
            if not internal:
                self._faults.meet(front.name, operation)
            params = front.params(request, operation)
            response = front.answer(caller, operation, dict(params))
        except Refusal as refusal:
            response = wire.error_response(request, refusal, front.name)
        except Exception:  # noqa: BLE001 - the client gets AWS's answer to a fault of the service
            _LOG.exception("%s of %s failed", operation, front.name)
            response = wire.error_response(request, _INTERNAL, front.name)
        if not internal:
            self._calls.record(
                caller, service=front.name, operation=operation, params=params, status=response.status_code
            )
        return response

    def _other(self, request: Request, signed: Signature) -> Response:
        caller = self._identity.caller(request)
        operation = wire.operation_name(request)
        try:
            self._faults.meet(signed.service, operation)
            # Otherwise moto would put unknown keys into an account of its own choice.
            request.environ[_ACCOUNT_KEY] = caller.place.account
            response = self._moto.call(request)
        except Refusal as refusal:
            response = wire.error_response(request, refusal, signed.service)
        self._calls.record(
            caller, service=signed.service, operation=operation, params=None, status=response.status_code
        )
        return response


_INTERNAL = Refusal("InternalFailure", "An internal failure occurred; see the local AWS's log.", status=500)
