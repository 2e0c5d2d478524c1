"""Which stacks make up the project's AWS, in which order, and with which parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.config import ENVIRONMENTS
from pipeline.errors import ConfigurationError
from pipeline.settings import Settings

Scope = Literal["shared", "dev", "staging", "prod"]


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack: a template of infra/lib, applied to one account."""

    name: str
    account: str
    scope: Scope
    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


# In the order of creation. Stacks of scope "shared" belong to the registry's account and are made once.
_SHARED = ("storage", "registry", "delivery")
_ENVIRONMENT = ("storage", "delivery")
_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "storage": ("Project", "Scope", "Accounts"),
    "registry": ("Project", "Accounts"),
    "delivery": ("Project", "Scope", "RegistryAccount"),
}


def stacks(settings: Settings) -> tuple[Stack, ...]:
    """Return every stack that the environment needs, in the order in which they are made."""
    shared = tuple(_stack(settings, concern, scope="shared") for concern in _SHARED)
    return shared + tuple(_stack(settings, concern, scope=settings.env) for concern in _ENVIRONMENT)


def _stack(settings: Settings, concern: str, *, scope: Scope) -> Stack:
    values = _values(settings, scope)
    return Stack(
        name=f"{settings.project}-{concern}-{scope}",
        account=settings.registry_account if scope == "shared" else settings.account,
        scope=scope,
        template=_read(settings.root / "infra" / "lib" / f"{concern}.yml"),
        parameters={name: values[name] for name in _PARAMETERS[concern]},
        tags={"project": settings.project, "environment": scope, "concern": concern},
    )


def _values(settings: Settings, scope: Scope) -> dict[str, str]:
    accounts = (str(getattr(settings.project_file.accounts, name)) for name in ENVIRONMENTS)
    return {
        "Project": settings.project,
        "Scope": scope,
        "Accounts": ",".join(dict.fromkeys((*accounts, settings.registry_account))),
        "RegistryAccount": settings.registry_account,
    }


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError as err:
        raise ConfigurationError(
            "a stack's template is missing", where=str(path), next_step="restore the file from git"
        ) from err
