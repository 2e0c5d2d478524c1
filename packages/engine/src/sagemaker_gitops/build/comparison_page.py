"""Two models side by side, as one HTML page with plots."""

from collections.abc import Mapping
from typing import Any

from sagemaker_gitops.build.comparison import RATES, drawable, rates, roc
from sagemaker_gitops.build.comparison_markdown import Compared
from sagemaker_gitops.report.page import Figure, render
from sagemaker_gitops.report.plots import Axis, Line, bars, curves

_SHARE = (0.0, 1.0)
_THIS = "this change"


def webpage(compared: Compared) -> str:
    """Write the page."""
    models = drawable(_models(compared))
    verdict, is_drawn = compared.verdict, _THIS in models
    return render(
        "comparison.html",
        title=f"This model {'passes its gates' if verdict.passed else 'does not pass its gates'}",
        lead=compared.opponent.told.replace("`", "") if compared.opponent else "There is no model to compare with.",
        thresholds=verdict.marks,
        quality=[_roc(models), _scores(compared)] if is_drawn else [],
        fairness=_groups(models) if is_drawn else [],
    )


def _models(compared: Compared) -> dict[str, Mapping[str, Any]]:
    before = {compared.opponent.name: compared.opponent.model.metrics} if compared.opponent else {}
    return {**before, _THIS: compared.candidate.metrics}


def _roc(models: Mapping[str, Mapping[str, Any]]) -> Figure:
    lines = [Line(name=name, points=roc(metrics)) for name, metrics in models.items()]
    axes = (Axis(label="false positive rate", limits=_SHARE), Axis(label="true positive rate", limits=_SHARE))
    return Figure(svg=curves(lines, *axes, diagonal=True), caption="ROC on the test split, at 20 thresholds.")


def _scores(compared: Compared) -> Figure:
    scores = compared.candidate.metrics["scores"]
    edges = [f"{edge:g}" if place % 4 == 0 else "" for place, edge in enumerate(scores["edges"][:-1])]
    counts = {name: scores[name] for name in ("negative", "positive")}
    return Figure(svg=bars(edges, counts, Axis(label="rows")), caption="Scores of this change, by the true label.")


def _groups(models: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    plots = []
    for rate, label in RATES.items():
        values = {name: rates(metrics, rate) for name, metrics in models.items()}
        groups = list(values[_THIS])
        series = {name: [found.get(group, 0.0) for group in groups] for name, found in values.items()}
        drawn = bars(groups, series, Axis(label="share", limits=_SHARE))
        plots.append(Figure(svg=drawn, caption=f"{label}, by group."))
    return plots
