"""Stacks and policies before every linter that knows AWS: no finding, or its reason beside the resource."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.engine.policies import Held, policies
from tests.sample import ROOT
from uv import find_uv_bin

LOCK = Path(__file__).parent / "linters.txt"
TEMPLATES = sorted((ROOT / "infra/lib").glob("*.yml"))
CARELESS_QUEUE = """
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: lost
"""
OPEN_BUCKET = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: everybodys
"""
SLOPPY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket"}],
}


@pytest.fixture(scope="session")
def linters() -> Path:
    """Install what the lock pins, once for each lock; return the folder of the programs."""
    venv = ROOT / ".cache" / f"policies-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    done = venv / ".ready"
    if not done.exists():
        uv = find_uv_bin()
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv], check=True)
        sync = ["pip", "sync", "--quiet", "--require-hashes", "--python", str(venv / "bin/python"), str(LOCK)]
        subprocess.run([uv, *sync], check=True, timeout=900)
        done.touch()
    return venv / "bin"


def checkov(linters: Path, folder: Path) -> dict[str, Any]:
    """Return checkov's report on the templates of a folder."""
    where = ["--directory", str(folder), "--framework", "cloudformation", "--skip-download"]
    done = subprocess.run(
        [str(linters / "checkov"), *where, "--output", "json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def parliament(linters: Path, folder: Path) -> list[dict[str, Any]]:
    """Return parliament's findings on the policies of a folder."""
    done = subprocess.run(
        [linters / "parliament", "--directory", folder, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def cfn_lint(*templates: Path) -> list[str]:
    """Return cfn-lint's findings: errors, warnings and remarks."""
    program = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run(
        [program, "--include-checks", "I", "--format", "parseable", "--", *templates],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout.splitlines()


def test_cfn_lint_has_nothing_to_remark() -> None:
    """Every rule of every level."""
    assert cfn_lint(*TEMPLATES) == []


def test_cfn_lint_remarks_on_a_resource_without_care(tmp_path: Path) -> None:
    """A queue whose messages would go with its stack is a remark, not an error."""
    (tmp_path / "queue.yml").write_text(CARELESS_QUEUE)

    assert any("I3011" in line for line in cfn_lint(tmp_path / "queue.yml"))


def test_checkov_has_no_finding_without_a_reason(linters: Path) -> None:
    """All templates were read, and every skip tells why."""
    report = checkov(linters, ROOT / "infra/lib")

    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 100
    assert [(item["check_id"], item["resource"]) for item in report["results"]["failed_checks"]] == []
    assert all(len(item["check_result"]["suppress_comment"]) > 20 for item in report["results"]["skipped_checks"])


def test_checkov_stops_an_open_bucket(linters: Path, tmp_path: Path) -> None:
    """Nothing blocks public access to it, and nobody writes down who reads it."""
    (tmp_path / "open.yml").write_text(OPEN_BUCKET)

    failed = {item["check_id"] for item in checkov(linters, tmp_path)["results"]["failed_checks"]}

    assert {"CKV_AWS_18", "CKV_AWS_53"} <= failed


@pytest.fixture(scope="module")
def findings(linters: Path, tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str, str]]:
    """Return parliament's findings on every policy of every role and boundary: template, resource, issue."""
    folder = tmp_path_factory.mktemp("policies")
    held = {f"{number}.json": item for number, item in enumerate(of_roles_and_boundaries())}
    for name, item in held.items():
        (folder / name).write_text(json.dumps(item.document))
    told = [(held[Path(item["location"]["filepath"]).name], item["issue"]) for item in parliament(linters, folder)]
    return {(item.template, item.resource, issue) for item, issue in told}


def test_parliament_finds_what_has_its_reason_and_nothing_else(findings: set[tuple[str, str, str]]) -> None:
    """A finding without a reason is a mistake, and a reason without its finding would hide the next one."""
    written = {
        (item.template, item.resource, issue) for item in of_roles_and_boundaries() for issue in suppressed(item)
    }

    assert findings == written


def of_roles_and_boundaries() -> list[Held]:
    """Return the policies that parliament can read: it knows no principals."""
    return [item for item in policies() if item.kind != "resource"]


def suppressed(held: Held) -> dict[str, str]:
    """Return the reasons beside a resource, by the finding that they answer."""
    text = (ROOT / "infra/lib" / held.template).read_text()
    block = re.search(rf"^  {held.resource}:\n(.*?)(?=^  \S|\Z)", text, re.DOTALL | re.MULTILINE)
    assert block, held.resource
    return {found[1]: found[2] for found in re.finditer(r"# parliament:skip=(\w+):(.+)", block[1])}


def test_parliament_stops_a_policy_that_grants_nothing(linters: Path, tmp_path: Path) -> None:
    """An object's action on a bucket's name."""
    (tmp_path / "sloppy.json").write_text(json.dumps(SLOPPY))

    assert [item["issue"] for item in parliament(linters, tmp_path)] == ["RESOURCE_MISMATCH"]
