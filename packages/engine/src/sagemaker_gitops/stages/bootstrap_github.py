"""bootstrap github: environments, rules of main and rights of workflows, as .github/environments.json declares them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.errors import GitHubRefused
from sagemaker_gitops.github import checkup, identity, limits, people, plan, protection
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.github.declaration import Declaration
from sagemaker_gitops.github.plan import Change
from sagemaker_gitops.project.config import Project
from sagemaker_gitops.stages.result import StageResult

_PROJECT = "infra/config/project.json"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Who is shown the differences, and says yes to ending them."""

    agreed: Callable[[str], bool]


def run(root: Path, project: Project, repository: Repository, options: Options) -> StageResult:
    """Compare, show, carry out, and compare again; record what AWS has to trust."""
    declaration = protection.declared(root, project)
    limits.require_cloud(repository)
    limit = limits.reach(repository)
    possible = limits.feasible(declaration, limit)
    people.require_two(repository, possible)
    begun = limits.begun(repository)
    remark = _remark(limits.told(declaration, limit), begun=begun)
    possible = possible if begun else limits.before_first_push(possible)
    changes = plan.plan(repository, possible)
    unrecorded = project.github.subject_prefix != identity.subject_prefix(repository)
    if not changes and not unrecorded:
        return _result(f"{repository.name} is as declared", (), remark + _left(repository, possible))
    if not options.agreed("\n".join([*map(str, changes), *([_told(project)] if unrecorded else [])])):
        return _result(f"{repository.name} was left as it is", (), remark)
    plan.carry_out(repository, changes)
    _verify(repository, plan.plan(repository, possible))
    recorded = _record(root, project, identity.subject_prefix(repository))
    return _result(f"{repository.name} is now as declared{recorded}", changes, remark + _left(repository, possible))


def _remark(beyond: str, *, begun: bool) -> str:
    """Say what is not made, and what is made later."""
    parts = [f"**Not possible here.** {beyond}"] if beyond else []
    if not begun:
        parts.append(f"**Not protected yet.** Rules of main would refuse its first push: {checkup.FIRST_PUSH}.")
    return "\n".join(parts)


def _left(repository: Repository, declaration: Declaration) -> str:
    """List what only a person can mend."""
    return "".join(f"\n- {found.what}: {found.fix}" for found in people.problems(repository, declaration))


def _told(project: Project) -> str:
    was = project.github.subject_prefix or "none"
    return f"{_PROJECT}\n  github.subject_prefix: {was} → what GitHub's tokens begin with"


def _record(root: Path, project: Project, prefix: str) -> str:
    """Write what AWS's trust policies compare into project.json, and say what follows from it."""
    if project.github.subject_prefix == prefix:
        return ""
    path = root / _PROJECT
    content = json.loads(path.read_text(encoding="utf-8"))
    content["github"]["subject_prefix"] = prefix
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return (
        f"; {_PROJECT} records `{prefix}`. Let AWS trust it:"
        " `pipeline bootstrap aws --env dev`, and so for staging and prod"
    )


def _verify(repository: Repository, left: tuple[Change, ...]) -> None:
    if left:
        raise GitHubRefused(
            "GitHub accepted every change, but kept not all of them:\n    " + "\n    ".join(map(str, left)),
            where=repository.name,
            next_step="look whether an organisation's policy overrules them: Settings > Policies",
        )


def _result(outcome: str, changes: tuple[Change, ...], remark: str) -> StageResult:
    lines = [f"### bootstrap github\n{outcome}.", *(f"\n```\n{change}\n```" for change in changes)]
    if remark:
        lines.append(f"\n{remark}")
    return StageResult(summary="\n".join(lines), outputs={"changed": str(len(changes))})
