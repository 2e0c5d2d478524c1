"""One session, its clients, and AWS's refusals in our own words."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import botocore.exceptions

from sagemaker_gitops.errors import AwsRefused, CredentialsMissing, PermissionMissing

if TYPE_CHECKING:
    import boto3

_CONFLICT_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AccessDeniedFault"})
_STALE = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"})


def open_session(region: str) -> "boto3.Session":
    """Open a session with whatever credentials the surroundings provide."""
    # Only here, because it takes longest of all to import, and stages that ask nobody import this room for its types.
    import boto3  # noqa: PLC0415
    import botocore.session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    core = botocore.session.get_session()
    # Throttling is normal on SageMaker's control plane; "standard" backs off with jitter.
    config = Config(
        retries={"mode": "standard", "max_attempts": 10},
        connect_timeout=5,
        read_timeout=70,
        max_pool_connections=16,  # features' records are written by many threads over one client
    )
    core.set_default_client_config(config)
    return boto3.Session(botocore_session=core, region_name=region)


def surroundings(session: "boto3.Session") -> dict[str, str]:
    """Return the variables that give a child process the same identity and the same AWS."""
    found = {name: os.environ[name] for name in ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE") if name in os.environ}
    with aws_errors():
        credentials = session.get_credentials()
    if credentials is None:
        return found
    frozen = credentials.get_frozen_credentials()
    named = {
        "AWS_ACCESS_KEY_ID": frozen.access_key,
        "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
        "AWS_SESSION_TOKEN": frozen.token,
        "AWS_REGION": session.region_name,
        "AWS_DEFAULT_REGION": session.region_name,
    }
    return found | {name: value for name, value in named.items() if value}


def error_code(err: botocore.exceptions.ClientError) -> str:
    """Read AWS's own name for an error."""
    return str(err.response.get("Error", {}).get("Code", ""))


def write_new(write: Callable[[], object], *, pause: Callable[[float], None] = time.sleep) -> bool:
    """Write an object with If-None-Match; False when there is one already.

    "ConditionalRequestConflict" is not that answer: another request was under way, may have failed, and S3 asks for
    another try (S3 User Guide, "How to prevent object overwrites with conditional writes").
    """
    for wait in (*_CONFLICT_PAUSES, None):
        try:
            write()
        except botocore.exceptions.ClientError as err:
            if error_code(err) == "PreconditionFailed":
                return False
            if error_code(err) != "ConditionalRequestConflict" or wait is None:
                raise
            pause(wait)
        else:
            return True
    raise AssertionError("the last try returns or raises")


def is_missing(err: botocore.exceptions.ClientError) -> bool:
    """Tell "there is no such thing" from every other refusal.

    SageMaker has no code of its own for it: ValidationException covers bad requests too.
    """
    message = str(err.response.get("Error", {}).get("Message", ""))
    code = error_code(err)
    if code in {"ResourceNotFound", "ResourceNotFoundException", "NoSuchKey", "NoSuchBucket", "404"}:
        return True
    told = ("Could not find", "not found", "does not exist")
    return code == "ValidationException" and any(words in message for words in told)


def found(describe: Callable[[], object]) -> bool:
    """Tell whether the thing that a call describes exists."""
    try:
        describe()
    except botocore.exceptions.ClientError as err:
        if is_missing(err):
            return False
        raise
    return True


def create_once(create: Callable[[], object]) -> None:
    """Create something; that a second run, or botocore's own retry, was first is no error."""
    try:
        create()
    except botocore.exceptions.ClientError as err:
        if "already exist" not in str(err):
            raise


@contextmanager
def aws_errors() -> Iterator[None]:
    """Turn what botocore raises into errors that say what to do next."""
    try:
        yield
    except botocore.exceptions.ClientError as err:
        raise _from_client(err) from err
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.CredentialRetrievalError) as err:
        raise CredentialsMissing(
            str(err),
            where="AWS credentials",
            next_step="set AWS_PROFILE, or start the embedded AWS: `make demo`",
        ) from err
    except botocore.exceptions.EndpointConnectionError as err:
        raise AwsRefused(
            str(err),
            where="the network, or AWS_ENDPOINT_URL",
            next_step="check the connection; for the embedded AWS run `pipeline local up`",
        ) from err
    except botocore.exceptions.BotoCoreError as err:
        raise AwsRefused(str(err), next_step="run the command again; it continues where it stopped") from err


def _from_client(err: botocore.exceptions.ClientError) -> AwsRefused | CredentialsMissing | PermissionMissing:
    code, where = error_code(err), f"{err.operation_name} ({error_code(err)})"
    message = str(err.response.get("Error", {}).get("Message", "")) or str(err)
    if code in _DENIED:
        return PermissionMissing(
            message,
            where=where,
            next_step="grant the action to this role in infra/lib/access.yml, then deploy it",
        )
    if code in _STALE:
        return CredentialsMissing(
            message, where=where, next_step="sign in again; the command continues where it stopped"
        )
    return AwsRefused(message, where=where, next_step="correct the value, or run again if AWS was at fault")
