"""needed: only a version that does not serve yet is worth a reviewer's time."""

from sagemaker_gitops.release.ledger import EntryAction
from sagemaker_gitops.release.session import open_ledger, release_of
from sagemaker_gitops.release.writer import Author, NewEntry
from sagemaker_gitops.stages import needed
from tests.engine.release.fake_aws import settings_of
from tests.engine.stages.staged import Endpoint, deployed


def asked(endpoint: Endpoint, version: int) -> str:
    """Ask for a version."""
    return needed.run(endpoint.settings, endpoint.aws.services, needed.Options(version=version)).outputs["needed"]


def test_version_that_serves_asks_nobody() -> None:
    """A merge of prose or of a dependency makes the same version, which is there already."""
    endpoint = deployed(settings_of(), 1, 2)

    assert asked(endpoint, 2) == "false"


def test_version_that_does_not_serve_is_needed() -> None:
    """Neither the standby nor a version that never served is there."""
    endpoint = deployed(settings_of(), 1, 2)

    assert (asked(endpoint, 1), asked(endpoint, 3)) == ("true", "true")


def test_version_that_serves_amid_a_change_is_needed() -> None:
    """While something is under way nobody can say what will serve, so a person is asked."""
    endpoint = deployed(settings_of(), 1, 2)
    settings, services = endpoint.settings, endpoint.aws.services
    action: EntryAction = "deploy"
    notes = open_ledger(settings, services, Author(actor="ci"), clock=endpoint.aws.clock)
    release = release_of(settings, services.registry.describe(3))
    notes.write(NewEntry(action=action, outcome="started", release=release, strategy="all_at_once"))

    assert asked(endpoint, 2) == "true"
