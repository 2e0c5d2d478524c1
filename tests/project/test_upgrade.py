"""A project takes a newer template: packages are replaced, files merged, checks run, and no edit is lost."""

import hashlib
import itertools
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from tests.bake import ROOT as CHECKOUT
from tests.bake import TEMPLATE, bake, commit, export, tracked
from tests.commands import make, newcomer
from tests.project.edits import REMARKS, THEIRS, YOURS, append, change, replace

import pre_prompt

pytestmark = pytest.mark.acceptance
ANSWERS = {"description": "Predicts who is late.", "github_owner": "late-org"}
CONFIGURATION, CONFLICTS, UNSOUND = 2, 62, 63
MODELKIT = "packages/modelkit/src/sagemaker_gitops_modelkit"


# A module that the newer modelkit does without, and a gate of the project's people that needs it.
TARIFF = '''"""What an hour costs."""

DOLLARS_PER_HOUR = 0.115
'''
OUR_GATE = '''"""Gate: a month is affordable."""

from sagemaker_gitops_modelkit.gates.tariff import DOLLARS_PER_HOUR


def test_month_is_affordable() -> None:
    """It costs less than what we have."""
    assert 730 * DOLLARS_PER_HOUR < 100
'''


def same(one: Path, other: Path) -> bool:
    """Compare two files, which may not be there."""
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def git(folder: Path, *words: str) -> str:
    """Run git."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def save(root: Path, tag: str) -> None:
    """Commit everything and tag it."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", tag)
    git(root, "tag", tag)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository of the template with two released versions, whose packages differ as well."""
    root = export(CHECKOUT, tmp_path_factory.mktemp("released"))
    for name in tracked(CHECKOUT, "tests/requirements-bake.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, root / name)
    git(root, "init", "--quiet")
    (root / MODELKIT / "gates/tariff.py").write_text(TARIFF, encoding="utf-8")
    save(root, "v0.1.0")
    change(root / TEMPLATE, THEIRS)
    (root / TEMPLATE / "docs/howto/newer.md").write_text("# Newer\n", encoding="utf-8")
    (root / TEMPLATE / "docs/howto/retire.md").unlink()
    (root / MODELKIT / "gates/tariff.py").unlink()
    for package in pre_prompt.PACKAGES:
        change(root / "packages" / package, {"pyproject.toml": replace('\nversion = "0.1.0"', '\nversion = "0.2.0"')})
    change(root, {f"{MODELKIT}/gates/__init__.py": append("# newer")})
    change(root, {"cookiecutter.json": replace('"__version": "v0.1.0"', '"__version": "v0.2.0"')})
    save(root, "v0.2.0")
    return root


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


def problem(done: subprocess.CompletedProcess[str]) -> str:
    """Read what a command could not do."""
    what: str = json.loads(done.stdout)["error"]["what"]
    return what


def wheels(project: Path) -> dict[str, str]:
    """Map the wheels of a project to the requirement that pins each."""
    found = {}
    for path in sorted((project / "vendor").glob("*.whl")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        pins = [pin for pin in (project / "vendor").glob("*.txt") if digest in pin.read_text(encoding="utf-8")]
        requirements = [re.findall(r"^(\S+==\S+) ", pin.read_text(encoding="utf-8"), re.MULTILINE) for pin in pins]
        found[path.name] = str(requirements[0][0]) if requirements else "nothing pins it"
    return found


def test_upgrade_keeps_edits_and_replaces_packages(project: Path, project_python: Path) -> None:
    """Both sides' changes stand in the files; the two new wheels are in the place of the old, each with its pin."""
    before = {name: (project / name).read_text(encoding="utf-8") for name in YOURS}

    done = upgrade(project, project_python, "--no-check")

    assert done.returncode == 0, done.stdout + done.stderr
    outputs = json.loads(done.stdout)["outputs"]
    assert (outputs["conflicts"], outputs["checked"]) == ("0", "false")
    for name, text in before.items():
        expected = THEIRS[name](text) if name in THEIRS else text
        assert (project / name).read_text(encoding="utf-8") == expected, name
    assert (project / "docs/howto/newer.md").exists()
    assert not (project / "docs/howto/retire.md").exists()
    assert wheels(project) == {
        "sagemaker_gitops-0.2.0-py3-none-any.whl": "sagemaker-gitops==0.2.0",
        "sagemaker_gitops_modelkit-0.2.0-py3-none-any.whl": "sagemaker-gitops-modelkit==0.2.0",
    }
    record = json.loads((project / ".cruft.json").read_text(encoding="utf-8"))
    assert record["commit"] == "v0.2.0"
    assert record["context"]["cookiecutter"]["github_owner"] == "late-org"


def test_upgrade_runs_the_checks_of_the_upgraded_project(project: Path) -> None:
    """The project's own command installs the new packages and lints the sum; it tells what an edit misses since."""
    assert make("setup", folder=project).returncode == 0
    python = project / ".venv/bin/python"
    version = "import importlib.metadata as m; print(*(m.version('sagemaker-gitops' + s) for s in ('', '-modelkit')))"

    sound = upgrade(project, python)
    installed = subprocess.run([python, "-c", version], capture_output=True, text=True, check=True).stdout
    git(project, "reset", "--quiet", "--hard")
    (project / "model/tests/test_ours.py").write_text(OUR_GATE, encoding="utf-8")
    git(project, "add", "model/tests/test_ours.py")
    git(project, "commit", "--quiet", "--message", "Ours by tariff")
    assert make("check", folder=project).returncode == 0
    unsound = upgrade(project, python)

    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert json.loads(sound.stdout)["outputs"]["checked"] == "true"
    assert installed.split() == ["0.2.0", "0.2.0"]
    assert unsound.returncode == UNSOUND
    assert "model/tests/test_ours.py:3" in problem(unsound)
    assert "sagemaker_gitops-0.2.0-py3-none-any.whl" in wheels(project), "what merged stays, to be fixed or taken back"


def test_dry_run_changes_nothing(project: Path, project_python: Path) -> None:
    """It tells the same files, and the work tree stays as it was."""
    told = upgrade(project, project_python, "--dry-run", "--to", "v0.2.0")

    assert told.returncode == 0, told.stderr
    assert "docs/howto/newer.md" in told.stdout
    assert "vendor/modelkit.txt" in told.stdout
    assert git(project, "status", "--porcelain") == ""
    assert len(git(project, "worktree", "list").splitlines()) == 1


def test_conflict_is_shown_as_git_shows_it(project: Path, project_python: Path) -> None:
    """Where both changed one line, git's marks stand in the file and the command says so."""
    change(project, {"README.md": replace("## The folders", "## Our folders")})
    git(project, "commit", "--quiet", "--all", "--message", "Ours too")

    done = upgrade(project, project_python)

    text = (project / "README.md").read_text(encoding="utf-8")
    assert done.returncode == CONFLICTS
    assert "README.md" in problem(done)
    assert text.index("<<<<<<<") < text.index("## Our folders") < text.index("## The folders of this project")


def test_uncommitted_changes_are_refused(project: Path, project_python: Path) -> None:
    """An upgrade is not mixed with what nobody committed."""
    (project / "README.md").write_text("draft", encoding="utf-8")

    done = upgrade(project, project_python)

    assert done.returncode == CONFIGURATION
    assert "commit them first" in done.stdout


def test_file_in_the_way_is_refused(project: Path, project_python: Path) -> None:
    """A file that git does not know is neither overwritten nor passed over in silence."""
    (project / "docs/howto/newer.md").write_text("Ours.", encoding="utf-8")

    done = upgrade(project, project_python, "--no-check")

    assert done.returncode == CONFIGURATION
    assert "docs/howto/newer.md" in problem(done)
    assert (project / "docs/howto/newer.md").read_text(encoding="utf-8") == "Ours."
    assert git(project, "status", "--porcelain", "--untracked-files=no") == ""


def test_edited_package_is_told(project: Path, project_python: Path) -> None:
    """A module changed inside of a wheel, with a pin that fits, would be lost: the file is named, nothing changes."""
    wheel = next((project / "vendor").glob("sagemaker_gitops-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["sagemaker_gitops/errors.py"] += b"# ours\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    pre_prompt.pin(wheel, project / "vendor/engine.txt")
    git(project, "commit", "--quiet", "--all", "--message", "Ours in the engine")

    done = upgrade(project, project_python, "--no-check")

    assert done.returncode == CONFIGURATION
    assert f"{wheel.name} differs in sagemaker_gitops/errors.py" in problem(done)
    assert "git checkout COMMIT~ -- vendor" in json.loads(done.stdout)["error"]["next"]
    assert git(project, "status", "--porcelain") == ""


def test_second_upgrade_has_nothing_to_do(project: Path, project_python: Path) -> None:
    """The record moved on."""
    upgrade(project, project_python, "--no-check")
    git(project, "commit", "--quiet", "--all", "--message", "Upgrade")

    done = upgrade(project, project_python)

    assert "already" in done.stdout


def history() -> list[tuple[str, str]]:
    """Pair each released version with the next, and the last one with what is checked out.

    Before the first release, the commit that made the engine a package counts as one: no project is older.
    """
    releases = git(CHECKOUT, "tag", "--list", "v*", "--sort=version:refname").split()
    if not releases:
        recording = ("--diff-filter=A", "--format=%H", "--", "packages/engine/src/sagemaker_gitops/stages/upgrade.py")
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
