"""The first release as docs/setup.md tells it, under the rules that the set-up makes."""

import json
import re
from pathlib import Path

import pytest
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.project.config import read_project
from sagemaker_gitops.stages import bootstrap_github
from sagemaker_gitops.stages.bootstrap_github import Options
from tests.engine.github import rules
from tests.engine.github.rules import PullRequest, Refused
from tests.engine.github.stand_in import GitHub
from tests.sample import ROOT

REVIEWED = PullRequest(author="octocat", approvals=frozenset({"hubot"}))


def bootstrap(root: Path, repository: Repository) -> str:
    """Run the stage, and agree."""
    project = read_project(root / "infra/config")
    return bootstrap_github.run(root, project, repository, Options(agreed=lambda _: True)).summary


def commands(page: str) -> list[str]:
    """List the commands that a page of the documentation shows, in their order."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_documented_set_up_brings_its_own_changes_to_main(
    checkout: Path, github: GitHub, repository: Repository
) -> None:
    """Each push of docs/setup.md is let in, what bootstrap records is pushed, and main ends protected."""
    state, recorded, pushed = github.state, "", ""
    state.pushed = False

    for command in commands("setup.md"):
        if "pipeline bootstrap github" in command:
            bootstrap(checkout, repository)
            recorded = read_project(checkout / "infra/config").github.subject_prefix
        elif command.startswith("git push"):
            rules.push(state)
            pushed = recorded

    assert pushed == "repo:example-bank@7/loan-approval@8"
    assert state.rulesets
    with pytest.raises(Refused, match="GH013"):
        rules.push(state)


def test_first_push_comes_before_the_rules_of_main(checkout: Path, github: GitHub, repository: Repository) -> None:
    """While nothing was pushed, all is made but the rules that would refuse that push, and it is said."""
    github.state.pushed = False

    summary = bootstrap(checkout, repository)

    assert "Not protected yet" in summary
    assert "prod" in github.state.environments
    assert github.state.rulesets == {}
    rules.push(github.state)
    assert "Not protected yet" not in bootstrap(checkout, repository)
    assert github.state.rulesets


def test_two_people_merge_and_release(checkout: Path, github: GitHub, repository: Repository) -> None:
    """What one wrote the other lets in; neither can alone."""
    bootstrap(checkout, repository)

    rules.merge(github.state, REVIEWED)
    rules.approve(github.state, "prod", started_by="octocat", reviewer="hubot")
    with pytest.raises(Refused, match="approving review"):
        rules.merge(github.state, PullRequest(author="octocat", approvals=frozenset({"octocat"})))
    with pytest.raises(Refused, match="your own deployment"):
        rules.approve(github.state, "prod", started_by="octocat", reviewer="octocat")


def test_review_of_an_owner_who_only_reads_counts_for_nothing(
    checkout: Path, github: GitHub, repository: Repository
) -> None:
    """GitHub waits for a code owner for ever, so the set-up says that the team may only read."""
    github.state.access["ml-reviewers"] = "pull"

    summary = bootstrap(checkout, repository)

    with pytest.raises(Refused, match="code owner"):
        rules.merge(github.state, REVIEWED)
    assert "may not write" in summary
    assert "orgs/example-bank/teams/ml-reviewers/repos/example-bank/loan-approval -f permission=push" in summary


@pytest.mark.parametrize("reviewers", ["@octocat", "@example-bank/ml-reviewers"])
def test_sole_reviewer_is_refused_before_anything_is_changed(
    checkout: Path, github: GitHub, repository: Repository, reviewers: str
) -> None:
    """A person who is the only reviewer, by name or as a team of one, could never release."""
    github.state.members["ml-reviewers"] = ["octocat"]
    path = checkout / "infra/config/project.json"
    content = json.loads(path.read_text())
    content["github"]["reviewers"] = reviewers
    path.write_text(json.dumps(content))

    with pytest.raises(ConfigurationError, match=r"octocat would be the only reviewer[\s\S]*howto/solo.md"):
        bootstrap(checkout, repository)
    assert github.state.writes == []


def test_solo_profile_lets_one_person_merge_and_release(checkout: Path, github: GitHub, repository: Repository) -> None:
    """With the values of docs/howto/solo.md one person goes through every gate, and main still wants the checks."""
    github.state.members["ml-reviewers"] = ["octocat"]
    (profile,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs/howto/solo.md").read_text(encoding="utf-8"), re.DOTALL)
    path = checkout / ".github/environments.json"
    content = json.loads(path.read_text())
    wanted = json.loads(profile)
    content["environments"]["prod"].update(wanted["prod"])
    (reviews,) = [rule for rule in content["rulesets"][0]["rules"] if rule["type"] == "pull_request"]
    reviews["parameters"].update(wanted["pull_request"])
    path.write_text(json.dumps(content))

    bootstrap(checkout, repository)

    rules.merge(github.state, PullRequest(author="octocat"))
    rules.approve(github.state, "prod", started_by="octocat", reviewer="octocat")
    with pytest.raises(Refused, match="Required checks"):
        rules.merge(github.state, PullRequest(author="octocat", checks={}))
    with pytest.raises(Refused, match="GH013"):
        rules.push(github.state)
