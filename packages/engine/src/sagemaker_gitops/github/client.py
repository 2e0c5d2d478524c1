"""One repository's REST interface, and GitHub's refusals in our own words."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias
from urllib.parse import urlencode

import github
import requests
from pydantic import JsonValue

from sagemaker_gitops.errors import ConfigurationError, GitHubRefused

Body: TypeAlias = Mapping[str, JsonValue]

_JSON = "application/vnd.github+json"
_PAGE = 30  # the most that GitHub lists of environment variables at once
_ATTEMPTS = 5
_NEXT_STEPS = {
    401: "give a valid token: set GITHUB_TOKEN",
    403: "use a token that administers the repository: GITHUB_TOKEN=$(gh auth token)",
    404: "check owner and repository in infra/config/project.json, and that the token may see them",
    410: "let the repository have issues: Settings > General > Features",
    422: "correct the value in .github/environments.json",
}


class Repository:
    """A repository on GitHub; paths are relative to it, or absolute with a leading slash."""

    def __init__(self, name: str, *, token: str | None, url: str) -> None:
        if not token:
            raise ConfigurationError(
                "no token for GitHub",
                where="GITHUB_TOKEN",
                next_step="set it: GITHUB_TOKEN=$(gh auth token), in a workflow ${{ github.token }}",
            )
        self.name = name
        # GitHub asks for pauses in bulk work; a set-up is some thirty writes, and a throttled one is repeated.
        self._requester = github.Github(
            auth=github.Auth.Token(token),
            base_url=url,
            retry=github.GithubRetry(total=_ATTEMPTS),
            seconds_between_requests=None,
            seconds_between_writes=None,
        ).requester

    @property
    def owner(self) -> str:
        """The organisation or user that the repository belongs to."""
        return self.name.split("/")[0]

    def get(self, path: str, *, hidden_ok: bool = False, accept: str = _JSON) -> Body | None:
        """Read an object; None if there is none, or with `hidden_ok` if the token may not see it."""
        answer = self._call("GET", path, without=frozenset({404, 403} if hidden_ok else {404}), accept=accept)
        return answer if isinstance(answer, dict) else None

    def listed(self, path: str, *, under: str = "", query: Mapping[str, str] | None = None) -> Iterator[Body]:
        """Read a list to its end; `under` names the key that holds it, if any."""
        page = 1
        while True:
            words = urlencode({**(query or {}), "per_page": _PAGE, "page": page})
            answer = self._call("GET", f"{path}?{words}", without=frozenset({404}))
            found = answer.get(under) if isinstance(answer, dict) else answer
            items = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
            yield from items
            if len(items) < _PAGE:
                return
            page += 1

    def send(self, method: str, path: str, body: Body | None = None, *, conflict_ok: bool = False) -> bool:
        """Change something; with `conflict_ok` False where GitHub says that it is no longer so."""
        answer = self._call(method, path, body=body, without=frozenset({409} if conflict_ok else ()))
        return answer is not None

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Body | None = None,
        without: frozenset[int] = frozenset(),
        accept: str = _JSON,
    ) -> JsonValue:
        """Ask GitHub; None if it answers one of the statuses in `without`."""
        headers = {"Accept": accept, "X-GitHub-Api-Version": "2026-03-10"}
        url = path if path.startswith("/") else f"/repos/{self.name}/{path}".rstrip("/")
        try:
            answer: JsonValue = self._requester.requestJsonAndCheck(method, url, headers=headers, input=body)[1]
        except github.GithubException as err:
            if err.status in without:
                return None
            raise _refusal(err, f"{method} {url}") from err
        except requests.RequestException as err:
            raise GitHubRefused(
                f"GitHub cannot be reached: {err}", where=f"{method} {url}", next_step="check the connection"
            ) from err
        return answer


def _refusal(err: github.GithubException, where: str) -> GitHubRefused:
    told = err.data if isinstance(err.data, dict) else {}
    reasons = [str(told.get("message") or err.message or "no reason given"), *map(str, told.get("errors") or [])]
    return GitHubRefused(
        f"GitHub answered {err.status}: {'; '.join(reasons)}",
        where=where,
        next_step=_NEXT_STEPS.get(err.status, "run the command again; it continues where it stopped"),
    )
