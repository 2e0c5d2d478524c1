"""A project of its own on an embedded AWS of its own, driven by its command line."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.engine.conftest import copy_project

QUICK = {"PIPELINE__AWS__POLL_SECONDS": "0.05", "PIPELINE__DEPLOY__BAKE_SECONDS": "0"}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one command answered."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def outputs(self) -> Mapping[str, str]:
        """What a later job would be handed."""
        outputs: Mapping[str, str] = json.loads(self.stdout)["outputs"]
        return outputs


@dataclass(frozen=True, kw_only=True)
class Laptop:
    """A checkout and the variables that point it at an AWS."""

    root: Path
    environ: Mapping[str, str]

    def run(self, *words: str, **variables: str) -> Told:
        """Run `pipeline <words>` as a person or a workflow would."""
        done = subprocess.run(
            [sys.executable, "-m", "sagemaker_gitops", "--json", *words],
            cwd=self.root,
            env={**surroundings(), **self.environ, **variables},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return Told(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def client(self, service: str) -> Any:
        """Look at the AWS from outside."""
        session = boto3.Session(
            aws_access_key_id=self.environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environ["AWS_SECRET_ACCESS_KEY"],
            region_name=self.environ["AWS_REGION"],
        )
        return session.client(service, endpoint_url=self.environ["AWS_ENDPOINT_URL"])  # type: ignore[call-overload]

    def set_hyperparameters(self, **values: str) -> None:
        """Change hyperparameters as a commit would."""
        path = self.root / "model/config/hyperparameters.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    def training_jobs(self) -> int:
        """Count the jobs that were ever started."""
        pages = self.client("sagemaker").get_paginator("list_training_jobs").paginate()
        return sum(len(page["TrainingJobSummaries"]) for page in pages)

    def versions(self) -> int:
        """Count the versions in the registry."""
        group = "loan-approval"
        return len(self.client("sagemaker").list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"])


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Start an AWS with this project's images and stacks; stop it afterwards."""
    with started(tmp_path_factory.mktemp("laptop") / "project") as ready:
        yield ready


@contextmanager
def started(folder: Path, **variables: str) -> Iterator[Laptop]:
    """Run an AWS with a project's images and stacks; variables change its settings."""
    root = copy_project(folder)
    bare = Laptop(root=root, environ={})
    ready = Laptop(root=root, environ={**bare.run("local", "up").outputs, **QUICK, **variables})
    try:
        made = ready.run("bootstrap", "aws", "--env", "dev", "--yes")
        assert made.exit_code == 0, made.stderr
        assert ready.run("local", "image").exit_code == 0
        yield ready
    finally:
        bare.run("local", "down")


def surroundings() -> dict[str, str]:
    """Return this process's variables, without those that choose an AWS or a runner."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PIPELINE__", "GITHUB_"))}
