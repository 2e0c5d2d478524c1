"""The one door: who calls, which faults strike, which service answers, and a line in the record."""

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.iam import requests
from sagemaker_gitops.local.iam.access import Access
from sagemaker_gitops.local.iam.authorizer import Authorizer
from sagemaker_gitops.local.iam.identity import Identity, Signature, signature
from sagemaker_gitops.local.server import wire
from sagemaker_gitops.local.server.calls import Calls, Recorded
from sagemaker_gitops.local.server.clients import ACCOUNT_HEADER, INTERNAL_HEADER
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.faults import Faults
from sagemaker_gitops.local.server.fronts import Front
from sagemaker_gitops.local.server.journal import Journal
from sagemaker_gitops.local.server.moto_rules import MotoRules
from sagemaker_gitops.local.server.refusal import Refusal, unsupported
from sagemaker_gitops.local.server.switches import SWITCHES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_ACCOUNT_KEY = f"HTTP_{ACCOUNT_HEADER.upper().replace('-', '_')}"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Guards:
    """Who stands at the door: who are you, what may you, what can anybody, what befalls you, who writes it down."""

    identity: Identity
    authorizer: Authorizer
    rules: MotoRules
    faults: Faults
    calls: Calls


class Gateway:
    """A WSGI application: the plane's services, and moto for the rest."""

    def __init__(self, fronts: list[Front], *, moto: Journal, guards: Guards, token: str) -> None:
        self._fronts = fronts
        self._moto = moto
        self._identity = guards.identity
        self._authorizer = guards.authorizer
        self._rules = guards.rules
        self._faults = guards.faults
        self._calls = guards.calls
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
        if signed.service == "iam":
            self._authorizer.forget()
        answer = self._internal if internal else self._other
        return answer(request, signed)(environ, start_response)

    def _own(self, front: Front, operation: str, request: Request, *, internal: bool) -> Response:
        caller = self._identity.caller(request)
        params: Document = {}
        needed: list[Access] = []
        try:
            if not internal:
                self._faults.meet(front.name, operation)
            params = front.params(request, operation)
            if not internal:
                needed = self._authorizer.check(caller, front.name, operation, params)
            response = front.answer(caller, operation, dict(params))
            if not internal:
                response = self._faults.age(operation, (caller.place, params), response)
        except Refusal as refusal:
            response = wire.error_response(request, refusal, front.name)
        except Exception:  # noqa: BLE001 - the client gets AWS's answer to a fault of the service
            _LOG.exception("%s of %s failed", operation, front.name)
            response = wire.error_response(request, _INTERNAL, front.name)
        if not internal:
            call = Recorded(service=front.name, operation=operation, params=params, needed=needed)
            self._calls.record(caller, call, status=response.status_code)
        return response

    def _internal(self, request: Request, signed: Signature) -> Response:
        place = Place(account=request.headers[ACCOUNT_HEADER], region=signed.region)
        try:
            self._rules.check(request, signed, place)
        except Refusal as refusal:
            return wire.error_response(request, refusal, signed.service)
        return self._moto.call(request)

    def _other(self, request: Request, signed: Signature) -> Response:
        caller = self._identity.caller(request)
        operation = wire.operation_name(request)
        action, params = requests.asked(request, signed)
        needed: list[Access] = []
        try:
            self._faults.meet(signed.service, operation)
            needed = self._authorizer.check(caller, signed.service, action, params)
            self._rules.check(request, signed, caller.place)
            # Otherwise moto would put unknown keys into an account of its own choice.
            request.environ[_ACCOUNT_KEY] = caller.place.account
            response = self._moto.call(request)
            if response.status_code == HTTPStatus.NOT_FOUND:
                needed += self._authorizer.check_missing(caller, signed.service, params)
        except Refusal as refusal:
            response = wire.error_response(request, refusal, signed.service)
        call = Recorded(service=signed.service, operation=operation, params={}, needed=needed)
        self._calls.record(caller, call, status=response.status_code)
        return response


_INTERNAL = Refusal("InternalFailure", "An internal failure occurred; see the local AWS's log.", status=500)
