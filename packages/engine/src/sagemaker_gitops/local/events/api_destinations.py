"""API destinations: an event as a request to a host outside AWS, repeated while that may help.

The local AWS calls no host outside this machine: `local stand-in` names a server on it for a destination's host.
Invocation rates are not limited.
Source: Amazon EventBridge User Guide, "API destinations".
"""

import base64
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3
from moto.events.models import events_backends

from sagemaker_gitops.local.events.delivery import Delivery, Undelivered
from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.iam.policy import Access
from sagemaker_gitops.local.server.clients import Clients, api
from sagemaker_gitops.local.server.context import Clock, Document, Refusal

# EventBridge's own, the last one in simulated seconds.
_ATTEMPTS, _AGE_SECONDS, _TIMEOUT_SECONDS, _LONGEST_PAUSE = 185, 86400, 5, 300
_HEADERS = {
    "User-Agent": "Amazon/EventBridge/ApiDestinations",
    "Content-Type": "application/json; charset=utf-8",
    "Range": "bytes=0-1048575",
    "Accept-Encoding": "gzip,deflate",
    "Connection": "close",
}


@dataclass(frozen=True, kw_only=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class _Failure:
    code: str
    message: str
    repeatable: bool
    after: float = 0.0


class ApiDestinations:
    """Sends events to API destinations in the name of their rules' roles."""

    def __init__(self, clients: Clients, clock: Clock, roles: Roles, closing: threading.Event) -> None:
        self._clients = clients
        self._clock = clock
        self._roles = roles
        self._closing = closing
        self._stand_ins: dict[str, str] = {}
        self._http = urllib3.PoolManager(timeout=_TIMEOUT_SECONDS, retries=False)

    def stand_in(self, host: str, url: str) -> None:
        """Send a host's events to a server on this machine."""
        self._stand_ins[host] = url.rstrip("/")

    def stand_in_of(self, host: str) -> str | None:
        """Return the server on this machine that stands for a host."""
        return self._stand_ins.get(host)

    def send(self, delivery: Delivery, text: str) -> None:
        """Send an event until it is taken; Undelivered when nothing helps any more."""
        destination = self._destination(delivery)
        self._require_role(delivery)
        request = self._request(delivery, destination, text)
        policy = delivery.target.get("RetryPolicy", {})
        most, age = policy.get("MaximumRetryAttempts", _ATTEMPTS), policy.get("MaximumEventAgeInSeconds", _AGE_SECONDS)
        until, attempts = time.monotonic() + self._clock.real(age), 0
        while failure := self._ask(request):
            pause = max(failure.after, _pause(attempts))
            exhausted = ""
            if failure.repeatable and attempts >= most:
                exhausted = "MaximumRetryAttempts"
            elif failure.repeatable and time.monotonic() + self._clock.real(pause) > until:
                exhausted = "MaximumEventAgeInSeconds"
            if exhausted or not failure.repeatable or self._clock.wait(pause, self._closing):
                raise Undelivered(failure.code, failure.message, attempts=attempts, exhausted=exhausted)
            attempts += 1

    def _destination(self, delivery: Delivery) -> Document:
        name = delivery.arn.split("/")[-2]
        found = api(self._clients, delivery.place).find("events", "describe_api_destination", Name=name)
        if found is None or found["ApiDestinationArn"] != delivery.arn:
            raise Undelivered("NO_RESOURCE", f"there is no API destination {delivery.arn}")
        return found

    def _require_role(self, delivery: Delivery) -> None:
        role = str(delivery.target.get("RoleArn", ""))
        try:
            self._roles.require(delivery.place, role, service="events.amazonaws.com")
            access = Access(action="events:InvokeApiDestination", resource=delivery.arn)
            self._roles.act(delivery.place, role, [access], session="EventBridge")
        except Refusal as refusal:
            raise Undelivered("NO_PERMISSIONS", str(refusal)) from refusal

    def _request(self, delivery: Delivery, destination: Document, text: str) -> _Request:
        connection = _connection(delivery, destination)
        more = connection.get("InvocationHttpParameters", {}).get("HeaderParameters", [])
        own = delivery.target.get("HttpParameters", {}).get("HeaderParameters", {})
        given = {item["Key"]: item["Value"] for item in more}
        return _Request(
            method=destination["HttpMethod"],
            url=destination["InvocationEndpoint"],
            headers={**own, **_HEADERS, **given, **_authorization(connection)},
            body=text.encode(),
        )

    def _ask(self, request: _Request) -> _Failure | None:
        """Send a request; None when it was taken. 429 and 5xx may be repeated, and so may silence."""
        parts = urlsplit(request.url)
        stand_in = self._stand_ins.get(parts.netloc) if parts.scheme == "https" else None
        if stand_in is None:
            hint = f"pipeline local stand-in {parts.netloc} http://127.0.0.1:PORT"
            message = f"the local AWS reaches no host outside this machine; give {request.url} a stand-in: {hint}"
            return _Failure(code="CONNECTION_FAILURE", message=message, repeatable=True)
        url = f"{stand_in}{parts.path}{f'?{parts.query}' if parts.query else ''}"
        headers = {**request.headers, "Host": parts.netloc}
        try:
            answer = self._http.request(request.method, url, body=request.body, headers=headers)
        except urllib3.exceptions.TimeoutError as problem:
            return _Failure(code="TIMEOUT", message=str(problem), repeatable=True)
        except urllib3.exceptions.HTTPError as problem:
            return _Failure(code="CONNECTION_FAILURE", message=str(problem), repeatable=True)
        return _judged(answer)


def _judged(answer: urllib3.BaseHTTPResponse) -> _Failure | None:
    if 200 <= answer.status < 300:
        return None
    try:
        after = float(answer.headers.get("Retry-After", 0))
    except ValueError:
        after = 0.0
    repeatable = (answer.status == 429 or answer.status >= 500) and after >= 0
    message = f"HTTP {answer.status}: {answer.data[:500].decode(errors='replace')}"
    return _Failure(code="SDK_CLIENT_ERROR", message=message, repeatable=repeatable, after=after)


def _pause(attempts: int) -> float:
    """Return simulated seconds that double from attempt to attempt, with jitter."""
    return float(min(2**attempts, _LONGEST_PAUSE)) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret is made of it


def _connection(delivery: Delivery, destination: Document) -> Document:
    # DescribeConnection answers no secrets, and moto's own secret stays as it was when a connection is updated.
    kept = events_backends[delivery.place.account][delivery.place.region].connections
    found = next((item for item in kept.values() if item.arn == destination["ConnectionArn"]), None)
    if found is None or found.state != "AUTHORIZED":
        raise Undelivered("NO_RESOURCE", f"there is no authorized connection {destination['ConnectionArn']}")
    parameters: Document = found.auth_parameters
    return parameters


def _authorization(connection: Document) -> dict[str, str]:
    if key := connection.get("ApiKeyAuthParameters"):
        return {key["ApiKeyName"]: key["ApiKeyValue"]}
    if basic := connection.get("BasicAuthParameters"):
        pair = f"{basic['Username']}:{basic['Password']}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    raise Undelivered("NO_RESOURCE", "the local AWS knows API keys and passwords only")
