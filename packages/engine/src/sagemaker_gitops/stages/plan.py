"""plan: say what a change touches, so that a pull request runs what can be affected and nothing else."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from sagemaker_gitops.project import git
from sagemaker_gitops.stages.result import StageResult

# What each group of checks reads.
_GROUPS = {
    "code": ("*.py", "*.toml", "*.yml", "*.yaml", "*.json", "*.txt", "*.sh", "*Dockerfile", "Makefile", "vendor/*"),
    "model": ("model/*", "data/*", "infra/config/*", "requirements.txt", "vendor/*"),
    "api": (
        "model/inference/*",
        "model/config/*",
        "data/*",
        "infra/config/*",
        "vendor/*",
        ".spectral.yaml",
        "package*.json",
    ),
}
# Whoever changes how checks run, who must review, or what a model must reach gets all of them.
_EVERYTHING = (".github/*", "vendor/*", "model/config/baseline.json", "requirements.txt", "pyproject.toml")
# No check reads prose. Whatever is neither prose nor known above affects everything.
_PROSE = ("*.md", "docs/*", "LICENSE", ".github/ISSUE_TEMPLATE/*")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The commit to compare with."""

    base: str


def run(root: Path, options: Options) -> StageResult:
    """Name the groups that the files changed since `base` belong to."""
    files = git.changed(root, git.merge_base(root, options.base))
    affected = {name for file in files for name in _affected(file)}
    listed = ", ".join(name for name in _GROUPS if name in affected) or "nothing that a check reads"
    return StageResult(
        summary=f"### plan\n{len(files)} files changed; affected: {listed}.",
        outputs={name: str(name in affected).lower() for name in _GROUPS},
    )


def _affected(file: str) -> set[str]:
    if _matches(file, _PROSE):
        return set()
    groups = {name for name, patterns in _GROUPS.items() if _matches(file, patterns)}
    return set(_GROUPS) if not groups or _matches(file, _EVERYTHING) else groups


def _matches(file: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(file, pattern) for pattern in patterns)
