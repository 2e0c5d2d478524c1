"""plan and rehearse: what a pull request learns, without credentials too."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sagemaker_gitops.build.champion import Opponent
from sagemaker_gitops.build.comparison_markdown import Compared, markdown
from sagemaker_gitops.build.fingerprint import Fingerprint
from sagemaker_gitops.build.gates import Verdict
from sagemaker_gitops.build.rehearsal import Rehearsed
from sagemaker_gitops.errors import ConfigurationError, GateFailed, TrainingFailed
from sagemaker_gitops.stages import plan, rehearse

Commit = Callable[[str, str], None]


def git(root: Path, *words: str) -> str:
    """Run git as nobody in particular."""
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def commit(checkout: Path) -> Commit:
    """Make a repository of the checkout, and return what commits a changed file to it."""
    git(checkout, "init", "--quiet", "--initial-branch=main")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message", "Base")
    git(checkout, "checkout", "--quiet", "-b", "change")

    def make(file: str, text: str) -> None:
        (checkout / file).write_text(text)
        git(checkout, "add", "--all")
        git(checkout, "commit", "--quiet", "--message", f"Change {file}")

    return make


@pytest.mark.parametrize(
    ("file", "affected"),
    [
        ("docs/notes.md", set()),
        ("model/train/notes.md", set()),
        ("docs/picture.png", set()),
        (".github/ISSUE_TEMPLATE/question.yml", set()),
        ("infra/lib/respond.py", {"code"}),
        ("model/train/train.py", {"code", "model"}),
        ("model/train/é.py", {"code", "model"}),
        ("model/train/a\nb.py", {"code", "model"}),
        ("data/größe.csv", {"model", "api"}),
        (".github/CODEOWNERS", {"code", "model", "api"}),
        ("vendor/modelkit.txt", {"code", "model", "api"}),
        ("something.unknown", {"code", "model", "api"}),
        ("model/config/baseline.json", {"code", "model", "api"}),
        ("data/more.csv", {"model", "api"}),
        ("model/inference/openapi.yml", {"code", "model", "api"}),
        ("infra/config/prod.json", {"code", "model", "api"}),
        (".github/workflows/ci.yml", {"code", "model", "api"}),
    ],
)
def test_plan_names_what_a_file_affects(checkout: Path, commit: Commit, file: str, affected: set[str]) -> None:
    """A change runs the checks that read it, and no others."""
    (checkout / file).parent.mkdir(exist_ok=True)
    commit(file, "changed")

    outputs = plan.run(checkout, plan.Options(base="main")).outputs

    assert {name for name, value in outputs.items() if value == "true"} == affected


def test_plan_compares_with_the_common_ancestor(checkout: Path, commit: Commit) -> None:
    """What main gained meanwhile is no part of the change."""
    commit("docs/notes.md", "mine")
    git(checkout, "checkout", "--quiet", "main")
    commit("model/train/train.py", "theirs")
    git(checkout, "checkout", "--quiet", "change")

    assert set(plan.run(checkout, plan.Options(base="main")).outputs.values()) == {"false"}


def test_plan_reads_a_file_name_that_is_no_utf8(checkout: Path, commit: Commit) -> None:
    """A name of any bytes is a change like others."""
    with (checkout / os.fsdecode(b"model/train/\xff.py")).open("w") as file:
        file.write("changed")
    commit("docs/notes.md", "changed")

    outputs = plan.run(checkout, plan.Options(base="main")).outputs

    assert outputs == {"code": "true", "model": "true", "api": "false"}


@pytest.mark.usefixtures("commit")
def test_plan_refuses_a_base_that_is_not_there(checkout: Path) -> None:
    """A shallow clone is told what to do."""
    with pytest.raises(ConfigurationError, match="unshallow"):
        plan.run(checkout, plan.Options(base="0" * 40))


def hyperparameters(checkout: Path, **values: str) -> str:
    """Return the checkout's hyperparameters with some changed."""
    settings = json.loads((checkout / "model/config/hyperparameters.json").read_text())
    return json.dumps(settings | values)


def rehearsed(checkout: Path) -> str:
    """Rehearse against main, and return the report."""
    return rehearse.run(checkout, rehearse.Options(base="main", progress=print)).summary


def test_rehearsal_compares_with_the_base(checkout: Path, commit: Commit) -> None:
    """The report holds metrics, groups and marks side by side, and says what a merge will cost."""
    file = "model/config/hyperparameters.json"
    commit(file, hyperparameters(checkout, n_estimators="170"))

    report = rehearsed(checkout)

    assert "passes all" in report
    assert "trained here, because this run was given no champion" in report
    assert report.count("\nxychart-beta\n") == 2
    assert "(hyperparameters changed): a training job will run" in report
    assert "| roc_auc | 0.8" in report
    assert "at most 0.12 USD" in report
    assert "### API contract\n\nUnchanged." in report
    assert "### Cost a month\n\nUnchanged." in report
    assert (checkout / "reports/rehearsal/comment.md").read_text() == report
    assert (checkout / "reports/rehearsal/report.html").read_text().count("<svg") == 6


def model(accuracy: float = 0.8, **inputs: str) -> Rehearsed:
    """Return a model that these inputs determine."""
    rates = {"selection_rate": 0.2, "tpr": 0.5, "fpr": 0.1, "accuracy": accuracy}
    metrics = {
        "overall": {"accuracy": accuracy},
        "bias": {},
        "groups": {"yes": rates},
        "scores": {"edges": [0.0, 0.5, 1.0], "negative": [9, 1], "positive": [2, 8]},
    }
    return Rehearsed(folder=Path(), mark=Fingerprint(inputs={"data": "d", **inputs}), metrics=metrics, rows=10)


def report_of(candidate: Rehearsed, before: Rehearsed | None, *, registered: int | None = None) -> str:
    """Write the report on a candidate beside the registry's version 3, or beside nothing."""
    opponent = Opponent(name="champion v3", told="Compared with version 3.", model=before) if before else None
    verdict = Verdict(marks=(), failures=(), tests=1)
    return markdown(Compared(candidate=candidate, opponent=opponent, verdict=verdict, registered=registered))


@pytest.mark.parametrize(
    ("candidate", "champion", "told"),
    [
        (model(code="1"), model(code="1"), "that of champion v3: nothing will be trained on merge"),
        (model(code="2"), model(code="1"), "(code changed): a training job will run on merge"),
        (model(code="1"), None, "There is no model to compare with"),
        (model(data="new"), model(data="old"), "version `old` → `new`"),
        (model(accuracy=0.9), model(accuracy=0.8), "| accuracy | 0.8000 | 0.9000 | +0.1000 |"),
        (model(), model(), "|  | champion v3 | this | change |"),
    ],
)
def test_report_says_what_a_merge_changes_and_costs(
    candidate: Rehearsed, champion: Rehearsed | None, told: str
) -> None:
    """Deltas are against what the report names, and only inputs of the fingerprint cost a training job."""
    assert told in report_of(candidate, champion)


def test_linear_model_stands_beside_the_metrics() -> None:
    """A reviewer sees what the simplest model reaches; an artefact that tells none gets no sentence."""
    told = replace(model(), metrics={**model().metrics, "linear": {"accuracy": 0.7612}})

    assert "A logistic or linear regression on the same rows: accuracy 0.7612." in report_of(told, None)
    assert "regression on the same rows" not in report_of(model(), None)


def test_registered_model_costs_nothing() -> None:
    """A fingerprint that the registry knows is not trained again, whatever the champion is."""
    report = report_of(model(code="2"), model(code="1"), registered=5)

    assert "registered as version 5: nothing will be trained on merge" in report


def test_curves_come_from_the_histogram_of_scores() -> None:
    """At a false positive rate of 0.1 the lower threshold finds 8 of 10, and both ends are fixed."""
    chart = report_of(model(), None).split("```mermaid")[1]

    line = [float(value) for value in chart.split("line [")[1].split("]")[0].split(",")]

    assert line[0] == 0.0
    assert line[2] == pytest.approx(0.8)
    assert line[-1] == pytest.approx(1.0)


def test_rehearsal_stops_a_worse_model_and_still_reports(checkout: Path, commit: Commit) -> None:
    """A missed threshold fails at the file of the thresholds; the pull request is told all the same."""
    commit("model/config/hyperparameters.json", hyperparameters(checkout, n_estimators="1"))

    with pytest.raises(GateFailed, match=r"quality: roc_auc .* missed by") as refusal:
        rehearsed(checkout)

    assert {item.file for item in refusal.value.annotations} == {"model/config/baseline.json"}
    assert "does not pass its gates" in (checkout / "reports/rehearsal/comment.md").read_text()


def test_report_tells_of_a_freeze(checkout: Path, commit: Commit) -> None:
    """Whoever merges knows that prod keeps what it serves."""
    now = datetime.now(UTC)
    start, end = (now - timedelta(days=1)).isoformat(), (now + timedelta(days=1)).isoformat()
    window = {"start": start, "end": end, "reason": "year-end close"}
    commit("infra/config/freeze.json", json.dumps({"windows": [window]}))

    report = rehearsed(checkout)

    assert report.startswith("> prod is frozen until ")
    assert "year-end close. A merge reaches staging, and prod after that." in report


def test_rehearsal_names_training_code_that_fails(checkout: Path, commit: Commit) -> None:
    """What train.py wrote as its failure is what the pull request shows."""
    commit("model/config/hyperparameters.json", hyperparameters(checkout, n_estimators="many"))

    with pytest.raises(TrainingFailed, match="n_estimators"):
        rehearsed(checkout)
