"""Who gives the demo's commands, where environments lie in accounts of their own."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.local.server import credentials
from sagemaker_gitops.local.server.control import Running
from sagemaker_gitops.local.server.folder import Folder

# What makes a model is the registry's work, whatever environment it is told.
_OF_THE_REGISTRY = frozenset({"train", "test", "register"})


@dataclass(frozen=True, kw_only=True)
class Cast:
    """The account of each environment, and the keys for it; none are needed where it is the registry's."""

    project: str
    accounts: Mapping[str, str]
    running: Running
    state: Folder

    @property
    def elsewhere(self) -> bool:
        """Tell whether any environment lies in another account than the registry."""
        return any(account != self.running.account for account in self.accounts.values())

    def by(self, words: Sequence[str]) -> Mapping[str, str]:
        """Return the keys for a command: an administrator's for the stacks, else the role that a workflow has."""
        env = words[words.index("--env") + 1] if "--env" in words else ""
        if words[0] in _OF_THE_REGISTRY or not env or self.accounts[env] == self.running.account:
            return {}
        if words[0] == "bootstrap":
            return self.caller(env)
        role = f"{self.project}-{'monitor' if words[0] == 'monitor' else 'deploy'}-{env}"
        return credentials.of_role(self.running, f"arn:aws:iam::{self.accounts[env]}:role/{role}")

    def caller(self, env: str) -> Mapping[str, str]:
        """Return the keys of somebody in an environment's account, who calls its endpoint."""
        account = self.accounts[env]
        return credentials.of_account(self.running, self.state, account) if account != self.running.account else {}


def read(root: Path, running: Running, state: Folder) -> Cast:
    """Read from project.json which accounts take part."""
    config = json.loads((root / "infra/config/project.json").read_text())
    return Cast(project=config["project"], accounts=config["accounts"], running=running, state=state)


def introduce(checkout: Path) -> None:
    """Let GitHub know a checkout that it does not know yet: without a name for it the stacks make no roles."""
    path = checkout / "infra/config/project.json"
    config = json.loads(path.read_text())
    github = config["github"]
    github["subject_prefix"] = github.get("subject_prefix") or f"repo:{github['owner']}@1/{github['repository']}@2"
    path.write_text(json.dumps(config, indent=2))
