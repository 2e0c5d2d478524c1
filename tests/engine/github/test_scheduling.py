"""Delivery in GitHub's queue: no unanswered approval stops a later change, and no alarm a person's rollback."""

from copy import deepcopy

import pytest
from tests.documents import Document, workflows
from tests.engine.github.scheduler import Scheduler
from tests.sample import ROOT

WORKFLOWS = workflows(ROOT)
# What the queue did before: one group around all of Deliver, and one for the rollbacks of an environment.
FORMER_GROUP = {"group": "deliver", "cancel-in-progress": False}
FORMER_ROLLBACK = "rollback-${{ inputs.environment || github.event.client_payload.environment }}"
SERVED = frozenset({"needs.needed.outputs.needed == 'true'"})


def github(changed: dict[str, Document] | None = None, *, slow: frozenset[str] = frozenset()) -> Scheduler:
    """Return a queue with the project's workflows, some of them changed."""
    return Scheduler({**WORKFLOWS, **(changed or {})}, reviewed=frozenset({"prod"}), slow=slow)


def reached(queue: Scheduler, number: int) -> set[str]:
    """Name the environments that a run deployed to."""
    return {what.removeprefix("deploy ") for run, what in queue.did if run == number and what.startswith("deploy ")}


def former_delivery() -> dict[str, Document]:
    """Return Deliver as it was, with its group around the approval and nothing that ends older runs."""
    delivery, release = deepcopy(WORKFLOWS["cd.yml"]), deepcopy(WORKFLOWS["release.yml"])
    delivery["concurrency"] = FORMER_GROUP
    del delivery["jobs"]["candidate"]["concurrency"]
    del release["jobs"]["supersede"]
    release["jobs"]["prod"]["needs"] = "needed"
    return {"cd.yml": delivery, "release.yml": release}


def test_stand_in_knows_that_a_waiting_run_holds_its_group() -> None:
    """With one group around everything an unanswered approval stops all delivery, and the hotfix replaces a fix."""
    queue = github(former_delivery())

    first, fix, hotfix = (queue.start("cd.yml") for _ in range(3))

    assert [run.state for run in (first, fix, hotfix)] == ["entered", "cancelled", "pending"]
    assert reached(queue, 2) == reached(queue, 3) == set()


def test_unanswered_approval_stops_no_later_change() -> None:
    """Each change reaches dev and staging, only the newest waits at prod, and it goes through when approved."""
    queue = github()

    first, fix, hotfix = (queue.start("cd.yml") for _ in range(3))

    assert [reached(queue, number) for number in (1, 2, 3)] == [{"dev", "staging"}] * 3
    assert [run.state for run in (first, fix)] == ["cancelled", "cancelled"]
    queue.approve(hotfix)
    assert "prod" in reached(queue, 3)
    assert hotfix.state == "done"


def test_release_that_was_approved_goes_on_beside_a_newer_change() -> None:
    """A newer run ends what waits, not what works; its own release follows."""
    queue = github(slow=frozenset({"deploy"}))
    first = queue.start("cd.yml")
    for _ in ("dev", "staging"):
        queue.finish(first)
    queue.approve(first)

    second = queue.start("cd.yml")
    for _ in ("dev", "staging"):
        queue.finish(second)

    assert "prod" in reached(queue, 1)
    assert first.state == "entered"
    queue.approve(second)
    assert second.state == "entered"


def test_version_that_serves_already_asks_nobody() -> None:
    """A change of prose goes through without a reviewer, and leaves what waits alone."""
    queue = github()
    waiting = queue.start("cd.yml")
    queue.skip_if = SERVED

    prose = queue.start("cd.yml")

    assert prose.state == "done"
    assert waiting.state == "entered"


def test_challenger_that_waits_stops_neither_watch_nor_change() -> None:
    """A retrained model may wait for a reviewer for weeks; monitoring and delivery go on."""
    queue = github()
    queue.start("operate.yml")

    again, change = queue.start("operate.yml"), queue.start("cd.yml")

    assert (again.number, "monitor prod-operations") in queue.did
    assert reached(queue, change.number) == {"dev", "staging"}


@pytest.mark.parametrize("former", [True, False])
def test_no_alarm_cancels_a_persons_rollback(former: bool) -> None:
    """One alarm works, a person waits, a second alarm rings: by a group the person's run was cancelled."""
    changed = deepcopy(WORKFLOWS["rollback.yml"])
    changed["jobs"]["rollback"]["concurrency"] = {"group": FORMER_ROLLBACK, "cancel-in-progress": False}
    queue = github({"rollback.yml": changed} if former else {}, slow=frozenset({"rollback"}))

    _, person, _ = (queue.start("rollback.yml", environment="prod") for _ in range(3))

    assert person.state == ("cancelled" if former else "entered")
