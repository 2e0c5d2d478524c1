"""A freeze: nothing new reaches prod while it lasts, everything else goes on."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sagemaker_gitops.errors import ConfigurationError, ReleaseFrozen
from sagemaker_gitops.project.config import read_freeze
from sagemaker_gitops.project.environments import Environment
from sagemaker_gitops.project.freeze import Freeze, FreezeWindow
from sagemaker_gitops.release.session import open_ledger, release_of
from sagemaker_gitops.release.writer import Author, NewEntry
from sagemaker_gitops.stages import needed, status
from tests.engine.release.fake_aws import settings_of
from tests.engine.stages.staged import Endpoint, deployed

PLAIN = {"approval__required": "false", "deploy__strategy": "all_at_once"}


def frozen(env: Environment = "prod", hours: float = 1) -> Endpoint:
    """Return an endpoint with versions 1 and 2, and a freeze that began an hour ago and lasts so long."""
    endpoint = deployed(settings_of(env, **PLAIN), 1, 2)
    now = endpoint.aws.clock.moment
    window = FreezeWindow(start=now - timedelta(hours=1), end=now + timedelta(hours=hours), reason="year-end close")
    settings = endpoint.settings.model_copy(update={"freeze": Freeze(windows=(window,))})
    return Endpoint(settings=settings, aws=endpoint.aws)


def test_deploy_to_prod_is_refused_in_writing() -> None:
    """The reason stands in the error and in the ledger, and the champion serves."""
    endpoint = frozen()

    with pytest.raises(ReleaseFrozen, match="year-end close"):
        endpoint.deploy(3)

    assert endpoint.entries[-1].outcome == "refused"
    assert "year-end close" in endpoint.entries[-1].reason
    assert endpoint.aws.weights[2] == 100


def test_rollback_is_never_stopped() -> None:
    """A freeze keeps prod well; going back is what keeps it well."""
    endpoint = frozen()

    endpoint.rollback()

    assert endpoint.aws.weights[1] == 100


def test_staging_goes_on() -> None:
    """Only prod is frozen, so that what waits is tried meanwhile."""
    endpoint = frozen("staging")

    endpoint.deploy(3)

    assert endpoint.aws.weights[3] == 100


def test_release_that_began_before_may_end() -> None:
    """A run that died half-way is continued: a canary that stays is no freeze."""
    endpoint = frozen()
    services = endpoint.aws.services
    notes = open_ledger(endpoint.settings, services, Author(actor="ci"), clock=endpoint.aws.clock)
    release = release_of(endpoint.settings, services.registry.describe(3))
    notes.write(NewEntry(action="deploy", outcome="started", release=release, strategy="all_at_once"))

    endpoint.deploy(3)

    assert endpoint.aws.weights[3] == 100


def test_freeze_that_is_over_stops_nothing() -> None:
    """The end itself is free."""
    endpoint = frozen(hours=0)

    endpoint.deploy(3)

    assert endpoint.aws.weights[3] == 100


def test_reviewer_is_told_before_approving() -> None:
    """The job before the approval says that it would be in vain now."""
    endpoint = frozen()
    options = needed.Options(version=3, clock=endpoint.aws.clock)

    told = needed.run(endpoint.settings, endpoint.aws.services, options)

    assert "prod is frozen until" in told.summary
    assert told.outputs == {"needed": "true"}


def test_status_tells_of_a_freeze() -> None:
    """Whoever asks what serves learns that nothing new will, for now."""
    now = datetime.now(UTC)
    window = FreezeWindow(start=now - timedelta(hours=1), end=now + timedelta(hours=1), reason="year-end close")
    endpoint = frozen()
    settings = endpoint.settings.model_copy(update={"freeze": Freeze(windows=(window,))})

    told = status.run([(settings, endpoint.aws.services)]).summary

    assert "year-end close" in told


@pytest.mark.parametrize(
    "window",
    [
        {"start": "2026-12-20T18:00:00", "end": "2027-01-04T08:00:00+01:00", "reason": "x"},
        {"start": "2026-12-20T18:00:00Z", "end": "2026-12-20T18:00:00Z", "reason": "x"},
        {"start": "2026-12-20T18:00:00Z", "end": "2027-01-04T08:00:00Z", "reason": ""},
    ],
    ids=["no offset", "no length", "no reason"],
)
def test_senseless_window_is_refused(tmp_path: Path, window: dict[str, str]) -> None:
    """A freeze that cannot be meant is told with its file."""
    (tmp_path / "freeze.json").write_text(json.dumps({"windows": [window]}))

    with pytest.raises(ConfigurationError, match=r"freeze\.json"):
        read_freeze(tmp_path)


def test_project_without_the_file_is_never_frozen(tmp_path: Path) -> None:
    """A project that is older than the file goes on."""
    assert read_freeze(tmp_path).at(datetime.now(UTC)) is None
