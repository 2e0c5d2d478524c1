"""A release's report: the model card as Markdown, and as a page with plots."""

from collections.abc import Iterator, Mapping
from typing import Any

from sagemaker_gitops.report import card as cards
from sagemaker_gitops.report.card import Content, Metric
from sagemaker_gitops.report.markdown import inert
from sagemaker_gitops.report.page import Figure, render
from sagemaker_gitops.report.plots import Axis, Line, bars, curves

_PURPOSE = {
    "purpose_of_model": "Purpose",
    "intended_uses": "Intended use",
    "factors_affecting_model_efficiency": "What its quality depends on",
    "risk_rating": "Risk",
    "explanations_for_risk_rating": "Why",
}
_CURVES = (
    ("roc", "fpr", "tpr", "false positive rate", "true positive rate", "ROC. The dotted line is chance."),
    ("precision_recall", "recall", "precision", "recall", "precision", "Precision for each recall."),
    ("calibration", "predicted", "observed", "predicted", "observed rate", "Calibration. The dotted line is perfect."),
)
_RATES = (("selection_rate", "share given the positive label"), ("tpr", "share of positives found"))
_UNIT = (0.0, 1.02)


def markdown(title: str, card: Content) -> str:
    """Write a card for people who read Markdown."""
    parts = [f"# {title}", "", *_overview(card)]
    for name, metrics in cards.groups(card):
        rows = [
            f"| {inert(item['name'])} | {inert(_value(item))} | {inert(item.get('notes', ''))} |" for item in metrics
        ]
        parts += [f"## {name}", "", "| | value | |", "|---|---:|---|", *rows, ""]
    lineage = [f"| {inert(name)} | {inert(value)} |" for name, value in _lineage(card)]
    return "\n".join([*parts, "## Lineage and approval", "", "| | |", "|---|---|", *lineage, ""])


def webpage(title: str, card: Content, evaluation: Mapping[str, Any]) -> str:
    """Write a card as a page; `evaluation` holds the curves of the training job, and may be empty."""
    return render(
        "release.html",
        title=title,
        lead=card["intended_uses"].get("purpose_of_model", ""),
        purpose=_purpose(card),
        limits=_caveats(card),
        ethics=card["additional_information"].get("ethical_considerations", ""),
        plots=list(_plots(evaluation)),
        groups=[(name, [_shown(metric) for metric in metrics]) for name, metrics in cards.groups(card)],
        lineage=[(name.replace("_", " "), value) for name, value in _lineage(card)],
    )


def _overview(card: Content) -> Iterator[str]:
    uses = card["intended_uses"]
    for key, name in _PURPOSE.items():
        if uses.get(key):
            yield from (f"**{name}.** {uses[key]}", "")
    yield from (f"**Data.** {card['training_details'].get('training_observations', '')}", "", "## Limits", "")
    yield from (f"- {line}" for line in _caveats(card))
    yield from ("", card["additional_information"].get("ethical_considerations", ""), "")


def _purpose(card: Content) -> list[tuple[str, str]]:
    uses = card["intended_uses"]
    rows = [(name, uses.get(key, "")) for key, name in _PURPOSE.items()]
    rows.append(("Data", card["training_details"].get("training_observations", "")))
    return [(name, text) for name, text in rows if text]


def _caveats(card: Content) -> list[str]:
    text: str = card["additional_information"].get("caveats_and_recommendations", "")
    return text.splitlines() or ["None were stated: write them into model/config/card.json."]


def _shown(metric: Metric) -> dict[str, str]:
    return {"name": metric["name"], "value": _value(metric), "notes": metric.get("notes", "")}


def _value(metric: Metric) -> str:
    value = metric["value"]
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)


def _lineage(card: Content) -> Iterator[tuple[str, str]]:
    job = card["training_details"]["training_job_details"]
    yield "model", ", ".join(card["model_overview"]["model_artifact"])
    yield "training job", job["training_arn"]
    yield "training image", ", ".join(job["training_environment"]["container_image"])
    yield from card["additional_information"]["custom_details"].items()


def _plots(evaluation: Mapping[str, Any]) -> Iterator[Figure]:
    for key, x, y, x_label, y_label, caption in _CURVES:
        if key in evaluation:
            line = Line(name=key, points=list(zip(evaluation[key][x], evaluation[key][y], strict=True)))
            axes = (Axis(label=x_label, limits=_UNIT), Axis(label=y_label, limits=_UNIT))
            yield Figure(svg=curves([line], *axes, diagonal=key != "precision_recall"), caption=caption)
    groups = evaluation.get("groups") or {}
    for key, label in _RATES if groups else ():
        series = {label: [groups[name].get(key) or 0.0 for name in sorted(groups)]}
        drawn = bars(sorted(groups), series, Axis(label=label, limits=(0, 1)))
        yield Figure(svg=drawn, caption=f"{label.capitalize()}, by the protected attribute.")
