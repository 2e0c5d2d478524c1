"""bootstrap github: environments, rules of main and rights of workflows, as .github/environments.json declares them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline import protection
from pipeline.config import Project
from pipeline.errors import GitHubRefused
from pipeline.github import limits, plan
from pipeline.github.client import Repository
from pipeline.github.plan import Change
from pipeline.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Who is shown the differences, and says yes to ending them."""

    agreed: Callable[[str], bool]


def run(root: Path, project: Project, repository: Repository, options: Options) -> StageResult:
    """Compare, show, carry out, and compare again."""
    declaration = protection.declared(root, project)
    limit = limits.reach(repository)
    remark = limits.told(declaration, limit)
    possible = limits.feasible(declaration, limit)
    changes = plan.plan(repository, possible)
    if not changes:
        return _result(f"{repository.name} is as declared", (), remark)
    if not options.agreed("\n".join(map(str, changes))):
        return _result(f"{repository.name} was left as it is", (), remark)
    plan.carry_out(repository, changes)
    _verify(repository, plan.plan(repository, possible))
    return _result(f"{repository.name} is now as declared", changes, remark)


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
        lines.append(f"\n**Not possible here.** {remark}")
    return StageResult(summary="\n".join(lines), outputs={"changed": str(len(changes))})
