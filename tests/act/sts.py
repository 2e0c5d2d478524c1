"""STS as AWS runs it: a web identity is held against the role's trust policy.

The embedded AWS behind it gives credentials to any token, so what it says of a trust policy proves nothing.
"""

import fnmatch
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import jwt
from tests.act.issuer import ISSUER, KEY, Claims
from tests.act.loopback import Answer, Request

_REFUSAL = (
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
    "<Code>{code}</Code><Message>{message}</Message></Error><RequestId>local</RequestId></ErrorResponse>"
)
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda have, want: have == want,
    "StringLike": fnmatch.fnmatchcase,
}
_HOST = ISSUER.removeprefix("https://")

Policy = dict[str, Any]


def trusted(policy: Policy, provider: str, claims: Claims) -> bool:
    """Tell whether one statement of a role's trust policy lets the token in."""
    return any(_admits(statement, provider, claims) for statement in policy["Statement"])


def _admits(statement: dict[str, Any], provider: str, claims: Claims) -> bool:
    if statement["Effect"] != "Allow" or statement["Principal"].get("Federated") != provider:
        return False
    if "sts:AssumeRoleWithWebIdentity" not in _listed(statement["Action"]):
        return False
    return all(
        any(_OPERATORS[operator](str(claims.get(key.removeprefix(f"{_HOST}:"), "")), want) for want in _listed(wanted))
        for operator, conditions in statement.get("Condition", {}).items()
        for key, wanted in conditions.items()
    )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@dataclass(kw_only=True)
class Sts:
    """Checks web identities and hands every other call on to the embedded AWS."""

    aws: str
    trust_policy: Callable[[str], Policy | None]
    refused: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        """Answer one call."""
        asked = dict(parse_qsl(request.body.decode()))
        if asked.get("Action") == "AssumeRoleWithWebIdentity" and (why := self._objection(asked)):
            self.refused.append(asked["RoleArn"])
            code, message = why
            body = _REFUSAL.format(code=code, message=message).encode()
            return Answer(status=403, body=body, content_type="text/xml")
        return self._forward(request)

    def _objection(self, asked: dict[str, str]) -> tuple[str, str] | None:
        role, token = asked["RoleArn"], asked["WebIdentityToken"]
        try:
            claims = jwt.decode(token, KEY.public_key(), ["RS256"], audience="sts.amazonaws.com", issuer=ISSUER)
        except jwt.InvalidAudienceError:
            return "InvalidIdentityToken", "Incorrect token audience"
        provider = f"arn:aws:iam::{role.split(':')[4]}:oidc-provider/{_HOST}"
        policy = self.trust_policy(role)
        if policy is None or not trusted(policy, provider, claims):
            return "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"
        return None

    def _forward(self, request: Request) -> Answer:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        onward = urllib.request.Request(self.aws + request.path, data=request.body, headers=headers)
        try:
            with urllib.request.urlopen(onward, timeout=30) as answer:
                return Answer(status=answer.status, body=answer.read(), content_type=answer.headers["Content-Type"])
        except urllib.error.HTTPError as error:
            return Answer(status=error.code, body=error.read(), content_type=error.headers["Content-Type"])
