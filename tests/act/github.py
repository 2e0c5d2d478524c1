"""Run the engine tests' stand-in for GitHub until stdin closes.

Started from the template's root: `python -m tests.act.github '{"name": "owner/repository"}'` prints its address.
"""

import json
import sys
from typing import Any

from tests.engine.github import description
from tests.engine.github.stand_in import GitHub
from tests.engine.github.state import State

REVIEWER = "octocat"


def approved(repository: str) -> dict[str, Any]:
    """Make a review that lets every run into prod, from GitHub's own example of one."""
    call = description.find("GET", f"/repos/{repository}/actions/runs/1/approvals")
    assert call, "GitHub describes no such call"
    review: dict[str, Any] = call.example()[0]
    review["environments"] = [{**review["environments"][0], "name": "prod"}]
    review.update(state="approved", comment="gates are green", user={**review["user"], "login": REVIEWER})
    return review


def main() -> None:
    """Serve one repository in the state that the argument gives."""
    state = State(**json.loads(sys.argv[1]))
    state.approvals.append(approved(state.name))
    github = GitHub(state)
    print(github.url, flush=True)
    sys.stdin.read()
    github.close()


if __name__ == "__main__":
    main()
