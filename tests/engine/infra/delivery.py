"""The whole loop over the accounts of a bank, each command under the role that runs it on GitHub."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
from sagemaker_gitops.client.resolver import Resolver
from sagemaker_gitops.local.server import credentials
from sagemaker_gitops.local.server.clients import ACCOUNT_HEADER
from tests.engine.conftest import copy_project
from tests.engine.stages.conftest import Laptop, Told

PROJECT = "loan-approval"
# Everything apart, the registry too: whatever works here works with fewer accounts.
ENVIRONMENTS = {"dev": "111111111111", "staging": "222222222222", "prod": "333333333333"}
REGISTRY = "444444444444"
ACCOUNTS = {**ENVIRONMENTS, "registry": REGISTRY}
_GUESTS = {"caller": ("callers", "lookup"), "ingester": ("ingest",)}
_OF_THE_REGISTRY = frozenset({"train-dev", "read"})
# What is looked at here is who may call what, not how well a model does on a busy machine.
_QUICKLY = {
    "PIPELINE__DEPLOY__MINIMUM_REQUESTS": "1",
    "PIPELINE__MONITOR__MINIMUM_ROWS": "50",
    # A window of more than a mebibyte is read by a processing job.
    "PIPELINE__MONITOR__PROCESSING__ABOVE_MEBIBYTES": "1",
    "PIPELINE__DEPLOY__CHECK_SECONDS": "0.1",
    "PIPELINE__DEPLOY__CHECKS__MAX_PREDICTION_SHIFT": "1",
    "PIPELINE__DEPLOY__CHECKS__MAX_CONFIDENCE_DISTANCE": "1",
    **{f"PIPELINE__SERVING__SLA__{name}_MS": "60000" for name in ("P50", "P95", "P99")},
}
# Too little traffic to judge, and alarms that ring for want of it: outcomes, not refusals.
_OUTCOMES = frozenset({0, 38, 40, 41})


@dataclass(frozen=True, kw_only=True)
class Bank:
    """One checkout, and an administrator in each of the accounts."""

    admins: Mapping[str, Laptop]

    def run(self, role: str, *words: str, root: Path | None = None) -> Told:
        """Run a command as a role, perhaps in another checkout; any answer but a result is a failure of the loop."""
        laptop = self._acting(role)
        told = (replace(laptop, root=root) if root else laptop).run(*words, **_QUICKLY)
        assert told.exit_code in _OUTCOMES, f"{role}: {' '.join(words)}: {told.stderr}"
        return told

    def manage(self, env: str, *words: str) -> Told:
        """Run a command as the administrator of an environment's account."""
        told = self.admins[env].run(*words)
        assert told.exit_code == 0, f"{env}: {' '.join(words)}: {told.stderr}"
        return told

    def respond(self, env: str) -> None:
        """Go back without GitHub, as an operator does."""
        event = json.dumps({"reason": "GitHub is down"}).encode()
        answer = self.admins[env].client("lambda").invoke(FunctionName=f"{PROJECT}-respond-{env}", Payload=event)
        assert "FunctionError" not in answer, answer["Payload"].read()

    def session(self, role: str) -> Callable[[str], Any]:
        """Return what opens clients in a role's name."""
        environ = self._acting(role).environ
        session = boto3.Session(
            aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=environ["AWS_SESSION_TOKEN"],
            region_name=environ["AWS_REGION"],
        )
        return lambda service: session.client(service, endpoint_url=environ["AWS_ENDPOINT_URL"])  # type: ignore[call-overload]

    def _acting(self, role: str) -> Laptop:
        """Take a role's credentials, as a workflow's token would be traded for them."""
        env = "registry" if role in _OF_THE_REGISTRY else role.rpartition("-")[2]
        admin = self.admins[env]
        arn = f"arn:aws:iam::{ACCOUNTS[env]}:role/{PROJECT}-{role}"
        session = credentials.of_role(admin.environ["AWS_ENDPOINT_URL"], arn, session="run-1")
        return Laptop(root=admin.root, environ={**admin.environ, **session})


def open_accounts(anybody: Laptop) -> Bank:
    """Create an administrator in each account."""
    return Bank(admins={env: _administrator(anybody, account) for env, account in ACCOUNTS.items()})


def _administrator(anybody: Laptop, account: str) -> Laptop:
    session = boto3.Session(aws_access_key_id="anybody", aws_secret_access_key="anybody", region_name="eu-west-1")
    iam = session.client("iam", endpoint_url=anybody.environ["AWS_ENDPOINT_URL"])
    iam.meta.events.register("before-sign", lambda request, **_: request.headers.add_header(ACCOUNT_HEADER, account))
    iam.create_user(UserName="administrator")
    key = iam.create_access_key(UserName="administrator")["AccessKey"]
    credentials = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    return Laptop(root=anybody.root, environ={**anybody.environ, **credentials})


def found(bank: Bank) -> None:
    """Make the stacks, the registry first; the account decides which of them."""
    for account, env in {"registry": "dev", "dev": "dev", "staging": "staging", "prod": "prod"}.items():
        bank.manage(account, "bootstrap", "aws", "--env", env, "--yes")
    bank.manage("registry", "local", "image")
    for env in ENVIRONMENTS:
        _welcome(bank, env)


def _welcome(bank: Bank, env: str) -> None:
    """Make the roles of an application and of whoever ingests, which are not the project's: policies are attached."""
    iam, account = bank.admins[env].client("iam"), ACCOUNTS[env]
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for role, policies in _GUESTS.items():
        name = f"{PROJECT}-{role}-{env}"
        boundary = f"arn:aws:iam::{account}:policy/{PROJECT}-boundary-{env}"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary)
        for policy in policies:
            iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::{account}:policy/{PROJECT}-{policy}-{env}")


def deliver(bank: Bank, version: int) -> None:
    """Build, train, gate and register; then dev, staging, approval, prod."""
    bank.run("read", "explain", "--env", "dev")
    for word in ("image", "train", "test", "register", "explain"):
        bank.run("train-dev", word, "--env", "dev")
    bank.run("read", "explain", "--env", "dev")
    bank.run("train-dev", "tune", "--env", "dev", "--jobs", "1")
    numbered = ("--version", str(version))
    for env in ENVIRONMENTS:
        if env == "prod":
            decision = ("--approver", "a reviewer", "--reason", "gates are green")
            bank.run("deploy-prod", "approve", "--env", "prod", *numbered, *decision)
        with traffic(bank.admins[env], f"{PROJECT}-{env}"):
            bank.run(f"deploy-{env}", "deploy", "--env", env, *numbered)
            bank.run(f"deploy-{env}", "verify", "--env", env, *numbered)
        use(bank, env)


def use(bank: Bank, env: str) -> None:
    """Ingest features, make a training set of them, and ask the release that serves about an id."""
    small = _few_rows(bank.admins[env].root)
    bank.run(f"ingester-{env}", "features", "ingest", "--env", env, root=small)
    wanted = ("--as-of", "2099-01-01", "--output", str(small / "set.csv"))
    time.sleep(3)  # the history is written a moment later
    bank.run(f"ingester-{env}", "features", "training-set", "--env", env, *wanted, root=small)
    body = bank.run(f"caller-{env}", "features", "lookup", "--env", env, "--id", "1").outputs["request"]
    endpoint, session = f"{PROJECT}-{env}", bank.session(f"caller-{env}")
    serving = Resolver(session("dynamodb"), table=f"{PROJECT}-active-{env}", endpoint=endpoint).active()
    runtime = session("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="application/json")
    assert f"fingerprint={serving.fingerprint}" in answer["CustomAttributes"]


def _few_rows(root: Path) -> Path:
    """Copy a checkout with fewer rows: every record asks for the same rights."""
    small = root.with_name("few-rows")
    if not small.exists():
        copy_project(small)
        shutil.copytree(root / "infra/config", small / "infra/config", dirs_exist_ok=True)
        path = small / "data/hmda.csv"
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:40]))
    return small


def operate(bank: Bank) -> None:
    """Practise, watch, go back, compare, tidy."""
    ask_much(bank.admins["dev"], f"{PROJECT}-dev")
    bank.run("deploy-staging", "drill", "--env", "staging")
    for env in ENVIRONMENTS:
        operator = "rollback-prod" if env == "prod" else f"deploy-{env}"
        bank.run(f"monitor-{env}", "monitor", "--env", env)
        if env == "dev":
            bank.respond(env)
        else:
            bank.run(operator, "rollback", "--env", env, "--to", "previous", "--reason", "drill")
        for word in ("status", "reconcile", "history", "verify-ledger", "clean"):
            bank.run(operator, word, "--env", env)


def orchestrate(bank: Bank) -> None:
    """Have SageMaker Pipelines run the stages, once more with another definition."""
    for rate in ("0.07", "0.08"):
        bank.admins["registry"].set_hyperparameters(learning_rate=rate)
        bank.run("train-dev", "orchestrate", "--env", "dev")


@contextmanager
def traffic(caller: Laptop, endpoint: str) -> Iterator[None]:
    """Ask an endpoint, once it exists, many times a second."""
    runtime, over = caller.client("sagemaker-runtime"), threading.Event()
    body = json.dumps({"instances": [_instance(caller.root)]})

    def ask() -> None:
        while not over.wait(0.05):
            try:
                runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="application/json")
            except runtime.exceptions.ClientError:
                continue

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()


def ask_much(caller: Laptop, endpoint: str) -> None:
    """Have an endpoint capture more than a mebibyte."""
    runtime = caller.client("sagemaker-runtime")
    body = json.dumps({"instances": [_instance(caller.root)] * 500})
    for _ in range(20):
        runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="application/json")


def _instance(root: Path) -> dict[str, Any]:
    document = json.loads((root / "model/config/schema.json").read_text())
    return {
        item["name"]: item["categories"][0] if "categories" in item else item["minimum"]
        for item in document["features"]
    }
