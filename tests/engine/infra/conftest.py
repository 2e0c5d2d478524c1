"""An embedded AWS with nothing in it, and a project that is known to GitHub."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.conftest import copy_project
from tests.engine.infra.delivery import (
    ENVIRONMENTS,
    REGISTRY,
    Bank,
    deliver,
    found,
    open_accounts,
    operate,
    orchestrate,
)
from tests.engine.infra.measured import Measured, measure
from tests.engine.stages.conftest import QUICK, Laptop

ACCOUNT = "111111111111"
SUBJECT = "repo:example-bank@101/loan-approval@202"


def known_to_github(root: Path, **changes: object) -> Path:
    """Write down in a checkout how GitHub's tokens name its repository."""
    path = root / "infra/config/project.json"
    project = json.loads(path.read_text())
    project["github"]["subject_prefix"] = SUBJECT
    path.write_text(json.dumps({**project, **changes}))
    return root


def with_feature_store(root: Path) -> None:
    """Have every environment keep features, so that what only they need is measured, too."""
    for env in ENVIRONMENTS:
        path = root / f"infra/config/{env}.json"
        document = json.loads(path.read_text())
        document["serving"]["features"] = "store"
        path.write_text(json.dumps(document))


def start(root: Path) -> Laptop:
    """Start an embedded AWS for a checkout."""
    exports = Laptop(root=root, environ={}).run("local", "up").outputs
    return Laptop(root=root, environ={**exports, **QUICK})


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Start an AWS with nothing in it; stop it afterwards."""
    root = known_to_github(copy_project(tmp_path_factory.mktemp("bank") / "project"))
    try:
        yield start(root)
    finally:
        Laptop(root=root, environ={}).run("local", "down")


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """Run the loop twice over all accounts, so that there is something to go back to."""
    root = known_to_github(
        copy_project(tmp_path_factory.mktemp("measured") / "project"),
        accounts=ENVIRONMENTS,
        registry_account=REGISTRY,
    )
    dev = root / "infra/config/dev.json"
    dev.write_text(json.dumps({**json.loads(dev.read_text()), "orchestration": True}))
    try:
        with_feature_store(root)
        accounts = open_accounts(start(root))
        found(accounts)
        deliver(accounts, 1)
        accounts.admins["registry"].set_hyperparameters(learning_rate="0.07")
        deliver(accounts, 2)
        operate(accounts)
        orchestrate(accounts)
        yield accounts
    finally:
        Laptop(root=root, environ={}).run("local", "down")


@pytest.fixture(scope="session")
def measured(delivered: Bank) -> Measured:
    """Take what the loop asked IAM for, with the policies that decided."""
    return measure(delivered)
