"""Somebody else's evaluation of IAM policies comes to the same verdicts as this project's."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sagemaker_gitops.local.iam.authorizer import Role
from sagemaker_gitops.local.iam.policy import Access
from tests.engine.infra.denials import DENIALS
from tests.engine.infra.measured import Measured, subject

_SIMULATOR = Path(__file__).parent / "simulator"
# Keys that carry many values; the simulator takes every other one as a single text.
_LISTS = frozenset({"events:source", "kms:ResourceAliases"})
# AWS's guide to sharing models names this action on packages; its table of actions, as the simulator has it, does not.
_BEYOND_THE_TABLE = ("sagemaker:CreateModel", ":model-package/")


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the simulator at the version that its lock pins."""
    assert shutil.which("npm"), "Node.js 20.17 or newer is needed for the second opinion"
    folder = tmp_path_factory.mktemp("simulator")
    for name in ("package.json", "package-lock.json", "simulate.mjs"):
        shutil.copy(_SIMULATOR / name, folder / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    return folder


def judged(simulator: Path, measured: Measured, cases: list[tuple[Role, Access]]) -> list[tuple[bool, dict[str, Any]]]:
    """Return both verdicts on each case: this project's, and the simulator's answer."""
    asked, policies = cases, dict[str, object]()
    described = [_described(measured, role, access, policies) for role, access in asked]
    done = subprocess.run(
        [str(shutil.which("node")), "simulate.mjs"],
        cwd=simulator,
        input=json.dumps({"policies": policies, "cases": described}),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    answers = json.loads(done.stdout)
    return [(measured.decide(role, access), answer) for (role, access), answer in zip(asked, answers, strict=True)]


def _described(measured: Measured, role: Role, access: Access, policies: dict[str, object]) -> dict[str, Any]:
    shared = measured.resource_policies.get(subject(access))
    held = [policy for policy in (*role.policies, role.boundary, shared) if policy]
    names = {id(policy): f"{policy.name} {len(json.dumps(policy.document))}" for policy in held}
    policies |= {f"{role.principal.arn} {names[id(policy)]}": policy.document for policy in held}
    named = [f"{role.principal.arn} {names[id(policy)]}" for policy in held]
    context = {
        "aws:SecureTransport": "true",
        "aws:PrincipalArn": role.principal.arn,
        "aws:PrincipalAccount": role.principal.account,
        **{key: list(values) if key in _LISTS else values[0] for key, values in access.context.items()},
    }
    return {
        "principal": role.principal.arn,
        "action": access.action,
        "resource": access.resource,
        "owner": measured.owner(access, role.principal.account),
        "context": context,
        "identity": named[: len(role.policies)],
        "boundary": named[len(role.policies)] if role.boundary else None,
        "policy": named[-1] if shared else None,
    }


def in_the_table(access: Access) -> bool:
    """Tell whether the simulator can be asked about an access."""
    action, kind = _BEYOND_THE_TABLE
    return not (access.action == action and kind in access.resource)


def test_both_allow_what_the_loop_needs(simulator: Path, measured: Measured) -> None:
    """Every access of the recording, with no condition key that AWS would not know there."""
    cases = [(measured.roles[item.role], item.access) for item in measured.asked if in_the_table(item.access)]

    verdicts = judged(simulator, measured, cases)

    doubtful = [
        (case[0].principal.arn, case[1], answer)
        for case, (ours, answer) in zip(cases, verdicts, strict=True)
        if not ours or answer["result"] != "Allowed"
    ]
    assert doubtful == []
    assert [answer["ignored"] for _, answer in verdicts if answer["ignored"]] == []


@pytest.mark.parametrize("name", DENIALS)
def test_both_refuse_what_must_not_be(simulator: Path, measured: Measured, name: str) -> None:
    """Every case of the denials, and for its reason: the case is one that AWS can be asked."""
    cases = [(item.role, item.access) for item in DENIALS[name](measured) if in_the_table(item.access)]

    verdicts = judged(simulator, measured, cases)

    doubtful = [
        (case[0].principal.arn, case[1], answer)
        for case, (ours, answer) in zip(cases, verdicts, strict=True)
        if ours or answer["result"] not in {"ExplicitlyDenied", "ImplicitlyDenied"}
    ]
    assert doubtful == []
