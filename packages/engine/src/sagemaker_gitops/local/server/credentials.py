"""Credentials for a shell: of another account, or of a role that a stage would assume."""

import contextlib
import json
from pathlib import Path

import urllib3

from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Place
from sagemaker_gitops.local.server.folder import Folder
from sagemaker_gitops.local.server.process import Running

_USER = "laptop"


def of_account(running: Running, folder: Folder, account: str) -> dict[str, str]:
    """Return the keys of an account's user `laptop`, made at the first call."""
    known: dict[str, dict[str, str]] = json.loads(_read(folder.keys))
    if account not in known:
        known[account] = _new_key(running, account)
        folder.keys.write_text(json.dumps(known))
    return known[account]


def of_role(endpoint_url: str, arn: str, *, session: str = _USER) -> dict[str, str]:
    """Return a session of a role, as its workflow would get it: the role need not trust whoever asks here."""
    body = json.dumps({"role": arn, "session": session})
    answer = urllib3.request("POST", f"{endpoint_url}/_local/sessions", body=body, retries=False)
    keys = answer.json()
    if answer.status != 200:
        raise ConfigurationError(
            f"the role {arn} cannot be assumed: {keys['message']}",
            where="local env --role",
            next_step="create the role first: `pipeline bootstrap aws --env ENV`",
        )
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def _new_key(running: Running, account: str) -> dict[str, str]:
    iam = Clients(running.endpoint_url, token="").iam(Place(account=account, region=running.region))
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName=_USER)
    key = iam.create_access_key(UserName=_USER)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else "{}"
