"""The repository's issues, as the monitor needs them: one at most for a label, kept up to date."""

from dataclasses import dataclass

from sagemaker_gitops.github.client import Body, Repository

# GitHub refuses longer texts, of an issue and of a comment.
LONGEST_TEXT = 65_536


@dataclass(frozen=True, kw_only=True)
class Issue:
    """An open issue."""

    number: int
    body: str


def find(repository: Repository, label: str) -> Issue | None:
    """Find the oldest open issue with a label; GitHub lists pull requests as issues, too."""
    listed = repository.listed("issues", query={"labels": label, "state": "open", "direction": "asc"})
    found = next((item for item in listed if not item.get("pull_request")), None)
    if found is None:
        return None
    return Issue(number=int(str(found["number"])), body=str(found.get("body") or ""))


def open_new(repository: Repository, *, title: str, text: str, label: str) -> None:
    """Open an issue; GitHub makes a label that is not there yet."""
    repository.send("POST", "issues", {"title": title, "body": text, "labels": [label]})


def replace(repository: Repository, issue: Issue, text: str) -> None:
    """Write an issue's text anew, of which GitHub tells nobody."""
    repository.send("PATCH", f"issues/{issue.number}", {"body": text})


def remark(repository: Repository, issue: Issue, text: str) -> None:
    """Comment, of which GitHub tells everybody who follows the issue."""
    repository.send("POST", f"issues/{issue.number}/comments", {"body": text})


def close(repository: Repository, issue: Issue) -> None:
    """Close an issue as done."""
    closed: Body = {"state": "closed", "state_reason": "completed"}
    repository.send("PATCH", f"issues/{issue.number}", closed)
