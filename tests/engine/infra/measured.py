"""What the loop asked IAM for, role by role, and the policies that decided."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sagemaker_gitops.local.iam.authorizer import Role, decide
from sagemaker_gitops.local.iam.policy import Access, Policy, Principal
from sagemaker_gitops.local.server.clients import parse_document
from tests.engine.infra.beyond import beyond
from tests.engine.infra.delivery import ACCOUNTS, ENVIRONMENTS, PROJECT, REGISTRY, Bank

_EVERYTHING = Policy(
    name="AdministratorAccess",
    document={"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One access that a role needed."""

    role: str
    access: Access


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A recording of the loop, with the roles and the resources' own policies as they were.

    `recorded` is what the embedded AWS saw, `beyond` what only AWS sees.
    """

    recorded: tuple[Asked, ...]
    beyond: tuple[Asked, ...]
    roles: Mapping[str, Role]
    resource_policies: Mapping[str, Policy]

    @property
    def asked(self) -> tuple[Asked, ...]:
        """Everything that the roles need."""
        return (*self.recorded, *self.beyond)

    def allowed(self, role: str, access: Access) -> bool:
        """Decide anew on an access."""
        return self.decide(self.roles[role], access)

    def decide(self, role: Role, access: Access) -> bool:
        """Decide as a role that may differ from the recorded one."""
        known = access.within({"aws:SecureTransport": ("true",)})
        owner = self.owner(access, role.principal.account)
        policy = self.resource_policies.get(subject(access))
        return decide(role, known, owner=owner, resource_policy=policy).allowed

    def owner(self, access: Access, caller: str) -> str:
        """Return the account of a resource; a bucket's is the end of its name."""
        if access.resource.startswith("arn:aws:s3:::"):
            return subject(access).rpartition("-")[2]
        return access.account or caller

    def refused(self, asked: Iterable[Asked]) -> list[Asked]:
        """Return what the roles may not do."""
        return [item for item in asked if not self.allowed(item.role, item.access)]

    def policies(self) -> dict[str, Policy]:
        """Return every policy of every role by name."""
        return {policy.name: policy for role in self.roles.values() for policy in role.policies}

    def boundaries(self) -> dict[str, Policy]:
        """Return every boundary by name."""
        return {role.boundary.name: role.boundary for role in self.roles.values() if role.boundary}

    def with_policy(self, changed: Policy) -> "Measured":
        """Return the recording with a policy or boundary replaced in every role that has it."""
        return replace(self, roles={name: _changed(role, changed) for name, role in self.roles.items()})

    def with_resource_policy(self, name: str, changed: Policy) -> "Measured":
        """Return the recording with a resource's own policy replaced."""
        return replace(self, resource_policies={**self.resource_policies, name: changed})

    def renamed(self, accounts: Mapping[str, str]) -> "Measured":
        """Return the recording as it would be had the accounts been others."""
        return replace(
            self,
            recorded=tuple(_renamed_asked(item, accounts) for item in self.recorded),
            beyond=tuple(_renamed_asked(item, accounts) for item in self.beyond),
            roles={name: _renamed_role(role, accounts) for name, role in self.roles.items()},
            resource_policies={
                _text(name, accounts): _renamed_policy(policy, accounts)
                for name, policy in self.resource_policies.items()
            },
        )


def administrator(role: Role) -> Role:
    """Return a role to which somebody attached everything; its boundary stays."""
    return replace(role, policies=(*role.policies, _EVERYTHING))


def _changed(role: Role, changed: Policy) -> Role:
    boundary = role.boundary
    return replace(
        role,
        policies=tuple(changed if policy.name == changed.name else policy for policy in role.policies),
        boundary=changed if boundary and boundary.name == changed.name else boundary,
    )


def _text(text: str, accounts: Mapping[str, str]) -> str:
    for old, new in accounts.items():
        text = text.replace(old, new)
    return text


def _renamed_policy(policy: Policy, accounts: Mapping[str, str]) -> Policy:
    return _policy(policy.name, json.loads(_text(json.dumps(policy.document), accounts)))


def _renamed_role(role: Role, accounts: Mapping[str, str]) -> Role:
    arn, account = (_text(text, accounts) for text in (role.principal.arn, role.principal.account))
    return Role(
        principal=Principal(arn=arn, account=account),
        policies=tuple(_renamed_policy(policy, accounts) for policy in role.policies),
        boundary=_renamed_policy(role.boundary, accounts) if role.boundary else None,
    )


def _renamed_asked(item: Asked, accounts: Mapping[str, str]) -> Asked:
    return replace(item, access=replace(item.access, resource=_text(item.access.resource, accounts)))


def family(policy: str) -> str:
    """Return what a policy is called in every environment: one template makes them all."""
    stem, _, env = policy.rpartition("-")
    return stem if env in ENVIRONMENTS and policy != "train-dev" else policy


def subject(access: Access) -> str:
    """Return what a resource policy hangs on: bucket, key, repository or group."""
    if access.resource.startswith("arn:aws:s3:::"):
        return access.resource.removeprefix("arn:aws:s3:::").partition("/")[0]
    if ":model-package" in access.resource:
        return "model-package-group"
    return access.resource


def measure(bank: Bank) -> Measured:
    """Read the record and the policies from the local AWS."""
    calls = (bank.admins["registry"].root / ".local/calls.jsonl").read_text().splitlines()
    roles = {name: role for env in ACCOUNTS for name, role in _roles(bank, env)}
    return Measured(
        recorded=tuple(
            dict.fromkeys(item for line in calls for item in _asked(json.loads(line)) if item.role in roles)
        ),
        beyond=tuple(Asked(role=item.role, access=item.access) for item in beyond()),
        roles=roles,
        resource_policies=dict(_resource_policies(bank)),
    )


def _asked(call: dict[str, Any]) -> Iterator[Asked]:
    for needed in call.get("needed", []):
        role = call["principal"].split("/")[1].removeprefix(f"{PROJECT}-")
        context = tuple((key, tuple(values)) for key, values in needed["context"].items())
        yield Asked(
            role=role, access=Access(action=needed["action"], resource=needed["resource"], context=Context(context))
        )


class Context(dict[str, tuple[str, ...]]):
    """A context that can be counted once."""

    def __hash__(self) -> int:  # type: ignore[override]
        """Hash the content."""
        return hash(tuple(self.items()))


def _roles(bank: Bank, env: str) -> Iterator[tuple[str, Role]]:
    iam, account = bank.admins[env].client("iam"), ACCOUNTS[env]
    for item in iam.list_roles()["Roles"]:
        name = item["RoleName"]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        boundary = iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
        policies = [_managed(iam, policy["PolicyArn"]) for policy in attached]
        for policy in inline:
            document = parse_document(iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])
            policies.append(_policy(name.removeprefix(f"{PROJECT}-"), document))
        principal = Principal(arn=item["Arn"], account=account)
        role = Role(principal=principal, policies=tuple(policies), boundary=_managed(iam, boundary))
        yield name.removeprefix(f"{PROJECT}-"), role


def _managed(iam: Any, arn: str) -> Policy:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return _policy(arn.rpartition("/")[2].removeprefix(f"{PROJECT}-"), parse_document(document))


def _resource_policies(bank: Bank) -> Iterator[tuple[str, Policy]]:
    for env in ACCOUNTS:
        s3, kms = bank.admins[env].client("s3"), bank.admins[env].client("kms")
        for bucket in s3.list_buckets()["Buckets"]:
            name = bucket["Name"]
            yield name, _policy(name, json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]))
        for key in kms.list_keys()["Keys"]:
            policy = kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"]
            yield key["KeyArn"], _policy(key["KeyArn"], json.loads(policy))
    registry = bank.admins["registry"]
    group = registry.client("sagemaker").get_model_package_group_policy(ModelPackageGroupName=PROJECT)
    yield "model-package-group", _policy("model-package-group", json.loads(group["ResourcePolicy"]))
    ecr = registry.client("ecr")
    name = f"{PROJECT}-inference"
    arn = f"arn:aws:ecr:eu-west-1:{REGISTRY}:repository/{name}"
    yield arn, _policy(arn, json.loads(ecr.get_repository_policy(repositoryName=name)["policyText"]))


def _policy(name: str, document: Any) -> Policy:
    return Policy(name=name, document=document)
