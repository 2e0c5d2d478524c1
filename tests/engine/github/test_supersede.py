"""supersede: of the runs that wait for a reviewer only the newest is left."""

import pytest
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.stages import supersede
from sagemaker_gitops.stages.supersede import Options
from tests.engine.github.access import add_run
from tests.engine.github.stand_in import GitHub


@pytest.fixture
def queue(github: GitHub) -> GitHub:
    """Four runs, of which the last is ours: one waits for prod, one for staging, one works, one is newer."""
    add_run(github.state, 1, waits_for="prod", created="2026-11-23T10:00:00Z")
    add_run(github.state, 2, waits_for="staging", created="2026-11-23T11:00:00Z")
    add_run(github.state, 3, created="2026-11-23T12:00:00Z")
    add_run(github.state, 5, waits_for="prod", created="2026-11-23T14:00:00Z")
    return github


def ended(github: GitHub) -> list[int]:
    """Name the runs that were cancelled."""
    return [run["id"] for run in github.state.runs if run["conclusion"] == "cancelled"]


def test_older_run_at_the_same_door_is_ended_and_named(queue: GitHub, repository: Repository) -> None:
    """Neither a run at another door, nor one that works, nor a newer one is touched."""
    told = supersede.run(repository, Options(env="prod", run_id=4))

    assert ended(queue) == [1]
    assert told.outputs == {"superseded": "1"}
    assert "[run 1](" in told.summary


def test_repeated_old_run_ends_no_newer_one(queue: GitHub, repository: Repository) -> None:
    """A run that is repeated keeps its number, and is older than what waits."""
    told = supersede.run(repository, Options(env="prod", run_id=1))

    assert ended(queue) == []
    assert "No older run waits" in told.summary


def test_run_that_ended_meanwhile_is_no_error(
    queue: GitHub, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody rejects it between the look and the word: GitHub answers with a conflict, and that is fine."""
    listed = repository.listed

    def late(path: str, **given: object) -> object:
        found = list(listed(path, **given))  # type: ignore[arg-type]
        if path.endswith("pending_deployments"):
            queue.state.runs[0]["status"] = "completed"
        return iter(found)

    monkeypatch.setattr(repository, "listed", late)

    assert supersede.run(repository, Options(env="prod", run_id=4)).outputs == {"superseded": ""}
