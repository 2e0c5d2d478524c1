"""Two models side by side, as one HTML page with plots."""

import html
from collections.abc import Mapping
from typing import Any

from sagemaker_gitops.build.comparison import RATES, drawable, rates, roc
from sagemaker_gitops.build.comparison_markdown import Compared
from sagemaker_gitops.report import page
from sagemaker_gitops.report.plots import Axis, Line, bars, curves

_SHARE = (0.0, 1.0)
_THIS = "this change"


def webpage(compared: Compared) -> str:
    """Write the page."""
    models = drawable(_models(compared))
    told = compared.opponent.told.replace("`", "") if compared.opponent else "There is no model to compare with."
    sections = [page.Section(title="Marks", body=_marks(compared))]
    if _THIS in models:
        plots = page.figures([_roc(models), _scores(compared)])
        sections.append(page.Section(title="How good the models are", body=plots))
        sections.append(page.Section(title="How fair the models are", body=page.figures(_groups(models))))
    word = "passes its gates" if compared.verdict.passed else "does not pass its gates"
    return page.page(f"This model {word}", told, sections)


def _models(compared: Compared) -> dict[str, Mapping[str, Any]]:
    before = {compared.opponent.name: compared.opponent.model.metrics} if compared.opponent else {}
    return {**before, _THIS: compared.candidate.metrics}


def _marks(compared: Compared) -> str:
    rows = [
        (page.word("✓" if mark.passed else "missed", good=mark.passed), mark.gate, html.escape(mark.name),
         f"{mark.value:.4f}", mark.limit)
        for mark in compared.verdict.marks
    ]  # fmt: skip
    return page.table(["", "gate", "mark", "value", "limit"], rows, numbers=[3])


def _roc(models: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [Line(name=name, points=roc(metrics)) for name, metrics in models.items()]
    axes = (Axis(label="false positive rate", limits=_SHARE), Axis(label="true positive rate", limits=_SHARE))
    return page.figure(curves(lines, *axes, diagonal=True), "ROC on the test split, at 20 thresholds.")


def _scores(compared: Compared) -> str:
    scores = compared.candidate.metrics["scores"]
    edges = [f"{edge:g}" if place % 4 == 0 else "" for place, edge in enumerate(scores["edges"][:-1])]
    counts = {name: scores[name] for name in ("negative", "positive")}
    return page.figure(bars(edges, counts, Axis(label="rows")), "Scores of this change, by the true answer.")


def _groups(models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    plots = []
    for rate, label in RATES.items():
        values = {name: rates(metrics, rate) for name, metrics in models.items()}
        groups = list(values[_THIS])
        series = {name: [found.get(group, 0.0) for group in groups] for name, found in values.items()}
        plots.append(page.figure(bars(groups, series, Axis(label="share", limits=_SHARE)), f"{label}, by group."))
    return plots
