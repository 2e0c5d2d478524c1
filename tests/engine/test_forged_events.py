"""Forged events: whoever may send one names values, and never options, commands or ways past the policy."""

import os
import re
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
from sagemaker_gitops.cli import app as cli
from sagemaker_gitops.stages import rollback
from sagemaker_gitops.stages.result import StageResult
from tests.documents import workflows
from tests.sample import ROOT

ODD = [
    "--force",
    "previous --force",
    "$(touch evil)",
    "`touch evil`",
    "'; touch evil; '",
    '"; touch evil; "',
    "x\n--force",
    "*",
    "${HOME}",
    "",
]


def line() -> tuple[str, Mapping[str, str]]:
    """Return the line that rollback.yml runs, and the names that it reads."""
    (job,) = workflows(ROOT)["rollback.yml"]["jobs"].values()
    (step,) = [step for step in job["steps"] if "pipeline rollback" in step.get("run", "")]
    return step["run"], step["env"]


@pytest.mark.parametrize("payload", ODD)
def test_payload_reaches_the_command_as_values(payload: str, tmp_path: Any) -> None:
    """By the shell of a runner each value is one word, whatever is in it."""
    script, names = line()
    echo = tmp_path / "pipeline"
    echo.write_text('#!/bin/bash\nprintf "%s\\0" "$@"\n')
    echo.chmod(0o755)
    environment = {**dict.fromkeys(names, payload), "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    done = subprocess.run(["bash", "-e", "-c", script], env=environment, cwd=tmp_path, capture_output=True, check=True)

    words = done.stdout.decode().split("\0")[:-1]
    assert words[:7] == ["rollback", "--env", payload, "--to", payload, "--reason", payload]
    assert [word for word in words[7:] if word != payload] == ["--alarm", "--unattended", "--dry-run"] * bool(payload)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipeline"]


@pytest.mark.parametrize("target", ["--force", "--dry-run", "--help"])
def test_value_that_looks_like_an_option_is_a_value(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target called --force forces nothing: it names a release that never served."""
    asked: list[rollback.Options] = []

    def keep(_settings: object, _aws: object, options: rollback.Options) -> StageResult:
        asked.append(options)
        return StageResult(summary="")

    monkeypatch.setattr(rollback, "run", keep)
    monkeypatch.setenv("GITHUB_ACTOR", "somebody")
    monkeypatch.chdir(ROOT)

    code = cli.main(["rollback", "--env", "prod", "--to", target, "--reason", target, "--unattended"])

    assert code == 0
    (options,) = asked
    assert (options.to, options.reason, options.force, options.dry_run) == (target, target, False, False)
    assert options.unattended


def test_only_a_person_is_free_of_the_policy() -> None:
    """What tells an event from a person is GitHub's own word, which no payload can set."""
    _, names = line()

    assert (
        re.sub(r"\s+", " ", names["UNATTENDED"]) == "${{ github.event_name == 'repository_dispatch' && 'true' || '' }}"
    )
    assert "client_payload" not in names["DRY_RUN"]
