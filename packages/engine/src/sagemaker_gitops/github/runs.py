"""Workflow runs: who let one into an environment, and which ones wait to be let in."""

from dataclasses import dataclass

from sagemaker_gitops.github.client import Body, Repository


@dataclass(frozen=True, kw_only=True)
class Review:
    """One reviewer's word on a run that waited for an environment."""

    reviewer: str
    comment: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """One workflow run; ids grow with time, a run that is repeated keeps its own."""

    id: int
    number: int
    commit: str
    url: str


def waiting(repository: Repository, *, environment: str, before: int) -> tuple[Run, ...]:
    """Find the runs older than `before` that wait for an environment's reviewers."""
    found = repository.listed("actions/runs", under="workflow_runs", query={"status": "waiting"})
    older = [_run(item) for item in found if int(str(item["id"])) < before]
    return tuple(run for run in older if environment in _doors(repository, run))


def cancel(repository: Repository, run: Run) -> bool:
    """End a run; False if it ended by itself meanwhile."""
    return repository.send("POST", f"actions/runs/{run.id}/cancel", conflict_ok=True)


def _run(item: Body) -> Run:
    return Run(
        id=int(str(item["id"])),
        number=int(str(item["run_number"])),
        commit=str(item["head_sha"]),
        url=str(item["html_url"]),
    )


def _doors(repository: Repository, run: Run) -> list[str]:
    pending = [item.get("environment") for item in repository.listed(f"actions/runs/{run.id}/pending_deployments")]
    return [str(environment.get("name")) for environment in pending if isinstance(environment, dict)]


def approval(repository: Repository, *, run_id: str, environment: str) -> Review | None:
    """Find who approved a run for an environment; the last one if several did."""
    found = None
    for review in repository.listed(f"actions/runs/{run_id}/approvals"):
        user, places = review.get("user"), review.get("environments")
        names = [place.get("name") for place in places if isinstance(place, dict)] if isinstance(places, list) else []
        if review.get("state") == "approved" and environment in names and isinstance(user, dict):
            found = Review(reviewer=str(user["login"]), comment=str(review.get("comment") or ""))
    return found
