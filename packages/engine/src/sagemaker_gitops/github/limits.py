"""What GitHub's plans cannot do for a private repository, and what holds in its place."""

from typing import Literal

from sagemaker_gitops.errors import ConfigurationError, GitHubRefused
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.github.declaration import Declaration, Environment

# What can be protected: everything, everything but approvals and waiting, or nothing.
Reach = Literal["all", "no reviewers", "nothing"]

_NO_REVIEWERS = """\
{names}: this repository is private, and GitHub asks for its Enterprise plan before such an environment may have \
required reviewers or a wait timer. Until the repository is public or the plan another one, preflight refuses {names}.
The fallback is an approval in the model registry: in .github/environments.json give {names} "approval": "registry" \
and no reviewers; a release then waits for `pipeline approve`, under a role that no workflow can assume."""
_NOTHING = """\
This repository is private on GitHub's Free plan, which has neither environments nor rulesets: nothing protects main, \
and no workflow may deploy. Make it public or change the plan. Until then release from a terminal or from CodeBuild \
(pipeline/buildspec); prod still waits for an approval in the model registry."""


def reach(repository: Repository) -> Reach:
    """Tell what the repository's plan can protect; a plan that the token may not see counts as the best one."""
    about = repository.get("")
    if about is None:
        raise GitHubRefused(
            f"there is no repository {repository.name}, or the token cannot see it",
            where="github in infra/config/project.json",
            next_step=f"create it and push: `gh repo create {repository.name} --private --source . --push`",
        )
    if not about.get("private"):
        return "all"
    plan = _plan(repository)
    if plan == "free":
        return "nothing"
    return "no reviewers" if plan in {"pro", "team"} else "all"


def feasible(declaration: Declaration, limit: Reach) -> Declaration:
    """Take out of a declaration what the plan cannot do."""
    if limit == "nothing":
        return declaration.model_copy(update={"environments": {}, "rulesets": ()})
    if limit == "no reviewers":
        reduced = {name: _unreviewed(env) for name, env in declaration.environments.items()}
        return declaration.model_copy(update={"environments": reduced})
    return declaration


def require_cloud(repository: Repository) -> None:
    """Refuse GitHub Enterprise Server: AWS is not told to trust the tokens of its workflows."""
    version = (repository.get("/meta", hidden_ok=True) or {}).get("installed_version")
    if version:
        raise ConfigurationError(
            f"this is GitHub Enterprise Server {version}, whose workflows get their tokens from an issuer of its own",
            where="GITHUB_API_URL",
            next_step="use GitHub.com or Enterprise Cloud; or release from CodeBuild, where pipeline/buildspec has the"
            " same stages. infra/lib/access.yml trusts token.actions.githubusercontent.com alone",
        )


def begun(repository: Repository) -> bool:
    """Tell whether the default branch is there; rules made before its first push would refuse that push."""
    branch = (repository.get("") or {}).get("default_branch")
    return repository.get(f"branches/{branch}") is not None


def before_first_push(declaration: Declaration) -> Declaration:
    """Leave the rules of branches for later."""
    return declaration.model_copy(update={"rulesets": ()})


def told(declaration: Declaration, limit: Reach) -> str:
    """Say what cannot be done, and the fallback; empty if everything can."""
    if limit == "nothing":
        return _NOTHING
    names = [name for name, env in declaration.environments.items() if env.reviewers or env.wait_minutes]
    return _NO_REVIEWERS.format(names=", ".join(names)) if names and limit == "no reviewers" else ""


def _plan(repository: Repository) -> str:
    for path in (f"/orgs/{repository.owner}", f"/users/{repository.owner}"):
        plan = (repository.get(path) or {}).get("plan")
        if isinstance(plan, dict):
            return str(plan.get("name"))
    return "unknown"


def _unreviewed(env: Environment) -> Environment:
    return env.model_copy(update={"reviewers": "", "prevent_self_review": False, "wait_minutes": 0})
