"""Workflows and buildspecs: clean by every linter, pinned, thin, and saying the same line."""

import re
import subprocess
import sys
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from tests.bake import ROOT, TEMPLATE, bake, commit, tracked
from tests.documents import load, steps, uses, workflows

BIN = Path(sys.executable).parent
PROJECT = ROOT / TEMPLATE
ACTIONS = ROOT / "tests/act/actions"
CALLERS = {"candidate.yml", "cd.yml", "ci.yml", "operate.yml", "promote.yml", "release.yml"}
STAGES = sorted(path.stem for path in (PROJECT / "pipeline/buildspec").glob("*.yml"))


@pytest.fixture(scope="module", params=["template", "project"])
def repository(request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return this repository, then a project baked from it; linters look for a repository's root."""
    if request.param == "template":
        return ROOT
    scratch = tmp_path_factory.mktemp("workflows")
    project = bake(template, scratch / "mortgage-decisions", {}, scratch)
    commit(project)
    return project


def output_of(*command: str | Path, folder: Path) -> str:
    """Run a linter and return all that it says, with its exit code if that is not 0."""
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return run.stdout + run.stderr + (f"exit code {run.returncode}" if run.returncode else "")


def test_actionlint_and_shellcheck_find_nothing(repository: Path) -> None:
    """Expressions, job graph, inputs, outputs, permissions of calls, and the shell in `run`."""
    files = sorted((repository / ".github/workflows").glob("*.yml"))

    assert output_of(BIN / "actionlint", "-shellcheck", BIN / "shellcheck", *files, folder=repository) == ""


def test_zizmor_finds_nothing(repository: Path) -> None:
    """Security, at its pedantic level; each ignore stands with its reason in zizmor.yml."""
    persona = ("--strict-collection", "--persona", "pedantic")

    found = output_of(BIN / "zizmor", "--offline", "--quiet", *persona, repository / ".github", folder=repository)

    assert "No findings to report" in found, found


def test_github_parser_finds_nothing(repository: Path) -> None:
    """GitHub's own language service, with the inputs of each third-party action."""
    assert output_of("node", ROOT / "tests/workflows/check.mjs", repository, ACTIONS, folder=ROOT) == ""


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("github-workflows", ".github/workflows/*.yml"),
        ("github-actions", ".github/actions/*/action.yml"),
        ("dependabot", ".github/dependabot.yml"),
    ],
)
def test_published_schemas_hold(repository: Path, schema: str, pattern: str) -> None:
    """The JSON schemas that editors use accept every file."""
    files = sorted(repository.glob(pattern))
    if not files:
        pytest.skip(f"no {pattern} here")

    found = output_of(BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files, folder=repository)

    assert found.strip() == "ok -- validation done"


@pytest.mark.parametrize("workflow", workflows(PROJECT))
def test_workflow_opens_with_its_story(workflow: str) -> None:
    """The first words say what happens; a reusable one shows how it is called."""
    text = (PROJECT / ".github/workflows" / workflow).read_text(encoding="utf-8")
    header = text.split("\nname:")[0]

    assert header.startswith("# PROCESS\n")
    assert workflow in CALLERS or f"uses: ./.github/workflows/{workflow}" in header


def test_actions_are_pinned_by_one_commit(repository: Path) -> None:
    """Every action has one 40-digit commit and names its release; template and project agree."""
    pins: dict[str, set[str]] = {}
    for action, ref in [*uses(repository), *uses(PROJECT)]:
        pins.setdefault(action, set()).add(ref)

    assert {action: refs for action, refs in pins.items() if len(refs) > 1} == {}
    assert all(re.fullmatch(r"[0-9a-f]{40}", ref) for refs in pins.values() for ref in refs)
    for path in (repository / ".github").rglob("*.yml"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if "@" in line and "uses:" in line:
                assert re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), f"{path}: {line}"


def test_jobs_start_without_permissions_and_end_in_time(repository: Path) -> None:
    """No workflow grants anything at its top, and no job can hang for GitHub's six hours."""
    for name, workflow in workflows(repository).items():
        assert workflow["permissions"] == {}, name
        for job in workflow["jobs"].values():
            assert "uses" in job or job["timeout-minutes"] <= 120, name


ROLES = {
    "AWS_DEPLOY_ROLE": ("Deploy", "Rollback"),
    "AWS_MONITOR_ROLE": ("Monitor",),
    "AWS_READ_ROLE": ("Read",),
    "AWS_TRAIN_ROLE": ("Train",),
}


def longest_session(role: str) -> int:
    """Return how long a role's credentials may last; IAM's own is an hour."""
    template = (PROJECT / "infra/lib/access.yml").read_text(encoding="utf-8")
    block = re.search(rf"^  {role}:\n(.*?)(?=^  \S|\Z)", template, re.DOTALL | re.MULTILINE)
    assert block, role
    found = re.search(r"MaxSessionDuration: (\d+)", block[1])
    return int(found[1]) if found else 3600


def test_credentials_last_as_long_as_their_job_may_take() -> None:
    """No job is left without rights before its end, and no role refuses what is asked of it."""
    default = load(PROJECT / ".github/actions/setup/action.yml")["inputs"]["seconds"]["default"]
    seen = set()
    for name, workflow in workflows(PROJECT).items():
        for job in workflow["jobs"].values():
            for step in job.get("steps", []):
                given = step.get("with", {})
                if not step.get("uses", "").endswith("actions/setup") or "role" not in given:
                    continue
                seconds, role = int(given.get("seconds", default)), re.search(r"vars\.(\w+)", given["role"])
                seen.add(name)
                assert seconds >= 60 * job["timeout-minutes"], name
                names = ROLES[role[1]] if role else ROLES["AWS_READ_ROLE"]
                assert all(seconds <= longest_session(one) for one in names), name
    assert {"deploy.yml", "train.yml", "monitor.yml", "champion.yml"} <= seen


def test_every_job_runs_where_the_project_says() -> None:
    """One variable names the runners; until GitHub is set up, GitHub's own are taken."""
    jobs = [job for workflow in workflows(PROJECT).values() for job in workflow["jobs"].values()]

    assert {job["runs-on"] for job in jobs if "steps" in job} == {"${{ vars.RUNS_ON || 'ubuntu-24.04' }}"}


def test_merge_queue_gets_the_same_checks() -> None:
    """GitHub waits for the required check on what the queue puts together, too."""
    ci = workflows(PROJECT)["ci.yml"]
    given = {name: job.get("with", {}) for name, job in ci["jobs"].items()}
    bases = [inputs["base"] for name, inputs in given.items() if "base" in inputs and name != "champion"]

    assert "merge_group" in ci["on"]
    assert all("|| 'origin/main'" in base for base in bases)
    assert len(bases) == 3


def test_runs_are_one_line_without_expressions(repository: Path) -> None:
    """What runs can be typed on a laptop; values come through the environment."""
    for name, step in steps(repository):
        assert "\n" not in step.get("run", "").strip(), name
        assert "${{" not in step.get("run", ""), name


def test_no_workflow_trusts_strangers(repository: Path) -> None:
    """No secrets handed on wholesale, and no trigger that runs a fork's code with rights."""
    for path in (repository / ".github/workflows").glob("*.yml"):
        text = path.read_text(encoding="utf-8")

        assert "pull_request_target" not in text
        assert "secrets: inherit" not in text
        assert "secrets." not in text


KINDS = {
    "github-actions": ("action.yml",),
    "pip": ("requirements*.txt", "uv.txt"),
    "npm": ("package-lock.json",),
    "docker": ("*Dockerfile",),
    "pre-commit": (".pre-commit-config.yaml",),
}


def test_dependabot_covers_every_pin(repository: Path) -> None:
    """Each action, lock, base image and hook of the repository's own is looked after, wherever it lies."""
    covered = {
        (entry["package-ecosystem"], directory)
        for entry in load(repository / ".github/dependabot.yml")["updates"]
        for directory in entry.get("directories", [entry.get("directory")])
    }
    found = {
        (kind, f"/{path.parent.relative_to(repository)}".removesuffix("."))
        for path in map(repository.joinpath, tracked(repository))
        for kind, patterns in KINDS.items()
        if not {TEMPLATE, "act"} & set(path.relative_to(repository).parts)
        and any(fnmatchcase(path.name, pattern) for pattern in patterns)
    }

    missed = [one for one in found if not any(one[0] == kind and fnmatchcase(one[1], place) for kind, place in covered)]
    assert missed == []


def test_dependabot_takes_no_strangers_package_for_ours() -> None:
    """The two wheels are nobody's on a public index: a newer one there is an attack."""
    updates = load(PROJECT / ".github/dependabot.yml")["updates"]
    (pip,) = (entry for entry in updates if entry["package-ecosystem"] == "pip")

    assert pip["ignore"] == [{"dependency-name": "sagemaker-gitops*"}]


def credentials(job: Mapping[str, Any]) -> bool:
    """Tell whether a job may get credentials of AWS."""
    return bool(job.get("permissions", {}).get("id-token") == "write")


def test_no_code_of_a_pull_request_runs_with_credentials() -> None:
    """Of ci's jobs only Champion may trade a token, and it checks out the base commit."""
    jobs = workflows(PROJECT)["ci.yml"]["jobs"]
    (champion,) = workflows(PROJECT)["champion.yml"]["jobs"].values()
    checkouts = [step for step in champion["steps"] if step.get("uses", "").startswith("actions/checkout@")]

    assert {name for name, job in jobs.items() if credentials(job)} == {"champion"}
    assert jobs["champion"]["with"] == {"base": "${{ github.event.pull_request.base.sha }}"}
    assert [step["with"]["ref"] for step in checkouts] == ["${{ inputs.base }}"]


@pytest.mark.parametrize("job", ["champion", "report"])
def test_forks_and_dependabot_get_neither_credentials_nor_a_comment(job: str) -> None:
    """Who wrote the change counts, not who ran it last: github.actor is whoever pressed the button."""
    condition = workflows(PROJECT)["ci.yml"]["jobs"][job]["if"]

    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition
    assert "github.event.pull_request.user.login != 'dependabot[bot]'" in condition
    assert "github.actor" not in condition


def test_kept_files_survive_a_second_attempt(repository: Path) -> None:
    """A run that is repeated keeps its number, so what the first attempt kept is there already."""
    for name, step in steps(repository):
        if step.get("uses", "").startswith("actions/upload-artifact@"):
            assert step["with"].get("overwrite") == "true" or step["with"].get("overwrite") is True, name


def test_required_check_looks_at_every_check() -> None:
    """No job of ci can fail unseen, but the one that writes the comment."""
    jobs = workflows(PROJECT)["ci.yml"]["jobs"]

    assert set(jobs["required"]["needs"]) == set(jobs) - {"report", "required"}
    assert jobs["required"]["if"] == "always()"


@pytest.mark.parametrize("name", sorted(CALLERS))
def test_callers_only_call(name: str) -> None:
    """A caller reads as a table of contents."""
    for job in workflows(PROJECT)[name]["jobs"].values():
        assert set(job) <= {"name", "needs", "if", "strategy", "concurrency", "uses", "permissions", "with"}


def test_inputs_explain_themselves() -> None:
    """Every input has a description and a type."""
    for name, workflow in workflows(PROJECT).items():
        for trigger in workflow["on"].values() if isinstance(workflow["on"], dict) else []:
            for given in trigger.get("inputs", {}).values() if isinstance(trigger, dict) else []:
                assert {"description", "type"} <= set(given), name


def test_composite_uses_only_what_it_declares() -> None:
    """No linter sees a mistyped `inputs.x` in a composite action."""
    for path in (PROJECT / ".github/actions").glob("*/action.yml"):
        used = set(re.findall(r"\binputs\.([\w-]+)", path.read_text(encoding="utf-8").split("\nruns:")[1]))

        assert used <= set(load(path)["inputs"])


@pytest.mark.parametrize("stage", STAGES)
def test_buildspec_says_the_line_of_the_workflow(stage: str) -> None:
    """CodeBuild and GitHub run the same text, with the same variables, and one workflow has it."""
    spec = load(PROJECT / f"pipeline/buildspec/{stage}.yml")
    (line,) = spec["phases"]["build"]["commands"]

    running = [step for _, step in steps(PROJECT) if step.get("run") == line]

    assert line.startswith(f"pipeline {stage}")
    assert len(running) == 1
    assert set(spec["env"].get("variables", {})) == set(running[0].get("env", {})) - {"GITHUB_TOKEN"}


def test_every_stage_line_has_a_buildspec() -> None:
    """No stage can be run from GitHub only, but those that are about pull requests and GitHub."""
    lines = [step["run"].split()[1] for _, step in steps(PROJECT) if step.get("run", "").startswith("pipeline ")]

    assert set(lines) - set(STAGES) == {"champion", "page", "plan", "preflight", "rehearse", "supersede"}
