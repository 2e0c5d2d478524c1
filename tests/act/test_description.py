"""Calls to GitHub and the stand-in's answers are as GitHub's own description says: Prism holds both to it."""

import json
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from tests.act.conftest import Checkout, running_github
from tests.act.prism import checking
from tests.bake import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prism(known: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Put Prism before a GitHub that was set up once."""
    description = ROOT / "tests/engine/github/description.json"
    with (
        running_github(known) as github,
        checking(description, github, tmp_path_factory.mktemp("prism") / "log") as url,
    ):
        yield url


def call(url: str, *, method: str = "GET", body: object = None) -> int:
    """Call GitHub past the client, and return the status."""
    headers = {"Authorization": "Bearer valid", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url, data=data, headers=headers, method=method), timeout=30) as answer:
            return int(answer.status)
    except HTTPError as refusal:
        return refusal.code


def test_prism_refuses_what_github_does_not_describe(prism: str, known: Checkout) -> None:
    """The check can fail: an unknown kind of reviewer, and an unknown path."""
    repository = f"{prism}/repos/{known.repository}"

    assert call(f"{repository}/environments/dev", method="PUT", body={"reviewers": [{"type": "Robot", "id": 1}]}) == 422
    assert call(f"{repository}/no-such-thing") == 404


def test_set_up_is_described_and_idempotent(prism: str, known: Checkout) -> None:
    """What somebody changed by hand is shown and put back; then there is nothing to do."""
    credentials = {"GITHUB_API_URL": prism, "GITHUB_TOKEN": "valid"}
    environment = f"{prism}/repos/{known.repository}/environments/prod"
    nobody = {"wait_timer": 0, "prevent_self_review": False, "reviewers": None, "deployment_branch_policy": None}
    assert call(environment, method="PUT", body=nobody) == 200

    fixed = known.pipeline("bootstrap", "github", "--yes", environment=credentials)
    again = known.pipeline("bootstrap", "github", "--yes", environment=credentials)

    assert "reviewers: none → @example-org/ml-reviewers" in fixed
    assert "changed=1" in fixed
    assert "is as declared" in again
    assert "changed=0" in again


def test_issue_is_described(prism: str, known: Checkout) -> None:
    """Opening, finding and updating the issue, too."""
    credentials = {"GITHUB_API_URL": prism, "GITHUB_TOKEN": "valid"}
    assert not (known.folder / "reports/monitor").exists()

    first = known.pipeline("page", "--env", "prod", environment=credentials)
    second = known.pipeline("page", "--env", "prod", environment=credentials)

    assert "An issue is open." in first
    assert "the same is violated as before" in second
