"""bootstrap github: everything declared is made, once, and what was changed by hand is found."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sagemaker_gitops.cli import app as cli
from sagemaker_gitops.errors import ConfigurationError, GitHubRefused
from sagemaker_gitops.github import identity, plan, protection
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.project.config import read_project
from sagemaker_gitops.stages import bootstrap_github
from sagemaker_gitops.stages.bootstrap_github import Options
from tests.engine.github.stand_in import GitHub
from tests.engine.github.state import State


def bootstrap(root: Path, repository: Repository, *, agree: bool = True) -> str:
    """Run the stage and return its summary."""
    project = read_project(root / "infra/config")
    return bootstrap_github.run(root, project, repository, Options(agreed=lambda _: agree)).summary


def differences(root: Path, repository: Repository) -> list[str]:
    """List what is not as declared, in words."""
    declared = protection.declared(root, read_project(root / "infra/config"))
    return [str(found) for change in plan.plan(repository, declared) for found in change.differences]


def test_everything_declared_is_made(checkout: Path, github: GitHub, repository: Repository) -> None:
    """Reviewers, self-review, branches, variables, the ruleset and the workflows' rights are on GitHub."""
    bootstrap(checkout, repository)

    state = github.state
    rules = {rule["type"]: rule for rule in state.environments["prod"]["protection_rules"]}
    assert rules["required_reviewers"]["prevent_self_review"] is True
    assert [r["reviewer"]["slug"] for r in rules["required_reviewers"]["reviewers"]] == ["ml-reviewers"]
    assert set(state.branches["prod"].values()) == {"main"}
    assert state.variables["staging"]["AWS_REGION"] == "eu-west-1"
    assert state.shared["AWS_READ_ROLE"] == "arn:aws:iam::111111111111:role/loan-approval-read"
    assert [ruleset["name"] for ruleset in state.rulesets.values()] == ["main"]
    assert state.rights["default_workflow_permissions"] == "read"
    assert state.permissions == {"enabled": True, "allowed_actions": "all", "sha_pinning_required": True}


def test_second_run_changes_nothing(checkout: Path, github: GitHub, repository: Repository) -> None:
    """The set-up may be repeated at any time."""
    bootstrap(checkout, repository)
    written = len(github.state.writes)

    summary = bootstrap(checkout, repository)

    assert "is as declared" in summary
    assert len(github.state.writes) == written


def test_nothing_is_sent_before_a_yes(checkout: Path, github: GitHub, repository: Repository) -> None:
    """The differences are shown first; a no leaves GitHub as it is."""
    summary = bootstrap(checkout, repository, agree=False)

    assert "left as it is" in summary
    assert github.state.writes == []


HAND_MADE: dict[str, tuple[Callable[[State], object], list[str]]] = {
    "reviewers removed": (
        lambda state: state.environments["prod"].update(protection_rules=[]),
        ["reviewers: none → @example-bank/ml-reviewers", "prevent_self_review: false → true"],
    ),
    "branch added": (
        lambda state: state.branches["prod"].update({999: "hotfix/*"}),
        ["branches: hotfix/*, main → main"],
    ),
    "variable changed": (
        lambda state: state.variables["dev"].update(AWS_REGION="us-east-1"),
        ["variable AWS_REGION: us-east-1 → eu-west-1"],
    ),
    "variable of the repository changed": (
        lambda state: state.shared.update(AWS_READ_ROLE="none"),
        ["variable AWS_READ_ROLE: none → arn:aws:iam::111111111111:role/loan-approval-read"],
    ),
    "variable removed": (
        lambda state: state.variables["dev"].pop("AWS_REGION"),
        ["variable AWS_REGION: missing → eu-west-1"],
    ),
    "environment removed": (
        lambda state: (state.environments.pop("dev"), state.branches.pop("dev"), state.variables.pop("dev")),
        ["environment: missing → present", "branches: none → main"],
    ),
    "ruleset switched off": (
        lambda state: next(iter(state.rulesets.values())).update(enforcement="disabled"),
        ["enforcement: disabled → active"],
    ),
    "bypass added": (
        lambda state: next(iter(state.rulesets.values())).update(bypass_actors=[{"actor_type": "OrganizationAdmin"}]),
        ["bypass_actors: [{'actor_type': 'OrganizationAdmin'}] → []"],
    ),
    "rule removed": (
        lambda state: next(iter(state.rulesets.values()))["rules"].pop(0),
        ["rules.deletion: none → {'type': 'deletion'}"],
    ),
    "rule added": (
        lambda state: next(iter(state.rulesets.values()))["rules"].append({"type": "required_signatures"}),
        ["rules.required_signatures: present → none"],
    ),
    "review made optional": (
        lambda state: next(iter(state.rulesets.values()))["rules"][2]["parameters"].update(
            require_code_owner_review=False
        ),
        ["rules.pull_request.parameters.require_code_owner_review: false → true"],
    ),
    "pinning switched off": (
        lambda state: state.permissions.update(sha_pinning_required=False),
        ["sha_pinning_required: false → true"],
    ),
    "subject made mutable": (
        lambda state: state.subject.update(sub_claim_prefix="repo:example-bank/loan-approval"),
        ["use_immutable_subject: false → true"],
    ),
}


@pytest.mark.parametrize("name", HAND_MADE)
def test_change_made_by_hand_is_found_and_undone(
    checkout: Path, github: GitHub, repository: Repository, name: str
) -> None:
    """The difference names exactly what somebody changed, and one run puts it back."""
    change, told = HAND_MADE[name]
    bootstrap(checkout, repository)

    change(github.state)

    found = differences(checkout, repository)
    assert found[: len(told)] == told
    assert len(found) == len(told) or name == "environment removed"
    bootstrap(checkout, repository)
    assert differences(checkout, repository) == []


def test_rules_of_an_organisation_are_not_taken_for_ours(
    checkout: Path, github: GitHub, repository: Repository
) -> None:
    """One of the same name protects other repositories, too, and could not be changed here."""
    github.state.organisation_rulesets.append(
        {"id": 1, "name": "main", "target": "branch", "enforcement": "active", "source": "example-bank"}
    )

    bootstrap(checkout, repository)

    assert differences(checkout, repository) == []
    assert [ruleset["name"] for ruleset in github.state.rulesets.values()] == ["main"]


def test_more_variables_than_a_page_holds_are_all_seen(checkout: Path, github: GitHub, repository: Repository) -> None:
    """A variable on GitHub's second page is not sent again."""
    bootstrap(checkout, repository)
    known = github.state.variables["dev"]
    github.state.variables["dev"] = {**{f"OTHER_{n}": "x" for n in range(40)}, **known}

    assert differences(checkout, repository) == []


def test_private_repository_is_told_what_its_plan_cannot_do(
    checkout: Path, github: GitHub, repository: Repository
) -> None:
    """Without Enterprise a private repository gets all but reviewers, and the fallback in words."""
    github.state.private = True

    summary = bootstrap(checkout, repository)

    assert 'give prod "approval": "registry"' in summary
    assert github.state.environments["prod"]["protection_rules"] == []
    assert set(github.state.branches["prod"].values()) == {"main"}
    assert github.state.rulesets


def test_free_private_repository_is_told_that_nothing_protects_it(
    checkout: Path, github: GitHub, repository: Repository
) -> None:
    """What the plan has not at all is not tried."""
    github.state.private, github.state.plan = True, "free"

    summary = bootstrap(checkout, repository)

    assert "neither environments nor rulesets" in summary
    assert github.state.environments == {}


def test_enterprise_protects_a_private_repository(checkout: Path, github: GitHub, repository: Repository) -> None:
    """With Enterprise nothing is left out."""
    github.state.private, github.state.plan = True, "enterprise"

    summary = bootstrap(checkout, repository)

    assert "Not possible" not in summary
    assert differences(checkout, repository) == []


def test_enterprise_server_is_refused_in_a_sentence(checkout: Path, github: GitHub, repository: Repository) -> None:
    """Its tokens have another issuer, so every workflow would fail at AWS; that is told before anything is made."""
    github.state.server_version = "3.19.0"

    with pytest.raises(ConfigurationError, match=r"Enterprise Server 3\.19\.0[\s\S]*CodeBuild"):
        bootstrap(checkout, repository)
    assert github.state.writes == []


def test_runners_are_chosen_in_one_place(checkout: Path, github: GitHub, repository: Repository) -> None:
    """project.json names where jobs run, and every workflow reads it from one variable."""
    path = checkout / "infra/config/project.json"
    content = json.loads(path.read_text())
    content["github"]["runs_on"] = "our-arm-runners"
    path.write_text(json.dumps(content))

    bootstrap(checkout, repository)

    assert github.state.shared["RUNS_ON"] == "our-arm-runners"


def test_unknown_team_is_named(checkout: Path, github: GitHub, repository: Repository) -> None:
    """A reviewer who does not exist is an error before anything is changed."""
    github.state.teams.clear()

    with pytest.raises(GitHubRefused, match="no team @example-bank/ml-reviewers"):
        bootstrap(checkout, repository)
    assert github.state.writes == []


def test_missing_repository_says_how_to_make_it(checkout: Path, github: GitHub) -> None:
    """The first run of a new project is told what comes before it."""
    absent = Repository("example-bank/nowhere", token="valid", url=github.url)

    with pytest.raises(GitHubRefused, match="gh repo create example-bank/nowhere"):
        bootstrap(checkout, absent)


def test_invalid_token_is_told(checkout: Path, github: GitHub) -> None:
    """GitHub's refusal comes with the way on."""
    stranger = Repository(github.state.name, token="stale", url=github.url)

    with pytest.raises(GitHubRefused, match=r"401: Bad credentials[\s\S]*GITHUB_TOKEN"):
        bootstrap(checkout, stranger)


def test_missing_token_is_told() -> None:
    """Nothing is asked of GitHub without one."""
    with pytest.raises(ConfigurationError, match="no token for GitHub"):
        Repository("example-bank/loan-approval", token=None, url="http://127.0.0.1:9")


def test_value_that_github_does_not_take_is_refused(repository: Repository) -> None:
    """The stand-in refuses as GitHub does, so a wrong body cannot pass these tests."""
    with pytest.raises(GitHubRefused, match=r"422: Validation Failed; .*Bot"):
        repository.send("PUT", "environments/dev", {"reviewers": [{"type": "Bot", "id": 1}]})


def test_senseless_declaration_is_refused(checkout: Path) -> None:
    """A slip in environments.json is told before GitHub is asked."""
    path = checkout / ".github/environments.json"
    content = json.loads(path.read_text())
    content["environments"]["dev"]["wait_minuts"] = 5
    path.write_text(json.dumps(content))

    with pytest.raises(ConfigurationError, match="wait_minuts"):
        protection.declared(checkout, read_project(checkout / "infra/config"))


def test_what_aws_has_to_trust_is_recorded(checkout: Path, github: GitHub, repository: Repository) -> None:
    """The trust policies of infra/lib read it from project.json; a mutable subject is made immutable first."""
    github.state.subject["sub_claim_prefix"] = "repo:example-bank/loan-approval"

    summary = bootstrap(checkout, repository)

    recorded = read_project(checkout / "infra/config").github.subject_prefix
    assert recorded == "repo:example-bank@7/loan-approval@8"
    assert f"records `{recorded}`" in summary


def test_subject_prefix_is_what_github_says(repository: Repository) -> None:
    """AWS's trust policies compare with the numbers that no renaming changes."""
    assert identity.subject_prefix(repository) == "repo:example-bank@7/loan-approval@8"


def test_command_line_shows_and_makes_it(at_home: Path, github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    """`bootstrap github --yes` prints the differences and ends them."""
    code = cli.main(["bootstrap", "github", "--yes"])

    told = capsys.readouterr()
    assert code == 0, told.err
    assert "environment prod" in told.err
    assert "is now as declared" in told.out
    assert github.state.environments.keys() >= {"dev", "staging", "prod"}
