"""Moto with a memory: every change to its services is journalled, and replayed at the next start."""

import base64
import io
import json
import logging
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import regex
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.iam.identity import signature
from sagemaker_gitops.local.server import wire
from sagemaker_gitops.local.server.context import Document

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_LOG = logging.getLogger(__name__)
_READS = regex.compile(
    r"(Get|List|Describe|Head|BatchGet|Query|Scan|Filter|Lookup|Search|Simulate|Test|Validate)\w*"
    r"|(GET|HEAD|OPTIONS) .*"
)


class Journal:
    """Calls moto inside the process. A replay gives every resource the identifiers it had."""

    def __init__(self, moto: "WSGIApplication", path: Path) -> None:
        self._moto = moto
        self._client = Client(moto)
        self._path = path
        self._lock = threading.Lock()
        self._count = 0
        self._changes: Counter[str] = Counter()

    def changes(self, service: str) -> int:
        """Return how often a service was changed since the start: a cheap way to see that nothing is new."""
        return self._changes[service]

    def call(self, request: Request) -> Response:
        """Answer a request; journal it when it changed something."""
        body = request.get_data()
        if _READS.fullmatch(wire.operation_name(request)):
            return self._send(request.environ, body)
        with self._lock:
            self._seed(self._count + 1)
            response = self._send(request.environ, body)
            if response.status_code < 400:
                self._changes[signature(request).service] += 1
                with self._path.open("a") as file:
                    file.write(json.dumps(_entry(request.environ, body, self._count)) + "\n")
        return response

    def replay(self) -> int:
        """Bring moto into the state that the journal tells; return the number of calls replayed."""
        if not self._path.exists():
            return 0
        replayed = 0
        with self._path.open() as file:
            for line in file:
                self._replay(json.loads(line))
                replayed += 1
        return replayed

    def _replay(self, entry: Document) -> None:
        self._seed(entry["seed"])
        response = self._send(entry["environ"], base64.b64decode(entry["body"]))
        if response.status_code >= 400:
            _LOG.warning("replay of %s: %s", entry["environ"]["PATH_INFO"], response.status)

    def _seed(self, seed: int) -> None:
        # Moto draws its random identifiers from one generator that can be seeded: the same seed before
        # the same call gives the same S3 version or key id again.
        self._count = seed
        self._client.post(f"/moto-api/seed?a={seed}")

    def _send(self, environ: "WSGIEnvironment", body: bytes) -> Response:
        streams = {"wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http"}
        return Response.from_app(self._moto, {**environ, **streams}, buffered=True)


def _entry(environ: "WSGIEnvironment", body: bytes, seed: int) -> Document:
    kept = {key: value for key, value in environ.items() if isinstance(value, str | dict)}
    return {"seed": seed, "environ": kept, "body": base64.b64encode(body).decode()}
