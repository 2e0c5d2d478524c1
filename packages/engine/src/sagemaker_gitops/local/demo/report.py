"""The demo's report page: what happened when, how good and how fair the models are, how traffic shifted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sagemaker_gitops.build import model_card
from sagemaker_gitops.local.demo.rollback import Rollback
from sagemaker_gitops.local.demo.scenario import Scenario
from sagemaker_gitops.local.demo.traffic import Answer, Traffic
from sagemaker_gitops.report import plots
from sagemaker_gitops.report.page import Figure, render
from sagemaker_gitops.report.plots import Axis, Line

_WINDOW_SECONDS = 0.5
# Each curve that train.py leaves: its name, its two members, what they are, and the figure's caption.
_CURVES = (
    ("roc", "fpr", "tpr", ("false positive rate", "true positive rate"),
     "ROC: how many true positives are found for how many false alarms. The dotted line is chance."),
    ("precision_recall", "recall", "precision", ("recall", "precision"),
     "Precision and recall: how many predicted positives are right; how many real ones are found."),
    ("calibration", "predicted", "observed", ("predicted", "observed rate"),
     "Calibration: among rows given 30 %, about 30 % should be positive. The dotted line is perfect."),
)  # fmt: skip

Evaluation = Mapping[str, Any]


def write(
    path: Path, scenario: Scenario, traffic: Traffic, *, versions: tuple[int, int], rollbacks: Sequence[Rollback]
) -> None:
    """Write the report; a model whose train.py leaves no curves has none on it."""
    evaluations = {
        f"v{version}": _evaluation(scenario, which) for version, which in zip(versions, ("1st", "2nd"), strict=True)
    }
    page = render(
        "demo.html",
        title="From commit to prod, and back",
        lead="Two releases from train to prod, drift in live traffic, and two rollbacks, on this machine.",
        summary=_summary(scenario, traffic, rollbacks),
        traffic=[_timeline(traffic)],
        steps=scenario.steps,
        quality=_quality(evaluations),
        fairness=_fairness(evaluations),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _summary(scenario: Scenario, traffic: Traffic, rollbacks: Sequence[Rollback]) -> list[tuple[str, str]]:
    jobs = sum(step.outputs.get("cached") == "false" for step in scenario.steps)
    return [
        ("one release, from train over prod to its rollback", f"{scenario.loop_seconds:.0f} s"),
        *((f"{item.name} rollback; on AWS {item.on_aws}", f"{item.shift_seconds:.1f} s") for item in rollbacks),
        ("training jobs started", str(jobs)),
        ("requests to prod meanwhile", str(len(traffic.answers))),
        ("requests lost", str(sum(answer.lost for answer in traffic.answers))),
    ]


def _timeline(traffic: Traffic) -> Figure:
    answers = traffic.answers
    last = answers[-1].moment
    windows = [start * _WINDOW_SECONDS for start in range(int(last / _WINDOW_SECONDS) + 1)]
    versions = sorted({answer.version for answer in answers if not answer.lost}, key=int)
    lines = [Line(name=f"v{version}", points=_share(answers, version, windows)) for version in versions]
    drawn = plots.shares(
        lines,
        traffic.events,
        Axis(label="seconds", limits=(0, last)),
        Axis(label="share of answers", limits=(-0.03, 1.03)),
    )
    counts = Counter(answer.version for answer in answers if not answer.lost)
    shown = ", ".join(f"v{version} answered {counts[version]}" for version in versions)
    caption = f"Which version answered each request, in windows of {_WINDOW_SECONDS:g} s: {shown}."
    return Figure(svg=drawn, caption=caption, wide=True)


def _share(answers: Sequence[Answer], version: str, windows: Sequence[float]) -> list[tuple[float, float]]:
    points = []
    for start in windows:
        mine = [answer for answer in answers if start <= answer.moment < start + _WINDOW_SECONDS and not answer.lost]
        if mine:
            points.append((start, sum(answer.version == version for answer in mine) / len(mine)))
    return points


def _quality(evaluations: Mapping[str, Evaluation]) -> list[Figure]:
    if not all("roc" in item for item in evaluations.values()):
        return []
    figures = []
    for key, x, y, labels, caption in _CURVES:
        lines = [
            Line(name=name, points=list(zip(item[key][x], item[key][y], strict=True)))
            for name, item in evaluations.items()
        ]
        axes = (Axis(label=label, limits=(0.0, 1.02)) for label in labels)
        figures.append(Figure(svg=plots.curves(lines, *axes, diagonal=key != "precision_recall"), caption=caption))
    return figures


def _fairness(evaluations: Mapping[str, Evaluation]) -> list[Figure]:
    groups = sorted(next(iter(evaluations.values())).get("groups", {}))
    drawn: list[Figure] = []
    if not groups:
        return drawn
    for key, label in (("selection_rate", "share predicted as positive"), ("tpr", "share of real positives found")):
        series = {name: [item["groups"][group][key] or 0.0 for group in groups] for name, item in evaluations.items()}
        caption = f"{label.capitalize()}, by the protected attribute, which the model never sees."
        drawn.append(Figure(svg=plots.bars(groups, series, Axis(label=label, limits=(0, 1))), caption=caption))
    return drawn


def _evaluation(scenario: Scenario, which: str) -> Evaluation:
    trained = next(step for step in scenario.steps if step.name == f"train {which}")
    output = scenario.fetch(model_card.beside(trained.outputs["model_data"]))
    return model_card.curves(output) if output else {}
