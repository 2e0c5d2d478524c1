"""Which stacks of an environment belong into the account in use, once one has looked at what that account has."""

from dataclasses import dataclass, replace

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stacks import infrastructure
from sagemaker_gitops.stacks.infrastructure import Stack

_GITHUB = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"
PROVIDER = "AWS::IAM::OIDCProvider"


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """The stacks of all accounts, those of the account in use, and what is left out there with its reason."""

    account: str
    wanted: tuple[Stack, ...]
    own: tuple[Stack, ...]
    remarks: tuple[str, ...]


def look(settings: Settings, aws: Aws) -> Foundation:
    """Choose the stacks of the account in use."""
    account, wanted = aws.account(), infrastructure.stacks(settings)
    own = tuple(stack for stack in wanted if stack.account == account)
    provided = tuple(stack for stack in own if _provided(stack, aws))
    told = (
        f"stack {stack.name} is left out: the account trusts {_GITHUB} already, by an identity provider of its own"
        for stack in provided
    )
    return Foundation(
        account=account,
        wanted=wanted,
        own=tuple(_fitted(stack, aws) for stack in own if stack not in provided),
        remarks=(*infrastructure.left_out(settings), *told),
    )


def _fitted(stack: Stack, aws: Aws) -> Stack:
    """Keep the role that API Gateway already writes logs as, where somebody else has set one."""
    if stack.concern != "front":
        return stack
    role = aws.api_gateway_log_role()
    others = bool(role) and not role.startswith(f"{stack.parameters['Project']}-front-logs-")
    return replace(stack, parameters={**stack.parameters, "SetLogRole": str(not others).lower()})


def _provided(stack: Stack, aws: Aws) -> bool:
    """Tell whether somebody else made the identity provider: an account has one for a URL."""
    if (stack.concern, stack.scope) != ("access", "account"):
        return False
    if aws.stacks.status(stack.name) and any(kept.type == PROVIDER for kept in aws.stacks.resources(stack.name)):
        return False
    audiences = aws.oidc_audiences(_GITHUB)
    if audiences is None:
        return False
    if _AUDIENCE not in audiences:
        arn = f"arn:aws:iam::{stack.account}:oidc-provider/{_GITHUB}"
        raise ConfigurationError(
            f"the account's identity provider for GitHub does not know the audience {_AUDIENCE}",
            where=arn,
            next_step=(
                "aws iam add-client-id-to-open-id-connect-provider "
                f"--open-id-connect-provider-arn {arn} --client-id {_AUDIENCE}"
            ),
        )
    return True
