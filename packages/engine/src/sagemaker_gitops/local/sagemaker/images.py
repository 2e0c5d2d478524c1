"""Container images as folders: `<kind>-<tag>` with a virtual environment, the code and the ENV, or Docker's name."""

import json
from dataclasses import dataclass
from pathlib import Path

import regex

from sagemaker_gitops.local.server.refusal import invalid

_URI = regex.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/(?:.*-)?(?P<kind>[a-z]+)(?::(?P<tag>[\w.-]+))?"
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that is there: its Python and its code."""

    folder: Path

    @property
    def python(self) -> Path:
        """Return the image's interpreter."""
        return self.folder / "venv" / "bin" / "python"

    @property
    def code(self) -> Path:
        """Return what is /opt/ml/code in a container."""
        return self.folder / "code"

    @property
    def environment(self) -> dict[str, str]:
        """Return the ENV of the image's Dockerfile."""
        return dict(json.loads(environment_file(self.folder).read_text()))

    @property
    def docker(self) -> str | None:
        """Return the name that Docker knows the image by, if Docker built it."""
        note = docker_file(self.folder)
        return note.read_text() if note.is_file() else None

    def command(self, program: str, argument: str) -> list[str]:
        """Return the command line of one of the image's programs."""
        return [str(self.python), str(self.code / program), argument]


def environment_file(folder: Path) -> Path:
    """Return where an image folder keeps its environment."""
    return folder / "environment.json"


def docker_file(folder: Path) -> Path:
    """Return where an image folder keeps the name of the image that Docker built."""
    return folder / "docker.txt"


class Images:
    """The images in one folder, found by URI."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, uri: str) -> Image:
        """Return the image of a URI; refuse as AWS does when it was never pushed."""
        parts = _URI.fullmatch(uri)
        folder = self._folder / f"{parts['kind']}-{parts['tag'] or 'latest'}" if parts else None
        if folder is None or not environment_file(folder).is_file():
            raise invalid(f"Requested image {uri} not found.")
        return Image(folder=folder)
