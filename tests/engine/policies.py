"""The IAM policies of infra/lib as CloudFormation would render them, without an AWS: read, listed, and linted."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sagemaker_gitops.local.cloudformation.intrinsics import Evaluator
from sagemaker_gitops.local.cloudformation.template import (
    Template,
    evaluate_parameters,
    parse_template,
    resolve_parameters,
)
from sagemaker_gitops.local.server.context import Place
from tests.sample import ROOT

_PLACE = Place(account="111122223333", region="eu-west-1")
_SCOPES = ("account", "shared", "dev", "staging", "prod")
_GIVEN = {
    "Accounts": "111122223333,444455556666",
    "Operations": "prod-operations",
    "Orchestrated": "true",
    "ProductionAccount": "444455556666",
    "Callers": "10.0.0.0/8",
    "MlflowApp": "arn:aws:sagemaker:eu-west-1:777788889999:mlflow-app/app-1",
    "MlflowServer": "arn:aws:sagemaker:eu-west-1:777788889999:mlflow-tracking-server/project",
    "Project": "project",
    "RegistryAccount": "777788889999",
    "Repository": "owner/project",
    "SubjectPrefix": "repo:owner@1/project@2",
    "Subnets": "subnet-0,subnet-1",
    "TuningPrefix": "project",
    "Vpc": "vpc-0",
}


@dataclass(frozen=True, kw_only=True)
class Held:
    """One policy: whose it is, what for, what it says, and which resource of which template makes it."""

    holder: str
    template: str
    resource: str
    kind: str
    document: dict[str, Any]

    def statements(self) -> list[dict[str, Any]]:
        """Return the statements."""
        return list(self.document["Statement"])


@cache
def policies() -> tuple[Held, ...]:
    """Return every policy of every role, boundary and resource, in every scope."""
    found = (held for path in sorted((ROOT / "infra/lib").glob("*.yml")) for held in _of(path.name, path.read_text()))
    return tuple({(held.holder, held.kind, str(held.document)): held for held in found}.values())


def of_roles() -> tuple[Held, ...]:
    """Return the policies that grant something to roles."""
    return tuple(held for held in policies() if held.kind == "role")


def listed(value: str | list[str]) -> list[str]:
    """Return one or many as many."""
    return [value] if isinstance(value, str) else value


def _of(name: str, text: str) -> Iterator[Held]:
    template = parse_template(text)
    scopes = template.parameters.get("Scope", {}).get("AllowedValues", [None])
    for scope in (scope for scope in _SCOPES if scope in scopes) if scopes != [None] else scopes:
        values = resolve_parameters(template, _values(template, scope))
        referred = evaluate_parameters(template, values, place=_PLACE, stack_name="stack", stack_id="stack")
        evaluator = Evaluator(template, referred, lambda _: None)
        for resource in template.resources.values():
            if evaluator.condition(resource.condition):
                for holder, kind, document in _held(resource.type, evaluator.properties(resource.properties)):
                    own = holder or resource.logical_id
                    yield Held(holder=own, template=name, resource=resource.logical_id, kind=kind, document=document)


def _values(template: Template, scope: str | None) -> dict[str, str]:
    known = {**_GIVEN, **({"Scope": scope} if scope else {})}
    missing = {name: _any(item) for name, item in template.parameters.items() if "Default" not in item}
    return {
        name: known[name] if name in known else missing[name]
        for name in {*missing, *(known.keys() & template.parameters.keys())}
    }


def _any(parameter: dict[str, Any]) -> str:
    return str(next(iter(parameter.get("AllowedValues", ["1"]))))


def _held(kind: str, properties: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if kind == "AWS::IAM::Role":
        for policy in properties.get("Policies", []):
            yield properties["RoleName"], "role", policy["PolicyDocument"]
    elif kind == "AWS::IAM::ManagedPolicy":
        name = properties["ManagedPolicyName"]
        yield name, "boundary" if "-boundary-" in name else "role", properties["PolicyDocument"]
    else:
        for key in ("KeyPolicy", "PolicyDocument", "RepositoryPolicyText", "ModelPackageGroupPolicy"):
            if key in properties:
                yield "", "resource", properties[key]
