"""State that survives a restart: the embedded AWS's own resources, and moto's."""

import base64
import io
import json
import logging
import sqlite3
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import regex
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.server import protocols
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.protocols import signature

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

Key = tuple[str, str, str, str]

_TABLE = """CREATE TABLE IF NOT EXISTS resource (
  account TEXT, region TEXT, kind TEXT, name TEXT, document TEXT,
  PRIMARY KEY (account, region, kind, name))"""


class Store:
    """Documents by place, kind and name. A stored document is never changed in place, only replaced."""

    def __init__(self, database: Path) -> None:
        self.lock = threading.RLock()
        self._database = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
        # The state is worth nothing after a power cut, and every request would wait for the disk.
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(_TABLE)
        rows = self._database.execute("SELECT * FROM resource ORDER BY rowid")
        self._documents: dict[Key, Document] = {(a, r, k, n): json.loads(d) for a, r, k, n, d in rows}

    def find(self, place: Place, kind: str, name: str) -> Document | None:
        """Return a document, or None."""
        return self._documents.get((place.account, place.region, kind, name))

    def put(self, place: Place, kind: str, name: str, document: Document) -> Document:
        """Store a document under a name, replacing what was there."""
        with self.lock:
            key = (place.account, place.region, kind, name)
            self._documents[key] = document
            self._database.execute(
                "INSERT INTO resource VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET document=excluded.document",
                (*key, json.dumps(document)),
            )
            return document

    def change(self, place: Place, kind: str, name: str, **fields: object) -> Document:
        """Replace some fields of a document that exists; a field set to None goes away."""
        with self.lock:
            old = self._documents[(place.account, place.region, kind, name)]
            merged = {k: v for k, v in {**old, **fields}.items() if v is not None}
            return self.put(place, kind, name, merged)

    def remove(self, place: Place, kind: str, name: str) -> None:
        """Forget a document."""
        with self.lock:
            key = (place.account, place.region, kind, name)
            self._documents.pop(key, None)
            self._database.execute("DELETE FROM resource WHERE account=? AND region=? AND kind=? AND name=?", key)

    def all(self, place: Place, kind: str) -> list[Document]:
        """Return the documents of one kind at one place, oldest first."""
        with self.lock:
            items = list(self._documents.items())
        return [d for key, d in items if key[:3] == (place.account, place.region, kind)]

    def everywhere(self, kind: str) -> list[tuple[Place, str, Document]]:
        """Return every document of one kind with its place and name."""
        with self.lock:
            items = list(self._documents.items())
        return [(Place(account=a, region=r), n, d) for (a, r, k, n), d in items if k == kind]

    def close(self) -> None:
        """Close the database."""
        with self.lock:
            self._database.close()


_LOG = logging.getLogger(__name__)
_READS = regex.compile(
    r"(Get|List|Describe|Head|BatchGet|Query|Scan|Filter|Lookup|Search|Simulate|Test|Validate)\w*"
    r"|(GET|HEAD|OPTIONS) .*"
)


class PersistentMoto:
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
        if _READS.fullmatch(protocols.operation_name(request)):
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
