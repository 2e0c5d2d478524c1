"""Spectral, at the version that package-lock.json pins: the style and soundness of openapi.yml."""

import json
import shutil
import subprocess
from pathlib import Path

from sagemaker_gitops.errors import Annotation, ConfigurationError

_SPECTRAL = Path("node_modules/.bin/spectral")
_LOCK = Path("package-lock.json")
# npm writes it last, so it tells of a complete installation.
_INSTALLED = Path("node_modules/.package-lock.json")
_TIMEOUT_SECONDS = 300
_WARNING = 1  # Spectral counts 0 error, 1 warning, 2 information, 3 hint


def check(root: Path, file: str) -> tuple[Annotation, ...]:
    """Hold one description against .spectral.yaml; installs Spectral where it is missing."""
    _require_node()
    if not _is_installed(root):
        _install(root)
    command = [str(root / _SPECTRAL), "lint", "--quiet", "--format", "json", "--ruleset", ".spectral.yaml", file]
    done = _run(command, root)
    try:
        findings = json.loads(done.stdout)
    except json.JSONDecodeError as err:
        raise ConfigurationError(
            f"Spectral could not run: {(done.stderr or done.stdout).strip()[-1000:]}",
            where=f"{file}, .spectral.yaml",
            next_step="fix what it names; `rm -r node_modules` makes the next run install it anew",
        ) from err
    return tuple(
        Annotation(
            message=f"{item['code']}: {item['message']}",
            file=file,
            line=item["range"]["start"]["line"] + 1,
            level="error" if item["severity"] <= _WARNING else "notice",
        )
        for item in findings
    )


def _require_node() -> None:
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        raise ConfigurationError(
            f"{' and '.join(missing)} not found: Spectral, which checks the API description, runs on Node.js",
            where="PATH",
            next_step="install Node.js 20.17 or newer, or let the pull request check it",
        )


def _is_installed(root: Path) -> bool:
    lock, installed = root / _LOCK, root / _INSTALLED
    return installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime


def _install(root: Path) -> None:
    done = _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], root)
    if done.returncode != 0:
        raise ConfigurationError(
            f"npm could not install Spectral: {done.stderr.strip()[-1000:]}",
            where=str(_LOCK),
            next_step="run `npm ci` and fix what it says",
        )


def _run(command: list[str], root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
