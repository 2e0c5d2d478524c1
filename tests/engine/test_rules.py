"""The project's own rules on stacks and workflows: each stops what it is there for, and the project keeps them."""

import re
from pathlib import Path

import pytest
from sagemaker_gitops.github import rules as workflows
from sagemaker_gitops.stacks import rules as policies
from tests.sample import ROOT

STACK = ROOT / "infra/lib/dispatch.yml"
WORKFLOW = ROOT / ".github/workflows/monitor.yml"

POLICY = """\
Resources:
  Reader:
    Type: AWS::IAM::Role
    Properties:
      PermissionsBoundary: !Ref Boundary
      Policies:
        - PolicyName: read
          PolicyDocument:
            Statement:
              - Sid: Read
                Effect: Allow
                Action: ["s3:GetObject"]
                Resource: !Sub "arn:${AWS::Partition}:s3:::${Project}-data/*"
"""
# what a team may write in its place -> what it is told, at the line that was written
GRANTS = {
    "a pattern": ('["s3:GetObject"]', '["s3:Get*"]', "s3:Get* is a pattern"),
    "everything": ('["s3:GetObject"]', '"*"', "* is a pattern"),
    "unknown": ('["s3:GetObject"]', '["s3:ReadObject"]', "AWS has no action s3:ReadObject"),
    "everywhere": ('!Sub "arn:${AWS::Partition}:s3:::${Project}-data/*"', '"*"', "s3:GetObject can be granted on"),
    "without purpose": ("Sid: Read\n                Effect", "Effect", "no Sid"),
    "the rest": ('Action: ["s3:GetObject"]', 'NotAction: ["s3:PutObject"]', "NotAction allows whatever AWS adds"),
    "unbounded": ("      PermissionsBoundary: !Ref Boundary\n", "", "role Reader has no PermissionsBoundary"),
    "any metric": ('["s3:GetObject"]', '["cloudwatch:PutMetricData"]', "needs a condition on cloudwatch:namespace"),
}
FLOW = """\
name: Flow
on: push
permissions: {}
jobs:
  one:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
      - run: pipeline lint
"""
STEPS = {
    "a tag": ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "@v5", "actions/checkout@v5 is not pinned"),
    "no release": (" # v5.0.0", "", "is not pinned"),
    "rights for all": ("permissions: {}", "permissions: {contents: write}", "the top of a workflow grants"),
    "rights by default": ("permissions: {}\n", "", "the top of a workflow grants"),
    "no end": ("    timeout-minutes: 5\n", "", "job one needs timeout-minutes"),
    "six hours": ("timeout-minutes: 5", "timeout-minutes: 360", "job one needs timeout-minutes"),
    "a script": ("run: pipeline lint", "run: |\n          pipeline lint\n          pipeline schema", "one line"),
    "an expression": ("pipeline lint", "pipeline lint ${{ github.head_ref }}", "an expression inside `run`"),
}


def write(root: Path, file: str, text: str) -> None:
    """Put a file into a project."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_project_keeps_its_rules() -> None:
    """Neither its stacks nor its workflows are stopped, and there are some."""
    assert list((ROOT / "infra/lib").glob("*.yml"))
    assert [*policies.findings(ROOT), *workflows.findings(ROOT)] == []


def test_sound_statement_and_workflow_pass(tmp_path: Path) -> None:
    """What the cases below are changed from is let through."""
    write(tmp_path, "infra/lib/own.yml", POLICY)
    write(tmp_path, ".github/workflows/own.yml", FLOW)

    assert [*policies.findings(tmp_path), *workflows.findings(tmp_path)] == []


@pytest.mark.parametrize("case", GRANTS)
def test_grant_beyond_what_is_named_is_stopped(tmp_path: Path, case: str) -> None:
    """A role is granted actions by name, on named resources, for a purpose, within a boundary."""
    sound, wrong, told = GRANTS[case]
    write(tmp_path, "infra/lib/own.yml", POLICY.replace(sound, wrong))

    found = list(policies.findings(tmp_path))

    assert [told in item.message for item in found] == [True], found
    assert found[0].file == "infra/lib/own.yml"


@pytest.mark.parametrize("case", STEPS)
def test_careless_workflow_is_stopped(tmp_path: Path, case: str) -> None:
    """A workflow grants nothing at its top, ends in time, pins what it runs, and runs lines without expressions."""
    sound, wrong, told = STEPS[case]
    write(tmp_path, ".github/workflows/own.yml", FLOW.replace(sound, wrong))

    found = list(workflows.findings(tmp_path))

    assert [told in item.message for item in found] == [True], found


def test_actions_of_the_repository_are_read_too(tmp_path: Path) -> None:
    """A composite action is no way around the rules."""
    step = "runs:\n  using: composite\n  steps:\n    - run: echo ${{ inputs.name }}\n      shell: bash\n"
    write(tmp_path, ".github/actions/own/action.yml", step)

    assert [item.line for item in workflows.findings(tmp_path)] == [4]


def test_reason_lets_a_line_through(tmp_path: Path) -> None:
    """Whoever means it says why, on the line."""
    write(tmp_path, "infra/lib/own.yml", POLICY.replace('["s3:GetObject"]', '"s3:Get*" # allowed: an audit reads all'))

    assert list(policies.findings(tmp_path)) == []


def test_star_in_the_projects_own_role_is_stopped(tmp_path: Path) -> None:
    """An edit of a stack that the template brought is told at its line."""
    edited = re.sub(r'Action: "events:InvokeApiDestination"', 'Action: "events:*"', STACK.read_text())
    write(tmp_path, "infra/lib/dispatch.yml", edited)

    (found,) = policies.findings(tmp_path)

    assert edited.splitlines()[found.line - 1].strip() == 'Action: "events:*"'


def test_unpinned_action_in_the_projects_own_workflow_is_stopped(tmp_path: Path) -> None:
    """An edit of a workflow that the template brought is told at its line."""
    edited = re.sub(r"(uses: actions/checkout)@\S+ # v\S+", r"\1@main", WORKFLOW.read_text(), count=1)
    assert edited != WORKFLOW.read_text()
    write(tmp_path, ".github/workflows/monitor.yml", edited)

    (found,) = workflows.findings(tmp_path)

    assert "actions/checkout@main" in edited.splitlines()[found.line - 1]
