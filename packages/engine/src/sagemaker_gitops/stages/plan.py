"""plan: say what a change touches, so that a pull request runs what can be affected and nothing else."""

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from sagemaker_gitops.project import git
from sagemaker_gitops.stages.result import StageResult

# What each group of checks reads; prose alone affects none of them.
_GROUPS = {
    "code": ("*.py", "*.toml", "*.yml", "*.yaml", "*.json", "*.txt", "*.sh", "*Dockerfile", "Makefile", "vendor/*"),
    "model": ("model/*", "data/*", "requirements.txt", "vendor/*"),
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
# Whoever changes how checks run gets all of them.
_EVERYTHING = (".github/workflows/*", ".github/actions/*")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The commit to compare with."""

    base: str


def run(root: Path, options: Options) -> StageResult:
    """Name the groups that the files changed since `base` belong to."""
    files = git.changed(root, git.merge_base(root, options.base))
    groups = {name: _touches(files, (*patterns, *_EVERYTHING)) for name, patterns in _GROUPS.items()}
    told = ", ".join(name for name, touched in groups.items() if touched) or "nothing that a check reads"
    return StageResult(
        summary=f"### plan\n{len(files)} files changed; affected: {told}.",
        outputs={name: str(touched).lower() for name, touched in groups.items()},
    )


def _touches(files: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(file, pattern) for file in files for pattern in patterns if not file.endswith(".md"))
