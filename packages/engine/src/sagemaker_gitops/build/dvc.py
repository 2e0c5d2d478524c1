"""DVC, run from an environment of its own: its AWS clients would not fit beside boto3 in one lock."""

import os
import subprocess
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.build.locked import Locked
from sagemaker_gitops.errors import DataTransferFailed

_DVC = Locked(name="DVC", lock="dvc.txt")
_TIMEOUT_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class Remote:
    """Where the content is kept: a prefix of S3."""

    url: str
    region: str


@dataclass(frozen=True, kw_only=True)
class Dvc:
    """DVC on the checkout at `root`, which holds the lock that it is installed from."""

    root: Path
    remote: Remote

    def commit(self, *files: Path) -> None:
        """Point to the content that the files have now."""
        self._run("add", "--quiet", *map(str, files))

    def push(self) -> None:
        """Bring the content that the pointers name to the remote."""
        self._run("push", "--quiet")

    def pull(self, *pointers: Path) -> None:
        """Fetch what the pointers name; a file that differs is replaced."""
        self._run("pull", "--quiet", "--force", *map(str, pointers))

    def fetch(self, pointer: Path, content: str, folder: Path) -> Path:
        """Fetch what another commit's pointer names into a folder; return the file's folder."""
        (folder / ".dvc").mkdir(parents=True)
        (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
        (folder / "data").mkdir()
        (folder / "data" / pointer.name).write_text(content)
        self._run("pull", "--quiet", cwd=folder)
        return folder / "data"

    def _run(self, *arguments: str, cwd: Path | None = None) -> None:
        folder = cwd or self.root
        self._configure(folder / ".dvc" / "config.local")
        done = subprocess.run(
            [str(_DVC.environment(self.root) / "bin" / "dvc"), *arguments],
            cwd=folder,
            env={**os.environ, "DVC_NO_ANALYTICS": "1"},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise DataTransferFailed(
                f"dvc {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-1500:]}",
                where=self.remote.url,
                next_step="if content is missing there, run `pipeline data push` where the data is",
            )

    def _configure(self, path: Path) -> None:
        config = ConfigParser()
        config["core"] = {"remote": "storage"}
        config["'remote \"storage\"'"] = {"url": self.remote.url, "region": self.remote.region}
        with path.open("w") as file:
            config.write(file)
