"""Resource policies: whether one lets a principal of another account in."""

from dataclasses import dataclass

import regex

from sagemaker_gitops.local.iam import access as iam
from sagemaker_gitops.local.iam.policy import Policy, Principal, judge_resource
from sagemaker_gitops.local.server.context import Caller, Document

_SESSION = regex.compile(r"arn:aws:sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.*")


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who wants to do what to what."""

    caller: Caller
    action: str
    resource: str

    @property
    def principal_arn(self) -> str:
        """Return the role behind a session, as aws:PrincipalArn has it."""
        if session := _SESSION.fullmatch(self.caller.arn):
            return f"arn:aws:iam::{session['account']}:role/{session['role']}"
        return self.caller.arn


def allows(policy: Document, access: Access) -> bool:
    """Return whether a policy allows an access and none of its statements denies it."""
    principal = Principal(arn=access.principal_arn, account=access.caller.place.account)
    context = {"aws:PrincipalArn": (principal.arn,), "aws:PrincipalAccount": (principal.account,)}
    asked = iam.Access(action=access.action, resource=access.resource, context=context)
    return judge_resource(Policy(name="resource policy", document=policy), asked, principal) == "allowed"
