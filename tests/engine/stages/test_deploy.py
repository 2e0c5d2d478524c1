"""deploy: what it refuses and keeps, what it leaves alone, and what a rolled-back candidate leaves behind."""

from dataclasses import replace
from typing import get_args

import pytest
from sagemaker_gitops.aws import endpoint_shapes
from sagemaker_gitops.aws.endpoint_shapes import Variant
from sagemaker_gitops.aws.invocations import Answer
from sagemaker_gitops.aws.registry import PENDING
from sagemaker_gitops.errors import CandidateRejected, ConfigurationError, ForeignEndpoint, GateFailed, NotApproved
from sagemaker_gitops.project.deploy_config import DeployConfig, StrategyName
from sagemaker_gitops.release.strategies import longest_seconds, plan_deploy
from tests.engine.release.fake_aws import FakeAws, settings_of, variant_of
from tests.engine.stages.staged import Endpoint, deployed, with_deploy


@pytest.fixture
def prod() -> Endpoint:
    """Production, on which version 1 serves."""
    return deployed(settings_of("prod", DEPLOY__STRATEGY="all_at_once"), 1)


def test_unapproved_version_is_refused_in_prod_and_the_refusal_is_kept(prod: Endpoint) -> None:
    """Nothing is asked of the endpoint; the ledger says what was tried and why not."""
    prod.aws.registry.models[2] = replace(prod.aws.registry.models[2], status=PENDING, approval="")
    calls = list(prod.aws.endpoints.calls)

    with pytest.raises(NotApproved, match="version 2 is PendingManualApproval"):
        prod.deploy(2)

    assert prod.aws.endpoints.calls == calls
    last = prod.entries[-1]
    assert (last.action, last.outcome) == ("refuse", "refused")
    assert last.release is not None
    assert last.release.version == 2


def test_unapproved_version_may_be_tried_where_no_approval_is_asked_for() -> None:
    """Staging is where a version shows what it can do."""
    staging = deployed(settings_of(), 1)
    staging.aws.registry.models[2] = replace(staging.aws.registry.models[2], status=PENDING, approval="")

    staging.deploy(2)

    assert staging.aws.weights == {1: 0, 2: 100}


def test_version_that_failed_its_gates_is_deployed_nowhere() -> None:
    """No environment takes it, and the refusal is kept."""
    staging = deployed(settings_of(), 1)
    staging.aws.registry.fail_gates(2)

    with pytest.raises(GateFailed, match="version 2 has not passed its gates"):
        staging.deploy(2)

    assert staging.aws.weights == {1: 100}
    assert staging.entries[-1].action == "refuse"


def test_approver_of_the_registry_stands_in_the_ledger(prod: Endpoint) -> None:
    """Who let a release through is asked for years later."""
    prod.deploy(2)

    assert {entry.approver for entry in prod.entries} == {"risk"}


def test_second_deploy_of_what_serves_changes_nothing(prod: Endpoint) -> None:
    """A re-run of a finished job neither touches the endpoint nor writes an entry."""
    calls, entries = list(prod.aws.endpoints.calls), prod.entries

    told = prod.deploy(1)

    assert told.outputs["changed"] == "false"
    assert (prod.aws.endpoints.calls, prod.entries) == (calls, entries)


def test_second_deploy_restores_what_the_first_did_not_come_to(prod: Endpoint) -> None:
    """A runner that died right after the promotion left alarms or tags undone; the same command does them."""
    prod.aws.alarms.defined.clear()
    prod.aws.endpoints.labels.clear()

    prod.deploy(1)

    assert len(prod.aws.alarms.defined) == 3
    assert prod.aws.endpoints.labels["release"] == variant_of(1)


def test_endpoint_that_nobody_released_is_left_alone() -> None:
    """Somebody else's endpoint under our name is not overwritten."""
    settings = settings_of()
    foreign = Endpoint(settings=settings, aws=FakeAws(settings))
    theirs = Variant(name="AllTraffic", model="theirs", weight=1, instances=1, instance_type="ml.m5.large")
    foreign.aws.endpoints.put(endpoint_shapes.Endpoint(status="InService", config="theirs", production=(theirs,)))

    with pytest.raises(ForeignEndpoint, match="AllTraffic"):
        foreign.deploy(1)

    assert foreign.aws.endpoints.calls == []


def test_candidate_that_fails_known_rows_is_rolled_back_and_told(prod: Endpoint) -> None:
    """The error says why, what answered whom and who serves; the ledger ends in rolled back."""
    prod.aws.invocations.answer = Answer(status=500, body="boom", attributes={})

    with pytest.raises(CandidateRejected, match="version 2 was rolled back: verification") as caught:
        prod.deploy(2)

    assert "version 1 serves" in str(caught.value.where)
    assert "| abort started | verification" in caught.value.summary
    assert prod.aws.weights == {1: 100, 2: 0}
    assert (prod.entries[-1].action, prod.entries[-1].outcome) == ("deploy", "rolled_back")


@pytest.mark.parametrize("strategy", ["linear", "canary", "shadow", "native"])
def test_release_that_would_outlive_its_credentials_is_refused_before_it_begins(strategy: StrategyName) -> None:
    """A step that still waits for traffic when they end could not go back any more."""
    config = DeployConfig(strategy=strategy, session_seconds=3000)
    endpoint = deployed(settings_of(), 1)
    before = list(endpoint.entries)

    with pytest.raises(ConfigurationError, match=r"may take \d+ s, and its credentials end after 3000 s"):
        Endpoint(settings=with_deploy(endpoint.settings, config), aws=endpoint.aws).deploy(2)

    assert endpoint.entries == before


def test_every_strategy_fits_into_a_session_as_it_is_configured_at_first() -> None:
    """Nobody has to do sums before a first release."""
    for strategy in get_args(StrategyName):
        config = DeployConfig(strategy=strategy)

        assert longest_seconds(config, plan_deploy(config, first=False)) <= config.session_seconds, strategy
