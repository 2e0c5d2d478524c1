"""The plane's resources: read from memory, written through to SQLite, so that a restart finds them."""

import json
import sqlite3
import threading
from pathlib import Path

from sagemaker_gitops.local.server.context import Document, Place

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
