"""Trade the job's token for AWS credentials, with the real action's messages on failure."""

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

AUDIENCE = "sts.amazonaws.com"


def token(url: str) -> str:
    """Ask the issuer that GitHub names to jobs with `id-token: write`."""
    bearer = {"Authorization": f"Bearer {os.environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    request = urllib.request.Request(f"{url}&audience={AUDIENCE}", headers=bearer)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["value"])


def credentials(web_identity: str) -> dict[str, Any]:
    """Ask STS for the role's credentials."""
    sts = boto3.client("sts", region_name=os.environ["REGION"], config=Config(signature_version=UNSIGNED))
    try:
        answer = sts.assume_role_with_web_identity(
            RoleArn=os.environ["ROLE"],
            RoleSessionName=os.environ["SESSION"],
            WebIdentityToken=web_identity,
            DurationSeconds=int(os.environ["SECONDS_WANTED"]),
        )
    except ClientError as refusal:
        sys.exit(f"::error::Could not assume role with OIDC: {refusal.response['Error']['Message']}")
    granted: dict[str, Any] = {**answer["Credentials"]}
    return granted


def main() -> None:
    """Export the credentials to the job's later steps, masked."""
    url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    if not url:
        sys.exit("::error::Credentials could not be loaded, please check your action inputs: no OIDC request URL")
    granted = credentials(token(url))
    exported = {
        "AWS_REGION": os.environ["REGION"],
        "AWS_DEFAULT_REGION": os.environ["REGION"],
        "AWS_ACCESS_KEY_ID": granted["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": granted["SecretAccessKey"],
        "AWS_SESSION_TOKEN": granted["SessionToken"],
    }
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        print(f"::add-mask::{exported[name]}")
    with Path(os.environ["GITHUB_ENV"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in exported.items())


main()
