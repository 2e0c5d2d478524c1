"""preflight: nothing is deployed to an environment that GitHub does not protect as declared."""

from dataclasses import dataclass

from sagemaker_gitops.errors import Annotation, ProtectionMissing
from sagemaker_gitops.github import environments, protection, runs
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.github.declaration import FILE, Environment
from sagemaker_gitops.github.environments import Protection
from sagemaker_gitops.github.runs import Review
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.report.markdown import inert
from sagemaker_gitops.stages.result import StageResult

_MEND = "an administrator runs `pipeline bootstrap github`, which shows the differences and ends them"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The workflow run that wants to deploy."""

    run_id: str


def run(settings: Settings, repository: Repository, options: Options) -> StageResult:
    """Refuse the environment unless its rules hold, and say who approved the run."""
    declared = protection.declared(settings.root, settings.project_file).environments
    env = declared.get(settings.env)
    if env is None:
        raise _refusal(settings.env, f"{FILE} does not declare it", f"declare it, then {_MEND}")
    _require_approver(settings, env)
    # Whatever else reaches the same account, such as prod-operations, must not be a way around.
    for name, other in declared.items():
        if other.account_of == settings.env:
            _require_rules(repository, name, other)
    review = _review(settings, repository, options) if env.reviewers else None
    return _result(settings, review)


def _require_approver(settings: Settings, env: Environment) -> None:
    """Hold prod to an approval of one kind or the other, whatever the file says."""
    if settings.env != "prod":
        return
    if env.approval == "environment" and not env.reviewers:
        raise _refusal(settings.env, f"{FILE} names no reviewers", 'name them, or choose "approval": "registry"')
    if env.approval == "registry" and not settings.approval.required:
        raise _refusal(
            settings.env,
            "neither reviewers nor the model registry are asked",
            'set "approval": {"required": true} in infra/config/prod.json',
        )


def _require_rules(repository: Repository, name: str, env: Environment) -> None:
    actual = environments.protection(repository, name)
    if actual is None:
        raise _refusal(name, "it does not exist", _MEND)
    wrong = environments.differences(Protection.declared(env), actual)
    if wrong:
        listed = "\n    ".join(f"{item.key}: {item.actual}, declared {item.declared}" for item in wrong)
        raise _refusal(name, f"its rules are not those of {FILE}:\n    {listed}", _MEND)


def _review(settings: Settings, repository: Repository, options: Options) -> Review:
    review = runs.approval(repository, run_id=options.run_id, environment=settings.env)
    if review is None:
        raise _refusal(
            settings.env, f"no reviewer approved run {options.run_id}", "let a reviewer approve the run on GitHub"
        )
    return review


def _refusal(name: str, why: str, next_step: str) -> ProtectionMissing:
    error = ProtectionMissing(
        f"the environment {name} is not protected: {why}",
        where=f"GitHub environment {name}",
        next_step=next_step,
    )
    error.annotations = (Annotation(message=str(error), file=FILE),)
    return error


def _result(settings: Settings, review: Review | None) -> StageResult:
    if review is None:
        return StageResult(summary=f"### preflight\n{settings.env} is protected as declared.", outputs={"approver": ""})
    reason = review.comment or "approved on GitHub"
    return StageResult(
        summary=f"### preflight\n{settings.env} is protected as declared; {review.reviewer} approved: {inert(reason)}",
        outputs={"approver": review.reviewer, "reason": reason},
    )
