"""The demo as a page: what happened when, how good and how fair the models are, how traffic moved."""

import html
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sagemaker_gitops.build import model_card as releasecard
from sagemaker_gitops.local.demo.story import Step, Story
from sagemaker_gitops.local.demo.traffic import Answer, Traffic
from sagemaker_gitops.local.demo.way_back import WayBack
from sagemaker_gitops.report import page, plots
from sagemaker_gitops.report.plots import Axis, Line

_WINDOW_SECONDS = 0.5
_LEAD = "Two releases from train to prod, drift in live traffic, and two ways back, on this machine."

Evaluation = Mapping[str, Any]


def write(path: Path, story: Story, traffic: Traffic, *, versions: tuple[int, int], ways: Sequence[WayBack]) -> Path:
    """Write the report, and return its path."""
    evaluations = {
        f"v{version}": _evaluation(story, which) for version, which in zip(versions, ("1st", "2nd"), strict=True)
    }
    sections = (
        page.Section(title="In short", body=page.facts(_facts(story, traffic, ways))),
        page.Section(title="Traffic on prod", body=page.figures([_timeline(traffic)])),
        page.Section(title="Stage by stage", body=_steps(story.steps)),
        *_drawn("How good the models are", _quality(evaluations)),
        *_drawn("How fair the models are", _fairness(evaluations)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page.page("From commit to prod, and back", _LEAD, sections), encoding="utf-8")
    return path


def _drawn(title: str, figures: Sequence[str]) -> Iterator[page.Section]:
    """Give a section, unless train.py left nothing to draw."""
    if figures:
        yield page.Section(title=title, body=page.figures(figures))


def _facts(story: Story, traffic: Traffic, ways: Sequence[WayBack]) -> list[tuple[str, str]]:
    lost = sum(answer.lost for answer in traffic.answers)
    jobs = sum(step.outputs.get("cached") == "false" for step in story.steps)
    return [
        ("one release, from train over prod to its rollback", f"{story.loop_seconds:.0f} s"),
        *((f"{way.name} rollback; on AWS {way.on_aws}", f"{way.moving:.1f} s") for way in ways),
        ("training jobs started", str(jobs)),
        ("requests to prod meanwhile", str(len(traffic.answers))),
        ("requests lost", str(lost)),
    ]


def _steps(steps: Sequence[Step]) -> str:
    rows = [
        (page.word("✓" if step.exit_code == 0 else "stopped", good=step.exit_code == 0), step.name,
         page.code(step.command), f"{step.seconds:.1f}", html.escape(step.outcome))
        for step in steps
    ]  # fmt: skip
    return page.table(["", "stage", "command", "seconds", "what it said"], rows, numbers=[3])


def _timeline(traffic: Traffic) -> str:
    answers = traffic.answers
    last = answers[-1].moment
    windows = [start * _WINDOW_SECONDS for start in range(int(last / _WINDOW_SECONDS) + 1)]
    versions = sorted({answer.version for answer in answers if not answer.lost}, key=int)
    lines = [Line(name=f"v{version}", points=_share(answers, version, windows)) for version in versions]
    drawn = plots.shares(
        lines,
        traffic.marks,
        Axis(label="seconds", limits=(0, last)),
        Axis(label="share of answers", limits=(-0.03, 1.03)),
    )
    counts = Counter(answer.version for answer in answers if not answer.lost)
    told = ", ".join(f"v{version} answered {counts[version]}" for version in versions)
    return page.figure(drawn, f"Who answered each request, in windows of {_WINDOW_SECONDS:g} s: {told}.", wide=True)


def _share(answers: Sequence[Answer], version: str, windows: Sequence[float]) -> list[tuple[float, float]]:
    points = []
    for start in windows:
        mine = [answer for answer in answers if start <= answer.moment < start + _WINDOW_SECONDS and not answer.lost]
        if mine:
            points.append((start, sum(answer.version == version for answer in mine) / len(mine)))
    return points


def _quality(evaluations: Mapping[str, Evaluation]) -> list[str]:
    unit = (0.0, 1.02)
    if not all("roc" in item for item in evaluations.values()):
        return []

    def lines(key: str, x: str, y: str) -> list[Line]:
        pairs = {name: (item[key][x], item[key][y]) for name, item in evaluations.items()}
        return [Line(name=name, points=list(zip(*pair, strict=True))) for name, pair in pairs.items()]

    return [
        page.figure(
            plots.curves(lines("roc", "fpr", "tpr"), Axis(label="false positive rate", limits=unit),
                         Axis(label="true positive rate", limits=unit), diagonal=True),
            "ROC: how many true positives are found for how many false alarms. The dotted line is chance.",
        ),
        page.figure(
            plots.curves(lines("precision_recall", "recall", "precision"), Axis(label="recall", limits=unit),
                         Axis(label="precision", limits=unit)),
            "Precision and recall: how many predicted positives are right; how many real ones are found.",
        ),
        page.figure(
            plots.curves(lines("calibration", "predicted", "observed"), Axis(label="predicted", limits=unit),
                         Axis(label="observed rate", limits=unit), diagonal=True),
            "Calibration: among rows given 30 %, about 30 % should be positive. The dotted line is perfect.",
        ),
    ]  # fmt: skip


def _fairness(evaluations: Mapping[str, Evaluation]) -> list[str]:
    groups = sorted(next(iter(evaluations.values())).get("groups", {}))
    drawn: list[str] = []
    if not groups:
        return drawn
    for key, label in (("selection_rate", "share predicted as positive"), ("tpr", "share of real positives found")):
        series = {name: [item["groups"][group][key] or 0.0 for group in groups] for name, item in evaluations.items()}
        caption = f"{label.capitalize()}, by the protected attribute, which the model never sees."
        drawn.append(page.figure(plots.bars(groups, series, Axis(label=label, limits=(0, 1))), caption))
    return drawn


def _evaluation(story: Story, which: str) -> Evaluation:
    trained = next(step for step in story.steps if step.name == f"train {which}")
    output = story.fetch(releasecard.beside(trained.outputs["model_data"]))
    return releasecard.curves(output) if output else {}
