"""A workflow run: who let it into an environment."""

from dataclasses import dataclass

from sagemaker_gitops.github.client import Repository


@dataclass(frozen=True, kw_only=True)
class Review:
    """One reviewer's word on a run that waited for an environment."""

    reviewer: str
    comment: str


def approval(repository: Repository, *, run_id: str, environment: str) -> Review | None:
    """Find who approved a run for an environment; the last one if several did."""
    found = None
    for review in repository.listed(f"actions/runs/{run_id}/approvals"):
        user, places = review.get("user"), review.get("environments")
        names = [place.get("name") for place in places if isinstance(place, dict)] if isinstance(places, list) else []
        if review.get("state") == "approved" and environment in names and isinstance(user, dict):
            found = Review(reviewer=str(user["login"]), comment=str(review.get("comment") or ""))
    return found
