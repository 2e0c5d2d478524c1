"""supersede: end older runs that still wait for a reviewer, because a newer version stands at the same door."""

from dataclasses import dataclass

from sagemaker_gitops.github import runs
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.project.environments import Environment
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """The environment that runs wait for, and the newer run."""

    env: Environment
    run_id: int


def run(repository: Repository, options: Options) -> StageResult:
    """Cancel them; one that was approved meanwhile goes on, and the newer release follows it."""
    waiting = runs.waiting(repository, environment=options.env, before=options.run_id)
    ended = [found for found in waiting if runs.cancel(repository, found)]
    lines = [f"- [run {found.number}]({found.url}) of commit `{found.commit[:12]}`" for found in ended]
    head = f"{len(ended)} older runs waited for the approval of `{options.env}` and were ended: this one replaces them."
    told = head if ended else f"No older run waits for the approval of `{options.env}`."
    return StageResult(
        summary="\n".join(["### supersede", told, *lines]),
        outputs={"superseded": " ".join(str(found.id) for found in ended)},
    )
