"""A baked project has exactly the template's files, and only the allowed ones are rendered."""

import json
import os
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from tests.bake import PARTS, ROOT, TEMPLATE, bake, commit, export, tracked
from tests.snapshots import RENDERED

COOKIECUTTER = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
DELIMITERS = tuple(COOKIECUTTER["_jinja2_env_vars"].values())


def files(folder: Path) -> set[str]:
    """Every file below a folder, as paths relative to it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def template_files() -> set[str]:
    """Every tracked file of the template, as paths in the generated project."""
    return {name.removeprefix(f"{TEMPLATE}/") for name in tracked(ROOT, TEMPLATE)}


def test_project_has_exactly_the_tracked_files(baked: Path) -> None:
    """Nothing is left out or renamed by a bake; the hook adds the two wheels and their pins."""
    added = files(baked) - template_files()

    assert template_files() <= files(baked)
    assert {name for name in added if not name.endswith(".whl")} == {"vendor/engine.txt", "vendor/modelkit.txt"}
    assert sorted(name.split("-")[0] for name in added if name.endswith(".whl")) == [
        "vendor/sagemaker_gitops",
        "vendor/sagemaker_gitops_modelkit",
    ]


def test_project_is_small_enough_to_read(baked: Path) -> None:
    """A quarter of an hour suffices: at most 150 files, and 2,500 lines of Python."""
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in baked.rglob("*.py"))

    assert len(files(baked)) <= 150
    assert lines <= 2500


def test_copied_files_are_identical(baked: Path) -> None:
    """Whatever is not on the allow-list keeps its bytes and its mode."""
    for name in template_files() - set(RENDERED):
        source, copy = ROOT / TEMPLATE / name, baked / name

        assert copy.read_bytes() == source.read_bytes(), name
        assert os.access(copy, os.X_OK) == os.access(source, os.X_OK), name


def test_every_file_is_rendered_or_copied_on_purpose() -> None:
    """The allow-list and `_copy_without_render` share the tree out without gap or overlap."""
    patterns = COOKIECUTTER["_copy_without_render"]

    copied = {name for name in template_files() if any(fnmatch(name, pattern) for pattern in patterns)}

    assert template_files() - copied == set(RENDERED)


def test_every_copy_pattern_is_used() -> None:
    """A pattern that matches no file is a left-over."""
    names = template_files()

    unused = [p for p in COOKIECUTTER["_copy_without_render"] if not any(fnmatch(name, p) for name in names)]

    assert unused == []


def test_rendered_files_hold_no_delimiter(baked: Path) -> None:
    """No placeholder survives, and none was eaten by a shell's or Python's own angle brackets."""
    for name in RENDERED:
        text = (baked / name).read_text(encoding="utf-8")

        assert not [delimiter for delimiter in DELIMITERS if delimiter in text], name


def test_rendered_templates_use_plain_variables_only() -> None:
    """Rendering replaces names; blocks, comments and expressions would hide logic in it."""
    known = {*COOKIECUTTER, "_template"}  # cookiecutter itself tells where the template came from
    for name in RENDERED:
        text = (ROOT / TEMPLATE / name).read_text(encoding="utf-8")
        for expression in (part.split(">>")[0] for part in text.split("<<")[1:]):
            assert expression.removeprefix("cookiecutter.") in known, f"{name}: {expression}"


def test_clone_keeps_every_byte_whatever_git_does_to_line_ends(baked: Path, tmp_path: Path) -> None:
    """With core.autocrlf, as on Windows, the scripts still start, and the data keeps its hash, CRLF included."""
    project = tmp_path / "project"
    shutil.copytree(baked, project)
    (project / "data/windows.csv").write_bytes(b"id,size\r\n1,2\r\n")
    commit(project)

    clone = ["git", "clone", "--quiet", "-c", "core.autocrlf=true", str(project), str(tmp_path / "clone")]
    subprocess.run(clone, check=True, capture_output=True)

    names = subprocess.run(["git", "ls-files", "-z"], cwd=project, check=True, capture_output=True, text=True).stdout
    changed = [
        name
        for name in names.split("\0")[:-1]
        if (project / name).read_bytes() != (tmp_path / "clone" / name).read_bytes()
    ]
    assert {"data/windows.csv", "data/hmda.csv", "model/train/train.py"} <= set(names.split("\0"))
    assert changed == []


def test_configuration_carries_the_answers(baked: Path, answers: dict[str, str]) -> None:
    """project.json is valid JSON and repeats what was answered, derived values included."""
    config = json.loads((baked / "infra/config/project.json").read_text(encoding="utf-8"))

    assert config["project"] == config["github"]["repository"] == answers["project"]
    assert config["description"] == answers.get("description", COOKIECUTTER["description"])
    assert config["region"] == answers.get("aws_region", COOKIECUTTER["aws_region"])
    assert config["registry_account"] == config["accounts"]["prod"]
    assert config["accounts"]["staging"] == answers.get("staging_account_id", config["accounts"]["dev"])


def test_project_json_is_json_before_rendering() -> None:
    """The template's own copy parses, so the project's code can be worked on in place."""
    assert json.loads((ROOT / TEMPLATE / "infra/config/project.json").read_text(encoding="utf-8"))


def test_a_second_bake_refreshes_the_same_folder(template: Path, tmp_path: Path) -> None:
    """Baking over a project restores its files and keeps what its user added."""
    project = bake(template, tmp_path / "churn", {}, tmp_path)
    (project / "Makefile").write_text("", encoding="utf-8")
    (project / "notes.md").write_text("mine", encoding="utf-8")

    bake(template, tmp_path / "churn", {}, tmp_path)

    assert (project / "Makefile").read_bytes() == (template / TEMPLATE / "Makefile").read_bytes()
    assert (project / "notes.md").read_text(encoding="utf-8") == "mine"


def test_a_download_is_baked_without_what_its_use_left_there(template: Path, tmp_path: Path) -> None:
    """A second `make demo` without git history copies neither the environment nor the first demo's project."""
    for name in (".venv/bin/python", "build/demo-project/Makefile", "packages/engine/src/__pycache__/errors.pyc"):
        (tmp_path / "download" / name).parent.mkdir(parents=True)
        (tmp_path / "download" / name).write_bytes(b"")
    shutil.copytree(template, tmp_path / "download", dirs_exist_ok=True)

    copy = export(tmp_path / "download", tmp_path / "copy")

    assert files(copy) == set(tracked(ROOT, *PARTS))


def cookiecutter(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a newcomer does: an empty home and no terminal."""
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    command = [sys.executable, "-m", "cookiecutter", *arguments]
    return subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("arguments", [[], ["project=churn", "aws_region=us-east-1"]], ids=["defaults", "answers"])
def test_command_line_bakes_without_questions(template: Path, tmp_path: Path, arguments: list[str]) -> None:
    """`--no-input` works with and without key=value answers, and says what to type next."""
    run = cookiecutter(str(template), "--no-input", *arguments, home=tmp_path)

    assert run.returncode == 0, run.stderr
    assert [line.split()[0] for line in run.stdout.splitlines() if line.startswith("  ")] == ["cd", "make", "make"]


def test_replay_file_bakes_the_same_project(template: Path, tmp_path: Path) -> None:
    """The answers that cookiecutter recorded make the same project again."""
    cookiecutter(str(template), "--no-input", "project=churn", home=tmp_path)
    recorded = tmp_path / ".cookiecutter_replay" / f"{template.name}.json"

    run = cookiecutter(str(template), "--replay-file", str(recorded), "--output-dir", "again", home=tmp_path)

    assert run.returncode == 0, run.stderr
    assert files(tmp_path / "again/churn") == files(tmp_path / "churn")
