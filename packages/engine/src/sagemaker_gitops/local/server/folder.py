"""The files and folders of the state folder (`.local` by default)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folder:
    """The paths of one local AWS."""

    root: Path

    @property
    def server(self) -> Path:
        """Return the file that says where the running server listens."""
        return self.root / "server.json"

    @property
    def starting(self) -> Path:
        """Return the file that is locked while a server is started."""
        return self.root / "starting.lock"

    @property
    def log(self) -> Path:
        """Return the server's own log."""
        return self.root / "server.log"

    @property
    def calls(self) -> Path:
        """Return the record of every call, one JSON line each."""
        return self.root / "calls.jsonl"

    @property
    def database(self) -> Path:
        """Return the SQLite file with the embedded AWS's resources."""
        return self.root / "plane.sqlite"

    @property
    def metrics(self) -> Path:
        """Return the SQLite file with CloudWatch's data points."""
        return self.root / "metrics.sqlite"

    @property
    def journal(self) -> Path:
        """Return the journal of changes to the other services."""
        return self.root / "moto.jsonl"

    @property
    def keys(self) -> Path:
        """Return the file with the keys that `local env --account` made."""
        return self.root / "keys.json"

    @property
    def images(self) -> Path:
        """Return the folder of container images."""
        return self.root / "images"

    @property
    def processes(self) -> Path:
        """Return the folder with one file for each running container."""
        return self.root / "processes"

    @property
    def scratch(self) -> Path:
        """Return the folder of the containers' private /opt/ml trees."""
        return self.root / "ml"

    def create(self) -> None:
        """Create whatever folder is missing."""
        for folder in (self.root, self.images, self.processes, self.scratch):
            folder.mkdir(parents=True, exist_ok=True)
