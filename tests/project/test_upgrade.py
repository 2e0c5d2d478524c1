"""A project takes a newer template, keeps what its people changed in twelve places, and checks the sum."""

import itertools
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.bake import ROOT as CHECKOUT
from tests.bake import TEMPLATE, bake, commit, export, tracked
from tests.commands import newcomer

pytestmark = pytest.mark.acceptance
ANSWERS = {"description": "Predicts who is late.", "github_owner": "late-org"}
CONFLICTS, UNSOUND = 62, 63


def append(text: str) -> Callable[[str], str]:
    """Make an edit that adds a line at the end."""
    return lambda before: f"{before.rstrip()}\n{text}\n"


def replace(old: str, new: str) -> Callable[[str], str]:
    """Make an edit of something that must be there."""

    def edit(before: str) -> str:
        assert old in before, old
        return before.replace(old, new, 1)

    return edit


# What people do to a project, and what the template does meanwhile, partly in the same files.
YOURS: dict[str, Callable[[str], str]] = {
    "README.md": append("Ours: see the wiki."),
    "Makefile": append("ours:\n\t@echo ours"),
    ".gitignore": append("/ours"),
    ".github/CODEOWNERS": append("/ours/ @late-org/ours"),
    ".github/workflows/operate.yml": replace("17 * * * *", "19 * * * *"),
    ".github/environments.json": replace('"wait_minutes": 0', '"wait_minutes": 5'),
    "infra/config/prod.json": replace('"instance_count": 2', '"instance_count": 4'),
    "infra/lib/storage.yml": replace("Default: 90", "Default: 30"),
    "model/config/baseline.json": replace('"minimum": 0.885', '"minimum": 0.89'),
    "model/train/learner.py": replace('strategy="median"', 'strategy="mean"'),
    "docs/operate.md": append("### ours\n\nCall the desk."),
    "pipeline/stages/history.py": replace("limit: int = 50", "limit: int = 80"),
}
THEIRS: dict[str, Callable[[str], str]] = {
    "README.md": replace("## The folders", "## The folders of this project"),
    "Makefile": replace("## Show this list.", "## Show all words."),
    ".github/workflows/operate.yml": replace("# PROCESS", "# PROCESS (newer)"),
    "infra/config/prod.json": replace('"canary_percent": 10', '"canary_percent": 5'),
    "docs/operate.md": replace("# Operate", "# Operate it"),
    "pipeline/stages/history.py": replace('"""history: what served', '"""history: all that served'),
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
    "model/train/learner.py": "#",
    "model/inference/predictor.py": "#",
    "docs/operate.md": "\n",
    "pipeline/stages/history.py": "#",
}
# A module that the newer template does without, and one of the project's people that needs it.
TARIFF = '''"""What an hour costs."""

DOLLARS_PER_HOUR = 0.115
'''
OURS = '''"""What a month costs."""

from pipeline.tariff import DOLLARS_PER_HOUR

DOLLARS_PER_MONTH = 730 * DOLLARS_PER_HOUR
'''


def change(root: Path, edits: dict[str, Callable[[str], str]]) -> None:
    """Edit files."""
    for name, edit in edits.items():
        path = root / name
        path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")


def same(one: Path, other: Path) -> bool:
    """Compare two files, which may not be there."""
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def git(folder: Path, *words: str) -> str:
    """Run git."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository of the template with two released versions."""
    root = export(CHECKOUT, tmp_path_factory.mktemp("released"))
    for name in tracked(CHECKOUT, "tests"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, root / name)
    git(root, "init", "--quiet")
    (root / TEMPLATE / "pipeline/tariff.py").write_text(TARIFF, encoding="utf-8")
    save(root, "v0.1.0")
    change(root / TEMPLATE, THEIRS)
    (root / TEMPLATE / "docs/howto/newer.md").write_text("# Newer\n", encoding="utf-8")
    (root / TEMPLATE / "docs/local-aws.md").unlink()
    (root / TEMPLATE / "pipeline/tariff.py").unlink()
    change(root, {"cookiecutter.json": replace('"__version": "v0.1.0"', '"__version": "v0.2.0"')})
    change(root, {"cookiecutter.json": replace('    "docs/local-aws.md",\n', "")})
    save(root, "v0.2.0")
    return root


def test_upgrade_runs_the_checks_of_the_upgraded_project(project: Path, project_python: Path) -> None:
    """`make check` passes on the sum in an environment of its own; where an edit needs what is gone, it says so."""
    sound = upgrade(project, project_python)
    git(project, "reset", "--quiet", "--hard")
    (project / "pipeline/ours.py").write_text(OURS, encoding="utf-8")
    git(project, "add", "pipeline/ours.py")
    git(project, "commit", "--quiet", "--message", "Ours by tariff")
    unsound = upgrade(project, project_python)

    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert json.loads(sound.stdout)["outputs"]["checked"] == "true"
    assert unsound.returncode == UNSOUND
    assert "pipeline/ours.py:3" in json.loads(unsound.stdout)["error"]["what"]
    assert not (project / "pipeline/tariff.py").exists(), "what merged stays, for its people to mend or to take back"


def save(root: Path, tag: str) -> None:
    """Commit everything and tag it."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", tag)
    git(root, "tag", tag)


@pytest.fixture
def project(released: Path, tmp_path: Path) -> Path:
    """Make a project from the first version, edit it, and commit."""
    git(released, "checkout", "--quiet", "v0.1.0")
    root = bake(released, tmp_path / "late-payers", ANSWERS, tmp_path)
    git(released, "checkout", "--quiet", "-")
    commit(root)
    change(root, YOURS)
    git(root, "commit", "--quiet", "--all", "--message", "Ours")
    return root


def upgrade(project: Path, python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a project."""
    command = [str(python), "-m", "sagemaker_gitops", "--json", "upgrade", *words]
    return subprocess.run(command, cwd=project, env=newcomer(), capture_output=True, text=True, check=False)


def test_upgrade_keeps_edits_in_twelve_places(project: Path, project_python: Path) -> None:
    """Both sides' changes stand in the files afterwards, new files came, old ones went, answers stayed."""
    before = {name: (project / name).read_text(encoding="utf-8") for name in YOURS}

    done = upgrade(project, project_python, "--no-check")

    assert done.returncode == 0, done.stdout + done.stderr
    outputs = json.loads(done.stdout)["outputs"]
    assert (outputs["conflicts"], outputs["checked"]) == ("0", "false")
    for name, text in before.items():
        expected = THEIRS[name](text) if name in THEIRS else text
        assert (project / name).read_text(encoding="utf-8") == expected, name
    assert (project / "docs/howto/newer.md").exists()
    assert not (project / "docs/local-aws.md").exists()
    assert "late-org" in (project / ".github/CODEOWNERS").read_text(encoding="utf-8")
    record = json.loads((project / ".cruft.json").read_text(encoding="utf-8"))
    assert record["commit"] == "v0.2.0"
    assert record["context"]["cookiecutter"]["github_owner"] == "late-org"


def test_dry_run_changes_nothing(project: Path, project_python: Path) -> None:
    """It tells the same files, and the work tree stays as it was."""
    told = upgrade(project, project_python, "--dry-run", "--to", "v0.2.0")

    assert told.returncode == 0, told.stderr
    assert "docs/howto/newer.md" in told.stdout
    assert git(project, "status", "--porcelain") == ""
    assert len(git(project, "worktree", "list").splitlines()) == 1


def test_conflict_is_shown_as_git_shows_it(project: Path, project_python: Path) -> None:
    """Where both changed one line, git's marks stand in the file and the command says so."""
    change(project, {"README.md": replace("## The folders", "## Our folders")})
    git(project, "commit", "--quiet", "--all", "--message", "Ours too")

    done = upgrade(project, project_python)

    text = (project / "README.md").read_text(encoding="utf-8")
    assert done.returncode == CONFLICTS
    assert "README.md" in json.loads(done.stdout)["error"]["what"]
    assert text.index("<<<<<<<") < text.index("## Our folders") < text.index("## The folders of this project")


def test_uncommitted_changes_are_refused(project: Path, project_python: Path) -> None:
    """An upgrade is not mixed with what nobody committed."""
    (project / "README.md").write_text("draft", encoding="utf-8")

    done = upgrade(project, project_python)

    assert done.returncode == 2
    assert "commit them first" in done.stdout


def test_second_upgrade_has_nothing_to_do(project: Path, project_python: Path) -> None:
    """The record moved on."""
    upgrade(project, project_python, "--no-check")
    git(project, "commit", "--quiet", "--all", "--message", "Upgrade")

    done = upgrade(project, project_python)

    assert "already" in done.stdout


def history() -> list[tuple[str, str]]:
    """Pair each released version with the next, and the last one with what is checked out.

    Before the first release, the first commit that recorded its answers counts as one.
    """
    releases = git(CHECKOUT, "tag", "--list", "v*", "--sort=version:refname").split()
    if not releases:
        recording = ("--diff-filter=A", "--format=%H", "--", f"{TEMPLATE}/pipeline/stages/upgrade.py")
        releases = git(CHECKOUT, "log", *recording).split()[-1:]
    versions = [*releases, git(CHECKOUT, "rev-parse", "HEAD").strip()]
    return list(itertools.pairwise(versions))


@pytest.mark.parametrize(("older", "newer"), history())
def test_every_version_upgrades_to_the_next(older: str, newer: str, tmp_path: Path, project_python: Path) -> None:
    """Nothing that people wrote is lost on the way, and whatever nobody touched is as in a fresh project."""
    git(tmp_path, "clone", "--quiet", str(CHECKOUT), "template")
    template = tmp_path / "template"
    git(template, "checkout", "--quiet", older)
    root = bake(template, tmp_path / "late-payers", ANSWERS, tmp_path)
    recorded = json.loads((root / ".cruft.json").read_text(encoding="utf-8"))["commit"]
    git(template, "tag", "--force", recorded, older)  # a version in work has no tag yet
    commit(root)
    change(root, {name: append(f"{sign} ours") for name, sign in REMARKS.items()})
    git(root, "commit", "--quiet", "--all", "--message", "Ours")

    done = upgrade(root, project_python, "--template", str(template), "--to", newer)

    assert done.returncode in {0, CONFLICTS}, done.stdout + done.stderr
    git(template, "checkout", "--quiet", newer)
    fresh = bake(template, tmp_path / "fresh/late-payers", ANSWERS, tmp_path)
    assert [name for name in REMARKS if "ours" not in (root / name).read_text(encoding="utf-8")] == []
    different = {name for name in tracked(root) if not same(root / name, fresh / name)} - set(REMARKS)
    assert different == {".cruft.json"}
