"""A project on a machine that plays GitHub: its commits, its token issuer, and the AWS that trusts it."""

import csv
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from tests.act.dispatches import Dispatches
from tests.act.issuer import ISSUER, OWNER_ID, REPOSITORY_ID, Issuer
from tests.act.loopback import serving
from tests.act.lowering import NO_ENVIRONMENT
from tests.act.registry import client
from tests.act.runner import Host
from tests.act.sts import Sts
from tests.bake import ROOT
from tests.commands import newcomer

# What the Makefile exports to everything that it runs.
MADE = {"UV_SYSTEM_CERTS": "1"}
# A bake of ten minutes is right for prod and long for a test: same code, shorter settings. Answers within 50 ms are
# what an instance owes that does nothing else; here everything shares one machine.
QUICK = {
    "PIPELINE__AWS__POLL_SECONDS": "0.1",
    "PIPELINE__DEPLOY__BAKE_SECONDS": "2",
    "PIPELINE__DEPLOY__CHECK_SECONDS": "0.5",
    "PIPELINE__DEPLOY__MINIMUM_REQUESTS": "10",
    "PIPELINE__SERVING__SLA__P50_MS": "1000",
    "PIPELINE__SERVING__SLA__P95_MS": "2000",
    "PIPELINE__SERVING__SLA__P99_MS": "4000",
    # One story goes back several times in a few minutes.
    "PIPELINE__MONITOR__POLICY__COOLDOWN_MINUTES": "0",
    "PIPELINE__MONITOR__POLICY__MAXIMUM_PER_DAY": "24",
}
SECRET = "github-dispatch-1"  # the name of one


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A clone of the project with its dependencies installed."""

    folder: Path

    def pipeline(self, *words: str, environment: Mapping[str, str] | None = None) -> str:
        """Run a command of the pipeline, and return what it printed."""
        command: list[str | Path] = [self.folder / ".venv/bin/python", "-m", "sagemaker_gitops", *words]
        variables = {**newcomer(), **MADE, **QUICK, **(environment or {})}
        done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def commit(self, message: str) -> None:
        """Commit every change."""
        identity = ["-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false"]
        subprocess.run(
            ["git", *identity, "commit", "--quiet", "--all", "--allow-empty", "-m", message],
            cwd=self.folder,
            check=True,
        )

    @property
    def repository(self) -> str:
        """Its name on GitHub."""
        github = self.project["github"]
        return f"{github['owner']}/{github['repository']}"

    @property
    def project(self) -> dict[str, Any]:
        """The answers that it was baked with."""
        values: dict[str, Any] = json.loads((self.folder / "infra/config/project.json").read_text(encoding="utf-8"))
        return values


def clone(source: Path, target: Path) -> Checkout:
    """Clone a project and share its installed dependencies."""
    subprocess.run(["git", "clone", "--quiet", source, target], check=True)
    (target / ".venv").symlink_to((source / ".venv").resolve())
    return Checkout(folder=target)


@pytest.fixture(scope="session")
def known(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Clone the project and write GitHub's name for it into project.json, as docs/setup.md says."""
    checkout = clone(installed, tmp_path_factory.mktemp("known") / "project")
    path = checkout.folder / "infra/config/project.json"
    values = checkout.project
    owner, name = values["github"]["owner"], values["github"]["repository"]
    values["github"]["subject_prefix"] = f"repo:{owner}@{OWNER_ID}/{name}@{REPOSITORY_ID}"
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    checkout.commit("Name the repository as GitHub's tokens do")
    return checkout


@pytest.fixture(scope="session")
def aws(known: Checkout) -> Iterator[dict[str, str]]:
    """Start the embedded AWS and bootstrap it: the stacks, their roles, this commit's images."""
    try:
        exports = known.pipeline("local", "up")
        words = (shlex.split(line)[1].split("=", 1) for line in exports.splitlines() if line.startswith("export "))
        environment: dict[str, str] = dict(words)
        for env in ("dev", "staging", "prod"):
            known.pipeline("bootstrap", "aws", "--env", env, "--yes", environment=environment)
        known.pipeline("local", "image", environment=environment)
        yield environment
    finally:
        known.pipeline("local", "down")


@contextmanager
def running_github(known: Checkout) -> Iterator[str]:
    """Run a GitHub that knows the repository and is set up by `bootstrap github`; yield its address."""
    state = {
        "name": known.repository,
        "teams": {"ml-reviewers": 11},
        "subject": {"use_default": True, "sub_claim_prefix": known.project["github"]["subject_prefix"]},
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.act.github", json.dumps(state)],
        cwd=ROOT,
        env=newcomer(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout
        url = server.stdout.readline().strip()
        known.pipeline("bootstrap", "github", "--yes", environment={"GITHUB_API_URL": url, "GITHUB_TOKEN": "valid"})
        yield url
        server.communicate("")


@pytest.fixture(scope="session")
def github(known: Checkout) -> Iterator[str]:
    """Run one GitHub for every test that only reads it."""
    with running_github(known) as url:
        yield url


def environments(github: str, repository: str) -> dict[str, dict[str, str]]:
    """Read the variables of each of GitHub's environments, and the repository's own."""
    paths = {name: f"environments/{name}" for name in ("dev", "staging", "prod", "prod-operations")}
    found = {}
    for name, path in (paths | {NO_ENVIRONMENT: "actions"}).items():
        url = f"{github}/repos/{repository}/{path}/variables"
        with urlopen(Request(url, headers={"Authorization": "Bearer valid"}), timeout=10) as answer:
            found[name] = {item["name"]: item["value"] for item in json.load(answer)["variables"]}
    return found


def stand_in(aws: str, issuing: str) -> None:
    """Have the embedded STS ask this machine's issuer for its keys."""
    body = json.dumps({"host": ISSUER.removeprefix("https://"), "url": issuing}).encode()
    with urlopen(Request(f"{aws}/_local/stand-ins", data=body), timeout=10) as answer:
        assert answer.status == 200


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What workflows of a checkout reach over the network, and a place for what they leave behind."""

    checkout: Checkout
    aws: Mapping[str, str]
    github: str
    issuer: Issuer
    sts: Sts
    scratch: Path

    @contextmanager
    def host(self) -> Iterator[Host]:
        """Let workflows run."""
        with serving(self.issuer.answer) as issuing, serving(self.sts.answer) as assuming:
            stand_in(self.aws["AWS_ENDPOINT_URL"], issuing)
            yield Host(
                project=self.checkout.folder,
                repository=self.checkout.repository,
                scratch=self.scratch,
                issuer=issuing,
                github=self.github,
                environments=environments(self.github, self.checkout.repository),
                variables={
                    **QUICK,
                    "AWS_ENDPOINT_URL": self.aws["AWS_ENDPOINT_URL"],
                    "AWS_ENDPOINT_URL_STS": assuming,
                },
            )


def surround(checkout: Checkout, aws: Mapping[str, str], github: str, scratch: Path) -> Surroundings:
    """Give a checkout an issuer of its repository's tokens, and an STS that knows the bootstrapped roles."""
    return Surroundings(
        checkout=checkout,
        aws=aws,
        github=github,
        issuer=Issuer(repository=checkout.repository),
        sts=Sts(aws=aws["AWS_ENDPOINT_URL"]),
        scratch=scratch,
    )


@pytest.fixture(scope="session")
def rows(known: Checkout) -> list[dict[str, object]]:
    """Read the data set's applications as callers send them."""
    schema = json.loads((known.folder / "model/config/schema.json").read_text(encoding="utf-8"))
    kinds = {feature["name"]: float if feature["type"] == "number" else str for feature in schema["features"]}
    with (known.folder / "data/hmda.csv").open(encoding="utf-8") as file:
        return [{name: kind(line[name]) for name, kind in kinds.items()} for line in csv.DictReader(file)]


@pytest.fixture
def checkout(known: Checkout, tmp_path: Path) -> Checkout:
    """Clone the project anew, for a test to commit to."""
    return clone(known.folder, tmp_path / "project")


@pytest.fixture
def surroundings(checkout: Checkout, aws: dict[str, str], github: str, tmp_path: Path) -> Surroundings:
    """Surround a checkout of the test's own; a file that tells one story has one for all of it."""
    return surround(checkout, aws, github, tmp_path)


@pytest.fixture
def issuer(surroundings: Surroundings) -> Issuer:
    """Whom jobs get their tokens from."""
    return surroundings.issuer


@pytest.fixture
def sts(surroundings: Surroundings) -> Sts:
    """Whom jobs trade them with."""
    return surroundings.sts


@pytest.fixture
def host(surroundings: Surroundings) -> Iterator[Host]:
    """Let workflows run, with everything that they reach over the network."""
    with surroundings.host() as opened:
        yield opened


@pytest.fixture(scope="session")
def dispatches(known: Checkout, aws: dict[str, str], github: str) -> Iterator[Dispatches]:
    """Let prod's events start workflows, and keep what GitHub takes."""
    client("secretsmanager", aws).create_secret(Name=SECRET, SecretString="valid")
    policy = {"PIPELINE__MONITOR__POLICY__DISPATCH_SECRET": SECRET}
    known.pipeline("bootstrap", "aws", "--env", "prod", "--yes", environment={**aws, **policy})
    mailbox = Dispatches(aws=aws, github=github)
    with serving(mailbox.answer) as url:
        known.pipeline("local", "stand-in", "api.github.com", url)
        yield mailbox
