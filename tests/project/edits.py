"""Edits of a project: what its people do to it, and what the template does to the same files meanwhile."""

from collections.abc import Callable, Mapping
from pathlib import Path

Edit = Callable[[str], str]


def append(text: str) -> Edit:
    """Make an edit that adds a line at the end."""
    return lambda before: f"{before.rstrip()}\n{text}\n"


def replace(old: str, new: str) -> Edit:
    """Make an edit of something that must be there."""

    def edit(before: str) -> str:
        assert old in before, old
        return before.replace(old, new, 1)

    return edit


# What people do to a project, and what the template does meanwhile, partly in the same files.
YOURS: dict[str, Edit] = {
    "README.md": append("Ours: see the wiki."),
    "Makefile": append("ours:\n\t@echo ours"),
    ".gitignore": append("/ours"),
    ".github/CODEOWNERS": append("/ours/ @late-org/ours"),
    ".github/workflows/operate.yml": replace("environment: [staging, prod]", "environment: [prod]"),
    ".github/environments.json": replace('"wait_minutes": 0', '"wait_minutes": 5'),
    "infra/config/prod.json": replace('"instance_count": 2', '"instance_count": 4'),
    "infra/lib/storage.yml": replace("Default: 90", "Default: 30"),
    "monitoring/alarms/latency.json": replace('"EvaluationPeriods": 5', '"EvaluationPeriods": 6'),
    "model/config/baseline.json": replace('"minimum": 0.885', '"minimum": 0.89'),
    "model/inference/predictor.py": append("\n\n# ours"),
    "model/train/preprocessing.py": replace('strategy="median"', 'strategy="mean"'),
    "model/tests/test_bias.py": replace('        "smallest_group_rows",\n', ""),
    "docs/operate.md": append("### ours\n\nCall the desk."),
}
THEIRS: dict[str, Edit] = {
    "README.md": replace("## The folders", "## The folders of this project"),
    "Makefile": replace("## Show this list.", "## Show all words."),
    ".github/workflows/operate.yml": replace("# PROCESS", "# PROCESS (newer)"),
    "infra/config/prod.json": replace('"bake_seconds": 600', '"bake_seconds": 900'),
    "infra/lib/storage.yml": append("# newer"),
    "model/train/preprocessing.py": replace("What is done to", "What happens to"),
    "model/tests/test_bias.py": replace('"""Each gap', '"""Every gap'),
    "docs/operate.md": replace("# Operate", "# Operate it"),
    "docs/serving.md": append("A newer line."),
}
# The same, in a form that fits any version of those files.
REMARKS = {
    "README.md": "\n",
    "Makefile": "#",
    ".gitignore": "#",
    ".github/CODEOWNERS": "#",
    ".github/workflows/operate.yml": "#",
    ".github/workflows/cd.yml": "#",
    "infra/lib/storage.yml": "#",
    "infra/lib/access.yml": "#",
    "model/train/train.py": "#",
    "model/inference/predictor.py": "#",
    "model/tests/test_bias.py": "#",
    "docs/operate.md": "\n",
}


def change(root: Path, edits: Mapping[str, Edit]) -> None:
    """Edit files."""
    for name, edit in edits.items():
        path = root / name
        path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
