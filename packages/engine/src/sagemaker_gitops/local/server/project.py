"""What the local AWS wants to know of the project that it serves."""

import json
from dataclasses import dataclass
from pathlib import Path

import regex


@dataclass(frozen=True, kw_only=True)
class Project:
    """Name, registry account and region."""

    name: str
    account: str
    region: str


_ANY = Project(name="project", account="123456789012", region="us-east-1")
_ACCOUNT = regex.compile(r"\d{12}")


def read(root: Path) -> Project:
    """Read infra/config/project.json; a folder without a rendered one gets an example account."""
    try:
        told = json.loads((root / "infra" / "config" / "project.json").read_text())
        project = Project(name=told["project"], account=told["registry_account"], region=told["region"])
    except (OSError, ValueError, KeyError):
        return _ANY
    return project if _ACCOUNT.fullmatch(project.account) else _ANY
